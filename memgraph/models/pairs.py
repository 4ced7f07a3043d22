"""Pairs of a right and a wrong rollout of one query: what a ranking loss compares."""

from __future__ import annotations

import numpy as np

from memgraph.snapshot.snapshot import Floats, Ints


def right_and_wrong(labels: Floats, query: Ints) -> tuple[Ints, Ints]:
    """[pairs], [pairs] rows of every right rollout with every wrong one of its query; memory grows with the pairs alone."""
    right = np.flatnonzero(labels >= 0.5)
    wrong = np.flatnonzero(labels < 0.5)
    wrong = wrong[np.argsort(query[wrong], kind="stable")]
    first, last = (np.searchsorted(query[wrong], query[right], side=side) for side in ("left", "right"))
    count = last - first
    ends = np.cumsum(count)
    within = np.arange(count.sum()) - np.repeat(ends - count, count)
    return np.repeat(right, count), wrong[np.repeat(first, count) + within]
