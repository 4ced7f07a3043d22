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
