"""Scores the whole memory in bounded pieces and writes the scores back as labels with their model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from memgraph.memory import Memory, RegisteredModel
from memgraph.records import LabelKind, LabelView
from memgraph.resources import cypher
from memgraph.reward_model import RewardModel
from memgraph.scorers import Scores

_BATCH = 200


@dataclass(frozen=True, slots=True)
class ScoringSummary:
    """What a scoring pass did; `mean` is of the scores, None without any."""

    queries: int
    scored: int
    abstained: int
    mean: float | None


def score_memory(
    memory: Memory,
    model: RewardModel,
    registered: RegisteredModel,
    view: LabelView,
    *,
    confidence: float = 0.5,
    progress: Callable[[int, int], None] | None = None,
) -> ScoringSummary:
    """Score all rollouts of queries that have no label under the view.

    Args:
        confidence: below this probability of its verdict (½..1) a rollout is left without a score.
    """
    keys = [row["key"] for row in memory.database.query(cypher("read/query_keys"), datasets=None)]
    queries = abstained = 0
    scored: list[float] = []
    for start in range(0, len(keys), _BATCH):
        snapshot = memory.subgraph(keys[start : start + _BATCH], view)
        labelled = np.zeros(len(snapshot.query_keys), np.bool_)
        labelled[snapshot.labelled_queries] = True
        unlabelled = snapshot.with_targets(snapshot.query_targets & ~labelled)
        scores = Scores.of(unlabelled, model.predict(unlabelled), source="gnn").above(confidence)
        memory.write_predictions(unlabelled, scores, kind=LabelKind.GNN, model=registered.key)
        queries += int(unlabelled.query_targets.sum())
        abstained += int(np.isnan(scores.probability).sum())
        scored += [float(value) for value in scores.probability if not np.isnan(value)]
        if progress is not None:
            progress(start + len(keys[start : start + _BATCH]), len(keys))
    return ScoringSummary(queries, len(scored), abstained, float(np.mean(scored)) if scored else None)
