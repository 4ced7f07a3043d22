"""What is right: the truth of files, judgements, and which label is in force."""
