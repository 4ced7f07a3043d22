"""Which queries to label next: those that tell most about what the model is unsure of.

GRPO learns from differences within a query, so what is to be known is how each answer differs from the mean of its query
(a contrast). A Gaussian process over contrasts says how much of that a label settles: at its own query, and at those where
like things are said and like questions are asked. The rule takes the query whose label reduces most of the variance that is
left (integrated variance reduction, Cohn 1996), each query's variance weighted by how unsure the reward model is there and by
how much its answers differ. So a kind of question gets labels by how many there are of it, and none is left out because it
resembles another. The rule never sees a label that was not paid for.

Alike are answers by their words and by how many give them, where questions are alike by what they mean and by their words,
which the model learns from (half each). What a purse holds, no label on a basket tells, though the questions' embeddings are
almost the same and the model may believe without doubt what the policy says of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dgemm
from scipy.sparse import csr_array, eye_array
from scipy.special import expit

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import ModelError
from memgraph.models.calibration import both_classes
from memgraph.models.feature_model import FeatureModel
from memgraph.models.ngrams import Pairs, Vocabulary, Words, products
from memgraph.snapshot.snapshot import Bools, Floats, Ints, Snapshot, rows_of_each

_MOST_ANSWERS = 6  # of a query that are told apart; the rarest are one
_MOST_QUERIES = 1000  # that are compared with each other: cost grows with the square, for each choice
_NOISE = 1.0  # variance of one rollout's label, where that of a query's contrasts is at most 1
_TINY = 1e-6


def acquire(snapshot: Snapshot, count: int, closed: Bools, *, seed: int = 0) -> list[str]:
    """Keys of at most `count` queries to label next, whole near-duplicate clusters.

    Many queries are dealt into parts at random, each with its share of the count.

    Args:
        snapshot: all queries that may be chosen, with the labels so far.
        closed: [queries] True where a query may not be chosen: it is known already, or serves something else.

    Raises:
        ModelError: if the labels so far are of one class, so that no model can say what is uncertain.
    """
    unsure = uncertainty(snapshot, seed=seed)
    contrasts = Contrasts.of(snapshot)
    parts = _parts(snapshot, seed)
    open_ = np.array([np.count_nonzero(~closed[part]) for part in parts])
    counts = np.diff(np.round(count * np.cumsum(open_) / max(1, open_.sum())), prepend=0).astype(int)
    chosen = [
        query
        for part, own in zip(parts, counts, strict=True)
        for query in _most_telling(snapshot, contrasts, part, unsure, int(own), closed)
    ]
    return sorted(snapshot.query_keys[query] for query in chosen)


def uncertainty(snapshot: Snapshot, *, seed: int = 0) -> Floats:
    """[queries] mean variance p(1 - p) of a query's labels under a feature model fitted on those so far.

    0 for queries without rollouts.
    """
    if not both_classes(snapshot.labels):
        labelled = np.count_nonzero(~np.isnan(snapshot.labels))
        raise ModelError(f"choosing what to label needs right and wrong labels, found {labelled} of one class")
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


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Answers of all queries, to be compared with the mean of their query.

    Attributes:
        query: [rows] of each.
        rollouts: [rows] how many give the answer.
        share: [rows] of its query's rollouts.
        pairs: what the rollouts of each row say, and what that is paired with; means.
        questions: [queries, dimension] embeddings.
        scale: [queries] standard deviation that a query's contrasts have before any label: how much its answers differ.
    """

    query: Ints
    rollouts: Ints
    share: NDArray[np.float64]
    pairs: Pairs
    questions: Floats
    scale: Floats

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Contrasts of a snapshot; of a query with many answers the rarest are taken together."""
        words = Words.of(snapshot)
        pairs = Vocabulary.of(snapshot, words).pairs(words)
        count = np.bincount(snapshot.rollout_answer, minlength=len(snapshot.answer_keys))
        order = np.lexsort((-count, snapshot.answer_query))
        first = np.searchsorted(snapshot.answer_query[order], snapshot.answer_query[order])
        place = np.empty_like(order)
        place[order] = np.minimum(np.arange(len(order)) - first, _MOST_ANSWERS - 1)
        rows, row = np.unique(
            np.stack([snapshot.rollout_query, place[snapshot.rollout_answer]]), axis=1, return_inverse=True
        )
        row = row.ravel()
        rollouts = np.bincount(row, minlength=rows.shape[1])
        mean = csr_array((1 / rollouts[row], (row, np.arange(len(row)))), shape=(rows.shape[1], len(row)))
        return cls(
            rows[0],
            rollouts,
            rollouts / np.bincount(rows[0], rollouts)[rows[0]],
            Pairs(csr_array(mean @ pairs.ngrams), csr_array(mean @ pairs.paired)),
            snapshot.query_embeddings,
            disagreement(snapshot),
        )

    def covariance(self, rows: Ints) -> NDArray[np.float64]:
        """[rows, rows] of these rows' contrasts before any label; all rows of a query belong together."""
        pairs, share = self.pairs[rows], self.share[rows]
        _, query = np.unique(self.query[rows], return_inverse=True)
        questions = self.questions[self.query[rows]].astype(np.float64)
        alike = products(pairs.paired, pairs.paired) + questions @ questions.T
        covariance = (products(pairs.ngrams, pairs.ngrams) + np.outer(share, share)) * alike / 2
        belongs = csr_array((np.ones(len(rows)), (np.arange(len(rows)), query)))
        centre = eye_array(len(rows)) - belongs @ (belongs * share[:, None]).T
        covariance = centre @ (centre @ covariance).T
        variance = np.bincount(query, share * np.diag(covariance))
        alone = variance[query] < _TINY  # says nothing that others say: it stands for itself
        if alone.any():
            covariance += centre @ (centre @ np.diag(alone.astype(np.float64))).T
            variance = np.bincount(query, share * np.diag(covariance))
        scale = self.scale[self.query[rows]] / np.sqrt(np.maximum(variance, _TINY))[query]
        return np.asarray(covariance * scale[:, None] * scale[None])


class _Posterior:
    """What is not known yet about the contrasts of some queries.

    Args:
        weight: [queries] of each one's variance.
    """

    def __init__(self, contrasts: Contrasts, queries: Ints, weight: Floats) -> None:
        rows = np.flatnonzero(np.isin(contrasts.query, queries))
        self._covariance = np.asfortranarray(contrasts.covariance(rows))
        self._noise = _NOISE / contrasts.rollouts[rows]
        self._weight = contrasts.share[rows] * weight[contrasts.query[rows]]
        self._rows = {query: np.flatnonzero(contrasts.query[rows] == query) for query in queries.tolist()}

    def gain(self, query: int) -> float:
        """Weighted variance that labels on a query's rollouts take away."""
        seen, gain = self._with_gain(query)
        return float((seen * gain).sum(axis=0) @ self._weight)

    def observe(self, query: int) -> None:
        """Its rollouts are labelled."""
        seen, gain = self._with_gain(query)
        self._covariance = dgemm(-1.0, seen, gain, 1.0, self._covariance, trans_a=True, overwrite_c=True)  # in place

    def _with_gain(self, query: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """[its rows, rows] covariance, and the same after the inverse of its own part with noise."""
        rows = self._rows[query]
        seen = self._covariance[rows]
        return seen, np.linalg.solve(seen[:, rows] + np.diag(self._noise[rows]), seen)


def _most_telling(
    snapshot: Snapshot, contrasts: Contrasts, queries: Ints, weight: Floats, count: int, closed: Bools
) -> list[int]:
    """At most `count` of the open ones among some queries, one cluster after the other."""
    posterior = _Posterior(contrasts, queries, weight)
    for query in np.intersect1d(queries, snapshot.labelled_queries).tolist():
        posterior.observe(query)
    members = _members(snapshot)
    gain = np.full(len(snapshot.query_keys), -1.0)
    for query in queries[~closed[queries]].tolist():
        gain[query] = posterior.gain(query)
    chosen: list[int] = []
    while gain.max() >= 0:
        best = int(np.argmax(gain))
        gain[best] = max(0.0, posterior.gain(best))
        if gain[best] < gain.max():
            continue  # what was chosen told a part of it
        cluster = members[int(snapshot.query_clusters[best])]
        cluster = cluster[gain[cluster] >= 0]
        if len(chosen) + len(cluster) > count:
            break
        for query in cluster.tolist():
            posterior.observe(query)
        chosen += cluster.tolist()
        gain[cluster] = -1
    return chosen


def _parts(snapshot: Snapshot, seed: int) -> list[Ints]:
    """Rows of all queries in parts of about equal size, clusters undivided, at random."""
    number = -(-len(snapshot.query_keys) // _MOST_QUERIES)
    members = list(_members(snapshot).values())
    dealt = np.random.default_rng(seed).permutation(len(members)) % max(1, number)
    return [np.sort(np.concatenate([members[i] for i in np.flatnonzero(dealt == part)])) for part in range(number)]


def _members(snapshot: Snapshot) -> dict[int, Ints]:
    """Rows of the queries of each near-duplicate cluster."""
    return {int(snapshot.query_clusters[part[0]]): part for part in rows_of_each(snapshot.query_clusters)}
