"""Files to rollouts, row by row, whatever their format and layout.

    file ──formats──► raw rows ──layouts──► fields, one for each response ──► rollouts

A row that does not fit is rejected with its number and the reason, and the rest goes on. What a row knows of the truth
(`correct`, `gold`, `tests`) is not read here: `memgraph.labels.truth` does that, for the ledger only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from memgraph.domains import Domains
from memgraph.errors import InputError
from memgraph.rollouts.columns import Columns, found_columns, suggestion
from memgraph.rollouts.formats import RawRow, data_files, raw_rows
from memgraph.rollouts.gold_column import AnswerColumn, answer_column
from memgraph.rollouts.layouts import Fields, Sampled, layout_of, standard_rows
from memgraph.rollouts.rollout import Rollout

__all__ = ["Columns", "Reject", "Row", "data_files", "raw_rows", "read_rows", "rows_of"]

TRUTH_FIELDS = frozenset({"correct", "gold", "tests"})
ColumnNames = Columns | Mapping[str, str | None] | None

_TEXT_FIELDS = ("query_id", "rollout_id", "dataset", "domain", "policy", "thinking")
_IDS = ("query_id", "rollout_id", "run")
_COUNT_FIELDS = ("attempt", "step", "sample")
_REQUIRED = ("query", "response")
_AHEAD = 1_000  # rows that are looked at before the first one is given out


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: file, row number from 1, what was wrong."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """A rollout of a file: the number of its row from 1, the rollout, and the row's values under our names of fields."""

    number: int
    rollout: Rollout
    raw: Mapping[str, Any]


def read_rows(
    file: Path,
    *,
    run: str,
    dataset: str | None = None,
    domain: str | None = None,
    columns: ColumnNames = None,
    thinking_opened: bool = False,
    domains: Domains | None = None,
) -> Iterator[Row | Reject]:
    """Rollouts of a file or of a data set that `datasets` saved, in order (`memgraph.rollouts.formats` says which).

    Args:
        run: that the rollouts of rows belong to which name none in a field `run`.
        dataset, domain: of rows that name none.
        columns: names of columns by field, where they are neither ours nor those of a known layout.
        thinking_opened: the prompts already opened the thinking.
        domains: how the memory reads answers; it tells whose a column `answer` is.

    Raises:
        InputError: if the file cannot be read at all, holds no rollouts, or has a column `answer` of which it is not clear
            whose it is.
    """
    return rows_of(
        raw_rows(file),
        source=str(file),
        run=run,
        dataset=dataset,
        domain=domain,
        columns=columns,
        thinking_opened=thinking_opened,
        domains=domains,
    )


def rows_of(
    rows: Iterable[RawRow],
    *,
    source: str,
    run: str,
    dataset: str | None = None,
    domain: str | None = None,
    columns: ColumnNames = None,
    thinking_opened: bool = False,
    domains: Domains | None = None,
) -> Iterator[Row | Reject]:
    """Numbered rows of plain values as rollouts, each checked on its own; a text in place of a row says why there is none.

    The first thousand rows decide whether the file holds rollouts at all, and whether its column `answer` holds the gold
    (`memgraph.rollouts.gold_column`). Such a column is read as `gold`, never as what a rollout answered. Where it holds what
    the rollouts answered, they also tell whether an empty cell says that there is no answer (`_source_reads_answers`).

    Raises:
        InputError: see `read_rows`.
    """
    named = Columns.of(columns)
    defaults: Fields = {name: value for name, value in (("dataset", dataset), ("domain", domain)) if value is not None}
    rows = iter(rows)
    ahead = list(islice(rows, _AHEAD))
    _check_columns([raw for _, raw in ahead if isinstance(raw, dict)], named, source)
    standard = (
        (number, sampled if isinstance(sampled, str) else replace(sampled, fields={**defaults, **sampled.fields}))
        for number, sampled in standard_rows(chain(ahead, rows), columns=named, run=run)
    )
    first = list(islice(standard, _AHEAD))
    holds_gold = named.answer is None and _holds_gold(
        [sampled for _, sampled in first if isinstance(sampled, Sampled)], source, domains or Domains()
    )
    read_by_source = not holds_gold and _source_reads_answers(first)
    for number, sampled in chain(first, standard):
        if isinstance(sampled, str):
            yield Reject(source, number, sampled)
            continue
        fields = _with_gold(sampled.fields) if holds_gold else dict(sampled.fields)
        if read_by_source and _is_taken_apart(fields) and fields.get("answer") is None:
            fields["answer"] = ""
        try:
            rollout = _rollout(fields, run, sampled.stated, thinking_opened or sampled.thinking_opened)
        except ValueError as error:
            yield Reject(source, number, str(error))
        else:
            yield Row(number, rollout, fields)


def holds_rollouts(raw: Mapping[str, Any]) -> bool:
    """Whether a row is a rollout in some known layout, rather than a row about rollouts that are stored.

    Our own columns with a `score` are a judgement of a response.
    """
    layout = layout_of(raw)
    return layout is not None and not (layout.name == "memreward" and "score" in raw)


def _check_columns(rows: list[dict[str, Any]], columns: Columns, source: str) -> None:
    """Refuse a file of which no row can be a rollout."""
    if not rows:
        return
    names = {name for raw in rows for name in raw}
    columns.check(names, source)
    if any(layout_of(raw) is not None for raw in rows):
        return
    missing = [name for name in _REQUIRED if name not in names and name not in columns.named()]
    if missing:
        raise InputError(
            f"{source} holds no rollouts: it has no column {' and no column '.join(missing)}, and its layout is not known; "
            f"{found_columns(names)}. Name the columns, for instance: {suggestion(names - set(columns.named().values()), missing)}"
        )


def _holds_gold(rows: list[Sampled], source: str, domains: Domains) -> bool:
    """Whether the column `answer` holds the gold.

    Raises:
        InputError: where that is doubtful.
    """
    verdict = answer_column(rows, domains)
    if verdict is AnswerColumn.DOUBTFUL:
        raise InputError(
            f"the column 'answer' of {source} differs from what the responses state: it may be the gold, which is never stored "
            "as a rollout's answer. Say what it holds: --gold answer, or --answer answer where it is each rollout's own"
        )
    return verdict is AnswerColumn.GOLD


def _source_reads_answers(rows: Iterable[tuple[int, Sampled | str]]) -> bool:
    """Whether a source took its responses apart itself: most rows give the thinking within the response, and the answer.

    Then a row without an answer is one in which the source found none, which its own verdicts rest on.
    """
    apart = [sampled.fields for _, sampled in rows if isinstance(sampled, Sampled) and _is_taken_apart(sampled.fields)]
    answered = sum(fields.get("answer") is not None for fields in apart)
    return 2 * answered > len(apart)


def _is_taken_apart(fields: Fields) -> bool:
    """Whether a row says which part of its response is the thinking."""
    thinking, response = fields.get("thinking"), fields.get("response")
    return (
        isinstance(thinking, str)
        and isinstance(response, str)
        and len(thinking.strip()) > 0
        and thinking.strip() in response
    )


def _with_gold(fields: Fields) -> Fields:
    kept = {name: value for name, value in fields.items() if name != "answer"}
    return {"gold": fields["answer"], **kept} if "answer" in fields else kept


def _rollout(raw: Fields, run: str, stated: str | None, thinking_opened: bool) -> Rollout:
    """Raises ValueError saying which field does not fit and what was found (most of it by `Rollout` itself)."""
    for name in _REQUIRED:
        if name not in raw:
            raise ValueError(f"the required field {name!r} is missing; {found_columns(raw)}")
    ids = {name: _identifier(name, raw[name]) for name in _IDS if raw.get(name) not in (None, "")}
    places = {name for name in (*_COUNT_FIELDS, "call") if raw.get(name) not in (None, "")}
    named = "rollout_id" in ids or "sample" in places  # a call alone would name the rollout
    counts = [name for name in (*_COUNT_FIELDS, "call") if name in places and (named or name != "call")]
    given: dict[str, Any] = {
        name: raw[name] for name in (*_TEXT_FIELDS, *counts, "answer") if name in raw and name not in _IDS
    }
    given.update({"run": run, **ids})
    for name in counts:
        given[name] = _count(given[name])
    if "answer" in given:
        given["answer"] = _answer(given["answer"])
    return Rollout(
        query=raw["query"],
        response=raw["response"],
        stated=stated,
        thinking_opened=thinking_opened,
        features=_features(raw.get("features")),
        **given,
    )


def _identifier(name: str, value: Any) -> str:
    """Whole numbers with gaps between them come as floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"{name!r} must be text or a whole number, found {type(value).__name__}")
    return str(value)


def _count(value: Any) -> Any:
    """A whole number that a table holds as a float or as text; anything else as it is, to be rejected."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value


def _answer(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"'answer' must be text or a number, found {type(value).__name__}")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"'answer' must be finite, found {value}")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _features(value: Any) -> dict[str, float]:
    """Those that have a value: in a Parquet table every row names the features of all."""
    if isinstance(value, str) and value.lstrip().startswith("{"):  # a cell of a sheet
        value = json.loads(value)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'features' must be an object of numbers, found {type(value).__name__}")
    return {str(name): number for name, number in value.items() if number is not None}
