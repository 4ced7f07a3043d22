"""What every verifier is: something that judges an answer against a reference, and says why."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from memgraph.answers import normalise
from memgraph.records import Reference

Unit = Literal["query", "answer"]
"""What one payment buys: a revealed reference judges every answer to its query, a person judges one answer."""

Item = tuple[str | None, Reference, str]
"""An answer (None where missing), its query's reference, the domain."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """0..1 with a reason, or None with the reason why the verifier itself could not tell."""

    score: float | None
    reason: str

    def __post_init__(self) -> None:
        if self.score is not None and not (math.isfinite(self.score) and 0 <= self.score <= 1):
            raise ValueError(f"a verdict is a score from 0 to 1 or None, found {self.score}")


class Verifier(ABC):
    """Judges answers. Subclasses write `_compare`; a missing answer is wrong everywhere."""

    unit: ClassVar[Unit] = "query"

    def verify(self, answer: str | None, reference: Reference, domain: str) -> Verdict:
        """Judge one answer. What is wrong gets 0; only a verifier that cannot tell gives None.

        Args:
            answer: as parsed from the response, or its normal form.
        """
        if answer is None or not normalise(answer, domain).valid:
            return Verdict(0.0, "no answer")
        return self._compare(answer, reference, domain)

    def verify_many(self, items: Sequence[Item], *, workers: int | None = None) -> list[Verdict]:
        """Judge several, in order; `workers` at a time where that helps."""
        return [self.verify(*item) for item in items]

    def judge(self, answer: str | None, reference: Reference, domain: str) -> float | None:
        """`verify` in the shape of a `memgraph.truth.Judge`."""
        return self.verify(answer, reference, domain).score

    @abstractmethod
    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict: ...


def gold(reference: Reference) -> str | None:
    """The gold answer; None where the truth is tests, which a comparison of answers cannot judge by."""
    return reference.value if reference.kind == "gold" else None


NO_GOLD = Verdict(None, "the reference is tests, and this verifier compares with a gold answer; use `code`")
