"""What reading and writing a memory takes."""

from __future__ import annotations

from typing import Protocol

from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace


class Store(Protocol):
    """A database, and the space of its vectors. A `Memory` is one."""

    @property
    def database(self) -> Database:
        """The connection."""

    @property
    def space(self) -> EmbeddingSpace:
        """The embedding space that serves."""
