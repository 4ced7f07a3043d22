"""Runs untrusted Python from rollouts: in a process of its own, with as little around it as the platform allows."""

from memgraph.sandbox.libraries import Library, libraries
from memgraph.sandbox.run import Limits, SandboxResult, look_at_tests, run_python
from memgraph.sandbox.tests import Call, CallTests, PythonTests, Stream, StreamTests, Tests

__all__ = [
    "Call",
    "CallTests",
    "Library",
    "Limits",
    "PythonTests",
    "SandboxResult",
    "Stream",
    "StreamTests",
    "Tests",
    "libraries",
    "look_at_tests",
    "run_python",
]
