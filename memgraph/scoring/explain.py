"""Why a reward is what it is: which labels and answers moved it, and by how much.

Leave-one-out: the model scores the rollout again without the labels of one answer to its query, without one answer's rollouts
in its own group or in its experience; the change is the score less that one. What several of them say together can be more or
less than the sum: `without_labels` is the score without any label. What the model learned when it was fitted stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import numpy as np

from memgraph.errors import InputError
from memgraph.labels.view import LabelView
from memgraph.models.reward_model import RewardModel
from memgraph.scoring.history import Score, scores_of
from memgraph.scoring.predictions import key_of_registered
from memgraph.snapshot.read import subgraph
from memgraph.snapshot.snapshot import Bools, Snapshot
from memgraph.store.cypher import cypher
from memgraph.store.store import Store
from memgraph.store.times import utc

InfluenceKind = Literal["judged answer", "group answer", "experience answer"]


@dataclass(frozen=True, slots=True)
class Influence:
    """One thing that moved a score.

    Attributes:
        kind: a labelled answer to the query; or an answer within the rollout's own group, or its experience, which needs no
            label: a vote.
        key, text: of the answer.
        rollouts: of it, that the score read.
        label: their mean label; None for votes.
        change: score less the score without it.
    """

    kind: InfluenceKind
    key: str
    text: str
    rollouts: int
    label: float | None
    change: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rollout has its score.

    Attributes:
        rollout, query: keys.
        stored: the score as it stands in the graph, with model, time and reason.
        score: what the model says from the labels that were there at that time. It differs from the stored one where rollouts
            have come since.
        without_labels: the same without any label.
        influences: largest change first.
    """

    rollout: str
    query: str
    stored: Score
    score: float
    without_labels: float
    influences: list[Influence]


def explain(
    store: Store,
    model: RewardModel,
    view: LabelView,
    rollout: str,
    *,
    as_of: datetime | None = None,
    keep: bool = False,
) -> Explanation:
    """Explain the newest score that a model gave a rollout.

    Args:
        model: a registered reward model.
        view: labels that its scores see.
        rollout: key.
        as_of: explain the score in force at that time instead.
        keep: what is found, in the graph, for `inspect/why_reward.cypher`.

    Raises:
        InputError: if the model has not scored that rollout.
    """
    key = key_of_registered(model)
    stored = [score for score in scores_of(store, rollout) if score.model == key]
    stored = [score for score in stored if score.score is not None and (as_of is None or score.at <= utc(as_of))]
    if not stored:
        raise InputError(
            f"the model {key[:12]} has given the rollout {rollout[:12]} no score{f' until {as_of}' if as_of else ''}; "
            "`memreward relabel` scores all that have no label"
        )
    last = stored[-1]
    query = store.database.query(cypher("read/query_of_rollout"), rollout=rollout)[0]["query"]
    until = view.until(last.at)
    snapshot = subgraph(store.database, store.space, [query], until, neighbours=False, vectors=False)
    row = snapshot.rollout_keys.index(rollout)

    def score(changed: Snapshot) -> float:
        position = changed.rollout_keys.index(rollout)
        return float(model.predict(changed)[np.flatnonzero(changed.target_rollouts == position)[0]])

    now = score(snapshot)
    influences = [replace(influence, change=now - score(without)) for influence, without in _left_out(snapshot, row)]
    influences.sort(key=lambda influence: (-abs(influence.change), influence.kind, influence.key))
    blank = score(snapshot.with_labels(np.full_like(snapshot.labels, np.nan)))
    if keep:
        rows = [
            {"kind": influence.kind, "key": influence.key, "label": influence.label, "change": influence.change}
            for influence in influences
        ]
        store.database.query(cypher("write/influences"), write=True, prediction=last.key, rows=rows)
    return Explanation(rollout, query, last, now, blank, influences)


def _left_out(snapshot: Snapshot, row: int) -> Iterator[tuple[Influence, Snapshot]]:
    """Everything that may have moved the score, and the snapshot without it."""
    group = snapshot.rollout_group == snapshot.rollout_group[row]
    experience = ~group
    group[row] = False
    kinds: tuple[tuple[InfluenceKind, Bools], ...] = (
        ("judged answer", ~np.isnan(snapshot.labels)),
        ("group answer", group),
        ("experience answer", experience),
    )
    for kind, counted in kinds:
        for answer in np.unique(snapshot.rollout_answer[counted]).tolist():
            rows = counted & (snapshot.rollout_answer == answer)
            key, value, count = snapshot.answer_keys[answer], snapshot.answer_values[answer], int(rows.sum())
            if kind == "judged answer":
                unlabelled = snapshot.with_labels(np.where(rows, np.nan, snapshot.labels).astype(np.float32))
                yield Influence(kind, key, value, count, float(snapshot.labels[rows].mean()), 0.0), unlabelled
            else:
                yield Influence(kind, key, value, count, None, 0.0), snapshot.with_rollouts(~rows)


def meant_rollouts(store: Store, text: str, *, limit: int = 20) -> list[dict[str, Any]]:
    """Rollouts that a person may mean: by the beginning of their key, or of their query's key or text."""
    return store.database.query(cypher("read/rollouts_meant"), text=text, limit=limit)
