"""`memreward compare`, `prune` and `forget`: what several runs leave in one memory."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from memgraph.cli.common import HomeOption, JsonOption, console, emit, open_memory, progress
from memgraph.inspection.tables import print_table
from memgraph.printable import cut, percent, printable

if TYPE_CHECKING:
    from memgraph.store.forget import Forgotten


def compare(
    first: Annotated[str, typer.Argument(help="Name of a run.")],
    second: Annotated[str, typer.Argument(help="Name of another run.")],
    ledger: Annotated[
        list[str] | None, typer.Option("--ledger", help="Read this ledger's labels only; repeatable.  [default: all]")
    ] = None,
    step: Annotated[int | None, typer.Option("--from-step", help="Only rollouts from that training step on.")] = None,
    changes: Annotated[int, typer.Option(min=0, help="Name so many of the queries that differ most.")] = 10,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Two runs on the queries that both sampled: labels, rewards and predictions, paired by query.

    The line `label` says which share was right, by labels that models may learn from and rewards may be. The line `monitor` says
    it by labels that only watched a training (`reveal --monitor`): they are fairer, since no training has learned from them. A
    query that is not labelled in both runs counts in neither. `reward` is what the trainer got, `predicted` what the model believes.

    Each is a mean over queries, of the means over their rollouts. ± is the standard error of the difference, paired by query.
    `memreward inspect rollouts_by_run` has each run by itself, by domain.

    Example: memreward compare base my-run
    """
    from memgraph.labels.view import LabelView

    view = LabelView(ledgers=None if ledger is None else tuple(ledger))
    with open_memory(home, read_only=True) as memory:
        compared = memory.compare(first, second, view, step=step, changes=changes)
    if as_json:
        emit(asdict(compared))
        return
    console.print(
        f"{compared.queries} queries in both ({compared.only_first} only in {first}, {compared.only_second} only in {second}); "
        f"{compared.rollouts[0]} and {compared.rollouts[1]} rollouts; "
        f"{percent(compared.same_answers)} of {second}'s answers {first} gave too",
    )
    means = []
    for one in compared.measures:
        error = "" if one.error is None else f" ± {one.error:.3f}"
        values = (
            f"{one.first:.3f}",
            f"{one.second:.3f}",
            f"{one.difference:+.3f}{error}",
            str(one.better),
            str(one.worse),
        )
        means.append((one.name, str(one.queries), *values))
    print_table(console, ("mean", "queries", first, second, "difference", "better", "worse"), means)
    named = {one.name for one in compared.measures}
    if "label" in named:
        console.print("label: by labels that models may learn from and rewards may be")
    if "monitor" in named:
        console.print("monitor: by labels that only watched a training")
    if compared.unjudged:
        console.print(
            f"{compared.unjudged} of the {compared.queries} queries count in no such line: not labelled in both runs"
        )
    console.print("±: standard error of the difference, paired by query")
    if compared.changes:
        title = f"largest changes of the mean {compared.changes[0].measure}"
        rows = [
            (cut(printable(change.text)), change.query[:12], f"{change.first:.2f}", f"{change.second:.2f}")
            for change in compared.changes
        ]
        print_table(console, ("query", "key", first, second), rows, title=title)


def prune(
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Rollouts of training steps that were discarded (they count nowhere).")
    ] = False,
    run: Annotated[list[str] | None, typer.Option("--run", help="Rollouts of this run; repeatable.")] = None,
    days: Annotated[
        float | None,
        typer.Option("--older-than", min=0, help="Rollouts stored more than so many days ago; with --run, of it."),
    ] = None,
    predictions: Annotated[
        bool,
        typer.Option(
            "--predictions", help="Of each rollout's predictions keep the first, which the trainer got, and the newest."
        ),
    ] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only count what would be dropped.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop old rollouts and superseded predictions; never a label, nor what was judged.

    A rollout that somebody judged, itself or its answer, stays whatever is asked for: its labels and its text are what later
    runs learn from. Queries stay as well.

    Example: memreward prune --superseded --preview
    """
    from memgraph.store.prune import prune as drop

    if not (superseded or run or days is not None or predictions):
        raise typer.BadParameter("say what may be dropped: --superseded, --run, --older-than or --predictions")
    before = None if days is None else datetime.now(UTC) - timedelta(days=days)
    with open_memory(home, read_only=preview) as memory, progress("counting" if preview else "pruning"):
        pruned = drop(
            memory.database, superseded=superseded, runs=run, before=before, compact=predictions, preview=preview
        )
    if as_json:
        emit({"preview": preview, **asdict(pruned)})
        return
    answers = "" if pruned.answers is None else f" and {pruned.answers} answers"
    console.print(
        f"{pruned.rollouts} rollouts, {pruned.predictions} predictions{answers} {'would be' if preview else 'were'} dropped; "
        f"{pruned.labelled} rollouts stay, because they or their answers were judged"
    )


def forget(
    run: Annotated[str | None, typer.Option("--run", help="Rollouts of this run.")] = None,
    query: Annotated[
        str | None, typer.Option("--query", help="Rollouts of this query: its key or text, or how one of these begins.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would cost.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the rollouts of a run or a query for good, with their labels and predictions.

    Answers and queries go with their last rollout. It says before what that costs, and asks. Ledgers keep counting what they
    paid for, so no budget comes back. `memreward prune` drops only what nobody judged.

    Example: memreward forget --run qwen-1 --preview
    """
    from memgraph.store.forget import forget as remove
    from memgraph.store.meant import meant_key

    if run is None and query is None:
        raise typer.BadParameter("say what is to be forgotten: --run, --query, or both")
    if as_json and not (yes or preview):
        raise typer.BadParameter("--json asks no questions: add --yes, or --preview")
    with open_memory(home, read_only=preview) as memory:
        key = None if query is None else meant_key(memory.database, "query", query)
        nothing = query is not None and key is None
        cost = None if nothing else remove(memory.database, run=run, query=key, preview=True)
        if as_json and preview:
            emit({"preview": True, "forgotten": cost})
            return
        if cost is None or cost.rollouts + cost.queries == 0:
            emit({"preview": False, "forgotten": cost}) if as_json else console.print(
                "nothing of that is in this memory"
            )
            return
        if not as_json:
            console.print(_cost(cost), highlight=False)
        if preview:
            return
        if not yes:
            typer.confirm("Remove them for good?", abort=True, err=True)
        with progress("forgetting"):
            gone = remove(memory.database, run=run, query=key)
    if as_json:
        emit({"preview": False, "forgotten": gone})
        return
    console.print(f"{gone.rollouts} rollouts are forgotten")


def _cost(cost: Forgotten) -> str:
    paid = ", ".join(f"{count} that {printable(ledger)} paid for" for ledger, count in cost.paid.items())
    return (
        f"{cost.rollouts} rollouts, {cost.labels} labels and {cost.predictions} predictions, and {cost.queries} queries that no "
        f"other rollout has{f', {paid}' if paid else ''}"
    )
