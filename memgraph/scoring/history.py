"""Every score ever given: labels and predictions of a rollout in order of time, and the rewards in force at a past time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from memgraph.errors import InputError
from memgraph.labels.in_force import labels_in_force, read_labels
from memgraph.labels.view import LabelView
from memgraph.scoring.scope import EVERYTHING, Scope
from memgraph.scoring.table import Table
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.store import Store
from memgraph.store.times import utc

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Score:
    """One label or prediction.

    Attributes:
        key: of its node.
        on_answer: whether it judges the answer, and so every rollout that gave it.
        kind: of a label, or "prediction".
        scorer: that predicted it; "unknown" for what memories of before V0008 called votes.
        score: 0..1; None where a model took its score back.
        model: key of the reward model that predicted it.
        reason: why it was predicted.
        ledgers: that it counts in.
        author: who judged.
        purpose: of a label; one that was paid to monitor is no reward, and no model learns from it.
    """

    key: str
    on_answer: bool
    kind: str
    scorer: str | None
    score: float | None
    at: datetime
    model: str | None
    reason: str | None
    ledgers: list[str]
    author: str | None
    explanation: str | None
    purpose: str | None


@dataclass(frozen=True, slots=True)
class TrainingReward:
    """What a training run was given for a rollout.

    Attributes:
        reward: None where it was given none.
        source: of the reward, such as `label` or `reward_model`.
        reason: why it was given none, or not by a model.
    """

    reward: float | None
    source: str | None
    reason: str | None
    run: str
    step: int | None


@dataclass(frozen=True, slots=True)
class RewardThen:
    """The reward that was in force for a rollout at some time: a label, or what a model had predicted; None without any."""

    rollout: str
    query: str
    reward: float | None
    source: str
    model: str | None
    since: datetime | None


class RewardTable(Table[RewardThen]):
    """Rewards of many rollouts, one row each, as they were when it was made."""

    __slots__ = ()

    def __init__(self, rows: Sequence[RewardThen]) -> None:
        super().__init__(RewardThen, [rows])

    def __len__(self) -> int:
        return sum(map(len, self.pages))


def scores_of(store: Store, rollout: str) -> list[Score]:
    """All labels and predictions of a rollout and of its answer, oldest first.

    Raises:
        InputError: if there is no such rollout.
    """
    rows = store.database.query(cypher("read/scores_of_rollout"), rollout=rollout)
    if not rows:
        raise InputError(
            f"there is no rollout {rollout!r}; `memreward why` with the beginning of a query's text lists its rollouts"
        )
    return [Score(**{**row, "at": row["at"].to_native()}) for row in rows[0]["scores"]]


def training_reward(store: Store, rollout: str) -> TrainingReward | None:
    """What a training run was given for a rollout; None where no training asked for its reward."""
    rows = store.database.query(cypher("read/training_reward"), rollout=rollout)
    return TrainingReward(**rows[0]) if rows else None


def rewards_at(store: Store, query_keys: Sequence[str], view: LabelView, at: datetime) -> list[RewardThen]:
    """The rewards of queries' rollouts as they were at a time: the label in force under the view, else the newest prediction."""
    rows = store.database.query(cypher("read/predictions_at"), keys=list(query_keys), at=utc(at))
    labels = read_labels(store.database, query_keys, view.until(at))
    in_force = labels_in_force(labels, {row["rollout"]: row["answer"] for row in rows})
    return [
        RewardThen(row["rollout"], row["query"], in_force[row["rollout"]], "label", None, None)
        if row["rollout"] in in_force
        else RewardThen(
            row["rollout"],
            row["query"],
            row["score"],
            "none" if row["score"] is None else "prediction",
            row["model"],
            row["since"] and row["since"].to_native(),
        )
        for row in rows
    ]


def rewards_in_force(
    store: Store, view: LabelView, *, scope: Scope = EVERYTHING, as_of: datetime | None = None
) -> RewardTable:
    """The rewards of all rollouts to the queries of a scope, in order of query and rollout, now or at a time."""
    ordered, when = scope.queries(store), as_of or datetime.now(UTC)
    rewards: list[RewardThen] = []
    for start in range(0, len(ordered), _BATCH):
        rewards += rewards_at(store, ordered[start : start + _BATCH], view, when)
    return RewardTable(sorted(rewards, key=lambda row: (row.query, row.rollout)))


def time_of_step(store: Store, run: str, step: int) -> datetime:
    """When a training run had finished a step: just before the first rollout of a later one was stored, else now.

    Raises:
        InputError: if the run has sampled nothing at that step.
    """
    (row,) = store.database.query(cypher("read/time_of_step"), run=keys.key_of("run", run), step=step)
    if not row["sampled"]:
        raise InputError(f"the run {run!r} has no rollouts of step {step}; its steps: {row['first']} to {row['last']}")
    until: datetime = row["until"].to_native()
    return until
