"""What a look into the memory can be narrowed to: a run, a data set, a ledger. The queries filter in the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from memgraph.errors import InputError
from memgraph.store.database import Database
from memgraph.store.meant import KEYED, NAMED, meant_key, nothing_meant
from memgraph.store.named_queries import InspectionQuery


class Filters(TypedDict, total=False):
    """Names of what counts alone; without one, all.

    Attributes:
        run: whose rollouts count.
        dataset: whose queries count.
        ledger: whose labels count.
    """

    run: str | None
    dataset: str | None
    ledger: str | None


def taken_by(query: InspectionQuery, filters: Filters) -> dict[str, Any]:
    """The filters that are set, as parameters of a named query.

    Raises:
        InputError: for one that the query does not take.
    """
    given = {field: name for field, name in filters.items() if name is not None}
    if missing := [f"--{field}" for field in given if field not in query.parameters]:
        takes = (
            ", ".join(f"--{field}" for field in NAMED if field in query.parameters)
            or "none of --run, --dataset, --ledger"
        )
        raise InputError(f"{query.name} cannot be filtered by {' and '.join(missing)}; it takes {takes}")
    return given


def with_whole_keys(database: Database, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a named query with whole keys in place of what means them (`memgraph.store.meant`).

    Raises:
        InputError: if nothing, or more than one thing, is meant.
    """
    whole = dict(parameters)
    for kind in KEYED:
        if (text := parameters.get(kind)) is not None:
            whole[kind] = meant_key(database, kind, text, dataset=parameters.get("dataset"))
            if whole[kind] is None:
                raise nothing_meant(kind, text)
    return whole
