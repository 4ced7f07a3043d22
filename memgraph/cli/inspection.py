"""`memreward inspect`: the named Cypher queries."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from memgraph.cli.common import HomeOption, JsonOption, console, emit, open_memory


def inspect(
    name: Annotated[str | None, typer.Argument(help="A query; without it, the list of them.")] = None,
    param: Annotated[list[str] | None, typer.Option("--param", help="A parameter as name=value; repeatable.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the Cypher text, to paste into Neo4j Browser.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look into the memory with named Cypher queries; each also pastes into Neo4j Browser unchanged."""
    from memgraph.inspection import inspection_queries, run_inspection

    if name is None:
        queries = inspection_queries()
        if as_json:
            emit([{"name": q.name, "answers": q.answers, "parameters": q.parameters} for q in queries])
            return
        table = Table("name", "answers", "parameters")
        for query in queries:
            table.add_row(query.name, query.answers, ", ".join(query.parameters))
        console.print(table)
        return
    if show:
        from memgraph.resources import cypher_file

        text = cypher_file(f"inspect/{name}")
        emit({"name": name, "cypher": text}) if as_json else typer.echo(text)
        return
    with open_memory(home) as memory:
        rows = run_inspection(memory.database, name, dict(map(_parameter, param or [])))
    emit(rows) if as_json else print_rows(rows)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Rows as a table for people; what all rows share is said once, above it."""
    if not rows:
        console.print("no rows")
        return
    texts = [{name: _shown(value) for name, value in row.items()} for row in rows]
    shared = [name for name in texts[0] if len(texts) > 1 and len({row[name] for row in texts}) == 1]
    for name in shared:
        console.print(f"{name}: {texts[0][name]}", highlight=False, markup=False)
    columns = [name for name in texts[0] if name not in shared]
    if not columns:
        return
    table = Table(*columns)
    for row in texts:
        table.add_row(*(escape(row[name]) for name in columns))
    console.print(table)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "–"
    return " ".join(str(value).split())


def _parameter(text: str) -> tuple[str, Any]:
    """A parameter `name=value`: the value as JSON where it is JSON, else as text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"a parameter is given as name=value, found {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
