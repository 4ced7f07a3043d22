"""What came in: files and conversations to rollouts, and which of their answers are equal."""
