"""Binds a memory to one embedding space, and refuses vectors of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from neo4j import ManagedTransaction

from memgraph.connect import Database
from memgraph.embedding import CANARY, Embedder, EmbeddingSpace, GivenVectors, Vectors
from memgraph.errors import EmbeddingSpaceError
from memgraph.resources import cypher, cypher_template

_SAME_MODEL = 0.999
_SAME_TEXTS = 0.9  # of given vectors: cut texts and lower precision stay above it, other models do not


def bind_space(database: Database, embedder: Embedder) -> GuardedEmbedder:
    """Create the memory's embedding space with its vector index, or check that the embedder belongs to it.

    Returns the embedder, guarded: the first texts it embeds also check the canary sentence's vector, which catches a
    model that changed under the same name.

    Raises:
        EmbeddingSpaceError: if the memory was made with another model, revision or dimension.
    """
    wanted = embedder.space
    active = active_space(database)
    if active is not None and active != wanted:
        raise EmbeddingSpaceError(
            f"this memory's vectors are of {active.model} {active.revision} ({active.dimension}-d), but {wanted.model} "
            f"{wanted.revision} ({wanted.dimension}-d) was asked for; set embedding_model back (MEMREWARD_EMBEDDING_MODEL), "
            f"move the memory (`memreward reembed {wanted.model}`), or keep another one with --home or another database"
        )
    if active is None:
        record_space(database, wanted, active=True)
    create_index(database, wanted)
    return GuardedEmbedder(database, embedder)


def spaces(database: Database) -> list[tuple[EmbeddingSpace, bool]]:
    """The embedding spaces that a memory has had, each with whether it serves."""
    return [
        (EmbeddingSpace(row["model"], row["revision"], row["dimension"], row["normalised"]), bool(row["active"]))
        for row in database.query(cypher("read/embedding_spaces"))
    ]


def active_space(database: Database) -> EmbeddingSpace | None:
    """The space that serves; None in a memory that was never opened."""
    return next((space for space, active in spaces(database) if active), None)


def record_space(database: Database, space: EmbeddingSpace, *, active: bool) -> None:
    """Record a space once; one that is there stays as it is."""
    properties = {
        "model": space.model,
        "revision": space.revision,
        "dimension": space.dimension,
        "normalised": space.normalised,
        "active": active,
    }
    database.query(cypher("write/embedding_space"), write=True, key=space.key, properties=properties)


def create_index(database: Database, space: EmbeddingSpace) -> None:
    """Make the vector index of a space, if there is none, and wait until it is online."""
    database.autocommit(
        cypher_template("schema/vector_index", index=space.index, property=space.vector_property),
        options={"indexConfig": {"vector.dimensions": space.dimension, "vector.similarity_function": "cosine"}},
    )
    database.autocommit(cypher("schema/await_indexes"), seconds=300)


def require_active(tx: ManagedTransaction, space: EmbeddingSpace) -> None:
    """Refuse to write vectors of a space that no longer serves.

    Raises:
        EmbeddingSpaceError: if the memory was moved to another one since it was opened.
    """
    found = tx.run(cypher("read/active_space")).single()
    if found is not None and found["key"] != space.key:
        raise EmbeddingSpaceError(
            f"this memory was moved from {space.model} {space.revision} to {found['model']} {found['revision']} since it was "
            f"opened; open it again with that model (MEMREWARD_EMBEDDING_MODEL={found['model']})"
        )


class GuardedEmbedder:
    """Checks the canary once, before the first texts are embedded."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedder = embedder
        self._checked = False
        self.space = embedder.space
        self.embeds = not isinstance(embedder, GivenVectors)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[texts, dimension] float32, unit length.

        Raises:
            EmbeddingSpaceError: if the model is not the one that this memory's vectors are of.
        """
        if not texts:
            return np.zeros((0, self.space.dimension), np.float32)
        if not self._checked:
            self._check_canary()
            self._checked = True
        return self._embedder.embed(texts)

    def check_given(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Compare vectors that came with the data ([texts, dimension], unit length) with the model's own.

        A space without a model (`GivenVectors`) takes them as they are.

        Raises:
            EmbeddingSpaceError: if they are of another model.
        """
        if isinstance(self._embedder, GivenVectors):
            return
        cosine = float((self.embed(texts) * vectors).sum(axis=1).mean())
        if cosine < _SAME_TEXTS:
            raise EmbeddingSpaceError(
                f"the given vectors are not of {self.space.model} {self.space.revision}, which this memory's vectors are of: "
                f"for {len(texts)} texts their mean cosine with its own is {cosine:.2f}, expected at least {_SAME_TEXTS}. "
                "Import without them, so that the model embeds the texts; or keep these rollouts in a memory of that other "
                "model (MEMREWARD_EMBEDDING_MODEL with --home), from Python also memgraph.embedding.GivenVectors"
            )

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
