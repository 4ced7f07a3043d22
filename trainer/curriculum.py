"""How often each training query comes up: the more, the better its rewards are known.

A labelled query comes up a fixed number of times in a pass. The predicted rewards of an unlabelled one explain some share of
what labels would say, which a calibrated model knows of itself; the query comes up in proportion to that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from memgraph import LabelView, Memory
from memgraph.scorers import Scorer
from memgraph.snapshot import Floats, Ints
from trainer.data import Task

_AT_ONCE = 200  # queries


def curriculum(
    tasks: Sequence[Task], labelled: Collection[str], explained: Mapping[str, float], *, repeat: int, most: int
) -> list[Task]:
    """The tasks of one pass, each at least once.

    Args:
        labelled: keys of the queries that come up `repeat` times.
        explained: key of a query without a label → share of its reward's variance that is known (see `explained_variance`);
            it comes up as often as this share of `most`.
    """

    def times(key: str) -> int:
        return repeat if key in labelled else max(1, round(most * explained.get(key, 0.0)))

    return [task for task in tasks for _ in range(times(task.query_key))]


def explained_of(memory: Memory, scorer: Scorer, query_keys: Collection[str], view: LabelView) -> dict[str, float]:
    """Key → explained variance of the rewards that a scorer predicts for a query's stored rollouts; those without any lack."""
    keys = sorted(query_keys)
    found: dict[str, float] = {}
    for start in range(0, len(keys), _AT_ONCE):
        snapshot = memory.subgraph(keys[start : start + _AT_ONCE], view)
        scores = scorer.score(snapshot)
        queries = snapshot.rollout_query[scores.rollout_rows]
        explained = explained_variance(scores.probability, queries, len(snapshot.query_keys))
        found.update((snapshot.query_keys[row], float(explained[row])) for row in np.unique(queries))
    return found


def explained_variance(probability: Floats, query: Ints, queries: int) -> Floats:
    """[queries] V / (V + N): V the variance of a query's predicted labels, N the mean of what is left, p(1 - p).

    Of calibrated predictions it is the share of the labels' variance within the query that they explain, the square of
    their correlation. 0 where nothing varies.

    Args:
        probability: [rollouts], NaN where a scorer abstains.
        query: [rollouts] row of the query.
        queries: how many there are.
    """
    known = ~np.isnan(probability)
    p, query = probability[known].astype(np.float64), query[known]
    count = np.maximum(1, np.bincount(query, minlength=queries))
    mean = np.bincount(query, p, queries) / count
    variance = np.bincount(query, (p - mean[query]) ** 2, queries) / count
    left = np.bincount(query, p * (1 - p), queries) / count
    return (variance / np.maximum(variance + left, 1e-12)).astype(np.float32)
