"""Which label is in force on each rollout, under a `LabelView`. docs/labels.md has the rule for users.

Precedence: GROUND_TRUTH > HUMAN > CODE > JUDGE. Within a kind a rollout's own label wins over its answer's; a
label that another one corrects is out of force, as soon as the view sees the correction; several that are left give their
mean, and where they differ the label is disputed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from memgraph.labels.label import Label
from memgraph.labels.view import LabelKind, LabelView
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_PRECEDENCE = {kind: rank for rank, kind in enumerate(LabelKind)}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Labels of one kind, in force on one answer or rollout, that differ.

    Attributes:
        target: key of the answer or rollout.
        scores: author → score, in the order in which they judged.
    """

    target: str
    kind: str
    scores: Mapping[str, float]


def view_parameters(view: LabelView) -> dict[str, Any]:
    """The parameters by which queries ask for the labels of a view."""
    return {
        "ledgers": None if view.ledgers is None else list(view.ledgers),
        "kinds": [kind.value for kind in view.kinds],
        "purposes": [purpose.value for purpose in view.purposes],
        "as_of": view.as_of,
        "runs": None if view.runs is None else list(view.runs),
    }


def read_labels(database: Database, query_keys: Sequence[str], view: LabelView) -> list[Label]:
    """Labels of these queries' rollouts and answers that the view lets through."""
    rows = database.query(cypher("read/labels"), keys=list(query_keys), **view_parameters(view))
    return [Label.of_row(row) for row in rows]


def labels_in_force(labels: Iterable[Label], answer_of: Mapping[str, str]) -> dict[str, float]:
    """Rollout key → label in force, for the rollouts that have one.

    Args:
        answer_of: rollout key → answer key.
    """
    by_target = _uncorrected(labels)
    in_force: dict[str, float] = {}
    for rollout, answer in answer_of.items():
        candidates = [*by_target.get(rollout, ()), *by_target.get(answer, ())]
        if candidates:
            best = min(_rank(label) for label in candidates)
            in_force[rollout] = fmean(label.score for label in candidates if _rank(label) == best)
    return in_force


def disagreements(labels: Iterable[Label]) -> list[Disagreement]:
    """Where several who judged one answer, or one rollout, differ, and no correction has settled it."""
    differing = []
    for target, candidates in _uncorrected(labels).items():
        best = min(_rank(label) for label in candidates)
        rivals = sorted((label for label in candidates if _rank(label) == best), key=lambda label: label.created_at)
        if len({label.score for label in rivals}) > 1:
            differing.append(Disagreement(target, rivals[0].kind, {label.author: label.score for label in rivals}))
    return differing


def _uncorrected(labels: Iterable[Label]) -> dict[str, list[Label]]:
    """Target → its labels, without those that another one of these corrects."""
    every = list(labels)
    corrected = {key for label in every for key in label.corrects}
    by_target: dict[str, list[Label]] = defaultdict(list)
    for label in every:
        if label.key not in corrected:
            by_target[label.target].append(label)
    return by_target


def _rank(label: Label) -> tuple[int, bool]:
    return _PRECEDENCE[label.kind], not label.on_rollout
