"""Why a reward is what it is: which labels and answers moved it, and by how much.

Leave-one-out: the model scores the rollout again without the labels of one answer to its query, as if those that gave one
answer in its own group or in its experience had stated none, and as if one check had found what is usual; the change is the
score less that one. The others stay where they are, since a smaller group is another group for all that is compared within it.
What several of them say together can be more or less than the sum: `without_labels` is the score without any label of the
query, `without_checks` the one without any check. What the model learned when it was fitted stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np

from memgraph.errors import InputError
from memgraph.labels.view import LabelView
from memgraph.models.reward_model import RewardModel
from memgraph.scoring.history import Score, scores_of
from memgraph.scoring.predictions import REWARD_CALL, key_of_registered
from memgraph.snapshot.read import Group, subgraph
from memgraph.snapshot.snapshot import Bools, Snapshot
from memgraph.store.cypher import cypher
from memgraph.store.store import Store
from memgraph.store.times import utc

_FINDINGS = 2  # of each check, in words

InfluenceKind = Literal["judged answer", "group answer", "experience answer", "check"]


@dataclass(frozen=True, slots=True)
class Influence:
    """One thing that moved a score.

    Attributes:
        kind: a labelled answer to the query; an answer of the other rollouts in the same group, or in other groups of the query
            (its experience), which needs no label: a vote; or a check of how the response is written.
        key: of the answer, or the check's name.
        text: the answer, or what the check found, in the group on average, and usually, first what moves the score most by itself.
        rollouts: of the answer, that the score read; 1 for a check.
        label: their mean label; None for votes and checks.
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
        score: what the model says from the labels that were there at that time, and, for that of a reward call, from the
            rollouts. Another one differs from the stored one where rollouts have come since.
        without_labels: the same without any label of the query. What the model learned from labels when it was fitted stays.
        without_checks: the same if all checks of this rollout had found what is usual: about what its votes say.
        influences: largest change first.
    """

    rollout: str
    query: str
    stored: Score
    score: float
    without_labels: float
    without_checks: float
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
        InputError: if the model has not scored that rollout, or it is superseded.
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
    (place,) = store.database.query(cypher("read/query_of_rollout"), rollout=rollout)
    query, group, since = place["query"], None, None
    if last.reason == REWARD_CALL and place["call"] is not None:  # it read what there was when the group was sampled
        group, since = Group(place["run"], place["attempt"], place["call"]), place["stored"].to_native()
    until = view.until(last.at)
    snapshot = subgraph(
        store.database, store.space, [query], until, group=group, as_of=since, neighbours=False, vectors=False
    )
    if rollout not in snapshot.rollout_keys:
        raise InputError(f"the rollout {rollout[:12]} counts no more: its training step was sampled again")
    row = snapshot.rollout_keys.index(rollout)

    target = np.flatnonzero(snapshot.target_rollouts == row)[0]

    def score(changed: Snapshot) -> float:
        return float(model.predict(changed)[target])

    now = score(snapshot)

    def change(without: Snapshot) -> float:
        return now - score(without)

    influences = [
        *_of_answers(snapshot, row, change),
        *_of_checks(snapshot, row, change, model.usual),
    ]
    influences.sort(key=lambda influence: (-abs(influence.change), influence.kind, influence.key))
    blank = score(snapshot.with_labels(np.full_like(snapshot.labels, np.nan)))
    unchecked = score(snapshot.without_features(row, np.ones(len(snapshot.feature_names), np.bool_)))
    if keep:
        rows = [
            {"kind": influence.kind, "key": influence.key, "label": influence.label, "change": influence.change}
            for influence in influences
        ]
        store.database.query(cypher("write/influences"), write=True, prediction=last.key, rows=rows)
    return Explanation(rollout, query, last, now, blank, unchecked, influences)


def _of_answers(snapshot: Snapshot, row: int, change: Callable[[Snapshot], float]) -> Iterator[Influence]:
    """What labels and votes of each answer to the query moved.

    Args:
        change: score of the snapshot less that of another one.
    """
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
            label = None
            if kind == "judged answer":
                label = float(snapshot.labels[rows].mean())
                without = snapshot.with_labels(np.where(rows, np.nan, snapshot.labels).astype(np.float32))
            else:
                without = snapshot.without_answers(rows)
            yield Influence(kind, key, value, count, label, change(without))


def _of_checks(
    snapshot: Snapshot, row: int, change: Callable[[Snapshot], float], usual: Mapping[str, float]
) -> Iterator[Influence]:
    """What each check of the rollout moved, and each feature that came with it.

    Args:
        change: score of the snapshot less that of another one.
        usual: what counts where a feature is not known, by name.
    """
    features, group = snapshot.rollout_features, snapshot.rollout_group == snapshot.rollout_group[row]
    columns_of: dict[str, list[int]] = defaultdict(list)
    for column in np.flatnonzero(~np.isnan(features[row])).tolist():
        name = snapshot.feature_names[column]
        columns_of[name.split("_")[1] if name.startswith("check_") else name].append(column)

    def without(*columns: int) -> float:
        return change(snapshot.without_features(row, np.isin(np.arange(features.shape[1]), columns)))

    for check, columns in columns_of.items():
        alone = {column: abs(without(column)) for column in columns}
        told = []
        for column in sorted(columns, key=lambda column: -alone[column])[:_FINDINGS]:
            name = snapshot.feature_names[column]
            said = name.removeprefix(f"check_{check}_").removeprefix(check).replace("_", " ")
            beside = f"group {np.nanmean(features[group, column]):.2g}, usual {usual.get(name, 0.0):.2g}"
            told.append(f"{said} {features[row, column]:.2g} ({beside})".strip())
        yield Influence("check", check, f"{check}: {', '.join(told)}", 1, None, without(*columns))


def meant_rollouts(store: Store, text: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """Rollouts that a person may mean: by the beginning of their key, or of their query's key or text."""
    return store.database.query(cypher("read/rollouts_meant"), text=text, limit=limit)


def meant_queries(store: Store, text: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """Queries that a person may mean, with the number of their rollouts: by key or whole text, else by the beginning of either."""
    rows = store.database.query(cypher("read/queries_meant"), text=text, dataset=None, limit=limit)
    return [row for row in rows if row["whole"]] or rows
