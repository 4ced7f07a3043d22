"""Keeps `(:Query)-[:SIMILAR_TO {score, rank, space}]->(:Query)`: each query's k nearest others, by the vector index.

A new query finds its neighbours and enters the lists of those it is nearer to than their k-th. Many of these are not
among its own nearest: where questions crowd, each has others around it, and a loner beside them knows none of them yet.
So the index is asked for far more than are kept, and whose lists are entered is told by a number on each query, the score
of its k-th neighbour. For every new query an old one is searched for once more, the one that was searched for longest
ago. A new query costs the same in a large memory as in a small one. This is a second
transaction after the write, because index changes are not visible to searches inside the transaction that makes them;
a query waits for it, and for its vector, under the label `Unlinked`, so an import killed in between is finished by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from neo4j import ManagedTransaction

from memgraph.progress import Progress, silent
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.vectors import embed_nodes
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace, require_active

_BATCH = 250
_EMBEDDED = 512  # queries at a time
_NEAR = 4  # times k: what the index is asked for where only a query's own list is looked for
_REACH = 28  # times k: likewise where it may enter the lists of others
_RENEWED = 1  # old lists for each new query


def link(
    database: Database,
    embedder: GuardedEmbedder,
    k: int,
    keys: Sequence[str] | None = None,
    *,
    progress: Progress = silent,
) -> int:
    """Give every query that waits, all or of these, its vector and its similarity edges; returns how many there were.

    Concurrent callers may link one query twice: the result is the same.

    Raises:
        EmbeddingSpaceError: if the memory has moved on to another space, or its space has no model to embed a query by.
    """
    space = embedder.space
    rows = database.query(cypher("read/unlinked_queries"), keys=keys, property=space.vector_property)
    bare = [{**row, "label": "Query"} for row in rows if row["text"] is not None]
    for start in range(0, len(bare), _EMBEDDED):
        progress(start, len(bare), "embedding queries")
        embed_nodes(database, embedder, bare[start : start + _EMBEDDED])
    waiting = [row["key"] for row in rows]
    stalest = database.query(cypher("read/stalest_queries"), limit=_RENEWED * len(waiting)) if waiting else []
    link_queries(database, space, k, waiting, renewed=[row["key"] for row in stalest], progress=progress)
    return len(waiting)


def link_queries(
    database: Database,
    space: EmbeddingSpace,
    k: int,
    keys: Sequence[str],
    *,
    renewed: Sequence[str] = (),
    serving: bool = True,
    progress: Progress = silent,
) -> None:
    """Search the neighbours of these queries, and enter them in the lists of those that they are near to.

    Args:
        renewed: queries that have a list, and are searched for again among what is nearest.
        serving: whether the space is the one in use; False for one that a memory is about to move to.

    Raises:
        EmbeddingSpaceError: if `serving` and the memory has moved on.
    """
    reach = [*((key, _REACH * k) for key in keys), *((key, _NEAR * k) for key in renewed)]
    for start in range(0, len(reach), _BATCH):
        progress(start, len(reach), "searching neighbours")
        batch = dict(reach[start : start + _BATCH])
        database.execute_write(partial(_link_batch, space=space, k=k, reach=batch, serving=serving))


def nearest(lists: Mapping[str, float], k: int) -> list[tuple[str, float]]:
    """The k best of a neighbour list, best first; ties go by key so that every writer agrees."""
    return sorted(lists.items(), key=lambda item: (-item[1], item[0]))[:k]


def _link_batch(tx: ManagedTransaction, space: EmbeddingSpace, k: int, reach: Mapping[str, int], serving: bool) -> None:
    """Link some queries, each of which asks the index for `reach` others."""
    if serving:
        require_active(tx, space)
    found: dict[str, dict[str, float]] = {key: {} for key in reach}
    entering: dict[str, dict[str, float]] = defaultdict(dict)
    search = cypher_template(
        "read/similar_candidates", index=space.index, property=space.vector_property, kth=space.kth_score_property
    )
    for asked in sorted(set(reach.values())):
        keys = [key for key in reach if reach[key] == asked]
        for key, neighbour, score, enters in tx.run(
            search, keys=keys, reach=1 + asked, near=k, enter=asked > _NEAR * k
        ):
            found[key][neighbour] = score
            if enters:
                entering[neighbour][key] = score

    touched = sorted({*found, *entering})
    tx.run(cypher("write/lock_queries"), keys=touched).consume()
    stored: dict[str, dict[str, float]] = defaultdict(dict)
    for key, neighbour, score in tx.run(cypher("read/similar_lists"), keys=touched, space=space.vector_property):
        stored[key][neighbour] = score

    changed, searched = [], []
    for key in touched:
        best = nearest({**stored[key], **entering.get(key, {}), **found.get(key, {})}, k)
        row = {"key": key, "kth": best[-1][1] if len(best) == k else None}
        if key in found:
            searched.append(row)
        if dict(best) != stored[key]:
            neighbours = [{"key": n, "score": score, "rank": rank} for rank, (n, score) in enumerate(best, start=1)]
            changed.append({**row, "neighbours": neighbours})
    kth = space.kth_score_property
    tx.run(cypher("write/similar_lists"), rows=changed, space=space.vector_property, kth=kth).consume()
    if serving:
        tx.run(cypher("write/searched"), rows=searched, kth=kth).consume()
