"""Vectors of rollouts and answers, made when something reads them.

The reward model reads none, and on a processor embedding is by far the slowest step of an import. So a rollout or an answer that came
without a vector waits for it under the label `Unembedded`, from the transaction that creates it to the one that writes the vector.
Queries are embedded when they are linked (`memgraph.rollouts.neighbours`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from neo4j import ManagedTransaction

from memgraph.progress import Progress, silent
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace, require_active

_BATCH = 512


def embed_waiting(
    database: Database,
    embedder: GuardedEmbedder,
    query_keys: Sequence[str] | None = None,
    *,
    progress: Progress = silent,
) -> int:
    """Give rollouts and answers that wait for it their vector; returns how many there were.

    Concurrent callers may do the same work twice: the result is the same.

    Args:
        query_keys: of whose rollouts and answers; None for all.
        progress: of rollouts and answers; how many wait is not counted beforehand.

    Raises:
        EmbeddingSpaceError: if the memory has moved on to another space, or its space has no model.
    """
    embedded = 0
    while rows := database.query(cypher("read/unembedded"), keys=query_keys, limit=_BATCH):
        embed_nodes(database, embedder, rows)
        embedded += len(rows)
        progress(embedded)
    return embedded


def embed_nodes(
    database: Database, embedder: GuardedEmbedder, rows: Sequence[Mapping[str, Any]], *, serving: bool = True
) -> None:
    """Embed nodes (rows of key, label and text) and write their vectors; one that has a vector by now keeps it.

    Args:
        serving: whether the space must be the one that serves; not so while another one is prepared.

    Raises:
        EmbeddingSpaceError: as `embed_waiting`.
    """
    vectors = embedder.embed([row["text"] for row in rows])
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row, vector in zip(rows, vectors, strict=True):
        stored = vector.tolist() if row["label"] == "Query" else vector.tobytes()
        found[row["label"]].append({"key": row["key"], "vector": stored})
    database.execute_write(partial(_write, space=embedder.space, found=found, serving=serving))


def _write(
    tx: ManagedTransaction, space: EmbeddingSpace, found: dict[str, list[dict[str, Any]]], serving: bool
) -> None:
    if serving:
        require_active(tx, space)
    for label, rows in found.items():
        write = cypher_template("write/waiting_vectors", label=label)
        tx.run(write, rows=rows, property=space.vector_property).consume()
