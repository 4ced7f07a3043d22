"""Trials on rollouts whose truth is known: which queries are labelled, what came before, and what is hidden from scorers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from memgraph.errors import InputError
from memgraph.labels.draw import draw
from memgraph.snapshot.file import JudgedSnapshot
from memgraph.snapshot.read import near_duplicate_clusters
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot

HistoryLabels = Literal["none", "all"]


@dataclass(frozen=True, slots=True)
class Experience:
    """Which runs of a file are scored, and which were in the memory before them.

    Attributes:
        now: name of the run that is scored.
        samples: so many rollouts of each query in that run, the first; None for all.
        history: names of the runs before. They do not count in the metrics.
        labels: which labels of the history are known, of labelled and of other queries.
    """

    now: str
    samples: int | None = None
    history: tuple[str, ...] = ()
    labels: HistoryLabels = "none"

    @classmethod
    def of(cls, now: str, history: Sequence[str] = (), labels: HistoryLabels = "none") -> Self:
        """From RUN or RUN:N, and names of runs.

        Raises:
            InputError: if N is not a number of rollouts.
        """
        run, mark, count = now.rpartition(":")
        if not mark:
            return cls(now, None, tuple(history), labels)
        if not count.isdigit() or int(count) < 1:
            raise InputError(f"--now is RUN or RUN:N, with N rollouts of each query, found {now!r}")
        return cls(run, int(count), tuple(history), labels)

    def parts(self, judged: JudgedSnapshot) -> tuple[Bools, Bools]:
        """[rollouts] which are scored, and [rollouts] which are the history.

        Raises:
            InputError: if a run is not among the rollouts, naming those that are.
        """
        runs = np.array(judged.runs, np.str_)
        if missing := sorted({self.now, *self.history} - set(judged.runs)):
            present = ", ".join(sorted(set(judged.runs)))
            raise InputError(f"no rollouts of the runs {', '.join(missing)}; the file has {present}")
        now = runs == self.now
        scored = now if self.samples is None else now & (judged.samples < self.samples)
        return scored, ~now & np.isin(runs, self.history)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A snapshot of which some queries are labelled and the others are asked for.

    Attributes:
        truth: [target rollouts] whether it is right, NaN where the file does not say; only metrics may see it.
    """

    share: float
    seed: int
    snapshot: Snapshot
    truth: Floats


def splits(
    judged: JudgedSnapshot, wanted: Sequence[tuple[float, int]], *, experience: Experience | None = None
) -> Iterator[Split]:
    """Splits of a data set for each (share of queries labelled, seed), drawn as a ledger draws.

    A labelled history is experience (`Snapshot.rollout_asked`) of the queries that are asked for, and their other rollouts
    have no label.

    Args:
        experience: what is scored and what came before; None scores all rollouts.
    """
    clusters = _clusters(judged)
    everything, truth, labels = judged.snapshot, judged.truth.copy(), judged.labels
    past = np.zeros(len(truth), np.bool_)
    if experience is not None:
        scored, past = experience.parts(judged)
        kept = scored | past
        everything, truth, labels, past = everything.with_rollouts(kept), truth[kept], labels[kept], past[kept]
    # a label may rest on the row of a scored rollout with an equal answer: the history's own rows must say the same
    of_history = np.where(labels == truth, labels, np.nan)
    truth[past] = np.nan
    with_labels = experience is not None and experience.labels == "all"
    for share, seed in wanted:
        drawn = set(draw(clusters, float(share), seed))
        targets = np.array([key not in drawn for key in everything.query_keys], np.bool_)
        asked_for = targets[everything.rollout_query]
        visible = np.where(past | asked_for, np.nan, labels)
        snapshot = replace(everything, query_targets=targets, labels=visible.astype(np.float32))
        if with_labels:
            visible = np.where(past, of_history, visible)
            snapshot = replace(snapshot, labels=visible.astype(np.float32), rollout_asked=~(past & asked_for))
        yield Split(share, seed, snapshot, truth[snapshot.target_rollouts])


def _clusters(judged: JudgedSnapshot) -> list[list[str]]:
    """Near-duplicate clusters of the queries about which the source knows something, each sorted by key."""
    snapshot, rows = judged.snapshot, np.flatnonzero(judged.known)
    among = judged.known[snapshot.similar].all(axis=0)
    place = np.cumsum(judged.known) - 1
    numbers = near_duplicate_clusters(
        [snapshot.query_texts[row] for row in rows], place[snapshot.similar[:, among]], snapshot.similar_scores[among]
    )
    members: dict[int, list[str]] = {}
    for row, number in zip(rows, numbers.tolist(), strict=True):
        members.setdefault(number, []).append(snapshot.query_keys[row])
    return [sorted(cluster) for cluster in members.values()]
