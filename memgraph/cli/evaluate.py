"""`memreward evaluate`: how good the rewards are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from memgraph.cli.common import (
    ConfidenceOption,
    FileOptions,
    JsonOption,
    ThinkingOpenedOption,
    choose,
    console,
    emit,
    progress,
    say,
    spread,
)
from memgraph.inspection.tables import print_table
from memgraph.settings import Settings

if TYPE_CHECKING:
    from memgraph.domains.answer_report import AnswerReport
    from memgraph.evaluation import EvaluationRow
    from memgraph.snapshot.splits import Experience, HistoryLabels


@spread
def evaluate(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files of rollouts with labels.")],
    *,
    labels: Annotated[
        list[float] | None, typer.Option(min=0, max=1, help="Share of queries labelled; repeatable.  [default: 0.2]")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Random splits for each share.")] = 3,
    scorers: Annotated[
        list[str] | None, typer.Option(help="Names, repeatable or separated by commas.  [default: all]")
    ] = None,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="NPZ of vectors; one for each file, in their order."),
    ] = None,
    confidence: ConfidenceOption = 0.5,
    rows: FileOptions,
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
    from memgraph.domains import Domains
    from memgraph.domains.answer_report import AnswerReport
    from memgraph.domains.verifiers import Auto
    from memgraph.evaluation import evaluate_files
    from memgraph.models.scorers import SCORERS

    chosen = choose(scorers or ["all"], list(SCORERS), "scorers")
    experience = _experience(now, history or [], history_labels)
    if embeddings and len(embeddings) != len(files):
        raise typer.BadParameter(f"{len(files)} files but {len(embeddings)} embeddings; give one for each file")
    shares, results, answers = labels or [0.2], [], AnswerReport()
    with progress("evaluating", len(files) * len(shares) * seeds * len(chosen)) as update:
        for row in evaluate_files(
            files,
            shares=shares,
            seeds=seeds,
            scorers=chosen,
            embeddings=embeddings,
            confidence=confidence,
            experience=experience,
            prior=prior,
            **rows.arguments,
            thinking_opened=thinking_opened,
            judge=Auto(Domains.of(Settings.load())),
            snapshots=snapshots,
            say=say,
            answers=answers,
        ):
            results.append(row)
            update(len(results))
    for remark in answers.lines():
        say(remark)
    if plot is not None:
        from memgraph.inspection.plots import plot_evaluation

        plot_evaluation(results, plot)
        say(f"drawn in {plot}")
    _report(results, answers, seeds, as_json)


def _experience(now: str | None, history: Sequence[str], labels: HistoryLabels) -> Experience | None:
    from memgraph.snapshot.splits import Experience

    if history and now is None:
        raise typer.BadParameter("--history needs --now: the run that is scored")
    if labels == "all" and not history:
        raise typer.BadParameter("--history-labels all needs --history: the runs whose labels are known")
    return None if now is None else Experience.of(now, history, labels)


def _report(rows: Sequence[EvaluationRow], answers: AnswerReport, seeds: int, as_json: bool) -> None:
    from memgraph.evaluation import summarise
    from memgraph.models.scores import DEFAULT_SCORER

    if as_json:
        documents = [{name: value for name, value in asdict(row).items() if name != "curves"} for row in rows]
        emit({"default_scorer": DEFAULT_SCORER, "rows": documents, "answers": answers.as_json()})
        return
    for title, summary in summarise(rows):
        columns = ("scorer", "AUC", "within-query AUC", "accuracy", "ECE", "coverage", "seconds")
        print_table(console, columns, summary, title=title)
    console.print(f"mean ± standard deviation over {seeds} splits; default scorer: {DEFAULT_SCORER}")
