"""`memreward label` and `queue`: truth and judgements, as they are paid for and as they arrive."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from memgraph.cli.common import (
    DatasetOption,
    HomeOption,
    JsonOption,
    LedgerOption,
    RejectsOption,
    RunOption,
    console,
    emit,
    open_memory,
    our_trainer,
    progress,
    report_rejects,
)

if TYPE_CHECKING:
    from memgraph.late_labels import LabelReport

_SHOWN = 10

KindOption = Annotated[str, typer.Option(help="Of rows that name none: ground_truth, human, code or judge.")]


def label(
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, help="Files that were imported, or sheets of labels.")
    ],
    budget: Annotated[
        str | None,
        typer.Option(help="A share of the queries (0.2, not for sheets), or a number (50); without it, all."),
    ] = None,
    ledger: LedgerOption = "default",
    kind: KindOption = "human",
    seed: Annotated[int, typer.Option(help="Of the draw; draws of one seed are nested across budgets.")] = 0,
    acquire: Annotated[
        bool,
        typer.Option(
            "--acquire",
            help="Draw a quarter of the queries only; the others are chosen: those whose labels tell most about what the model "
            "is unsure of.",
        ),
    ] = False,
    monitor: Annotated[
        str,
        typer.Option(help="Of the budget, a share or a number of queries that `train` watches and never trains on."),
    ] = "0",
    reuse: Annotated[
        list[str] | None, typer.Option(help="Another ledger whose queries are known here at no cost; repeatable.")
    ] = None,
    run: RunOption = "import",
    dataset: DatasetOption = None,
    rejects: RejectsOption = Path("memreward.rejects.jsonl"),
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store labels, all or within a budget, and account for them in a ledger.

    [bold]Files that were imported[/bold] reveal their truth (correct, gold, tests): whole queries are drawn. What the ledger
    has paid for counts against the budget: a second call spends only what is left, and judges answers that arrived since
    at no cost.

    [bold]Sheets[/bold] (CSV, Parquet, JSONL) bring labels that arrive later, from people, judges or programs. A row names a
    rollout (rollout_key, or rollout_id and dataset), an answer (answer_key), or a query (query_key, query_id or query) with
    its answer, gold or tests; and says score (0 to 1, true or false), author, and where it likes kind, confidence,
    explanation. Labels are never overwritten: corrects = true replaces what the author said before, corrects = all what
    everyone of this kind said, corrects = KEY one label. Ground truth stands above human, code and judge; people who
    disagree give their mean and are listed. Each answer judged costs one of the budget, ground truth one for its query.
    `memreward queue` writes a sheet to fill in.
    """
    from memgraph.label_rows import holds_rollouts
    from memgraph.ledger import parse_budget
    from memgraph.reading import data_files

    amount, watched = parse_budget(budget), parse_budget(monitor)
    files = data_files(files)
    sheets = [file for file in files if not holds_rollouts(file)]
    if not sheets:
        _reveal(files, amount, watched or 0, ledger, seed, acquire, reuse or [], run, dataset, rejects, home, as_json)
        return
    if len(sheets) < len(files):
        raise typer.BadParameter(
            f"{sheets[0]} is a sheet of labels and the others hold rollouts; label them in two calls"
        )
    if isinstance(amount, float) or acquire or watched or reuse:
        raise typer.BadParameter(
            f"{sheets[0]} is a sheet of labels: it says itself what is judged; a share as budget, --acquire, --monitor and "
            "--reuse are for files of rollouts"
        )
    _take(sheets, amount, ledger, kind, dataset, rejects, home, as_json)


def _reveal(
    files: list[Path],
    budget: float | int | None,
    monitor: float | int,
    ledger: str,
    seed: int,
    acquire: bool,
    reuse: list[str],
    run: str,
    dataset: str | None,
    rejects: Path,
    home: Path | None,
    as_json: bool,
) -> None:
    """Truth from the files that rollouts were imported from."""
    from memgraph.labelling import label_within_budget
    from memgraph.truth import FileTruth

    source = FileTruth(files, run=run, dataset=dataset)
    our_trainer()
    from trainer.verifiers import judge

    with open_memory(home) as memory:
        spent = label_within_budget(
            memory,
            source,
            ledger=ledger,
            budget=budget,
            seed=seed,
            judge=judge,
            acquisition="informative" if acquire else "random",
            monitor=monitor,
            reuse=reuse,
        )
    report = spent.revealed
    if as_json:
        emit(
            {
                "ledger": ledger,
                **{name: getattr(report, name) for name in report.__slots__},
                "training": len(spent.training),
                "monitored": len(spent.monitored),
                "reused": spent.reused,
                "queries_absent": spent.absent,
                "rejected": source.rejected,
            }
        )
    else:
        console.print(
            f"ledger [bold]{ledger}[/bold]: {report.queries} queries labelled ({report.newly_paid} newly paid for, {spent.reused} "
            f"known at no cost), {report.labels} new labels"
        )
        for count, what in (
            (
                len(report.conflicts),
                "answers whose rollouts the source judges differently (each rollout keeps its own label)",
            ),
            (len(report.undecided), "answers that could not be judged"),
            (
                spent.absent,
                "queries are not in this memory: their rollouts were never imported, or under another --dataset",
            ),
            (len(report.absent), "judged rollouts are not in this memory: never imported, or under another --run"),
        ):
            if count:
                console.print(f"{count} {what}")
    report_rejects(source.rejected, rejects)


def _take(
    sheets: list[Path],
    budget: int | None,
    ledger: str,
    kind: str,
    dataset: str | None,
    rejects: Path,
    home: Path | None,
    as_json: bool,
) -> None:
    """Labels from sheets."""
    from memgraph.label_rows import KINDS, read_labels_file
    from memgraph.late_labels import LabelReport, label_rows
    from memgraph.records import LabelKind

    if kind not in KINDS:
        raise typer.BadParameter(f"--kind is one of {', '.join(KINDS)}, found {kind!r}")
    our_trainer()
    from trainer.verifiers import judge

    report = LabelReport()
    with open_memory(home) as memory:
        account = memory.ledger(ledger, budget=budget)
        for sheet in sheets:
            with progress(f"labels of {sheet.name}"):
                rows = read_labels_file(sheet, kind=LabelKind(kind), dataset=dataset)
                report.add(label_rows(memory.database, account, rows, judge=judge, file=str(sheet)))
    if as_json:
        emit({"ledger": ledger, **asdict(report)})
    else:
        console.print(
            f"ledger [bold]{ledger}[/bold]: {report.labels} new labels ({report.queries} queries and {report.answers} single "
            f"answers newly paid for), {report.known} rows known already, {report.empty} still empty"
        )
        if report.undecided:
            console.print(f"{len(report.undecided)} answers could not be compared with their reference")
        if report.conflicts:
            console.print(f"{len(report.conflicts)} answers whose rollouts one author judges differently")
        _show_disagreements(report)
    report_rejects(report.rejected, rejects)


def _show_disagreements(report: LabelReport) -> None:
    if not report.disagreements:
        return
    table = Table(
        "answer or rollout", "kind", "who says what", title="they disagree; their mean counts until one corrects"
    )
    for one in report.disagreements[:_SHOWN]:
        table.add_row(one.target, one.kind, escape(", ".join(f"{who} {score:g}" for who, score in one.scores.items())))
    console.print(table)
    if len(report.disagreements) > _SHOWN:
        console.print(f"and {len(report.disagreements) - _SHOWN} more: memreward inspect disagreements")


def queue(
    sheet: Annotated[Path, typer.Argument(dir_okay=False, help="The .csv or .jsonl file to write.")],
    ledger: LedgerOption = "default",
    limit: Annotated[
        int, typer.Option(min=1, help="At most so many answers; those of the most rollouts come first.")
    ] = 100,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a sheet of the answers that wait for a person's judgement; `memreward label` takes it back, filled in.

    It shows neither predicted rewards nor votes, which would sway whoever judges.
    """
    from memgraph.queue import export_sheet, pending

    with open_memory(home) as memory:
        waiting = pending(memory.database, ledger=ledger, limit=limit)
    export_sheet(waiting, sheet)
    if as_json:
        emit({"sheet": str(sheet), "answers": len(waiting)})
    else:
        console.print(f"{len(waiting)} answers wait in {sheet}: fill in score and author, then memreward label {sheet}")
