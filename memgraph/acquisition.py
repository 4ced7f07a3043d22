"""Which queries to label next: those whose labels leave least uncertainty about the rewards of all.

GRPO learns from differences within a query. What is unknown of them is, by the model's probabilities p, a variance of
p (1 - p) for each rollout whose answer others of its query do not share. To label a query

- settles its own rewards, and
- tells something about others that say similar things: the rewards are seen as a Bayesian logistic regression over what
  rollouts say (words and embedding, as differences from the query's mean), whose posterior variance

      trace((λ I + Σ labelled p (1 - p) x xᵀ)⁻¹ Σ unlabelled p² (1 - p)² x xᵀ)

  sinks with each label (V-optimal design; BAIT, Ash et al. 2021, arXiv 2106.09675, chooses by the same quantity).

Queries are chosen greedily by the sum of both, so that what many unlabelled queries share comes first and an outlier
counts for itself only. No label is seen that was not paid for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from sklearn.decomposition import TruncatedSVD

from memgraph.checks import ALL_CHECKS
from memgraph.committee import Committee
from memgraph.errors import ModelError
from memgraph.snapshot import Bools, Floats, Ints, Snapshot
from memgraph.wording import telling_ngrams

_DIMENSIONS = 256  # of what rollouts say
_DIRECTIONS = 4  # of these, in which the rollouts of one query differ most
_PRIOR = 0.3  # λ

Doubles = NDArray[np.float64]


def acquire(snapshot: Snapshot, count: int, closed: Bools, *, seed: int = 0) -> list[str]:
    """Keys of at most `count` queries to label next, whole near-duplicate units.

    Args:
        snapshot: all queries that may be chosen, with the labels so far.
        closed: [queries] True where a query may not be chosen: it is known already, or serves something else.

    Raises:
        ModelError: if the labels so far are of one class, so that no model can say what is uncertain.
    """
    gains = _Gains(snapshot, probabilities(snapshot, seed=seed), seed)
    members = _members(snapshot)
    open_ = ~closed
    chosen: list[int] = []
    while open_.any():
        unit = members[int(snapshot.query_units[gains.best(open_)])]
        unit = unit[open_[unit]]
        if len(chosen) + len(unit) > count:
            break
        chosen += unit.tolist()
        open_[unit] = False
        for query in unit:
            gains.label(query)
    return sorted(snapshot.query_keys[row] for row in chosen)


def probabilities(snapshot: Snapshot, *, seed: int = 0) -> Doubles:
    """[rollouts] of being right, under a feature model fitted on the labels so far."""
    rows = np.flatnonzero(~np.isnan(snapshot.labels))
    right = snapshot.labels[rows] >= 0.5
    if not right.any() or right.all():
        raise ModelError(f"choosing what to label needs right and wrong labels, found {len(rows)} of one class")
    _, logits = Committee.fit(snapshot, rows, snapshot.labels, checks=ALL_CHECKS, policies=False, seed=seed)
    found: Doubles = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return found


def own_variance(snapshot: Snapshot, variance: Doubles) -> Doubles:
    """[queries] Σ variance · (1 - share of the query's rollouts that give the same answer): what differs and is not known.

    Args:
        variance: [rollouts] p (1 - p).
    """
    classes = np.unique(np.stack([snapshot.rollout_query, snapshot.rollout_class]), axis=1, return_inverse=True)[1]
    queries = len(snapshot.query_keys)
    rollouts = np.bincount(snapshot.rollout_query, minlength=queries)
    share = np.bincount(classes)[classes] / rollouts[snapshot.rollout_query]
    return np.bincount(snapshot.rollout_query, weights=variance * (1 - share), minlength=queries)


def contrasts(snapshot: Snapshot, *, seed: int = 0) -> Doubles:
    """[rollouts, dimensions] what each says, less the mean of its query: principal components of words and embedding."""
    said = hstack([telling_ngrams(snapshot), csr_array(_deviation(snapshot, snapshot.thinking_embeddings))]).tocsr()
    components = TruncatedSVD(min(_DIMENSIONS, said.shape[1]), random_state=seed).fit_transform(said)
    return _deviation(snapshot, components.astype(np.float64))


class _Gains:
    """By how much the label of each query would lower the uncertainty that is left, after those chosen so far."""

    def __init__(self, snapshot: Snapshot, probability: Doubles, seed: int) -> None:
        variance = probability * (1 - probability)
        said = contrasts(snapshot, seed=seed)
        known = ~np.isnan(snapshot.labels)
        informed, left = said[known] * np.sqrt(variance[known])[:, None], said[~known] * variance[~known][:, None]
        covariance = np.linalg.inv(_PRIOR * np.eye(said.shape[1]) + informed.T @ informed)
        values, vectors = np.linalg.eigh(left.T @ left)
        self._own = own_variance(snapshot, variance)
        self._rows = _by_query(snapshot, said * np.sqrt(variance)[:, None])
        self._covariance = self._rows @ covariance
        self._reach = self._covariance @ (vectors * np.sqrt(np.maximum(0, values)))
        self._bounds = np.full(len(snapshot.query_keys), np.inf)  # gains when last looked at: they shrink as labels come

    def best(self, open_: Bools) -> int:
        """The open query with the largest gain."""
        looked_at = -1
        if np.isinf(self._bounds).all():
            self._bounds = self._of(np.arange(len(self._bounds)))
        while (best := int(np.argmax(np.where(open_, self._bounds, -1)))) != looked_at:
            self._bounds[best] = self._of(np.array([best]))[0]
            looked_at = best
        return best

    def label(self, query: int) -> None:
        """Take a query as labelled."""
        rows, covariance, reach = self._rows[query], self._covariance[query].copy(), self._reach[query].copy()
        with_these = self._covariance @ rows.T
        update = with_these @ np.linalg.inv(np.eye(len(rows)) + with_these[query])
        self._covariance -= update @ covariance
        self._reach -= update @ reach

    def _of(self, queries: Ints) -> Doubles:
        """[queries] the own variance, and the others' that the query's label takes away."""
        noise = np.eye(self._rows.shape[1]) + self._covariance[queries] @ self._rows[queries].transpose(0, 2, 1)
        reach = self._reach[queries]
        others: Doubles = np.trace(np.linalg.solve(noise, reach @ reach.transpose(0, 2, 1)), axis1=1, axis2=2)
        return self._own[queries] + others


def _deviation(snapshot: Snapshot, values: NDArray[Any]) -> NDArray[Any]:
    """[rollouts, dimensions] less the mean of the query's."""
    query, rollouts = snapshot.rollout_query, len(snapshot.rollout_query)
    belongs = csr_array((np.ones(rollouts, values.dtype), (query, np.arange(rollouts))))
    mean = (belongs @ values) / np.maximum(1, belongs.sum(axis=1))[:, None]
    found: NDArray[Any] = values - mean[query]
    return found


def _by_query(snapshot: Snapshot, rows: Doubles) -> Doubles:
    """[queries, directions, dimensions] matrices M whose MᵀM is nearest to that of a query's rows; 0 without rollouts."""
    query, queries = snapshot.rollout_query, len(snapshot.query_keys)
    rollouts = np.bincount(query, minlength=queries)
    order = np.argsort(query, kind="stable")
    place = np.arange(len(query)) - (np.cumsum(rollouts) - rollouts)[query[order]]
    together = np.zeros((queries, max(_DIRECTIONS, rollouts.max(initial=0)), rows.shape[1]))
    together[query[order], place] = rows[order]
    _, values, directions = np.linalg.svd(together, full_matrices=False)
    found: Doubles = values[:, :_DIRECTIONS, None] * directions[:, :_DIRECTIONS]
    return found


def _members(snapshot: Snapshot) -> dict[int, Ints]:
    """Rows of the queries of each near-duplicate unit."""
    order = np.argsort(snapshot.query_units, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(snapshot.query_units[order])) + 1)
    return {int(snapshot.query_units[part[0]]): part for part in parts if len(part)}
