"""Which label is in force on each rollout, under a `LabelView`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Any

from memgraph.connect import Database
from memgraph.records import LabelKind, LabelView
from memgraph.resources import cypher

_PRECEDENCE = {kind.value: rank for rank, kind in enumerate(LabelKind)}


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label as the graph holds it: on a rollout, or on an answer for all rollouts that gave it."""

    target: str
    on_rollout: bool
    kind: str
    score: float
    created_at: datetime


def view_parameters(view: LabelView) -> dict[str, Any]:
    """The parameters by which queries ask for the labels of a view."""
    return {
        "ledgers": None if view.ledgers is None else list(view.ledgers),
        "kinds": [kind.value for kind in view.kinds],
        "purposes": [purpose.value for purpose in view.purposes],
        "as_of": view.as_of,
    }


def read_labels(database: Database, query_keys: Sequence[str], view: LabelView) -> list[StoredLabel]:
    """Labels of these queries' rollouts and answers that the view lets through."""
    rows = database.query(cypher("read/labels"), keys=list(query_keys), **view_parameters(view))
    return [
        StoredLabel(row["target"], row["on"] == "rollout", row["kind"], row["score"], row["created_at"].to_native())
        for row in rows
    ]


def labels_in_force(labels: Iterable[StoredLabel], answer_of: Mapping[str, str]) -> dict[str, float]:
    """Rollout key → label in force, for the rollouts that have one.

    Precedence is by kind (DESIGN.md §5); within a kind a rollout's own label wins over its answer's, and several of
    one rank count with their mean.

    Args:
        answer_of: rollout key → answer key.
    """
    by_target: dict[str, list[StoredLabel]] = defaultdict(list)
    for label in labels:
        by_target[label.target].append(label)
    in_force: dict[str, float] = {}
    for rollout, answer in answer_of.items():
        candidates = [*by_target.get(rollout, ()), *by_target.get(answer, ())]
        if candidates:
            best = min(_rank(label) for label in candidates)
            in_force[rollout] = fmean(label.score for label in candidates if _rank(label) == best)
    return in_force


def _rank(label: StoredLabel) -> tuple[int, bool]:
    return _PRECEDENCE[label.kind], not label.on_rollout
