"""Moves a memory to another embedding model while it goes on being used.

The new vectors of queries, their index and the neighbour lists made with it grow beside those that serve. When nothing is
missing, one transaction switches; then the old ones are removed. Rollouts and answers wait for their new vectors until something
reads them (`memgraph.rollouts.vectors`). Whatever is interrupted goes on where it stopped: what is still
missing can be seen in the graph. A process that holds the memory open in the old space may read and write until the
switch; after it, writing is refused with the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass

from memgraph.errors import EmbeddingSpaceError
from memgraph.progress import Progress, silent
from memgraph.rollouts.embedding import Embedder
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.neighbours import link_queries
from memgraph.rollouts.vectors import embed_nodes
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace, active_space, create_index, record_space, spaces

_BATCH = 256


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What a move did: the space it goes to, vectors of queries and neighbour lists written now, and whether it serves."""

    space: EmbeddingSpace
    vectors: int
    linked: int
    serving: bool


def reembed(
    database: Database,
    embedder: Embedder,
    *,
    neighbours: int,
    switch: bool = True,
    progress: Progress = silent,
) -> ReembedReport:
    """Embed all queries again, link them by the new vectors, and let the new space serve.

    Asked for the space that serves already, it embeds the queries that lack a vector, lets rollouts and answers that lack one
    wait for it, and removes what is left of other spaces.

    Args:
        neighbours: k of the similarity edges.
        switch: False prepares only: a later call embeds what was added since, and switches.

    Raises:
        EmbeddingSpaceError: if the memory was never opened, or the model gives other vectors than when it was begun.
    """
    if active_space(database) is None:
        raise EmbeddingSpaceError(
            "this memory has no embedding space yet, so there is nothing to move: set MEMREWARD_EMBEDDING_MODEL and import"
        )
    space = embedder.space
    record_space(database, space, active=False)
    create_index(database, space)
    move = _Move(database, GuardedEmbedder(database, embedder), neighbours, progress)
    move.catch_up()
    serving = active_space(database) == space
    if switch and not serving:
        database.query(cypher("write/switch_space"), write=True, key=space.key)
        serving = True
        move.catch_up()  # what writers stored between the last look and the switch
    if serving:
        database.autocommit(cypher("write/unembedded"), property=space.vector_property)
        for other, _ in spaces(database):
            if other != space:
                _drop(database, other)
    return ReembedReport(space, move.vectors, move.linked, serving)


class _Move:
    """Fills a space, and counts what it did."""

    def __init__(self, database: Database, embedder: GuardedEmbedder, neighbours: int, progress: Progress) -> None:
        self._database = database
        self._embedder = embedder
        self._neighbours = neighbours
        self._progress = progress
        self.vectors = 0
        self.linked = 0

    def catch_up(self) -> None:
        """Embed and link until a whole pass over the memory finds nothing more."""
        while True:
            before = self.vectors
            self._embed()
            self._link()
            if self.vectors == before:
                return

    def _embed(self) -> None:
        own, after = self._embedder.space.vector_property, ""
        while rows := self._database.query(cypher("read/without_vector"), property=own, after=after, limit=_BATCH):
            embed_nodes(self._database, self._embedder, rows, serving=False)
            after = rows[-1]["key"]
            self.vectors += len(rows)
            self._progress(self.vectors, self._total())

    def _total(self) -> int:
        count = cypher_template("read/node_count", label="Query")
        return max(self.vectors, int(self._database.query(count)[0]["nodes"]))

    def _link(self) -> None:
        space = self._embedder.space
        rows = self._database.query(cypher("read/without_neighbours"), property=space.vector_property)
        link_queries(self._database, space, self._neighbours, [row["key"] for row in rows], serving=False)
        self.linked += len(rows)


def _drop(database: Database, space: EmbeddingSpace) -> None:
    """Remove index, neighbour lists and vectors of a space; its node stays."""
    database.autocommit(cypher_template("schema/drop_index", index=space.index))
    database.autocommit(cypher("write/drop_neighbours"), property=space.vector_property)
    database.autocommit(cypher_template("write/drop_property", label="Query", property=space.kth_score_property))
    for label in ("Query", "Thinking", "Answer"):
        database.autocommit(cypher_template("write/drop_property", label=label, property=space.vector_property))
