"""Any Python function as a verifier."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

from memgraph.records import Reference
from trainer.verifiers.base import Verdict, Verifier

Scoring = Callable[[str, Reference, str], float | None]
"""(answer, reference, domain) → 0..1, or None where it cannot tell."""


class Function(Verifier):
    """Asks a function. What it raises, or returns outside 0..1, is a verifier's failure: None with a reason, never 0."""

    def __init__(self, function: Scoring) -> None:
        self.function = function

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        try:
            score = self.function(answer, reference, domain)
        except Exception as error:  # a foreign function may raise anything
            return Verdict(None, f"{name} raised {type(error).__name__}: {error}")
        if score is None:
            return Verdict(None, f"{name} could not tell")
        if not isinstance(score, Real) or not math.isfinite(score) or not 0 <= score <= 1:
            return Verdict(None, f"{name} returned {score!r}, which is no score from 0 to 1")
        return Verdict(float(score), f"by {name}")
