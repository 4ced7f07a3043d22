"""`memreward inspect`, the named Cypher queries, and `memreward why`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from memgraph.cli.common import HomeOption, JsonOption, LedgerOption, console, emit, open_memory, say
from memgraph.errors import ModelError
from memgraph.printable import printable

if TYPE_CHECKING:
    from memgraph.history import Score


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
        from memgraph.resources import cypher

        text = cypher(f"inspect/{name}")
        emit({"name": name, "cypher": text}) if as_json else typer.echo(text)
        return
    with open_memory(home) as memory:
        rows = run_inspection(memory.database, name, dict(map(_parameter, param or [])))
    emit(rows) if as_json else print_rows(rows)


def why(
    what: Annotated[
        str,
        typer.Argument(help="A rollout's key, or the beginning of it, or of a query's key or text, to choose from."),
    ],
    ledger: LedgerOption = "default",
    at: Annotated[datetime | None, typer.Option(help="The score in force at that time (UTC).")] = None,
    run: Annotated[
        str | None, typer.Option(help="With --step: the score when that training run had finished a step.")
    ] = None,
    step: Annotated[int | None, typer.Option(help="See --run.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why a rollout has its reward: every score it ever had, and which labels and answers moved the predicted one.

    The model scores it again without each labelled neighbour, without each of their labelled answers, and without each
    answer of its own group. What it finds is kept in the graph: `memreward inspect why_reward` shows it.
    """
    from memgraph.history import rewards_at, scores_of, time_of_step
    from memgraph.records import LabelView
    from memgraph.why import found_rollouts
    from memgraph.why import why as explain

    if (run is None) != (step is None) or (run is not None and at is not None):
        raise typer.BadParameter("a past state is named by --at, or by --run and --step together")
    with open_memory(home) as memory:
        meant = found_rollouts(memory, what)
        if len(meant) != 1:
            if as_json:
                emit({"rollouts": meant})
            else:
                print_rows([{name: value for name, value in row.items() if name != "query_key"} for row in meant])
                console.print("give the key of one rollout, or enough of its beginning")
            return
        rollout = meant[0]["rollout"]
        when = at and at.replace(tzinfo=UTC)
        if run is not None and step is not None:
            when = time_of_step(memory, run, step)
        view = LabelView(ledgers=(ledger,))
        then = rewards_at(memory, [meant[0]["query_key"]], view, when or datetime.now(UTC))
        reward = next((one for one in then if one.rollout == rollout), None)
        history = [score for score in scores_of(memory, rollout) if when is None or score.at <= when]
        models = [score.model for score in history if score.kind == "gnn" and score.model and score.score is not None]
        explained = None
        try:
            if models:
                model, registered = memory.registered_model(models[-1])
                explained = explain(memory, model, registered.key, view, rollout, at=when)
        except ModelError as error:
            say(f"the score cannot be explained: {error}")
    if as_json:
        emit({"rollout": rollout, "reward": reward, "scores": history, "explanation": explained})
        return
    _print_history(rollout, history)
    if reward is not None and reward.reward is not None:
        console.print(f"its reward is {reward.reward:.3f}, a {reward.source}")
    if explained is None:
        return
    console.print(f"predicted: {explained.score:.3f}; without any label around: {explained.without_labels:.3f}")
    table = Table("moved by", "what", "rollouts", "label", "cosine", "change", title="leave-one-out")
    for one in explained.influences:
        shown = (_shown(one.label), _shown(one.cosine), f"{one.change:+.4f}")
        table.add_row(one.kind, printable(one.text)[:60], str(one.rollouts), *shown)
    console.print(table)


def _print_history(rollout: str, history: Sequence[Score]) -> None:
    table = Table("when", "kind", "score", "by", "why", title=f"every score of rollout {rollout[:12]}")
    for score in history:
        by = score.model[:12] if score.model else score.author or ", ".join(score.ledgers)
        said = score.reason or score.explanation or ""
        table.add_row(f"{score.at:%Y-%m-%d %H:%M:%S}", score.kind, _shown(score.score), printable(by), printable(said))
    console.print(table)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Rows as a table for people; what all rows share is said once, above it."""
    if not rows:
        console.print("no rows")
        return
    texts = [{name: _shown(value) for name, value in row.items()} for row in rows]
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


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "–"
    return " ".join(printable(str(value)).split())


def _parameter(text: str) -> tuple[str, Any]:
    """A parameter `name=value`: the value as JSON where it is JSON, else as text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"a parameter is given as name=value, found {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
