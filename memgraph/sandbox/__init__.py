"""Runs untrusted Python from rollouts: in a process of its own, with as little around it as the platform allows."""

from memgraph.sandbox.run import Limits, SandboxResult, run_many, run_python

__all__ = ["Limits", "SandboxResult", "run_many", "run_python"]
