"""Data sets prepared for training."""
