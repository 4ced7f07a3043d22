"""`memreward reveal`, `label` and `queue`: truth and judgements, as they are paid for and as they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    RejectsOption,
    ResponseColumnOption,
    RunOption,
    TestsColumnOption,
    console,
    emit,
    named_columns,
    open_memory,
    progress,
    report_rejects,
    say,
)
from memgraph.printable import printable

if TYPE_CHECKING:
    from memgraph.labels.submit import LabelReport

_SHOWN = 10

KindOption = Annotated[str, typer.Option(help="Of rows that name none: ground_truth, human, code or judge.")]


BudgetOption = Annotated[
    str | None, typer.Option("--budget", help="A share of the queries (0.2, 20%) or a number (50); without it, all.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Of the draw; draws of one seed are nested across budgets.")]
AcquireOption = Annotated[
    bool,
    typer.Option(
        "--acquire",
        help="Draw a quarter of the queries only; the others are chosen: those whose labels tell most about what the model "
        "is unsure of.",
    ),
]
MonitorOption = Annotated[
    str,
    typer.Option(
        "--monitor", help="Of the budget, a share or a number of queries that `train` watches and never trains on."
    ),
]
ReuseOption = Annotated[
    list[str] | None,
    typer.Option("--reuse", help="Another ledger whose queries are known here at no cost; repeatable."),
]


@dataclass(frozen=True, slots=True)
class _Draw:
    """Which queries to pay for, and in which ledger."""

    ledger: str
    budget: float | int | None
    seed: int
    acquire: bool
    monitor: float | int
    reuse: Sequence[str]


def reveal(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Files or folders that were imported, or sheets of gold answers or tests."),
    ],
    budget: BudgetOption = None,
    ledger: LedgerOption = "default",
    seed: SeedOption = 0,
    acquire: AcquireOption = False,
    monitor: MonitorOption = "0",
    reuse: ReuseOption = None,
    run: RunOption = "import",
    dataset: DatasetOption = None,
    domain: DomainOption = None,
    query: QueryColumnOption = None,
    response: ResponseColumnOption = None,
    answer: AnswerColumnOption = None,
    gold: GoldColumnOption = None,
    tests: TestsColumnOption = None,
    correct: CorrectColumnOption = None,
    rejects: RejectsOption = Path("memreward.rejects.jsonl"),
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reveal the truth about stored queries, all or within a budget, and account for it in a ledger.

    The truth is read from the files that were imported, or from sheets: gold (an answer, or a list of accepted ones), tests,
    or correct (of each rollout). Name the columns as at the import. A sheet names its query by query, query_id or query_key.

    Whole queries are drawn. What the ledger has paid for counts against the budget: a second call spends only what is
    left, and judges answers that arrived since at no cost.

    Example: memreward reveal rollouts.jsonl --budget 0.2

    Example: memreward reveal gsm8k.jsonl --query question --gold answer --budget 50 --ledger small
    """
    from memgraph.labels.draw import parse_budget

    draw = _Draw(ledger, parse_budget(budget), seed, acquire, parse_budget(monitor) or 0, reuse or [])
    columns = named_columns(query=query, response=response, answer=answer, gold=gold, tests=tests, correct=correct)
    _reveal(files, draw, run, dataset, domain, columns, rejects, home, as_json)


def label(
    sheets: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Sheets of labels: CSV with any separator, XLSX, Parquet or JSONL."),
    ],
    budget: Annotated[
        str | None, typer.Option(help="Raise the ledger's budget to this number of queries and answers.")
    ] = None,
    ledger: LedgerOption = "default",
    kind: KindOption = "human",
    seed: Annotated[int, typer.Option(hidden=True)] = 0,
    acquire: Annotated[bool, typer.Option("--acquire", hidden=True)] = False,
    monitor: Annotated[str, typer.Option(hidden=True)] = "0",
    reuse: Annotated[list[str] | None, typer.Option(hidden=True)] = None,
    run: Annotated[str, typer.Option("--run", hidden=True)] = "import",
    dataset: DatasetOption = None,
    rejects: RejectsOption = Path("memreward.rejects.jsonl"),
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store labels that arrive later, from people, judges or programs, and account for them in a ledger.

    A row names a rollout (rollout_key, or rollout_id and dataset), an answer (answer_key), or a query (query_key, query_id or
    query) with its answer, gold or tests. It says score (0 to 1, true or false), author, and where it likes kind,
    confidence, explanation. `memreward queue` writes a sheet to fill in.

    Labels are never overwritten: corrects = true replaces what the author said before, corrects = all what everyone of
    this kind said, corrects = KEY one label. Ground truth stands above human, code and judge; people who disagree give
    their mean and are listed. Each answer judged costs one of the budget, ground truth one for its query.

    The truth in files of rollouts is revealed by `memreward reveal`.

    Example: memreward label people.csv --ledger people

    Example: memreward label judge.jsonl --kind judge
    """
    from memgraph.labels.draw import parse_budget
    from memgraph.rollouts.files import data_files

    amount, watched = parse_budget(budget), parse_budget(monitor) or 0
    files = data_files(sheets)
    judgements = [file for file in files if not _holds_rollouts(file)]
    if not judgements:
        say("these files hold rollouts: `memreward reveal` does this now, with the same options")
        draw = _Draw(ledger, amount, seed, acquire, watched, reuse or [])
        _reveal(files, draw, run, dataset, None, {}, rejects, home, as_json)
        return
    if len(judgements) < len(files):
        raise typer.BadParameter(
            f"{judgements[0]} is a sheet of labels and the others hold rollouts: label the sheet, and take `memreward reveal` for "
            "the others"
        )
    if isinstance(amount, float) or acquire or watched or reuse:
        raise typer.BadParameter(
            f"{judgements[0]} is a sheet of labels: it says itself what is judged; a share as budget, --acquire, --monitor and "
            "--reuse are for `memreward reveal`"
        )
    _take(files, amount, ledger, kind, dataset, rejects, home, as_json)


def _holds_rollouts(file: Path) -> bool:
    """Whether the first row that can be read is a rollout."""
    from memgraph.rollouts.files import holds_rollouts, raw_rows

    return next((holds_rollouts(raw) for _, raw in raw_rows(file) if not isinstance(raw, str)), False)


def _reveal(
    files: list[Path],
    draw: _Draw,
    run: str,
    dataset: str | None,
    domain: str | None,
    columns: Mapping[str, str],
    rejects: Path,
    home: Path | None,
    as_json: bool,
) -> None:
    """Truth from files that rollouts were imported from, or from sheets of it."""
    from memgraph.labels.truth import FileTruth
    from memgraph.rollouts.files import data_files

    found = data_files(files)
    with open_memory(home) as memory:
        source = FileTruth(
            found,
            run=run,
            dataset=dataset,
            domain=domain,
            columns=columns,
            database=memory.database,
            domains=memory.domains,
        )
        spent = memory.reveal(
            source,
            ledger=draw.ledger,
            budget=draw.budget,
            seed=draw.seed,
            acquisition="informative" if draw.acquire else "random",
            monitor=draw.monitor,
            reuse=draw.reuse,
        )
    report = spent.revealed
    if as_json:
        emit(
            {
                "ledger": draw.ledger,
                **{name: getattr(report, name) for name in report.__slots__ if name != "verdicts"},
                "verdicts": report.verdicts.as_json(),
                "training": len(spent.training),
                "monitored": len(spent.monitored),
                "reused": spent.reused,
                "queries_absent": spent.absent,
                "rejected": source.rejected,
            }
        )
    else:
        console.print(
            f"ledger {draw.ledger}: {report.queries} queries labelled ({report.newly_paid} newly paid for, {spent.reused} "
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
    from memgraph.labels.rows import KINDS
    from memgraph.labels.submit import LabelReport
    from memgraph.labels.view import LabelKind

    if kind not in KINDS:
        raise typer.BadParameter(f"--kind is one of {', '.join(KINDS)}, found {kind!r}")
    report = LabelReport()
    with open_memory(home) as memory:
        for sheet in sheets:
            with progress(f"labels of {sheet.name}"):
                report.add(memory.label(sheet, ledger=ledger, budget=budget, kind=LabelKind(kind), dataset=dataset))
    if as_json:
        document = {name: getattr(report, name) for name in report.__slots__ if name != "verdicts"}
        emit({"ledger": ledger, **document, "verdicts": report.verdicts.as_json()})
    else:
        console.print(
            f"ledger {ledger}: {report.labels} new labels ({report.queries} queries and {report.answers} single "
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
        table.add_row(
            one.target, one.kind, ", ".join(f"{printable(who)} {score:g}" for who, score in one.scores.items())
        )
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
    with open_memory(home, read_only=True) as memory:
        waiting = memory.queue(sheet, ledger=ledger, limit=limit)
    if as_json:
        emit({"sheet": str(sheet), "answers": waiting})
    else:
        console.print(f"{waiting} answers wait in {sheet}: fill in score and author, then memreward label {sheet}")
