"""Rows of the memory as tables in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from memgraph.printable import printable


def print_rows(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows as a table for people; what all rows share is said once, above it."""
    if not rows:
        console.print("no rows")
        return
    texts = [{name: shown(value) for name, value in row.items()} for row in rows]
    shared = [name for name in texts[0] if len(texts) > 1 and len({row[name] for row in texts}) == 1]
    for name in shared:
        console.print(f"{name}: {texts[0][name]}", highlight=False)
    columns = [name for name in texts[0] if name not in shared]
    if not columns:
        return
    table = Table(*columns)
    for row in texts:
        table.add_row(*(row[name] for name in columns))
    console.print(table)


def shown(value: Any) -> str:
    """A value as people read it: three decimals, lists in a line, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "–"
    return " ".join(printable(str(value)).split())
