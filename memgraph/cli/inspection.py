"""`memreward inspect`, the named Cypher queries, `memreward why`, `memreward report` and `memreward browse`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from memgraph.cli.common import (
    FilterOptions,
    HomeOption,
    JsonOption,
    LedgerOption,
    console,
    emit,
    open_memory,
    say,
    spread,
)
from memgraph.errors import ModelError
from memgraph.inspection.filters import taken_by, with_whole_keys
from memgraph.inspection.tables import as_texts, print_rows, write_rows
from memgraph.printable import printable, shown
from memgraph.store.meant import KEYED, NAMED, nothing_meant, require_known
from memgraph.store.times import utc

if TYPE_CHECKING:
    from memgraph.scoring.history import Score


@spread
def inspect(
    name: Annotated[str | None, typer.Argument(help="A query; without it, the list of them.")] = None,
    *,
    param: Annotated[list[str] | None, typer.Option("--param", help="A parameter as name=value; repeatable.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the Cypher text, to paste into Neo4j Browser.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write the rows to this CSV file.")] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Cut off no column, however long the lines become.")] = False,
    filters: FilterOptions,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look into the memory with named Cypher queries; each also pastes into Neo4j Browser unchanged.

    A query that cannot be filtered by --run, --dataset or --ledger says so. The list shows which parameters each takes. The
    parameters query, rollout and model take the beginning of a key, and query that of a text too.

    Example: memreward inspect label_spending

    Example: memreward inspect calibration --run qwen-1 --ledger people

    Example: memreward inspect query_group --param query=Jim

    Example: memreward inspect suspects --csv suspects.csv
    """
    from memgraph.store.named_queries import inspection_queries, inspection_query, run_inspection

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
    query, wanted = inspection_query(name), filters.names
    given = {**taken_by(query, wanted), **dict(map(_parameter, param or []))}
    if show:
        text = query.with_values(given) if given else query.text
        emit({"name": name, "cypher": text}) if as_json else typer.echo(text)
        return
    with open_memory(home, read_only=True) as memory:
        require_known(memory.database, given)
        rows = as_texts(run_inspection(memory.database, name, with_whole_keys(memory.database, given)))
    if csv is not None:
        write_rows(rows, csv)
    if as_json:
        emit(rows)
    elif csv is None:
        print_rows(console, rows, without_rows=query.without_rows, wide=wide)
    else:
        console.print(f"{len(rows)} rows written to {csv}", highlight=False)


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
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what is found in the graph, for `inspect why_reward`.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why a rollout has its reward: every score it ever had, and which labels and answers moved the predicted one.

    Where several rollouts are meant it lists them: `training_reward` is what a training was given, `predicted` what the model believes.

    The model scores it again without the labels of each judged answer to its query, and without each answer of its own group
    and of its experience. With --keep what it finds stays in the graph: `memreward inspect why_reward` shows it.

    Example: memreward why 48e100cdef0d --ledger people
    """
    from memgraph.labels.view import LabelView
    from memgraph.scoring.explain import meant_rollouts
    from memgraph.scoring.history import rewards_at, scores_of, time_of_step

    if (run is None) != (step is None) or (run is not None and at is not None):
        raise typer.BadParameter("a past state is named by --at, or by --run and --step together")
    with open_memory(home, read_only=not keep) as memory:
        meant = meant_rollouts(memory, what)
        if not meant and not as_json:
            raise nothing_meant("rollout", what)
        if len(meant) != 1:
            if as_json:
                emit({"rollouts": meant})
            else:
                print_rows(
                    console, [{name: value for name, value in row.items() if name != "query_key"} for row in meant]
                )
                console.print("give the key of one rollout, or enough of its beginning")
            return
        rollout = meant[0]["rollout"]
        when = at and utc(at)
        if run is not None and step is not None:
            when = time_of_step(memory, run, step)
        view = LabelView(ledgers=(ledger,))
        then = rewards_at(memory, [meant[0]["query_key"]], view, when or datetime.now(UTC))
        reward = next((one for one in then if one.rollout == rollout), None)
        history = [score for score in scores_of(memory, rollout) if when is None or score.at <= when]
        models = [score.model for score in history if score.model and score.score is not None]
        explained = None
        try:
            if models:
                model = memory.model(models[-1])
                explained = memory.explain(rollout, view, model=model, as_of=when, keep=keep)
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
    console.print(f"predicted: {explained.score:.3f}; without any label: {explained.without_labels:.3f}")
    table = Table("moved by", "what", "rollouts", "label", "change", title="leave-one-out")
    for one in explained.influences:
        numbers = (str(one.rollouts), shown(one.label), f"{one.change:+.4f}")
        table.add_row(one.kind, printable(one.text)[:60], *numbers)
    console.print(table)


@spread
def report(
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The page; one that is there is replaced.")] = Path(
        "report.html"
    ),
    *,
    filters: FilterOptions,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what the memory knows to one HTML page, to send to somebody: a file without scripts that opens offline.

    It says what is in the memory, what labels cost, how far predictions hold, where rewards came from and what may have hacked
    them, where predictions were wrong, what the reward model relies on, and what to label next. Beside each number stands the Cypher
    query that gives it.

    Example: memreward report --run qwen-1 --out qwen-1.html
    """
    with open_memory(home, read_only=True) as memory:
        file = memory.report(out, **filters.names)
    if as_json:
        emit({"report": str(file), **filters.names, "bytes": file.stat().st_size})
    else:
        console.print(f"the report is written to {file}", highlight=False)


def browse(
    author: Annotated[
        str | None, typer.Option("--author", help="Who judges by the keys r and w; without it nothing is written.")
    ] = None,
    ledger: LedgerOption = "default",
    home: HomeOption = None,
) -> None:
    """Look through the memory in the terminal: runs, queries, a query's rollouts, and one rollout with all about it.

    Arrows move, Enter unfolds, and a rollout under the cursor is shown with its reasoning, answer, nearest queries, and every label
    and prediction. With --author, r and w store that it is right or wrong, as a label of `memreward label` would.

    Example: memreward browse --author Ann --ledger people
    """
    from memgraph.inspection.browser import MemoryBrowser

    with open_memory(home, read_only=author is None) as memory:
        MemoryBrowser(memory, memory.domains, ledger, author).run()


def _print_history(rollout: str, history: Sequence[Score]) -> None:
    table = Table("when", "kind", "score", "by", "why", title=f"every score of rollout {rollout[:12]}")
    for score in history:
        by = score.model[:12] if score.model else score.scorer or score.author or ", ".join(score.ledgers)
        said = score.reason or score.explanation or ""
        table.add_row(f"{score.at:%Y-%m-%d %H:%M:%S}", score.kind, shown(score.score), printable(by), printable(said))
    console.print(table)


def _parameter(text: str) -> tuple[str, Any]:
    """A parameter `name=value`: a key or a name as text, another value as JSON where it is JSON, else as text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"a parameter is given as name=value, found {text!r}")
    if name in KEYED or name in NAMED:  # some keys begin like numbers
        return name, value
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
