"""Small snapshots made of random vectors, in which the truth can be learned."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from memgraph.snapshot.snapshot import Snapshot

DIMENSION = 8


def snapshot(queries: int = 24, rollouts: int = 4, *, labelled: int = 12, seed: int = 0) -> Snapshot:
    """Every query has `rollouts` rollouts over at most three answers; the first `labelled` queries are labelled.

    Right thinking points one way, wrong thinking the other; half of the queries are easy, so that votes are informative.
    """
    rng = np.random.default_rng(seed)
    total = queries * rollouts
    rollout_query = np.repeat(np.arange(queries), rollouts)
    right = rng.random(total) < np.where(rollout_query % 2, 0.8, 0.4)
    value = np.where(right, 0, rng.integers(1, 3, total))
    pairs, rollout_answer = np.unique(np.stack([rollout_query, value]), axis=1, return_inverse=True)
    thinking = cluster(rng.normal(size=(total, DIMENSION)) + np.where(right, 1.0, -1.0)[:, None])
    similar = np.array([[(q + step) % queries, q] for q in range(queries) for step in (1, 2, 3)], np.int64).T
    labels = np.where(rollout_query < labelled, right, np.nan).astype(np.float32)
    return Snapshot(
        space="space",
        query_keys=[f"q{q:03}" for q in range(queries)],
        query_domains=["math"] * queries,
        query_texts=[f"question {q}" for q in range(queries)],
        query_embeddings=cluster(rng.normal(size=(queries, DIMENSION))),
        query_clusters=np.arange(queries),
        query_targets=np.arange(queries) >= labelled,
        rollout_keys=[f"r{r:04}" for r in range(total)],
        rollout_query=rollout_query,
        rollout_answer=rollout_answer.reshape(-1),
        rollout_group=rollout_query,
        rollout_asked=np.ones(total, np.bool_),
        rollout_order=np.arange(total),
        rollout_policies=[""] * total,
        thinking_embeddings=thinking,
        feature_names=[],
        rollout_features=np.zeros((total, 0), np.float32),
        answer_keys=[f"a{a:04}" for a in range(pairs.shape[1])],
        answer_query=pairs[0],
        answer_values=[str(v) for v in pairs[1]],
        answer_written=[str(v) for v in pairs[1]],
        answer_same_as=[f"a{a:04}" for a in range(pairs.shape[1])],
        answer_class=np.arange(pairs.shape[1]),
        answer_valid=np.ones(pairs.shape[1], np.bool_),
        answer_embeddings=cluster(rng.normal(size=(pairs.shape[1], DIMENSION))),
        similar=similar,
        similar_scores=np.full(similar.shape[1], 0.5, np.float32),
        labels=labels,
    )


def cluster(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def shuffle_rollouts(original: Snapshot, order: np.ndarray) -> Snapshot:
    """The same snapshot with its rollouts in another order."""
    changed: dict[str, Any] = {}
    for field in fields(original):
        if field.name.startswith("rollout_") or field.name in {"thinking_embeddings", "labels"}:
            value = getattr(original, field.name)
            changed[field.name] = value[order] if isinstance(value, np.ndarray) else [value[i] for i in order]
    return replace(original, **changed)
