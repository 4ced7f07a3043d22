"""Rewards from the memory for other trainers than TRL: verl and verifiers (see docs/other_trainers.md)."""
