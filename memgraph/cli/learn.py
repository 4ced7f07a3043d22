"""`memreward fit`, `score` and `evaluate`: from labels to rewards, and how good they are."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from memgraph.cli.common import (
    AnswerColumnOption,
    CorrectColumnOption,
    DatasetOption,
    DomainOption,
    GoldColumnOption,
    HomeOption,
    JsonOption,
    LedgerOption,
    QueryColumnOption,
    ResponseColumnOption,
    TestsColumnOption,
    ThinkingOpenedOption,
    console,
    emit,
    named_columns,
    open_memory,
    our_trainer,
    progress,
    say,
)
from memgraph.settings import Settings

ConfidenceOption = Annotated[
    float,
    typer.Option(min=0.5, max=1, help="Give no score where the verdict, right or wrong, is less probable than this."),
]
RunsOption = Annotated[
    list[str] | None,
    typer.Option("--run", help="Only rollouts of this run; repeatable. The others still count as context."),
]
DatasetsOption = Annotated[
    list[str] | None, typer.Option("--dataset", help="Only queries of this data set; repeatable.")
]
_CHECKS = "form, arithmetic, options, conclusion, behaviour"  # a test compares it with memgraph.domains.checks, which is slow to load


def fit(
    ledger: LedgerOption = "default",
    seed: Annotated[int, typer.Option(help="The same seed on the same memory gives the same model.")] = 0,
    checks: Annotated[
        str, typer.Option(help=f"Label-free checks to use: `all`, `none`, or some of {_CHECKS}.")
    ] = "all",
    policies: Annotated[bool, typer.Option(help="Let it know which policy a rollout comes from.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the reward model on the labelled queries of a ledger; save its checkpoint and register it in the graph.

    Without labels it is the vote, and what other memories taught.
    """
    from memgraph.domains.checks import ALL_CHECKS
    from memgraph.labels.view import LabelView
    from memgraph.models.reward_model import RewardModelConfig

    chosen = {"all": ALL_CHECKS, "none": ()}.get(checks, tuple(checks.split(",")))
    if unknown := [name for name in chosen if name not in ALL_CHECKS]:
        raise typer.BadParameter(f"unknown checks {', '.join(unknown)}; known: {', '.join(ALL_CHECKS)}")
    config = RewardModelConfig(checks=chosen, policies=policies)
    with open_memory(home) as memory, progress("fitting the reward model") as update:
        model = memory.fit(LabelView(ledgers=(ledger,)), seed=seed, config=config, progress=update)
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


def score(
    ledger: LedgerOption = "default",
    run: RunsOption = None,
    dataset: DatasetsOption = None,
    confidence: ConfidenceOption = 0.5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every rollout of the unlabelled queries with the newest reward model, and write the scores back.

    Example: memreward score --run qwen-1 --dataset gsm8k
    """
    from memgraph.labels.view import LabelView
    from memgraph.scoring.write_back import Scope

    scope = Scope(tuple(run or ()), tuple(dataset or ()))
    with open_memory(home) as memory, progress("scoring") as update:
        view = LabelView(ledgers=(ledger,))
        summary = memory.score(view=view, confidence=confidence, scope=scope, progress=update)
    if as_json:
        emit({**asdict(summary), **asdict(scope)})
        return
    mean = "" if summary.mean is None else f"; mean {summary.mean:.3f}"
    console.print(
        f"{summary.scored} rollouts of {summary.queries} queries scored, {summary.abstained} left without a score{mean}"
    )


def relabel(
    ledger: LedgerOption = "default",
    run: RunsOption = None,
    dataset: DatasetsOption = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change and write nothing.")] = False,
    confidence: ConfidenceOption = 0.5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring predicted rewards up to date: score again only what reads labels, rollouts or neighbours that have changed.

    After new labels that is a small part of the memory; after a new `fit`, all of it. Stopped half-way, the next call goes
    on where it was. Every score stays in the graph with its model, time and reason.

    Example: memreward relabel --run qwen-1 --preview
    """
    from memgraph.labels.view import LabelView
    from memgraph.scoring.write_back import Scope

    scope = Scope(tuple(run or ()), tuple(dataset or ()))
    with open_memory(home) as memory, progress("relabelling") as update:
        model, view = memory.model(ledger=ledger), LabelView(ledgers=(ledger,))
        report = memory.relabel(model, view, preview=preview, confidence=confidence, scope=scope, progress=update)
    if as_json:
        emit({"preview": preview, "model": model.key, **asdict(scope), **asdict(report)})
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
    if report.largest:
        table = Table("rollout", "query", "before", "after", title="largest changes")
        for one in report.largest:
            table.add_row(one.rollout[:12], one.query[:12], f"{one.before:.3f}", f"{one.after:.3f}")
        console.print(table)
    if preview:
        console.print("nothing was written; without --preview it is")


def evaluate(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files of rollouts with labels.")],
    labels: Annotated[
        list[float] | None, typer.Option(min=0, max=1, help="Share of queries labelled; repeatable.  [default: 0.2]")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Random splits for each share.")] = 3,
    scorers: Annotated[str, typer.Option(help="`all`, or names separated by commas.")] = "all",
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="NPZ of vectors; one for each file, in their order."),
    ] = None,
    confidence: ConfidenceOption = 0.5,
    dataset: DatasetOption = None,
    domain: DomainOption = None,
    query: QueryColumnOption = None,
    response: ResponseColumnOption = None,
    answer: AnswerColumnOption = None,
    gold: GoldColumnOption = None,
    tests: TestsColumnOption = None,
    correct: CorrectColumnOption = None,
    thinking_opened: ThinkingOpenedOption = False,
    now: Annotated[
        str | None, typer.Option(metavar="RUN[:N]", help="Score this run only, of each query the first N rollouts.")
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="With --now: a run that was in the memory before; repeatable."),
    ] = None,
    history_labels: Annotated[
        Literal["none", "all"], typer.Option(help="Labels of the history that are known, whatever is labelled else.")
    ] = "none",
    snapshots: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, metavar="FOLDER", help="Keep here what is read of each file; used the next time."
        ),
    ] = None,
    prior: Annotated[
        str,
        typer.Option(
            metavar="FILE|none",
            help="What the reward model starts from; rows say whether that was learned on one of the file's queries.",
        ),
    ] = "shipped",
    plot: Annotated[Path | None, typer.Option(dir_okay=False, help="Also draw the results (png, svg, pdf).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every scorer side by side on files with labels: some queries are labelled, the others' rollouts are scored.

    Rows need `correct`, or `gold` or `tests` by which their answers are judged. Columns are named as at the import.
    Runs in a second managed server with a temporary home; your memory is not touched. Each file is ingested once, and with
    --snapshots once for all calls: then no server starts where the file was read before.

    Example: memreward evaluate rollouts.jsonl --seeds 5

    Example: memreward evaluate openr1.parquet --query problem --response generations --gold answer

    Example: memreward evaluate exams.jsonl --now second:8 --history first (rows name their run in the field `run`)
    """
    from memgraph.domains.answer_report import AnswerReport
    from memgraph.evaluation import evaluate_files
    from memgraph.models.scorers import SCORERS
    from memgraph.models.scores import DEFAULT_SCORER
    from memgraph.snapshot.splits import Experience

    chosen = list(SCORERS) if scorers == "all" else scorers.split(",")
    if unknown := [name for name in chosen if name not in SCORERS]:
        raise typer.BadParameter(f"unknown scorers {', '.join(unknown)}; known: {', '.join(SCORERS)}")
    if embeddings and len(embeddings) != len(files):
        raise typer.BadParameter(f"{len(files)} files but {len(embeddings)} embeddings; give one for each file")
    if history and now is None:
        raise typer.BadParameter("--history needs --now: the run that is scored")
    if history_labels == "all" and not history:
        raise typer.BadParameter("--history-labels all needs --history: the runs whose labels are known")
    experience = None if now is None else Experience.of(now, history or (), history_labels)
    our_trainer()
    from memgraph.domains.registry import Domains
    from memgraph.domains.verifiers import Auto

    shares = labels or [0.2]
    total, rows, told = len(files) * len(shares) * seeds * len(chosen), [], AnswerReport()
    with progress("evaluating", total) as update:
        for row in evaluate_files(
            files,
            shares=shares,
            seeds=seeds,
            scorers=chosen,
            embeddings=embeddings,
            confidence=confidence,
            experience=experience,
            prior=prior,
            dataset=dataset,
            domain=domain,
            columns=named_columns(
                query=query, response=response, answer=answer, gold=gold, tests=tests, correct=correct
            ),
            thinking_opened=thinking_opened,
            judge=Auto(Domains.of(Settings.load())),
            snapshots=snapshots,
            say=say,
            told=told,
        ):
            rows.append(row)
            update(len(rows))
    for remark in told.lines():
        say(remark)
    if plot is not None:
        from memgraph.inspection.plots import plot_evaluation

        plot_evaluation(rows, plot)
        say(f"drawn in {plot}")
    if as_json:
        documents = [{name: value for name, value in asdict(row).items() if name != "curves"} for row in rows]
        emit({"default_scorer": DEFAULT_SCORER, "rows": documents, "answers": told.as_json()})
        return
    from memgraph.evaluation import summarise

    for title, summary in summarise(rows):
        table = Table("scorer", "AUC", "within-query AUC", "accuracy", "ECE", "coverage", "seconds", title=title)
        for line in summary:
            table.add_row(*line)
        console.print(table)
    console.print(f"mean ± standard deviation over {seeds} splits; default scorer: {DEFAULT_SCORER}")
