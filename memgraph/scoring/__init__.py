"""What a model says of rollouts is written back, kept up to date, explained and compared."""
