"""`memreward inspect`, the named Cypher queries, `memreward why`, `memreward report` and `memreward browse`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgraph.cli.common import (
    FilterOptions,
    HomeOption,
    JsonOption,
    LedgerOption,
    ReadLedgerOption,
    console,
    emit,
    open_memory,
    say,
    spread,
)
from memgraph.errors import ModelError
from memgraph.inspection.filters import taken_by, with_whole_keys
from memgraph.inspection.tables import as_texts, print_rows, print_table, write_rows
from memgraph.printable import cut, printable, shown
from memgraph.store.meant import KEYED, NAMED, nothing_meant, require_known
from memgraph.store.times import utc

if TYPE_CHECKING:
    from memgraph.memory import Memory
    from memgraph.scoring.explain import Explanation
    from memgraph.scoring.history import Score

_INFLUENCES = 15  # rows of what moved a score
_SAME = 1e-3  # difference of two scores that tells nothing
_LISTED = 100  # queries or rollouts that may be meant


@spread
def inspect(
    name: Annotated[str | None, typer.Argument(help="A query; without it, the list of them.")] = None,
    *,
    param: Annotated[list[str] | None, typer.Option("--param", help="A parameter as name=value; repeatable.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the Cypher text, to paste into Neo4j Browser.")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Write the rows to this CSV file.")] = None,
    wide: Annotated[bool, typer.Option("--wide", help="Cut off no text, however long the lines become.")] = False,
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
        listed = [(query.name, query.answers, ", ".join(query.parameters)) for query in queries]
        print_table(console, ("name", "answers", "parameters"), listed)
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
    ledger: ReadLedgerOption = None,
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
    """Why a rollout has its reward: every score it ever had, and which labels, votes and checks moved the predicted one.

    Where several queries are meant it lists these, else the rollouts that are meant: `training_reward` is what a training was given,
    `predicted` what the model believes.

    The model scores it again without the labels of each judged answer to its query, without each answer that the others of its
    group gave or the query's other groups (its experience), and as if each check of how it is written had found what is usual.
    `change` is the score less that one. docs/model.md says what the checks are. With --keep what it finds stays in the graph:
    `memreward inspect why_reward` shows it.

    Example: memreward why 48e100cdef0d --ledger people
    """
    from memgraph.labels.view import LabelView
    from memgraph.scoring.explain import meant_rollouts
    from memgraph.scoring.history import rewards_at, scores_of, time_of_step, training_reward
    from memgraph.store.meant import ledger_to_read

    if (run is None) != (step is None) or (run is not None and at is not None):
        raise typer.BadParameter("a past state is named by --at, or by --run and --step together")
    with open_memory(home, read_only=not keep) as memory:
        meant = meant_rollouts(memory, what)
        if not meant and not as_json:
            raise nothing_meant("rollout", what)
        if len(meant) != 1:
            _list_meant(memory, what, as_json)
            return
        rollout = meant[0]["rollout"]
        when = at and utc(at)
        if run is not None and step is not None:
            when = time_of_step(memory, run, step)
        view = LabelView(ledgers=(ledger_to_read(memory.database, ledger),))
        then = rewards_at(memory, [meant[0]["query_key"]], view, when or datetime.now(UTC))
        reward = next((one for one in then if one.rollout == rollout), None)
        training = training_reward(memory, rollout)
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
        emit({"rollout": rollout, "training": training, "reward": reward, "scores": history, "explanation": explained})
        return
    console.print(printable(f"{meant[0]['query']}  →  {meant[0]['answer']}"), highlight=False)
    _print_history(rollout, history)
    if training is not None:
        given = "no reward" if training.reward is None else f"{training.reward:.3f} ({training.source})"
        because = f": {training.reason}" if training.reason else ""
        at_step = "" if training.step is None else f" at step {training.step}"
        console.print(f"the training {printable(training.run)} was given {given}{at_step}{printable(because)}")
    if reward is not None and reward.reward is not None:
        console.print(f"in force {'then' if when else 'now'}: {reward.reward:.3f}, a {reward.source}")
    if explained is not None:
        _print_explanation(explained)


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


def _list_meant(memory: Memory, what: str, as_json: bool) -> None:
    """What may be meant, to choose from: queries where there are several of them, else rollouts."""
    from memgraph.scoring.explain import meant_queries, meant_rollouts

    kind, rows = "queries", meant_queries(memory, what, limit=_LISTED + 1)
    if len(rows) <= 1:
        query = next((row["key"] for row in rows if row["whole"]), what)
        kind, rows = "rollouts", meant_rollouts(memory, query, limit=_LISTED + 1)
    listed, more = rows[:_LISTED], len(rows) > _LISTED
    if as_json:
        emit({kind: listed, "more": more})
        return
    print_rows(
        console,
        [{name: value for name, value in row.items() if name not in ("query_key", "whole")} for row in listed],
    )
    if more:
        console.print(f"there are more; these are the first {_LISTED}", highlight=False)
    console.print(f"give the key of one {'query or ' if kind == 'queries' else ''}rollout, or enough of its beginning")


def _print_history(rollout: str, history: Sequence[Score]) -> None:
    from memgraph.labels.view import Purpose

    rows = []
    for score in history:
        by = score.model[:12] if score.model else score.scorer or score.author or ", ".join(score.ledgers)
        kept = "paid to monitor: no model learns it, and it is no reward" if score.purpose == Purpose.MONITOR else ""
        said = score.reason or score.explanation or kept
        rows.append((f"{score.at:%Y-%m-%d %H:%M:%S}", score.kind, shown(score.score), printable(by), printable(said)))
    print_table(console, ("when", "kind", "score", "by", "why"), rows, title=f"every score of rollout {rollout[:12]}")


def _print_explanation(explained: Explanation) -> None:
    if explained.stored.score is not None and abs(explained.score - explained.stored.score) > _SAME:
        console.print(
            f"it was {explained.stored.score:.3f}; rollouts that came since change it, and what follows counts them"
        )
    console.print(
        f"predicted: {explained.score:.3f}; without its checks: {explained.without_checks:.3f}; without labels of this query: "
        f"{explained.without_labels:.3f}"
    )
    rows = [
        (
            one.kind,
            cut(printable(one.text)),
            "–" if one.kind == "check" else str(one.rollouts),
            shown(one.label),
            f"{one.change:+.4f}",
        )
        for one in explained.influences[:_INFLUENCES]
    ]
    print_table(console, ("moved by", "what", "rollouts", "label", "change"), rows, title="leave-one-out")
    if len(explained.influences) > _INFLUENCES:
        console.print(f"and {len(explained.influences) - _INFLUENCES} that moved it less: --json has all")


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
