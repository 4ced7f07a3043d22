"""What a report is made of: the rows of named Cypher queries, and the newest reward model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memgraph.errors import InputError, MemRewardError
from memgraph.models.reward_model import RewardModel
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.named_queries import InspectionQuery, inspection_queries, run_inspection

Rows = list[dict[str, Any]]
QUERIES = (
    "memory_contents",
    "rollouts_by_run",
    "label_spending",
    "label_spending_by_purpose",
    "calibration",
    "rewards_by_steps",
    "prediction_examples",
    "reward_models",
    "neighbourhoods",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a memory, or of a run and a ledger of it.

    Attributes:
        at: when it was read.
        rows: by name of the query (`QUERIES`).
        queries: these queries, by name.
        model: the newest reward model; None where there is none to read, and `no_model` says why.
    """

    run: str | None
    ledger: str | None
    at: datetime
    rows: Mapping[str, Rows]
    queries: Mapping[str, InspectionQuery]
    model: RewardModel | None
    no_model: str | None

    @property
    def contents(self) -> dict[str, Any]:
        """Counts of what is in it."""
        return self.rows["memory_contents"][0]

    @property
    def given(self) -> dict[str, str | None]:
        """Values of the queries' parameters."""
        return {"run": self.run, "ledger": self.ledger}


def read_facts(database: Database, model: Callable[[], RewardModel], *, run: str | None, ledger: str | None) -> Facts:
    """Read them. Every query counts in the database and gives a bounded number of rows.

    Args:
        model: loads the newest reward model.

    Raises:
        InputError: for a run or ledger that there is not.
    """
    _require_known("run", run, database.query(cypher("read/run_names")))
    if ledger is not None:
        ledgers = run_inspection(database, "label_spending", {})
        _require_known("ledger", ledger, [{"name": row["ledger"]} for row in ledgers])
    queries = {query.name: query for query in inspection_queries() if query.name in QUERIES}
    given = {"run": run, "ledger": ledger}
    rows = {
        name: run_inspection(database, name, {key: given[key] for key in query.parameters})
        for name, query in queries.items()
    }
    found, reason = None, None
    try:
        found = model()
    except MemRewardError as error:
        reason = str(error)
    at: datetime = database.query(cypher("read/now"))[0]["now"].to_native()
    return Facts(run, ledger, at, rows, queries, found, reason)


def _require_known(what: str, name: str | None, rows: Rows) -> None:
    known = [row["name"] for row in rows]
    if name is not None and name not in known:
        raise InputError(f"there is no {what} {name!r} in this memory; known: {', '.join(known) or 'none yet'}")
