"""Predictions in the graph: scores of rollouts, each with the model that gave it and what it was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memgraph.errors import ModelError
from memgraph.models.reward_model import RewardModel
from memgraph.models.scores import Scores
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.store import Store

_BATCH = 2000
REWARD_CALL = "reward call"
"""Why a training's predictions were made."""


def write_predictions(store: Store, snapshot: Snapshot, scores: Scores, *, model: str | None = None) -> int:
    """Store a scorer's scores on their rollouts; returns how many. Abstentions are not stored.

    Args:
        model: key of the registered reward model that made them.
    """
    rows = prediction_rows(snapshot, scores, model=model)
    write_prediction_rows(store, rows, scorer=scores.source, model=model)
    return len(rows)


def write_prediction_rows(
    store: Store, rows: Sequence[Mapping[str, Any]], *, scorer: str, model: str | None = None
) -> None:
    """Store what `prediction_rows` made; again changes nothing."""
    for start in range(0, len(rows), _BATCH):
        batch = sorted(rows[start : start + _BATCH], key=lambda row: str(row["target"]))
        store.database.query(cypher("write/predictions"), write=True, scorer=scorer, model=model, rows=batch)


def prediction_rows(
    snapshot: Snapshot, scores: Scores, *, model: str | None = None, reason: str = REWARD_CALL
) -> list[dict[str, Any]]:
    """Scores as rows for `write_prediction_rows`, without abstentions; `reason` says what they were made for."""
    return [
        {
            "key": prediction_key(scores.source, snapshot.rollout_keys[row], model, float(score)),
            "target": snapshot.rollout_keys[row],
            "score": float(score),
            "reason": reason,
        }
        for row, score in zip(scores.rollout_rows, scores.probability, strict=True)
        if not np.isnan(score)
    ]


def prediction_key(
    scorer: str, rollout: str, model: str | None, score: float | None, replaced: str | None = None
) -> str:
    """Content key of a prediction: writing it twice changes nothing.

    Args:
        replaced: key of the one that it replaces, so that a score which returns to an earlier value is a later one.
    """
    parts = ("prediction", scorer, rollout, model or "", repr(score))
    return keys.key_of(*parts) if replaced is None else keys.key_of(*parts, replaced)


def key_of_registered(model: RewardModel) -> str:
    """Key of a model in the graph.

    Raises:
        ModelError: if no memory has registered it, so that its scores would be nobody's.
    """
    if model.key is None:
        raise ModelError("this reward model is not registered in a memory; `Memory.fit` fits one that is")
    return model.key
