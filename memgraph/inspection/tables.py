"""Rows of the memory as tables in a terminal, and as CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from neo4j.graph import Node
from neo4j.graph import Path as GraphPath
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from memgraph.labels.queue import harmless
from memgraph.printable import cut, printable, shown
from memgraph.store.whole_file import whole_file

_UNBOUNDED = 1_000_000  # columns of a terminal
_NARROWEST = 20  # characters of a wrapped text
_MARKS = frozenset(
    ("Changed", "Unembedded", "Unlinked", "Unjoined", "Unobserved", "Unplaced")
)  # labels of work that waits


def print_rows(
    console: Console, rows: Sequence[Mapping[str, Any]], *, without_rows: str = "", wide: bool = False
) -> None:
    """Rows as a table for people (`print_table`); what is the same in each row is said once, above it.

    Args:
        without_rows: the likely reason where there is none.
        wide: cut off nothing, however long the lines become.
    """
    if not rows:
        console.print(f"no rows: {without_rows}" if without_rows else "no rows", highlight=False)
        return
    texts = [{name: shown(value) if wide else cut(shown(value)) for name, value in row.items()} for row in rows]
    shared = [name for name in texts[0] if len(texts) > 1 and len({row[name] for row in texts}) == 1]
    if shared:
        console.print(f"in each of the {len(texts)} rows:", highlight=False)
    for name in shared:
        console.print(f"  {name}: {texts[0][name]}", highlight=False, soft_wrap=wide)
    columns = [name for name in texts[0] if name not in shared]
    if columns:
        print_table(console, columns, [[row[name] for name in columns] for row in texts], wide=wide)


def print_table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str = "", wide: bool = False
) -> None:
    """Texts as a table. Where the terminal is too narrow it has no lines, and then each row is a record of `name: value`.

    Texts of several words are wrapped, down to 20 characters. Headings and columns of single words stay whole: keys, names, numbers.

    Args:
        rows: as many texts each as there are columns.
        wide: wrap nothing, however long the lines become.
    """
    headings = [cell_len(printable(name)) for name in columns]
    longest = [
        max([heading, *(cell_len(printable(row[place])) for row in rows)]) for place, heading in enumerate(headings)
    ]
    wrapped = [any(" " in row[place] for row in rows) for place in range(len(columns))]
    # Rich narrows the widest columns first, to one width
    narrowest = max([_NARROWEST, *(heading for heading, wraps in zip(headings, wrapped, strict=True) if wraps)])
    least = sum(min(width, narrowest) if wraps else width for width, wraps in zip(longest, wrapped, strict=True))
    table = Table(title=title or None)
    if not wide and least + 3 * len(columns) + 1 > console.width:
        if least + 2 * (len(columns) - 1) > console.width:
            _print_records(console, columns, rows, title)
            return
        table = Table(title=title or None, box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, wraps in zip(columns, wrapped, strict=True):
        table.add_column(name, no_wrap=not wraps, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if wide:
        table.width = console.measure(table, options=console.options.update(width=_UNBOUNDED)).maximum
    console.print(table, crop=not wide)


def _print_records(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Each row as `name: value`, as many on a line as it takes, with an empty line between rows."""
    if title:
        console.print(title, highlight=False)
    for number, row in enumerate(rows):
        if number:
            console.print()
        line = Text()
        for name, value in zip(columns, row, strict=True):
            pair = Text.assemble((f"{printable(name)}: ", "bold"), printable(value))
            if line and line.cell_len + 2 + pair.cell_len > console.width:
                console.print(line, overflow="fold")
                line = Text()
            line = Text.assemble(line, "  ", pair) if line else pair
        console.print(line, overflow="fold")


def write_rows(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Rows as CSV, whole or not at all; lists are JSON. A text that a spreadsheet would take for a formula begins with '."""
    with whole_file(file) as stream:
        text = TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        sheet = csv.DictWriter(text, list(rows[0]) if rows else [])
        sheet.writeheader()
        sheet.writerows({name: harmless(_plain(value)) for name, value in row.items()} for row in rows)
        text.detach()


def as_texts(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same rows with paths of the graph as texts, without the vectors of their nodes."""
    return [
        {name: _path(value) if isinstance(value, GraphPath) else value for name, value in row.items()} for row in rows
    ]


def _path(path: GraphPath) -> str:
    """For instance `(Query: 1 + 1?)-[GENERATES]->(Answer: 2)`."""
    said = _node(path.nodes[0])
    for before, edge, after in zip(path.nodes, path.relationships, path.nodes[1:], strict=False):
        forth = edge.start_node == before
        said += f"-[{edge.type}]->{_node(after)}" if forth else f"<-[{edge.type}]-{_node(after)}"
    return said


def _node(node: Node) -> str:
    names = ("text", "written", "value", "name", "score", "response", "key")
    told = next((str(node[name]) for name in names if node.get(name) not in (None, "")), "")
    label = "&".join(sorted(node.labels - _MARKS))
    return f"({label}: {told})"


def _plain(value: Any) -> Any:
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, list | dict) else value
