"""Which queries changed since a model last went through the memory, so that a pass looks at these alone.

    rollouts, labels, … are written ─► their query is marked `:Changed`, in the same transaction
    a pass begins                   ─► what is marked gets a number, and the mark goes
    it looks at the queries whose number came after its model's last pass
    it ends                         ─► `(:RewardModel)-[:FOLLOWED]->(:Changes)` notes the number

Every model notes its own, for each view and scope. One that is stopped notes nothing, and so looks at the same queries again.
A change that is under way while its query is numbered keeps its mark, or is waited for. What has changed may still have left
a score's inputs as they were, which `stale` tells.
"""

from __future__ import annotations

from memgraph.labels.view import LabelView
from memgraph.scoring.scope import Scope
from memgraph.scoring.stale import view_key
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.store import Store

_QUERIES = 10_000  # of a transaction


def number_changes(database: Database) -> int:
    """Number what has changed; returns the last number. Whatever is stored by now has one up to it."""
    while True:
        (row,) = database.query(cypher("write/number_changes"), write=True, limit=_QUERIES)
        if row["queries"] < _QUERIES:
            return int(row["changes"])


def changed_queries(store: Store, model: str, view: LabelView, scope: Scope) -> list[str]:
    """Keys of the queries of a scope that changed since a model last went through it; of all where it never did.

    Args:
        model: key of the registered reward model.

    Raises:
        InputError: if the memory holds no such run or data set.
    """
    (row,) = store.database.query(cypher("read/followed"), model=model, view=view_key(view), scope=scope.key)
    return scope.queries(store, changed_since=row["changes"])


def note_pass(database: Database, model: str, view: LabelView, scope: Scope, changes: int) -> None:
    """Note that a model went through all of a scope, after `number_changes` had given this number."""
    database.query(
        cypher("write/followed"), write=True, model=model, view=view_key(view), scope=scope.key, changes=changes
    )
