"""The queue of answers that wait for people: out as a sheet, back as labels of kind HUMAN.

    pending ─► export_sheet ─► a person fills in score, confidence, explanation, author ─► import_sheet ─► Ledger.accept

One judgement settles an answer for all rollouts that gave it. The sheet shows neither predicted rewards nor votes, which
would sway whoever judges.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memgraph import keys
from memgraph.connect import Database
from memgraph.errors import InputError
from memgraph.ledger import Judgement, Ledger
from memgraph.reading import Reject
from memgraph.resources import cypher

_SHOWN = ("answer", "query_key", "domain", "query", "value", "example", "rollouts")
_ASKED = ("score", "confidence", "explanation", "author")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet takes a policy's text for a formula


@dataclass(frozen=True, slots=True)
class Pending:
    """An answer that waits.

    Attributes:
        answer, query_key: keys.
        value: the normalised answer.
        example: one whole response that gave it.
        rollouts: how many did; those with the most come first.
    """

    answer: str
    query_key: str
    query: str
    domain: str
    value: str
    rollouts: int
    example: str


@dataclass(slots=True)
class SheetReport:
    """What came back: rows with a judgement, labels that are new, rows still empty, rows left out."""

    judged: int = 0
    labels: int = 0
    empty: int = 0
    rejected: list[Reject] = field(default_factory=list)


def pending(database: Database, *, ledger: str, limit: int = 100) -> list[Pending]:
    """Answers that neither a person nor the truth has settled in this ledger, those of the most rollouts first."""
    rows = database.query(cypher("read/answers_for_people"), ledger=keys.key_of("ledger", ledger), limit=limit)
    return [Pending(**row) for row in rows]


def export_sheet(waiting: Sequence[Pending], file: Path) -> None:
    """Write a sheet to fill in: CSV or JSONL, by the file's ending.

    Raises:
        InputError: for another ending.
    """
    rows = [{**{name: getattr(item, name) for name in _SHOWN}, **dict.fromkeys(_ASKED)} for item in waiting]
    if _ending(file) == ".csv":
        with file.open("w", encoding="utf-8", newline="") as stream:
            sheet = csv.DictWriter(stream, [*_SHOWN, *_ASKED])
            sheet.writeheader()
            sheet.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    else:
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def import_sheet(database: Database, ledger: Ledger, file: Path) -> SheetReport:
    """Take a filled-in sheet: rows with a score become labels, rows without one go on waiting, bad ones are reported.

    Raises:
        InputError: if the file cannot be read.
        LedgerError: if the ledger's budget does not reach; then nothing is written.
    """
    report = SheetReport()
    found: list[tuple[int, Mapping[str, Any]]] = []
    for number, row in _read(file):
        if isinstance(row, str):
            report.rejected.append(Reject(str(file), number, row))
        elif row.get("score") in (None, ""):
            report.empty += 1
        else:
            found.append((number, row))
    known = _queries_of(database, {str(row.get("answer")) for _, row in found})
    judgements: list[Judgement] = []
    for number, row in found:
        try:
            judgements.append(_judgement(row, known))
        except ValueError as error:
            report.rejected.append(Reject(str(file), number, str(error)))
    report.judged = len(judgements)
    report.labels = ledger.accept(judgements)
    return report


def _queries_of(database: Database, answers: Iterable[str]) -> dict[str, str]:
    rows = database.query(cypher("read/queries_of_answers"), keys=sorted(answers))
    return {row["answer"]: row["query"] for row in rows}


def _judgement(row: Mapping[str, Any], query_of: Mapping[str, str]) -> Judgement:
    answer, author = str(row.get("answer")), str(row.get("author") or "").strip()
    if answer not in query_of:
        raise ValueError(f"the memory holds no answer {answer[:80]!r}; leave the column 'answer' as it was exported")
    if not author:
        raise ValueError("'author' is empty; say who judged")
    confidence = row.get("confidence")
    return Judgement(
        answer=answer,
        query=query_of[answer],
        score=_share("score", row["score"]),
        confidence=1.0 if confidence in (None, "") else _share("confidence", confidence),
        author=author,
        explanation=str(row.get("explanation") or ""),
    )


def _share(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"{name!r} must be a number from 0 (wrong) to 1 (right), found {value!r}")
    return number


def _read(file: Path) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Rows with their numbers from 1; in place of one that cannot be read, what is wrong with it."""
    ending = _ending(file)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            if ending == ".csv":
                yield from enumerate(csv.DictReader(stream), start=1)
                return
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, _parsed(line)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the sheet {file}: {error}") from error


def _parsed(line: str) -> Mapping[str, Any] | str:
    try:
        row = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    return row if isinstance(row, dict) else f"must be an object, found {type(row).__name__}"


def _ending(file: Path) -> str:
    if file.suffix not in (".csv", ".jsonl"):
        raise InputError(f"a sheet is a .csv or a .jsonl file, found {file.name!r}; give it one of these endings")
    return file.suffix


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
