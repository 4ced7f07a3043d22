"""Which queries to label next: those of which the reward model is least sure (uncertainty sampling, Lewis and Gale 1994).

GRPO learns from differences within a query. So a query is worth the mean variance p(1 - p) of its rollouts, by a model fitted
on the labels so far, times how much its answers differ: where all say the same, no label tells them apart. A label that was not
paid for is never seen.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import cache, partial
from typing import Protocol

import numpy as np
from scipy.special import expit

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import ModelError
from memgraph.labels.budget import Choose
from memgraph.labels.view import LabelView
from memgraph.models.calibration import both_classes
from memgraph.models.feature_model import FeatureModel
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot, rows_of_each

_ROLLOUTS = 16  # newest of each query, to decide what to label


class Labelled(Protocol):
    """What rollouts and their labels are read from; a `Memory` is one."""

    def snapshot(
        self,
        view: LabelView,
        *,
        query_keys: Sequence[str] | None = None,
        rollouts: int | None = None,
        vectors: bool = True,
    ) -> Snapshot:
        """Some queries with their newest rollouts."""
        ...

    def labels_in_force(self, snapshot: Snapshot, view: LabelView) -> Floats:
        """[rollouts] labels in force by now."""
        ...


def acquire(snapshot: Snapshot, count: int, closed: Bools, *, seed: int = 0) -> list[str]:
    """Keys of at most `count` queries to label next, whole near-duplicate clusters, sorted.

    Args:
        snapshot: all queries that may be chosen, with the labels so far.
        closed: [queries] True where a query may not be chosen: it is known already, or serves something else.

    Raises:
        ModelError: if the labels so far are of one class, so that no model can say what is uncertain.
    """
    worth = uncertainty(snapshot, seed=seed) * disagreement(snapshot)
    clusters = {int(snapshot.query_clusters[rows[0]]): rows for rows in rows_of_each(snapshot.query_clusters)}
    chosen = np.zeros_like(closed)
    for query in np.argsort(-worth, kind="stable").tolist():
        if closed[query] or chosen[query]:
            continue
        cluster = clusters[int(snapshot.query_clusters[query])]
        cluster = cluster[~closed[cluster]]
        if chosen.sum() + len(cluster) > count:
            break
        chosen[cluster] = True
    return sorted(snapshot.query_keys[query] for query in np.flatnonzero(chosen))


def informative(store: Labelled, view: LabelView, query_keys: Sequence[str], *, seed: int = 0) -> Choose:
    """`acquire` as a budget's rule on some queries, with the labels that the view has by then.

    As long as these are all of one class, it has no choice.
    """
    read_once = cache(partial(store.snapshot, view, query_keys=query_keys, rollouts=_ROLLOUTS, vectors=False))

    def choose(count: int, closed: Set[str]) -> Sequence[str] | None:
        snapshot = read_once().with_labels(store.labels_in_force(read_once(), view))
        done = np.array([key in closed for key in snapshot.query_keys])
        try:
            return acquire(snapshot, count, done, seed=seed)
        except ModelError:
            return None

    return choose


def uncertainty(snapshot: Snapshot, *, seed: int = 0) -> Floats:
    """[queries] mean variance p(1 - p) of a query's labels under a feature model fitted on those so far.

    0 for queries without rollouts.
    """
    if not both_classes(snapshot.labels):
        found = np.count_nonzero(~np.isnan(snapshot.labels))
        raise ModelError(f"choosing what to label needs right and wrong labels, found {found} of one class")
    _, logits = FeatureModel.fit(snapshot, checks=ALL_CHECKS, seed=seed)
    probability = expit(logits.astype(np.float64))
    variance = np.zeros(len(snapshot.query_keys))
    np.add.at(variance, snapshot.rollout_query, probability * (1 - probability))
    rollouts = np.bincount(snapshot.rollout_query, minlength=len(variance))
    return (variance / np.maximum(1, rollouts)).astype(np.float32)


def disagreement(snapshot: Snapshot) -> Floats:
    """[queries] sqrt(1 - sum of squared shares of the answers), one more answer counted in so that no query is out of the question.

    Answers as they are written: programs that behave alike where that can be seen may be right and wrong all the same.
    """
    queries = len(snapshot.query_keys)
    rollouts = np.bincount(snapshot.rollout_query, minlength=queries)
    pairs, count = np.unique(np.stack([snapshot.rollout_query, snapshot.rollout_answer]), axis=1, return_counts=True)
    squares = 1 + np.bincount(pairs[0], weights=count**2, minlength=queries)
    return np.sqrt(1 - squares / (1 + rollouts) ** 2).astype(np.float32)
