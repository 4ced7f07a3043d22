"""What was stored without its vector gets it, and new queries get their similarity edges.

A reward call stores its rollouts and leaves both to its spool. A node waits for its vector under the label `Unembedded`,
from the transaction that creates it to the one that writes the vector. What is killed in between is finished by the next
import, or by whoever reads vectors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from neo4j import ManagedTransaction

from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.neighbours import link
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace, require_active

_BATCH = 512


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """How many nodes got their vectors, and how many queries their similarity edges."""

    embedded: int
    linked: int


def catch_up(
    database: Database, embedder: GuardedEmbedder, neighbours: int, node_keys: Collection[str] | None = None
) -> CaughtUp:
    """Embed and link what waits for it.

    Concurrent callers may do the same work twice: the result is the same.

    Args:
        neighbours: k of the similarity edges.
        node_keys: of queries, rollouts and answers to look at; None for all that wait.

    Raises:
        EmbeddingSpaceError: if the memory has moved on to another space.
    """
    keys = None if node_keys is None else sorted(node_keys)
    space, embedded = embedder.space, 0
    while rows := database.query(cypher("read/unembedded"), keys=keys, limit=_BATCH):
        vectors = embedder.embed([row["text"] for row in rows])
        waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row, vector in zip(rows, vectors, strict=True):
            stored = vector.tolist() if row["label"] == "Query" else vector.tobytes()
            waiting[row["label"]].append({"key": row["key"], "vector": stored})
        database.execute_write(partial(_write, space=space, waiting=waiting))
        embedded += len(rows)
    return CaughtUp(embedded, link(database, space, neighbours, keys))


def _write(tx: ManagedTransaction, space: EmbeddingSpace, waiting: dict[str, list[dict[str, Any]]]) -> None:
    require_active(tx, space)
    for label, rows in waiting.items():
        write = cypher_template("write/waiting_vectors", label=label)
        tx.run(write, rows=rows, property=space.vector_property).consume()
