"""Embedding spaces of a memory: which there are, which one serves, and their vector indexes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from neo4j import ManagedTransaction
from numpy.typing import NDArray

from memgraph.errors import EmbeddingSpaceError
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.keys import key_of
from memgraph.store.migrations import INDEX_SECONDS

Vectors = NDArray[np.float32]
Precision = Literal["float32", "bfloat16"]
"""Of the matrix products that made a vector; the vector itself is float32."""
GIVEN = "given"  # the revision of a space without a model

# Numbers of full precision: on real queries the search takes two thirds of the time that it takes with Neo4j's default, which
# keeps one bit a number and looks at three times as many vectors in exchange.
_INDEX = {"vector.similarity_function": "cosine", "vector.quantization.enabled": False}


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """What vectors must share to be comparable."""

    model: str
    revision: str
    dimension: int
    normalised: bool = True

    @property
    def key(self) -> str:
        """Content key of the space."""
        return key_of("embedding-space", self.model, self.revision, str(self.dimension), str(self.normalised))

    @property
    def has_model(self) -> bool:
        """Whether a model can give more vectors; else all come with the data (`memgraph.rollouts.embedding.GivenVectors`)."""
        return self.revision != GIVEN

    @property
    def vector_property(self) -> str:
        """Name of the node property, and the stem of the index name, that belong to this space alone."""
        return f"embedding_{self.key[:12]}"

    @property
    def kth_score_property(self) -> str:
        """Name of the query property that holds the score of its k-th neighbour: who is nearer enters its list."""
        return f"kth_score_{self.key[:12]}"

    @property
    def index(self) -> str:
        """Name of the vector index over queries."""
        return f"query_{self.vector_property}"


def spaces(database: Database) -> list[tuple[EmbeddingSpace, bool]]:
    """The embedding spaces that a memory has had, each with whether it serves."""
    return [
        (EmbeddingSpace(row["model"], row["revision"], row["dimension"], row["normalised"]), bool(row["active"]))
        for row in database.query(cypher("read/embedding_spaces"))
    ]


def active_space(database: Database) -> EmbeddingSpace | None:
    """The space that serves; None in a memory that was never opened."""
    return next((space for space, active in spaces(database) if active), None)


def serving_space(database: Database) -> EmbeddingSpace:
    """The space that serves.

    Raises:
        EmbeddingSpaceError: in a memory that was never opened.
    """
    space = active_space(database)
    if space is None:
        raise EmbeddingSpaceError("this memory has no embedding space yet: import rollouts first (`memreward import`)")
    return space


def precision_of(database: Database, space: EmbeddingSpace) -> Precision | None:
    """With which the space's vectors were made; None where no model has run yet."""
    rows = database.query(cypher("read/embedding_spaces"))
    return next((cast("Precision | None", row["precision"]) for row in rows if row["key"] == space.key), None)


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
        options={"indexConfig": {"vector.dimensions": space.dimension, **_INDEX}},
    )
    database.autocommit(cypher("schema/await_indexes"), seconds=INDEX_SECONDS)


def require_active(tx: ManagedTransaction, space: EmbeddingSpace) -> None:
    """Refuse to write vectors of a space that no longer serves.

    Raises:
        EmbeddingSpaceError: if the memory was moved to another one since it was opened.
    """
    active = tx.run(cypher("read/active_space")).single()
    if active is not None and active["key"] != space.key:
        raise EmbeddingSpaceError(
            f"this memory was moved from {space.model} {space.revision} to {active['model']} {active['revision']} since it was "
            f"opened; open it again with that model (MEMREWARD_EMBEDDING_MODEL={active['model']})"
        )
