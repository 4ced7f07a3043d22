"""Rows that say what is right: from a sheet (CSV, XLSX, Parquet, JSONL) or from Python, each checked on its own.

A row names what it judges by keys or by the ids and texts of its source:

    rollout_key | rollout_id (+ dataset)                      a rollout; the label goes to its answer
    answer_key                                                an answer
    query_key | query_id (+ dataset) | query (+ dataset)      a query, with `answer` (text), or with `gold` or `tests`

and says `score` (0..1, true or false), or, as ground truth, `correct` (of a rollout or an answer), `gold` or `tests` (of a
query); besides `kind`, `author`, `confidence`, `explanation` and `corrects`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgraph.domains.references import Reference, number_of, reference_of
from memgraph.errors import InputError
from memgraph.labels.judgements import EVERYONE, OWN
from memgraph.labels.view import LabelKind
from memgraph.rollouts.columns import Columns
from memgraph.rollouts.files import Reject
from memgraph.rollouts.formats import raw_rows

KINDS = (LabelKind.GROUND_TRUTH, LabelKind.HUMAN, LabelKind.CODE, LabelKind.JUDGE)
_VERDICTS = ("score", "gold", "tests")
_NAMES = ("rollout_key", "answer_key", "rollout_id", "query_key", "query_id", "query")
_TEXTS = (*_NAMES, "answer", "gold", "tests", "author", "explanation", "dataset")
_LONGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What somebody says about a rollout, an answer or a query. The module's text says which fields name what.

    Attributes:
        kind: GROUND_TRUTH, HUMAN, CODE or JUDGE.
        score: 0 (wrong) to 1 (right).
        gold, tests: the truth about a query, in place of a score.
        also: other golds that are accepted.
        author: who judged; needed but for ground truth.
        confidence: 0..1.
        corrects: "own" where it replaces what the author said before, "all" where it replaces what everyone of this kind
            said, or the key of the label that it replaces.

    Raises:
        ValueError: naming the field, what was found and what fits.
    """

    score: float | None = None
    kind: LabelKind = LabelKind.HUMAN
    author: str = ""
    confidence: float = 1.0
    explanation: str = ""
    corrects: str = ""
    rollout_key: str | None = None
    answer_key: str | None = None
    query_key: str | None = None
    rollout_id: str | None = None
    query_id: str | None = None
    query: str | None = None
    answer: str | None = None
    dataset: str = "default"
    gold: str | None = None
    also: tuple[str, ...] = ()
    tests: str | None = None

    @property
    def reference(self) -> Reference | None:
        """The truth about its query, None where it gives a score."""
        if self.gold is not None:
            return Reference("gold", self.gold, self.also)
        return None if self.tests is None else Reference("tests", self.tests)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"'kind' must be one of {', '.join(KINDS)}, found {str(self.kind)[:80]!r}")
        for name in _TEXTS:
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or len(value) > _LONGEST):
                raise ValueError(f"{name!r} must be text of at most {_LONGEST:,} characters, found {str(value)[:80]!r}")
        for name in ("score", "confidence"):
            value = getattr(self, name)
            if value is not None and not _is_share(value):
                raise ValueError(f"{name!r} must be a number from 0 to 1, found {str(value)[:80]!r}")
        if sum(getattr(self, name) is not None for name in _VERDICTS) != 1:
            raise ValueError("one of 'score', 'gold' and 'tests' is needed, and one only")
        if not any(getattr(self, name) for name in _NAMES):
            raise ValueError(f"it names nothing to judge; one of {', '.join(_NAMES)} is needed")
        if self.kind is not LabelKind.GROUND_TRUTH and not self.author:
            raise ValueError(f"'author' is empty; say who judged ({self.kind})")
        about_query = not (self.rollout_key or self.answer_key or self.rollout_id)
        if self.score is None:
            if self.kind is not LabelKind.GROUND_TRUTH:
                raise ValueError(f"'gold' and 'tests' are of kind ground_truth, found {self.kind}")
            if not about_query or self.answer is not None:
                raise ValueError("'gold' and 'tests' are about a query; name it by query_key, query_id or query alone")
            if self.corrects not in ("", OWN, EVERYONE):
                raise ValueError("a correction of 'gold' or 'tests' replaces all it said: set 'corrects' to true")
        elif about_query and self.answer is None:
            raise ValueError("a score of a query needs its 'answer'; the truth about it is given as 'gold' or 'tests'")


def read_labels_file(
    file: Path,
    *,
    kind: LabelKind,
    dataset: str | None = None,
    columns: Columns = Columns(),  # noqa: B008 (frozen)
) -> Iterator[tuple[int, LabelRow | None] | Reject]:
    """Numbered rows of a sheet in any format that `memgraph.rollouts.formats` reads; None for a row that says nothing yet.

    Args:
        kind, dataset: of rows that name none.
        columns: names of columns by field, where they are not ours.

    Raises:
        InputError: if the file cannot be read, or no row of it can say anything.
    """
    names: set[str] = set()
    for number, row in raw_rows(file):
        if isinstance(row, str):
            yield Reject(str(file), number, row)
            continue
        raw = _under_our_names(row, columns)
        names |= raw.keys()
        try:
            yield number, label_row(raw, kind=kind, dataset=dataset)
        except ValueError as error:
            yield Reject(str(file), number, str(error))
    if names and not names & {*_VERDICTS, "correct"}:
        raise InputError(
            f"{file} says nothing about right and wrong: none of score, correct, gold and tests among its columns "
            f"{', '.join(sorted(names))}"
        )


def label_row(raw: Mapping[str, Any], *, kind: LabelKind, dataset: str | None = None) -> LabelRow | None:
    """A row as files hold it: numbers may be text, gaps are empty; None where it says nothing yet.

    Raises:
        ValueError: naming the field that does not fit.
    """
    given = {name: value for name, value in raw.items() if not _is_empty(value)}
    if not given.keys() & {*_VERDICTS, "correct"}:
        return None
    is_truth = "score" not in given
    if "correct" in given:
        given.setdefault("score", given["correct"])
    reference = reference_of(given)
    if reference is None and "score" not in given:
        return None
    values: dict[str, Any] = {
        name: _text(name, given[name]) for name in _TEXTS if name in given and name not in _VERDICTS
    }
    if reference is not None:
        values |= {reference.kind: reference.value, "also": reference.also}
    values.update({name: _number(name, given[name]) for name in ("score", "confidence") if name in given})
    if dataset is not None:
        values.setdefault("dataset", dataset)
    stated = str(given["kind"]).strip().lower() if "kind" in given else None
    if stated is not None and stated not in KINDS:
        raise ValueError(f"'kind' must be one of {', '.join(KINDS)}, found {stated[:80]!r}")
    values["kind"] = LabelKind.GROUND_TRUTH if is_truth and stated is None else LabelKind(stated or kind)
    if "corrects" in given:
        values["corrects"] = _corrects(given["corrects"])
    return LabelRow(**values)


def _under_our_names(raw: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """Columns as people head them: named by the user, or ours in capitals or with blanks around them."""
    named, rest = columns.take(raw)
    return {**{name.strip().lower(): value for name, value in rest.items()}, **named}


def _is_empty(value: Any) -> bool:
    """A gap: pandas writes it as NaN where the column holds numbers."""
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and math.isnan(value))
    )


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value <= 1


def _text(name: str, value: Any) -> str:
    """Ids and answers may be numbers; a column of whole numbers with gaps comes as floats."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{name!r} must be text or a number, found {type(value).__name__}")
    return value.strip() if isinstance(value, str) and name == "author" else str(value)


def _number(name: str, value: Any) -> float:
    number = number_of(value)
    if number is None:
        raise ValueError(f"{name!r} must be a number from 0 to 1, found {str(value)[:80]!r}")
    return number


def _corrects(value: Any) -> str:
    """true and "own" are the same, and false is nothing; all else stays: "all", or the key of a label."""
    text = str(value).strip().lower().removesuffix(".0")
    return {"true": OWN, "1": OWN, "yes": OWN, "false": "", "0": "", "no": ""}.get(text, text)
