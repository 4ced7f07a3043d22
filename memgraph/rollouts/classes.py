"""Equal answers of a query are joined: one vote, one label, one verification, whatever they are written like.

An answer waits under the label `Unjoined`, so an import killed in between, or a comparison that took too long, is finished
by a later one. Which answers are equal is the domain's to say, and depends on all stated answers of the query but not on
the order in which they came.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from memgraph.domains import Domain, Domains
from memgraph.progress import Progress, silent
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_QUERIES = 200
_QUERY_SECONDS = 5.0  # of one query, where nobody waits
_ATTEMPTS = 5  # at a query that gets new answers meanwhile


def join(
    database: Database,
    domains: Domains,
    *,
    query_keys: Collection[str] | None = None,
    seconds: float | None = None,
    progress: Progress = silent,
) -> int:
    """Compare the answers that wait; returns how many point to an equal one.

    Args:
        query_keys: only these queries; None for all.
        seconds: bound of the whole call. What is not settled by then goes on waiting. None takes five for each query, and
            leaves apart for good what is not settled then.
        progress: of queries; how many wait is not counted beforehand.
    """
    end = None if seconds is None else time.monotonic() + seconds
    joined, attempts, compared_queries = 0, 0, 0
    while attempts < _ATTEMPTS and (
        rows := database.query(
            cypher("read/unjoined_answers"), keys=None if query_keys is None else sorted(query_keys), limit=_QUERIES
        )
    ):
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            compared = list(pool.map(lambda row: _compared(row, domains, end), rows))
        written = database.query(cypher("write/answer_classes"), write=True, rows=compared)[0]
        joined += written["joined"]
        compared_queries += written["queries"]
        progress(compared_queries, doing="comparing answers")
        attempts = 0 if written["queries"] else attempts + 1
        if end is not None and (time.monotonic() >= end or not all(row["settled"] for row in compared)):
            break
    return joined


def spelling_rank(domain: Domain, written: str) -> str:
    """How a spelling ranks among those of its answer, as text that sorts like `Domain.spelling`."""
    unparsable, length, _ = domain.spelling(written)
    return f"{int(unparsable)}{length:08d}"


def _compared(row: Mapping[str, Any], domains: Domains, end: float | None) -> dict[str, Any]:
    """A row for cypher/write/answer_classes: each answer that is equal to one of smaller key points to that."""
    answers: Sequence[tuple[str, str]] = row["answers"]
    left = _QUERY_SECONDS if end is None else max(0.0, end - time.monotonic())
    start = time.monotonic()
    numbers = domains[row["domain"]].classes([written for _, written in answers], query=row["text"], seconds=left)
    settled = end is None or time.monotonic() - start < left
    stands: dict[int, str] = {}
    pairs = [
        [key, first]
        for number, (key, _) in zip(numbers, answers, strict=True)
        if (first := stands.setdefault(number, key)) != key
    ]
    return {"query": row["query"], "answers": len(answers), "pairs": pairs, "settled": settled}
