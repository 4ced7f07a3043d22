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
from rich.console import Console
from rich.table import Table

from memgraph.labels.queue import harmless
from memgraph.printable import cut, shown
from memgraph.store.whole_file import whole_file

_UNBOUNDED = 1_000_000  # columns of a terminal
_MARKS = frozenset(
    ("Changed", "Unembedded", "Unlinked", "Unjoined", "Unobserved", "Unplaced")
)  # labels of work that waits


def print_rows(
    console: Console, rows: Sequence[Mapping[str, Any]], *, without_rows: str = "", wide: bool = False
) -> None:
    """Rows as a table for people; what all rows share is said once, above it.

    Args:
        without_rows: the likely reason where there is none.
        wide: cut off nothing, however long the lines become.
    """
    if not rows:
        console.print(f"no rows: {without_rows}" if without_rows else "no rows", highlight=False)
        return
    texts = [{name: shown(value) if wide else cut(shown(value)) for name, value in row.items()} for row in rows]
    shared = [name for name in texts[0] if len(texts) > 1 and len({row[name] for row in texts}) == 1]
    for name in shared:
        console.print(f"{name}: {texts[0][name]}", highlight=False, soft_wrap=wide)
    columns = [name for name in texts[0] if name not in shared]
    if not columns:
        return
    table = Table(*columns)
    for row in texts:
        table.add_row(*(row[name] for name in columns))
    if wide:
        table.width = console.measure(table, options=console.options.update(width=_UNBOUNDED)).maximum
    console.print(table, crop=not wide)


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
