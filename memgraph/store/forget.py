"""Rollouts are removed for good, those that were judged too, with whatever only they had.

What a ledger has paid for stays paid, so that forgetting gives no budget back. Every step is idempotent and runs in small
transactions, each of which leaves no orphans, so that a call that was stopped goes on when it is repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from memgraph.errors import InputError
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed, or would be.

    Attributes:
        predictions: of the rollouts.
        labels: on the rollouts, on answers that no other rollout gives, and those that these correct.
        queries: that no other rollout has, with their references.
        paid: ledger → how many of these queries it had paid for.
    """

    rollouts: int
    predictions: int
    labels: int
    queries: int
    paid: Mapping[str, int]


def meant_query(database: Database, text: str) -> str | None:
    """Key of the query of that key or text, or of the only one that begins so; None without any.

    Raises:
        InputError: if several are meant, naming some.
    """
    queries = database.query(cypher("read/queries_meant"), text=text, limit=_NAMED + 1)
    queries = [row for row in queries if row["whole"]] or queries
    if len(queries) > 1:
        named = ", ".join(f"{row['key'][:12]} ({row['text'][:40]!r})" for row in queries[:_NAMED])
        raise InputError(f"{text!r} means several queries: {named}; give the key of one")
    return queries[0]["key"] if queries else None


def forget(database: Database, *, run: str | None = None, query: str | None = None, preview: bool = False) -> Forgotten:
    """Remove rollouts for good. What is not there any more is no error, so that it can be repeated.

    Args:
        run: name; rollouts of this run.
        query: key; rollouts of this query. With `run`, only those of both.
        preview: only count.

    Raises:
        InputError: if neither is named.
    """
    if run is None and query is None:
        raise InputError("nothing was named that is to be forgotten: a run, or a query")
    (cost,) = database.query(cypher("read/forgettable"), run=run, query=query)
    paid = dict(sorted(Counter(cost.pop("paid")).items()))
    if preview:
        return Forgotten(**cost, paid=paid)
    (gone,) = database.autocommit(cypher("write/forget_rollouts"), run=run, query=query)
    return Forgotten(**gone, paid=paid)
