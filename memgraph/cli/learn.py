"""`memreward fit`, `score` and `relabel`: from labels to rewards."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from memgraph.cli.common import (
    ConfidenceOption,
    HomeOption,
    JsonOption,
    ReadLedgerOption,
    ScopeOptions,
    choose,
    console,
    emit,
    open_memory,
    progress,
    say,
    spread,
)

_CHECKS = "form, arithmetic, options, conclusion, behaviour"  # a test compares it with memgraph.domains.checks, which is slow to load


def fit(
    ledger: ReadLedgerOption = None,
    seed: Annotated[int, typer.Option(help="The same seed on the same memory gives the same model.")] = 0,
    checks: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Label-free checks to use, repeatable or separated by commas: some of {_CHECKS}, or `none`.  [default: all]"
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the reward model on the labelled queries of a ledger; save its checkpoint and register it in the graph.

    Without labels it is the vote, and what other memories taught.

    Example: memreward fit --ledger people
    """
    from memgraph.domains.checks import ALL_CHECKS
    from memgraph.labels.view import LabelView
    from memgraph.models.reward_model import RewardModelConfig
    from memgraph.store.meant import ledger_to_read

    chosen = [] if checks == ["none"] else choose(checks or ["all"], ALL_CHECKS, "checks")
    config = RewardModelConfig(checks=tuple(chosen))
    with open_memory(home) as memory, progress("fitting the reward model"):
        ledger = ledger_to_read(memory.database, ledger)
        model = memory.fit(LabelView(ledgers=(ledger,)), seed=seed, config=config)
    if as_json:
        emit({"model": model.key, "folder": str(model.folder), "ledger": ledger, "metrics": model.metrics})
        return
    if not model.metrics["labelled_queries"]:
        say(
            f"no label of the ledger {ledger!r} is visible, so the model is the vote and what other memories taught; "
            "`memreward reveal` or `memreward label` adds labels"
        )
    console.print(f"reward model {str(model.key)[:12]} saved in {model.folder}")
    for name, value in model.metrics.items():
        console.print(f"  {name}: {value:.4f}" if isinstance(value, float) else f"  {name}: {value}")


@spread
def score(
    *,
    ledger: ReadLedgerOption = None,
    scope: ScopeOptions,
    confidence: ConfidenceOption = 0.5,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            dir_okay=False,
            help="Also write the rollouts with their labels and scores to this file: .parquet, .csv or .jsonl.",
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every rollout of the unlabelled queries with the newest reward model, and write the scores back.

    Example: memreward score --run qwen-1 --dataset gsm8k

    Example: memreward score --out scores.csv
    """
    from memgraph.labels.view import LabelView
    from memgraph.scoring.scope import Scope
    from memgraph.scoring.table import ending
    from memgraph.store.meant import ledger_to_read

    if out is not None:
        ending(out)
    within = Scope(tuple(scope.run or ()), tuple(scope.dataset or ()))
    with open_memory(home) as memory, progress("scoring") as update:
        view = LabelView(ledgers=(ledger_to_read(memory.database, ledger),))
        summary = memory.score(view=view, confidence=confidence, scope=within, progress=update)
        written = None
        if out is not None:
            written = memory.rollouts(run=scope.run, dataset=scope.dataset, view=view).write(out)
    if as_json:
        emit({**asdict(summary), **asdict(within), **({} if out is None else {"file": str(out), "rows": written})})
        return
    mean = "" if summary.mean is None else f"; mean {summary.mean:.3f}"
    console.print(
        f"{summary.scored} rollouts of {summary.queries} queries scored, {summary.abstained} left without a score{mean}"
    )
    if out is not None:
        console.print(f"{written} rollouts written to {out}", highlight=False)


@spread
def relabel(
    *,
    ledger: ReadLedgerOption = None,
    scope: ScopeOptions,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change and write nothing.")] = False,
    confidence: ConfidenceOption = 0.5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring predicted rewards up to date: score again only what reads labels or rollouts that have changed.

    After new labels that is a small part of the memory; after a new `fit`, all of it. Stopped half-way, the next call goes
    on where it was. Every score stays in the graph with its model, time and reason.

    Example: memreward relabel --run qwen-1 --preview
    """
    from memgraph.labels.view import LabelView
    from memgraph.scoring.scope import Scope
    from memgraph.store.meant import ledger_to_read

    within = Scope(tuple(scope.run or ()), tuple(scope.dataset or ()))
    with open_memory(home, read_only=preview) as memory, progress("relabelling") as update:
        ledger = ledger_to_read(memory.database, ledger)
        model, view = memory.model(ledger=ledger), LabelView(ledgers=(ledger,))
        report = memory.relabel(model, view, preview=preview, confidence=confidence, scope=within, progress=update)
    if as_json:
        emit({"preview": preview, "model": model.key, **asdict(within), **asdict(report)})
        return
    console.print(
        f"{report.affected} of {report.queries} queries are affected: {report.scored} rollouts scored again"
        f"{f', {report.abstained} left without a score' if report.abstained else ''}, in {report.seconds:.1f} s "
        f"({report.seconds_looking:.1f} s of it to find them)"
    )
    console.print(
        f"{report.changed} rewards {'would change' if preview else 'changed'} (labels or predictions), by {report.mean_change:.3f} "
        f"on average and {report.max_change:.3f} at most; {report.new_rewards} rollouts had none before"
    )
    console.print(
        f"advantages {'would ' if preview else ''}change their sign in {report.flips} of {report.groups} training groups"
    )
    if report.unlearned:
        console.print(
            f"{report.unlearned} labels came after the model was fitted. They count for their own queries; `memreward fit` "
            "learns from them for all others"
        )
    if report.largest:
        table = Table("rollout", "query", "before", "after", title="largest changes")
        for change in report.largest:
            table.add_row(change.rollout[:12], change.query[:12], f"{change.before:.3f}", f"{change.after:.3f}")
        console.print(table)
    if preview:
        console.print("nothing was written; without --preview it is")
