"""Keeps `(:Query)-[:SIMILAR_TO {score, rank, space}]->(:Query)`: each query's k nearest others, by the vector index.

A new query finds its neighbours and enters the lists of those it is nearer to than their k-th. Many of these are not
among its own nearest: where questions crowd, each has others around it, and a loner beside them knows none of them yet.
So the index is asked for far more than are kept, and for every new query the lists of two old ones are searched anew,
those that were searched longest ago. A new query costs the same in a large memory as in a small one. This is a second
transaction after the write, because index changes are not visible to searches inside the transaction that makes them;
a query waits for it under the label `Unlinked`, so an import killed in between is finished by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from neo4j import ManagedTransaction

from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace, require_active

_BATCH = 250
_NEAR = 4  # times k: candidates for a query's own list, of which the index may misorder a few
_REACH = 28  # times k: candidates whose lists it may enter
_RENEWED = 2  # old lists for each new query

NeighbourLists = Mapping[str, Mapping[str, float]]


def link(
    database: Database,
    space: EmbeddingSpace,
    k: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Give every query that waits for it its similarity edges; returns how many there were.

    Concurrent callers may link one query twice: the result is the same.
    """
    waiting = [row["key"] for row in database.query(cypher("read/unlinked_queries"))]
    stalest = database.query(cypher("read/stalest_queries"), limit=_RENEWED * len(waiting)) if waiting else []
    keys = [*waiting, *(row["key"] for row in stalest)]
    link_queries(database, space, k, keys, progress=progress)
    return len(waiting)


def link_queries(
    database: Database,
    space: EmbeddingSpace,
    k: int,
    keys: Sequence[str],
    *,
    serving: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Search the neighbours of these queries, and enter them in the lists of those that they are near to.

    Args:
        serving: whether the space is the one in use; False for one that a memory is about to move to.

    Raises:
        EmbeddingSpaceError: if `serving` and the memory has moved on.
    """
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        database.execute_write(partial(_link_batch, space=space, k=k, keys=batch, serving=serving))
        if progress is not None:
            progress(start + len(batch), len(keys))


def nearest(lists: Mapping[str, float], k: int) -> list[tuple[str, float]]:
    """The k best of a neighbour list, best first; ties go by key so that every writer agrees."""
    return sorted(lists.items(), key=lambda item: (-item[1], item[0]))[:k]


def _link_batch(tx: ManagedTransaction, space: EmbeddingSpace, k: int, keys: Sequence[str], serving: bool) -> None:
    if serving:
        require_active(tx, space)
    found: dict[str, dict[str, float]] = {key: {} for key in keys}
    search = cypher_template("read/similar_candidates", index=space.index, property=space.vector_property)
    entering: dict[str, dict[str, float]] = defaultdict(dict)
    for key, neighbour, score in tx.run(search, keys=list(keys), reach=1 + _REACH * k, near=_NEAR * k, k=k):
        found[key][neighbour] = score
        entering[neighbour][key] = score

    touched = sorted({*found, *entering})
    tx.run(cypher("write/lock_queries"), keys=touched).consume()
    stored: dict[str, dict[str, float]] = defaultdict(dict)
    for key, neighbour, score in tx.run(cypher("read/similar_lists"), keys=touched, space=space.vector_property):
        stored[key][neighbour] = score

    rows = []
    for key in touched:
        best = nearest({**stored[key], **entering.get(key, {}), **found.get(key, {})}, k)
        if key in found or dict(best) != stored[key]:
            neighbours = [{"key": n, "score": score, "rank": rank} for rank, (n, score) in enumerate(best, start=1)]
            rows.append({"key": key, "searched": serving and key in found, "neighbours": neighbours})
    tx.run(cypher("write/similar_lists"), rows=rows, space=space.vector_property).consume()
