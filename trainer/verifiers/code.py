"""Programs: tests run against them in the sandbox, which the programs never see."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from memgraph.errors import SandboxError
from memgraph.records import Reference
from memgraph.sandbox import Limits, run_python
from trainer.verifiers.base import Item, Verdict, Verifier


class Code(Verifier):
    """Runs a reference's tests on a program.

    A program that fails, leaves, takes too long or too much gets 0. Tests that cannot be run apart from the program (they
    capture what it prints, patch its modules, never call it) and a sandbox that does not start give None.
    """

    def __init__(self, limits: Limits = Limits(seconds=10.0, cpu_seconds=8)) -> None:  # noqa: B008 (frozen)
        self.limits = limits

    def verify_many(self, items: Sequence[Item], *, workers: int | None = None) -> list[Verdict]:
        """Judge several programs side by side, by default one for each core; verdicts in order."""
        with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
            return list(pool.map(lambda item: self.verify(*item), items))

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        if reference.kind != "tests":
            return Verdict(None, "the reference is a gold answer, and this verifier runs tests; use `exact`")
        try:
            result = run_python(answer, tests=reference.value, limits=self.limits)
        except SandboxError as error:
            return Verdict(None, str(error))
        if result.status == "ok":
            return Verdict(1.0, result.reason)
        if result.status == "unsupported":
            return Verdict(None, result.reason)
        return Verdict(0.0, f"tests not passed: {result.status}, {result.reason}")
