"""What a report is made of: the rows of named Cypher queries, and the reward model that predicted last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memgraph.errors import MemRewardError
from memgraph.inspection.filters import Filters
from memgraph.inspection.summed import STEP_PARTS
from memgraph.models.reward_model import RewardModel
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.meant import require_known
from memgraph.store.named_queries import InspectionQuery, inspection_queries, run_inspection

Rows = list[dict[str, Any]]
LoadModel = Callable[[str | None], RewardModel]
"""Loads the reward model of a key; of None the newest."""

QUERIES = (
    "memory_contents",
    "rollouts_by_run",
    "label_spending",
    "label_spending_by_purpose",
    "agreement",
    "calibration",
    "predictions_against_truth",
    "reward_sources",
    "suspects",
    "wrong_predictions",
    "reward_models",
    "next_labels",
    "neighbourhoods",
)
_VALUES = {"reward_sources": {"parts": STEP_PARTS}}  # of other parameters than the filters


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a memory, or of a run, a data set and a ledger of it.

    Attributes:
        filters: what counts alone.
        at: when it was read.
        rows: by name of the query (`QUERIES`).
        queries: these queries, by name.
        values: of their parameters, by name of the query.
        model: the reward model that predicted last, or else the newest; None where there is none to read, and `no_model` says why.
        spoke: what `predictions_against_truth` says of that model; None where it has predicted nothing.
    """

    filters: Filters
    at: datetime
    rows: Mapping[str, Rows]
    queries: Mapping[str, InspectionQuery]
    values: Mapping[str, Mapping[str, Any]]
    model: RewardModel | None
    no_model: str | None
    spoke: dict[str, Any] | None

    @property
    def contents(self) -> dict[str, Any]:
        """Counts of what is in it."""
        return self.rows["memory_contents"][0]

    @property
    def run(self) -> str | None:
        """The run that counts alone; None for all."""
        return self.filters.get("run")

    @property
    def dataset(self) -> str | None:
        """The data set that counts alone; None for all."""
        return self.filters.get("dataset")

    @property
    def ledger(self) -> str | None:
        """The ledger whose labels count alone; None for the labels of all."""
        return self.filters.get("ledger")


def read_facts(database: Database, model: LoadModel, filters: Filters) -> Facts:
    """Read them. Every query counts in the database and gives a bounded number of rows.

    Args:
        model: loads a reward model.

    Raises:
        InputError: for a run, data set or ledger that there is not.
    """
    require_known(database, filters)
    queries = {query.name: query for query in inspection_queries() if query.name in QUERIES}
    values = {
        name: {key: value for key, value in filters.items() if key in query.parameters and value is not None}
        | _VALUES.get(name, {})
        for name, query in queries.items()
    }
    rows = {name: run_inspection(database, name, given) for name, given in values.items()}
    spoke, found, reason = (
        _last_to_predict(database, rows["predictions_against_truth"], filters.get("ledger")),
        None,
        None,
    )
    try:
        found = model(None if spoke is None else spoke["key"])
    except MemRewardError as error:
        reason = str(error)
    at: datetime = database.query(cypher("read/now"))[0]["now"].to_native()
    return Facts(filters, at, rows, queries, values, found, reason, spoke)


def _last_to_predict(database: Database, models: Rows, ledger: str | None) -> dict[str, Any] | None:
    """The row of the registered model that predicted last, with its whole `key`.

    Args:
        models: rows of `predictions_against_truth`, the last to predict at the end.
        ledger: on which it was fitted; None for any.
    """
    for row in reversed(models):
        if row["model"] is not None:
            for named in database.query(cypher("read/models_meant"), text=row["model"], limit=1):
                if ledger in (None, named["ledger"]):
                    return {**row, "key": named["key"]}
    return None
