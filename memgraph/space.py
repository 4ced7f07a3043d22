"""Binds a memory to one embedding space, and refuses vectors of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memgraph.connect import Database
from memgraph.embedding import CANARY, Embedder, EmbeddingSpace, Vectors
from memgraph.errors import EmbeddingSpaceError
from memgraph.resources import cypher, cypher_template

_SAME_MODEL = 0.999


def bind_space(database: Database, embedder: Embedder) -> Embedder:
    """Create the memory's embedding space with its vector index, or check that the embedder belongs to it.

    Returns the embedder, guarded: the first texts it embeds also check the canary sentence's vector, which catches a
    model that changed under the same name.

    Raises:
        EmbeddingSpaceError: if the memory was made with another model, revision or dimension.
    """
    wanted = embedder.space
    stored = {row["key"]: row for row in database.query(cypher("read/embedding_spaces"))}
    active = next((row for row in stored.values() if row["active"]), None)
    if active is not None and active["key"] != wanted.key:
        found = EmbeddingSpace(active["model"], active["revision"], active["dimension"], active["normalised"])
        raise EmbeddingSpaceError(
            f"this memory's vectors are of {found.model} {found.revision} ({found.dimension}-d), but "
            f"{wanted.model} {wanted.revision} ({wanted.dimension}-d) was asked for; set embedding_model back "
            "(MEMREWARD_EMBEDDING_MODEL), or keep another memory with --home or another database"
        )
    if active is None:
        properties = {
            "model": wanted.model,
            "revision": wanted.revision,
            "dimension": wanted.dimension,
            "normalised": wanted.normalised,
            "active": True,
        }
        database.query(cypher("write/embedding_space"), write=True, key=wanted.key, properties=properties)
    database.autocommit(
        cypher_template("schema/vector_index", index=wanted.index, property=wanted.vector_property),
        options={"indexConfig": {"vector.dimensions": wanted.dimension, "vector.similarity_function": "cosine"}},
    )
    database.autocommit(cypher("schema/await_indexes"), seconds=300)
    return _GuardedEmbedder(database, embedder, checked=False)


class _GuardedEmbedder:
    """Checks the canary once, before the first texts are embedded."""

    def __init__(self, database: Database, embedder: Embedder, *, checked: bool) -> None:
        self._database = database
        self._embedder = embedder
        self._checked = checked
        self.space = embedder.space

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.space.dimension), np.float32)
        if not self._checked:
            self._check_canary()
            self._checked = True
        return self._embedder.embed(texts)

    def _check_canary(self) -> None:
        vector = self._embedder.embed([CANARY])[0]
        key = self.space.key
        self._database.query(cypher("write/canary"), write=True, key=key, canary=vector.tolist())
        rows = self._database.query(cypher("read/embedding_spaces"))
        stored = np.asarray(next(row["canary"] for row in rows if row["key"] == key), np.float32)
        cosine = float(stored @ vector)
        if cosine < _SAME_MODEL:
            raise EmbeddingSpaceError(
                f"the embedding model {self.space.model} {self.space.revision} gives another vector for the canary "
                f"sentence than when this memory was made (cosine {cosine:.4f}, expected at least {_SAME_MODEL}); "
                "its weights changed under the same name: install the former ones or make a new memory"
            )
