"""A label as the graph holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from memgraph.labels.view import LabelKind
from memgraph.store import keys

NOT_STORED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Label:
    """How right an answer or a rollout is, and who says so: stored, or about to be.

    Attributes:
        key: of the label.
        target: key of the answer or rollout that it scores.
        on_rollout: whether that is a rollout.
        score: 0 (wrong) to 1 (right).
        author: who judged; "" for ground truth.
        confidence: 0..1.
        corrects: keys of the labels that it replaces.
        created_at: the end of time before it is stored.
    """

    key: str
    target: str
    on_rollout: bool
    kind: LabelKind
    score: float
    author: str = ""
    confidence: float = 1.0
    explanation: str = ""
    corrects: frozenset[str] = frozenset()
    created_at: datetime = NOT_STORED

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """From a row of cypher/read/labels or label_history."""
        return cls(
            row["key"],
            row["target"],
            row["on"] == "rollout",
            LabelKind(row["kind"]),
            row["score"],
            row["author"],
            row["confidence"],
            row["explanation"],
            frozenset(row["corrects"]),
            row["created_at"].to_native(),
        )

    @property
    def source(self) -> str:
        """Whose earlier labels it must agree with or correct: ground truth is the same whoever brings it."""
        return "" if self.kind is LabelKind.GROUND_TRUTH else self.author


def label_key(kind: LabelKind, target: str, ledger: str, purpose: str, *words: str) -> str:
    """Key of a label.

    Args:
        target: key of the answer or rollout that it scores.
        ledger: key of the one that pays for it.
        words: all else that tells it apart; none for ground truth, which is the same whoever brings it.
    """
    return keys.key_of("label", kind.value, target, ledger, purpose, *words)
