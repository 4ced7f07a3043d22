"""Which queries to label next: those the model is unsure of and the policy disagrees on, far from those that are labelled.

The rule is greedy k-center, weighted: a query's worth is the standard deviation of its rollouts' predicted labels, what
there is to learn, times how much its rollouts' answers differ, since rollouts that all say the same get the same reward,
times its distance from the nearest labelled or chosen query, so that labels spread over the memory and one hard corner
does not take them all. It never sees a label that was not paid for.

Distance is by what the questions mean, and by what is said and asked, in the words that the model learns from (half each).
What a purse holds, no label on a basket tells, though the questions' embeddings are almost the same and the model may
believe without doubt what the policy says of it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from memgraph.checks import ALL_CHECKS
from memgraph.committee import Committee
from memgraph.errors import ModelError
from memgraph.snapshot import Bools, Floats, Ints, Snapshot
from memgraph.words import Pairs, Vocabulary, Words


def acquire(snapshot: Snapshot, count: int, closed: Bools, *, seed: int = 0) -> list[str]:
    """Keys of at most `count` queries to label next, whole near-duplicate units.

    Args:
        snapshot: all queries that may be chosen, with the labels so far.
        closed: [queries] True where a query may not be chosen: it is known already, or serves something else.

    Raises:
        ModelError: if the labels so far are of one class, so that no model can say what is uncertain.
    """
    worth = uncertainty(snapshot, seed=seed) * disagreement(snapshot)
    words = Words.of(snapshot)
    spoken = Vocabulary.of(snapshot, words).pairs(words).by_query(snapshot)
    distance = _distance(snapshot.query_embeddings, spoken, np.flatnonzero(closed))
    members = _members(snapshot)
    open_ = ~closed
    chosen: list[int] = []
    while open_.any():
        best = int(np.argmax(np.where(open_, worth * distance, -1)))
        unit = members[int(snapshot.query_units[best])]
        unit = unit[open_[unit]]
        if len(chosen) + len(unit) > count:
            break
        chosen += unit.tolist()
        open_[unit] = False
        distance = np.minimum(distance, _distance(snapshot.query_embeddings, spoken, unit))
    return sorted(snapshot.query_keys[row] for row in chosen)


def uncertainty(snapshot: Snapshot, *, seed: int = 0) -> Floats:
    """[queries] standard deviation, sqrt(mean p(1 - p)), of a query's labels under a feature model fitted on those so far.

    0 for queries without rollouts.
    """
    rows = np.flatnonzero(~np.isnan(snapshot.labels))
    right = snapshot.labels[rows] >= 0.5
    if not right.any() or right.all():
        raise ModelError(f"choosing what to label needs right and wrong labels, found {len(rows)} of one class")
    _, logits = Committee.fit(snapshot, rows, snapshot.labels, checks=ALL_CHECKS, policies=False, seed=seed)
    probability = expit(logits.astype(np.float64))
    variance = np.zeros(len(snapshot.query_keys))
    np.add.at(variance, snapshot.rollout_query, probability * (1 - probability))
    rollouts = np.bincount(snapshot.rollout_query, minlength=len(variance))
    return np.sqrt(variance / np.maximum(1, rollouts)).astype(np.float32)


def disagreement(snapshot: Snapshot) -> Floats:
    """[queries] sqrt(1 - sum of squared shares of the answers), one more answer counted in so that no query is out of the question.

    Answers as they are written: programs that behave alike where that can be seen may be right and wrong all the same.
    """
    queries = len(snapshot.query_keys)
    rollouts = np.bincount(snapshot.rollout_query, minlength=queries)
    pairs, count = np.unique(np.stack([snapshot.rollout_query, snapshot.rollout_answer]), axis=1, return_counts=True)
    squares = 1 + np.bincount(pairs[0], weights=count**2, minlength=queries)
    return np.sqrt(1 - squares / (1 + rollouts) ** 2).astype(np.float32)


def _distance(questions: Floats, spoken: Pairs, others: Ints) -> Floats:
    """[queries] sqrt(1 - mean of both similarities) to the nearest of the others, [rows]; 1 where there is none.

    Args:
        questions: [queries, dimension] embeddings.
        spoken: of queries.
    """
    if not len(others):
        return np.ones(len(questions), np.float32)
    nearest: Floats = (questions @ questions[others].T + spoken.kernel(spoken[others])).max(axis=1) / 2
    return np.sqrt(np.maximum(0, 1 - nearest))


def _members(snapshot: Snapshot) -> dict[int, Ints]:
    """Rows of the queries of each near-duplicate unit."""
    order = np.argsort(snapshot.query_units, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(snapshot.query_units[order])) + 1)
    return {int(snapshot.query_units[part[0]]): part for part in parts if len(part)}
