"""Brings the stored rewards up to date: only queries whose scores may have changed are scored again.

labels, rollouts that are new ─► `changes`: whose query they are ─► `stale`: whether it reads something else now
    ─► `write_back`: its scores

What is done is noted query by query, so a pass that was stopped goes on where it was; for a new model every query is
affected, and the whole memory is scored in the same way.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from memgraph.labels.in_force import view_parameters
from memgraph.labels.view import LabelView
from memgraph.models.reward_model import RewardModel
from memgraph.progress import Progress, silent
from memgraph.scoring.changes import changed_queries, note_pass, number_changes
from memgraph.scoring.predictions import key_of_registered
from memgraph.scoring.scope import EVERYTHING, Scope
from memgraph.scoring.stale import Dependencies, dependencies
from memgraph.scoring.write_back import SAME, ScoredRollout, count_queries, pieces, score_piece
from memgraph.store.cypher import cypher
from memgraph.store.store import Store

_LARGEST = 10


@dataclass(frozen=True, slots=True)
class RewardChange:
    """A reward that changes: of which rollout of which query (keys), from what to what."""

    rollout: str
    query: str
    before: float
    after: float


@dataclass(slots=True)
class RelabelReport:
    """What a pass found and did, or, as a preview, would do.

    Rewards are labels in force where there are any, else predictions. A training group is what one reward call sampled for
    one query; its advantages are its rewards less their mean, and "flips" counts groups in which one changes its sign.

    Attributes:
        queries: in the memory.
        looked_at: of these, the ones that changed since the model last went through the memory, or the scope.
        affected: of these, the ones that read something else than when they were scored, or never were.
        scored: rollouts that the model answered for.
        abstained: rollouts that it gave no score.
        new_rewards: rollouts that had no reward before.
        changed: rollouts whose reward is another now.
        mean_change, max_change: absolute, over the changed ones.
        groups: training groups among the affected queries.
        flips: of these, the ones with an advantage that changes its sign.
        largest: the largest changes.
        unlearned: labels in view that came after the model was fitted. They count for their own queries; a new fit learns
            from them for all others.
        seconds: it took, and of these for looking what is affected.
    """

    queries: int = 0
    looked_at: int = 0
    affected: int = 0
    scored: int = 0
    abstained: int = 0
    new_rewards: int = 0
    changed: int = 0
    mean_change: float = 0.0
    max_change: float = 0.0
    groups: int = 0
    flips: int = 0
    largest: list[RewardChange] = field(default_factory=list)
    unlearned: int = 0
    seconds: float = 0.0
    seconds_looking: float = 0.0

    def add(self, rewarded: Sequence[ScoredRollout]) -> None:
        """Count the rollouts of some queries as well."""
        changes = [
            RewardChange(rollout.rollout, rollout.query, rollout.before, rollout.after)
            for rollout in rewarded
            if rollout.before is not None and rollout.after is not None and abs(rollout.after - rollout.before) > SAME
        ]
        self.scored += sum(rollout.predicted and rollout.score is not None for rollout in rewarded)
        self.abstained += sum(rollout.predicted and rollout.score is None for rollout in rewarded)
        self.new_rewards += sum(rollout.before is None and rollout.after is not None for rollout in rewarded)
        sizes = [abs(change.after - change.before) for change in changes]
        total = self.mean_change * self.changed + sum(sizes)
        self.changed += len(changes)
        self.mean_change = total / self.changed if self.changed else 0.0
        self.max_change = max([self.max_change, *sizes])
        self.largest = sorted(
            [*self.largest, *changes], key=lambda change: (-abs(change.after - change.before), change.rollout)
        )
        del self.largest[_LARGEST:]
        flipped = list(flips(rewarded))
        self.groups += len(flipped)
        self.flips += sum(flipped)


def relabel(
    store: Store,
    model: RewardModel,
    view: LabelView,
    *,
    preview: bool = False,
    confidence: float = 0.5,
    scope: Scope = EVERYTHING,
    progress: Progress = silent,
) -> RelabelReport:
    """Score again what has changed since this model last scored it under this view; everything where it never did.

    The stored scores are then those that scoring everything again would give. Stopped half-way, the next call goes on.

    Args:
        preview: score, count and write nothing.
        confidence: below this probability of its verdict (½..1) a rollout has no score; an earlier one is taken back.
        scope: the rollouts that are scored.
        progress: of queries that are looked at.
    """
    start = time.perf_counter()
    registered, seen = key_of_registered(model), view_parameters(view)
    report = RelabelReport(
        unlearned=store.database.query(cypher("read/labels_since"), model=registered, **seen)[0]["labels"]
    )
    report.queries = count_queries(store)
    changes = None if preview else number_changes(store.database)
    keys = changed_queries(store, registered, view, scope)
    report.seconds_looking = time.perf_counter() - start
    looking = _Timed(dependencies(store, registered, view, keys))

    def affected() -> Iterator[Dependencies]:
        for reading in looking:
            report.looked_at += 1
            if reading.affected:
                yield reading
            if report.looked_at % 1000 == 0:
                progress(report.looked_at, len(keys))

    for piece in pieces(affected()):
        report.affected += len(piece)
        report.add(score_piece(store, model, view, piece, confidence=confidence, scope=scope, write=not preview))
        progress(report.looked_at, len(keys))
    if changes is not None:
        note_pass(store.database, registered, view, scope, changes)
    progress(len(keys), len(keys))
    report.seconds = time.perf_counter() - start
    report.seconds_looking += looking.seconds
    return report


def flips(rewarded: Iterable[ScoredRollout]) -> Iterator[bool]:
    """For each training group with rewards before and after: whether an advantage changes its sign."""
    groups: dict[tuple[str, int, int, str], list[tuple[float, float]]] = defaultdict(list)
    for rollout in rewarded:
        if rollout.group is not None and rollout.before is not None and rollout.after is not None:
            groups[rollout.group].append((rollout.before, rollout.after))
    for pairs in groups.values():
        before, after = (np.array(rewards) - np.mean(rewards) for rewards in zip(*pairs, strict=True))
        meant = (np.abs(before) > SAME) & (np.abs(after) > SAME)
        yield bool((meant & (before * after < 0)).any())


class _Timed:
    """An iterator that knows how long its source took."""

    def __init__(self, source: Iterator[Dependencies]) -> None:
        self._source = source
        self.seconds = 0.0

    def __iter__(self) -> Iterator[Dependencies]:
        return self

    def __next__(self) -> Dependencies:
        start = time.perf_counter()
        try:
            return next(self._source)
        finally:
            self.seconds += time.perf_counter() - start
