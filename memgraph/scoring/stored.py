"""What the memory holds, as tables: rollouts, predictions and labels, filtered in the database and read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeAlias, TypedDict, TypeVar, Unpack

from memgraph.labels.in_force import labels_in_force, read_labels
from memgraph.labels.view import DEFAULT_VIEW, LabelView
from memgraph.scoring.scope import Scope
from memgraph.scoring.table import Table
from memgraph.store.cypher import cypher
from memgraph.store.store import Store

PAGE = 2000  # rows that are read, and held, at once

Names: TypeAlias = str | Sequence[str] | None
Stored = TypeVar("Stored")


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A rollout with what is known and what is predicted of it.

    Attributes:
        query: text of the query.
        response: the whole of it.
        thinking: the part of it that reasons.
        answer: as written.
        label: in force, 0..1; None without one.
        score: newest prediction of the reward model, 0..1; None without one.
    """

    key: str
    query_key: str
    query: str
    dataset: str
    domain: str
    run: str
    attempt: int | None
    call: int | None
    step: int | None
    sample: int | None
    policy: str | None
    response: str
    thinking: str
    answer: str | None
    label: float | None
    score: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """What a scorer said of a rollout, at some time.

    Attributes:
        rollout: key.
        model: key of the reward model, None for scorers that are none.
        score: 0..1; None where the scorer took its score back.
        reason: why it was predicted.
        answer: of the rollout, as written.
        query: text.
    """

    rollout: str
    scorer: str
    model: str | None
    score: float | None
    created_at: datetime
    reason: str | None
    answer: str | None
    query: str


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """How right an answer or a rollout is, and who says so.

    Attributes:
        target: key of the answer or rollout.
        query: text.
        answer: as written.
        author: who judged; None for ground truth.
        ledger: that paid, several in order of name, with commas; None without one.
        corrected: whether another label has put it out of force.
    """

    key: str
    target: str
    query: str
    answer: str | None
    kind: str
    score: float
    author: str | None
    ledger: str | None
    purpose: str | None
    created_at: datetime
    corrected: bool


@dataclass(frozen=True, slots=True)
class Pages:
    """Rows of a statement that reads one page, in order of keys.

    Attributes:
        keys: columns that say where the next page begins.
        made: makes records of a page's rows.
    """

    store: Store
    statement: str
    parameters: Mapping[str, Any]
    keys: tuple[str, ...]
    made: Callable[[list[dict[str, Any]]], list[Any]]

    def __iter__(self) -> Iterator[list[Any]]:
        after, size = [""] * len(self.keys), PAGE
        while True:
            rows = self.store.database.query(cypher(self.statement), after=after, limit=size, **self.parameters)
            if rows:
                yield self.made(rows)
                after = [rows[-1][name] for name in self.keys]
            if len(rows) < size:
                return


class TableFilters(TypedDict, total=False):
    """Which rows of a table are read; without a filter, all.

    Attributes:
        run, dataset, domain: a name, or several.
        query: key of one, or the beginning of the text of some.
    """

    run: Names
    dataset: Names
    domain: Names
    query: str | None


class RolloutFilters(TableFilters, total=False):
    """Filters of rollouts, and the labels that count; by default those of the ledger `default`."""

    view: LabelView


class LabelFilters(TableFilters, total=False):
    """Filters of labels, and names of the ledgers that paid."""

    ledger: Names


def stored_rollouts(
    store: Store, *, view: LabelView = DEFAULT_VIEW, **filters: Unpack[TableFilters]
) -> Table[StoredRollout]:
    """Rollouts, in order of query and key, without those of discarded training steps.

    Args:
        view: labels that count.

    Raises:
        InputError: for a run or data set that the memory does not hold, naming those that it holds.
    """

    def made(rows: list[dict[str, Any]]) -> list[StoredRollout]:
        labels = read_labels(store.database, sorted({row["query_key"] for row in rows}), view)
        in_force = labels_in_force(labels, {row["key"]: row["answer_key"] for row in rows})
        return [_record(StoredRollout, {**row, "label": in_force.get(row["key"])}) for row in rows]

    pages = Pages(store, "read/rollout_table", _parameters(store, **filters), ("query_key", "key"), made)
    return Table(StoredRollout, pages)


def stored_predictions(store: Store, **filters: Unpack[TableFilters]) -> Table[StoredPrediction]:
    """Every prediction ever stored, in order of query and rollout, without those of discarded training steps.

    Raises:
        InputError: for a run or data set that the memory does not hold, naming those that it holds.
    """
    keys, made = ("query_key", "rollout", "key"), _records_of(StoredPrediction)
    return Table(StoredPrediction, Pages(store, "read/prediction_table", _parameters(store, **filters), keys, made))


def stored_labels(store: Store, *, ledger: Names = None, **filters: Unpack[TableFilters]) -> Table[StoredLabel]:
    """Every label, also those that are out of force, in order of query and key.

    Args:
        ledger: names of those that paid, None for all.
        filters: with `run`, labels of its rollouts, and of answers that one of them gave.

    Raises:
        InputError: for a run or data set that the memory does not hold, naming those that it holds.
    """
    parameters = {**_parameters(store, **filters), "ledgers": _list(ledger)}
    pages = Pages(store, "read/label_table", parameters, ("query_key", "key"), _records_of(StoredLabel))
    return Table(StoredLabel, pages)


def _parameters(
    store: Store, run: Names = None, dataset: Names = None, domain: Names = None, query: str | None = None
) -> dict[str, Any]:
    runs, datasets = _list(run), _list(dataset)
    Scope(tuple(runs or ()), tuple(datasets or ())).require_known(store)
    return {"runs": runs, "datasets": datasets, "domains": _list(domain), "query": query}


def _list(names: Names) -> list[str] | None:
    return [names] if isinstance(names, str) else None if names is None else list(names)


def _records_of(kind: type[Stored]) -> Callable[[list[dict[str, Any]]], list[Stored]]:
    return lambda rows: [_record(kind, row) for row in rows]


def _record(kind: type[Stored], row: Mapping[str, Any]) -> Stored:
    named = {field.name: row[field.name] for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{**named, "created_at": row["created_at"].to_native()})
