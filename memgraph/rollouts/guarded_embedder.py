"""Binds a memory to one embedding space, and refuses vectors of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memgraph.errors import EmbeddingSpaceError
from memgraph.rollouts.embedding import CANARY, Embedder, NoEmbedder, SentenceEmbedder
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.spaces import Vectors, active_space, create_index, precision_of, record_space, serving_space

_SAME_MODEL = 0.999
_SAME_TEXTS = 0.9  # of given vectors: cut texts and lower precision stay above it, other models do not


def bind_space(database: Database, embedder: Embedder) -> GuardedEmbedder:
    """Create the memory's embedding space with its vector index, or check that the embedder belongs to it.

    Returns the embedder, guarded: the first texts it embeds also check the canary sentence's vector, which catches a
    model that changed under the same name.

    Raises:
        EmbeddingSpaceError: if the memory was made with another model, revision or dimension.
    """
    active = active_space(database)
    if active is not None and isinstance(embedder, SentenceEmbedder):
        embedder.expect(active)
    wanted = embedder.space
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


def unused_embedder(database: Database) -> GuardedEmbedder:
    """For a memory that is only read: it has the space that serves, and refuses to embed.

    Raises:
        EmbeddingSpaceError: if the memory has none yet.
    """
    return GuardedEmbedder(database, NoEmbedder(serving_space(database)))


class GuardedEmbedder:
    """Checks the canary once, before the first texts are embedded."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedder = embedder
        self._checked = False
        self.space = embedder.space

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
        if not self.space.has_model:
            return
        cosine = float((self.embed(texts) * vectors).sum(axis=1).mean())
        if cosine < _SAME_TEXTS:
            raise EmbeddingSpaceError(
                f"the given vectors are not of {self.space.model} {self.space.revision}, which this memory's vectors are of: "
                f"for {len(texts)} texts their mean cosine with its own is {cosine:.2f}, expected at least {_SAME_TEXTS}. "
                "Import without them, so that the model embeds the texts; or keep these rollouts in a memory of that other "
                "model (MEMREWARD_EMBEDDING_MODEL with --home), from Python also memgraph.GivenVectors"
            )

    def _check_canary(self) -> None:
        model, precision = self._embedder, None
        if isinstance(model, SentenceEmbedder):
            model.expect(self.space, precision_of(self._database, self.space))
            precision = model.precision
        vector = model.embed([CANARY])[0]
        key = self.space.key
        self._database.query(cypher("write/canary"), write=True, key=key, canary=vector.tolist(), precision=precision)
        rows = self._database.query(cypher("read/embedding_spaces"))
        stored = np.asarray(next(row["canary"] for row in rows if row["key"] == key), np.float32)
        cosine = float(stored @ vector)
        if cosine < _SAME_MODEL:
            raise EmbeddingSpaceError(
                f"the embedding model {self.space.model} {self.space.revision} gives another vector for the canary "
                f"sentence than when this memory was made (cosine {cosine:.4f}, expected at least {_SAME_MODEL}); "
                "its weights changed under the same name: install the former ones or make a new memory"
            )
