"""Which rollouts a pass of scoring is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memgraph.store.cypher import cypher
from memgraph.store.keys import key_of
from memgraph.store.meant import require_known
from memgraph.store.store import Store


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rollouts are scored: those of some runs to queries of some data sets. None of a kind means all.

    What the memory holds beside them counts in their scores all the same.
    """

    runs: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Tells scopes apart; empty for the whole memory."""
        if self == EVERYTHING:
            return ""
        return key_of("scope", "\n".join(sorted(set(self.runs))), "\n".join(sorted(set(self.datasets))))

    def queries(self, store: Store, *, changed_since: int | None = None) -> list[str]:
        """Keys of the queries with such rollouts, in order.

        Args:
            changed_since: only those that changed after this number of changes (`memgraph.scoring.changes`).

        Raises:
            InputError: if the memory holds no such run or data set, naming those that it holds.
        """
        self.require_known(store)
        within: dict[str, Any] = {"runs": list(self.runs) or None, "datasets": list(self.datasets) or None}
        if changed_since is None:
            rows = store.database.query(cypher("read/queries_within"), **within)
        else:
            rows = store.database.query(cypher("read/changed_queries"), since=changed_since, **within)
        return [row["key"] for row in rows]

    def require_known(self, store: Store) -> None:
        """Refuse runs and data sets that the memory does not hold.

        Raises:
            InputError: naming those that it holds.
        """
        require_known(store.database, {"run": self.runs, "dataset": self.datasets})


EVERYTHING = Scope()
