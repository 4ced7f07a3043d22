"""What a scorer answers, and what any scorer can do; a module of its own, since it needs none of their libraries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from memgraph.snapshot.snapshot import Floats, Ints, Snapshot

DEFAULT_SCORER = "reward_model"


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Answers of a scorer, in columns.

    Attributes:
        rollout_rows: [scored] rows of the snapshot's rollouts: those of its target queries.
        probability: [scored] of being right, NaN where the scorer abstains.
        reasons: [scored] why there is none, else None.
        source: name of the scorer.
        noise: spread of a group's probabilities up to which their order means nothing, as far as the scorer knows.
    """

    rollout_rows: Ints
    probability: Floats
    reasons: list[str | None]
    source: str
    noise: float = 0.0

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        probability: Floats,
        *,
        source: str,
        reason: str = "the scorer abstained",
        noise: float = 0.0,
    ) -> Self:
        """Scores of a snapshot's target rollouts; NaN abstains for the given reason."""
        reasons = [reason if missing else None for missing in np.isnan(probability)]
        return cls(snapshot.target_rollouts, probability.astype(np.float32), reasons, source, noise)

    def above(self, confidence: float) -> Self:
        """The same, abstaining where the verdict, right or wrong, is less probable than `confidence` (½..1)."""
        unsure = np.maximum(self.probability, 1 - self.probability) < confidence
        reasons = [
            f"less than {confidence:.0%} sure" if abstain else reason
            for abstain, reason in zip(unsure, self.reasons, strict=True)
        ]
        return replace(self, probability=np.where(unsure, np.nan, self.probability).astype(np.float32), reasons=reasons)


class Scorer(Protocol):
    """Fits on the labels that a snapshot shows, scores the rollouts of its target queries.

    Labels of a target query and of its near-duplicates never move its score, but for those that the default scorer takes
    over from judged answers to the same query.
    """

    name: str

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Learn from `snapshot.labels`; scorers without parameters do nothing."""

    def score(self, snapshot: Snapshot) -> Scores:
        """Probability of being right for each target rollout, or an abstention with its reason."""


def reads_neighbours(scorer: Scorer | None) -> bool:
    """Whether a scorer looks at the queries around those that it scores: unless its attribute of this name says no."""
    return scorer is not None and bool(getattr(scorer, "reads_neighbours", True))


def reads_vectors(scorer: Scorer | None) -> bool:
    """Whether a scorer looks at embeddings: unless its attribute of this name says no."""
    return scorer is not None and bool(getattr(scorer, "reads_vectors", True))
