"""The queue of answers that wait for people: out as a sheet, which comes back like all late labels.

    pending ─► export_sheet ─► a person fills in score, confidence, explanation, author ─► `memgraph.labels.submit`

One judgement settles an answer for all rollouts that gave it. The sheet shows neither predicted rewards nor votes, which
would sway whoever judges.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgraph.errors import InputError
from memgraph.rollouts.formats import raw_rows
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.whole_file import whole_file

_SHOWN = ("answer_key", "query_key", "domain", "query", "answer", "example", "rollouts")
_ASKED = ("score", "confidence", "explanation", "author", "corrects")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet takes a policy's text for a formula


@dataclass(frozen=True, slots=True)
class Pending:
    """An answer that waits.

    Attributes:
        answer_key, query_key: keys.
        answer: the normalised answer.
        example: one whole response that gave it.
        rollouts: how many did; those with the most come first.
    """

    answer_key: str
    query_key: str
    query: str
    domain: str
    answer: str
    rollouts: int
    example: str


def pending(
    database: Database,
    *,
    ledger: str,
    limit: int = 100,
    runs: Sequence[str] = (),
    datasets: Sequence[str] = (),
    judgements: int = 1,
    author: str | None = None,
) -> list[Pending]:
    """Answers that neither people nor the truth have settled in this ledger, the most valuable first.

    Args:
        runs: only answers that one of these gave; none for all.
        datasets: only answers to queries of these; none for all.
        judgements: how many people settle an answer.
        author: a person, who has not judged them.
    """
    rows = database.query(
        cypher("read/answers_for_people"),
        ledger=keys.key_of("ledger", ledger),
        limit=limit,
        runs=list(runs) or None,
        datasets=list(datasets) or None,
        judgements=judgements,
        author=author,
    )
    return [Pending(**row) for row in rows]


def export_sheet(waiting: Sequence[Pending], file: Path) -> int:
    """Write a sheet to fill in, CSV or JSONL by the file's ending; returns how many answers are in it.

    Raises:
        InputError: for another ending, and where a file of that name holds anything but a sheet that nobody has filled in.
    """
    rows = [{**{name: getattr(item, name) for name in _SHOWN}, **dict.fromkeys(_ASKED)} for item in waiting]
    ending = _ending(file)
    _require_nothing_lost(file)
    text = io.StringIO(newline="")
    if ending == ".csv":
        sheet = csv.DictWriter(text, [*_SHOWN, *_ASKED])
        sheet.writeheader()
        sheet.writerows({name: harmless(value) for name, value in row.items()} for row in rows)
    else:
        text.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    with whole_file(file) as stream:
        stream.write(text.getvalue().encode())
    return len(rows)


def _require_nothing_lost(file: Path) -> None:
    """A sheet is written over another one only as long as nobody has written into that."""
    rows = [row for _, row in raw_rows(file)] if file.exists() and file.stat().st_size else []
    if not all(isinstance(row, dict) and row.keys() >= {*_SHOWN, *_ASKED} for row in rows):
        raise InputError(
            f"{file} is there and is no sheet of ours (it says nothing about right and wrong, or lacks some of the columns "
            f"{', '.join((*_SHOWN, *_ASKED))}); give another name"
        )
    if filled_in := sum(any(row[name] not in (None, "") for name in _ASKED) for row in rows if isinstance(row, dict)):
        raise InputError(
            f"{file} is there and {filled_in} of its rows are filled in: give another name; `memreward label {file}` takes them"
        )


def _ending(file: Path) -> str:
    if file.suffix not in (".csv", ".jsonl"):
        raise InputError(f"a sheet is a .csv or a .jsonl file, found {file.name!r}; give it one of these endings")
    return file.suffix


def harmless(value: Any) -> Any:
    """A value of a sheet that a spreadsheet takes for no formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
