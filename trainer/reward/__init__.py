"""The reward function of TRL trainers, and what it needs in a call."""
