"""The RL side: TRL reward function, label budgets, verifiers, the tiny local policy."""

DISTRIBUTION = "memreward-graph"
