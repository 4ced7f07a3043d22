"""What labels on some answers to a query say of its other rollouts, without fitting anything again.

An equal answer has the label. Where a query has one right answer, what is judged also leaves more, or less, to the others.
Jeffrey's rule, with ℓ_w the label of a judged answer w and p(w) what the model gave it:

    p'(a) = p(a) · (1 - Σ_w ℓ_w) / (1 - Σ_w p(w))

A right answer makes all others wrong. A wrong one makes each of the others likelier, the more the model had believed it.
Programs can be right in many ways, so whether a domain has one right answer is learned from its labels.
"""

from __future__ import annotations

import numpy as np

from memgraph.snapshot.snapshot import Floats, Snapshot, rows_of_each

_LEAST = 10  # judged answers beside a right one that must be seen
_SHARE = 0.05  # of them that may be right too
_FLOOR = 0.01  # of probability that is left to the others: judges err
_WIDEST = 0.05  # of what the model left to them, so that a small difference never counts twentyfold


def domains_of_one_right_answer(snapshot: Snapshot) -> tuple[str, ...]:
    """Domains whose labels show that a query has one right answer: where one is right, at most 5 % of the others are."""
    beside: dict[str, list[bool]] = {}
    labels = labels_of_equal_answers(snapshot)
    for rows in rows_of_each(snapshot.rollout_query):
        judged = rows[~np.isnan(labels[rows])]
        _, first = np.unique(snapshot.rollout_class[judged], return_index=True)
        right = labels[judged[first]] >= 0.5
        if right.any():
            domain = snapshot.query_domains[int(snapshot.rollout_query[rows[0]])]
            beside.setdefault(domain, []).extend([False] * int((~right).sum()) + [True] * int(right.sum() - 1))
    return tuple(
        sorted(domain for domain, others in beside.items() if len(others) >= _LEAST and np.mean(others) <= _SHARE)
    )


def labels_of_equal_answers(snapshot: Snapshot) -> Floats:
    """[rollouts] mean label of the query's rollouts with an equal answer, NaN where none has a label."""
    classes, valid = snapshot.rollout_class, snapshot.rollout_valid
    labelled = ~np.isnan(snapshot.labels) & valid
    count = np.bincount(classes[labelled], minlength=classes.max(initial=0) + 1)
    total = np.bincount(classes[labelled], snapshot.labels[labelled], minlength=len(count))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.where(valid, mean[classes], np.nan).astype(np.float32)


def given_judged_answers(snapshot: Snapshot, probability: Floats, one_right: tuple[str, ...]) -> Floats:
    """[target rollouts] probability of being right, given the labels on answers of the same query.

    Args:
        probability: [target rollouts] before, in the order of `snapshot.target_rollouts`.
        one_right: domains of one right answer.
    """
    targets, labels = snapshot.target_rollouts, labels_of_equal_answers(snapshot)
    valid = snapshot.rollout_valid
    given = np.where(np.isnan(labels[targets]), probability, labels[targets]).astype(np.float32)
    if np.isnan(labels).all():
        return given
    before = np.full(len(labels), np.nan, np.float32)
    before[targets] = probability
    for rows in rows_of_each(snapshot.rollout_query):
        query = int(snapshot.rollout_query[rows[0]])
        judged = rows[~np.isnan(labels[rows])]
        if not len(judged) or not snapshot.query_targets[query] or snapshot.query_domains[query] not in one_right:
            continue
        by_class = [judged[same] for same in rows_of_each(snapshot.rollout_class[judged])]
        asked = [same[snapshot.rollout_asked[same]] for same in by_class]
        expected_right = sum(float(before[same].mean()) for same in asked if len(same))
        judged_right = sum(float(labels[same[0]]) for same in by_class)
        factor = max(_FLOOR, 1 - judged_right) / max(_WIDEST, 1 - expected_right)
        others = rows[np.isnan(labels[rows]) & valid[rows] & snapshot.rollout_asked[rows]]
        # never above .99, unless the model was surer before
        given[np.searchsorted(targets, others)] = np.minimum(
            before[others] * factor, np.maximum(before[others], 1 - _FLOOR)
        )
    return given
