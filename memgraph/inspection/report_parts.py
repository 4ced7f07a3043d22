"""What the sections of a report are made of: a section, tables of a query's rows, numbers in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from memgraph.inspection.report_facts import Rows
from memgraph.markup import Html, table
from memgraph.printable import cut, percent, shown

_FEW_NAMES = 3
_WORDS = {
    "datasets": "data sets",
    "dataset": "data set",
    "models": "reward models",
    "unanswered": "no answer",
    "left": "left of it",
    "queries_paid": "queries paid for",
    "calibrate": "calibrate (at random)",
    "train": "train (chosen)",
    "monitor": "monitor (kept from models)",
    "training_reward": "training reward",
    "answers_paid": "answers judged",
    "reused": "reused, free",
    "judged": "judged by both",
    "share_right": "share of these that is right",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Attributes:
        name: to link to.
        finding: in a sentence or two.
        queries: names of the Cypher queries behind it.
        sources: what else it rests on.
    """

    name: str
    title: str
    finding: str
    body: Html
    queries: tuple[str, ...]
    sources: tuple[Html, ...] = ()


def cut_texts(row: dict[str, Any]) -> dict[str, Any]:
    """The row with a query and an answer that fit into a table."""
    return {**row, "query": cut(shown(row["query"])), "answer": cut(shown(row["answer"]))}


def steps_between(first: int | None, last: int | None) -> str:
    """Steps of a training, such as "3 to 23"; a dash for none."""
    return "–" if first is None else f"{first:,}" if first == last else f"{first:,} to {last:,}"


def listed(names: Sequence[str], what: str) -> str:
    """A few by name, more by number; to begin a sentence with."""
    if len(names) > _FEW_NAMES:
        return many(len(names), what)
    first = ", ".join(names[:-1])
    return f"The {what} {names[0]}" if not first else f"The {what}s {first} and {names[-1]}"


def in_words(name: str) -> str:
    """A column's name for people."""
    return _WORDS.get(name, name)


def rows_table(what: str, columns: Sequence[str], rows: Rows) -> Html:
    """Some columns of a query's rows."""
    cells = ([f"{row[name]:,}" if isinstance(row[name], int) else shown(row[name]) for name in columns] for row in rows)
    return table(what, [in_words(name) for name in columns], cells)


def total_of(rows: Iterable[dict[str, Any]], name: str) -> int:
    """Sum of a column."""
    return sum(int(row[name]) for row in rows)


def share(part: int, of: int) -> str:
    """Part of a number in per cent, "none" of nothing."""
    return percent(part / of) if of else "none"


def many(number: int, what: str) -> str:
    """A number of things: "1 query", "2 queries"."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"


def left_over(number: int) -> str:
    """What is left of a budget: "3 are left"."""
    return f"{number:,} {'is' if number == 1 else 'are'} left" if number > 0 else "Nothing is left"


def was(number: int) -> str:
    """The verb for so many."""
    return "was" if number == 1 else "were"
