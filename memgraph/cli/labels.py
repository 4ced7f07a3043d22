"""`memreward reveal`, `label`, `queue` and `annotate`: truth and judgements, as they are paid for and as they arrive."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memgraph.cli.common import (
    REJECTS,
    DatasetOption,
    FileOptions,
    HomeOption,
    JsonOption,
    LedgerOption,
    ReadLedgerOption,
    RejectsOption,
    RunOption,
    console,
    emit,
    open_memory,
    progress,
    report_rejects,
    say,
    spread,
)
from memgraph.inspection.tables import print_table
from memgraph.printable import printable

if TYPE_CHECKING:
    from memgraph.labels.budget import Spending
    from memgraph.labels.submit import LabelReport
    from memgraph.rollouts.files import Reject

_SHOWN = 10


@spread
def reveal(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Files or folders that were imported, or sheets of gold answers or tests."),
    ],
    *,
    budget: Annotated[
        str | None, typer.Option(help="A share of the queries (0.2, 20%) or a number (50); without it, all.")
    ] = None,
    ledger: LedgerOption = "default",
    seed: Annotated[int, typer.Option(help="Of the draw; draws of one seed are nested across budgets.")] = 0,
    acquire: Annotated[
        bool,
        typer.Option(
            "--acquire",
            help="Draw a quarter of the queries only; the others are those that the model is least sure of.",
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
    rows: FileOptions,
    rejects: RejectsOption = REJECTS,
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
    from memgraph.labels.truth import FileTruth
    from memgraph.rollouts.files import data_files

    amount, watched = parse_budget(budget), parse_budget(monitor) or 0
    parts = data_files(files)
    with open_memory(home) as memory:
        source = FileTruth(parts, run=run, database=memory.database, domains=memory.domains, **rows.arguments)
        spent = memory.reveal(
            source,
            ledger=ledger,
            budget=amount,
            seed=seed,
            acquisition="informative" if acquire else "random",
            monitor=watched,
            reuse=reuse or [],
        )
    if as_json:
        emit(_revealed(ledger, spent, source.rejected))
    else:
        _show_revealed(ledger, spent)
    report_rejects(source.rejected, rejects)


def _revealed(ledger: str, spent: Spending, rejected: Sequence[Reject]) -> dict[str, Any]:
    report = spent.revealed
    return {
        "ledger": ledger,
        **{name: getattr(report, name) for name in report.__slots__ if name != "verdicts"},
        "verdicts": report.verdicts.as_json(),
        "training": len(spent.training),
        "monitored": len(spent.monitored),
        "reused": spent.reused,
        "queries_absent": spent.absent,
        "rejected": rejected,
    }


def _show_revealed(ledger: str, spent: Spending) -> None:
    report = spent.revealed
    console.print(
        f"ledger {ledger}: {report.queries} queries labelled ({report.newly_paid} newly paid for, {spent.reused} "
        f"known at no cost), {report.labels} new labels"
    )
    remarks = {
        "answers whose rollouts the source judges differently (each rollout keeps its own label)": len(
            report.conflicts
        ),
        "answers that could not be judged": len(report.undecided),
        "queries are not in this memory: their rollouts were never imported, or under another --dataset": spent.absent,
        "judged rollouts are not in this memory: never imported, or under another --run": len(report.absent),
    }
    for what, count in remarks.items():
        if count:
            console.print(f"{count} {what}")


def label(
    sheets: Annotated[
        list[Path],
        typer.Argument(exists=True, help="Sheets of labels: CSV with any separator, XLSX, Parquet or JSONL."),
    ],
    budget: Annotated[
        int | None, typer.Option(min=0, help="Raise the ledger's budget to this number of queries and answers.")
    ] = None,
    ledger: LedgerOption = "default",
    kind: Annotated[str, typer.Option(help="Of rows that name none: ground_truth, human, code or judge.")] = "human",
    dataset: DatasetOption = None,
    rejects: RejectsOption = REJECTS,
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
    from memgraph.labels.rows import KINDS
    from memgraph.labels.submit import LabelReport
    from memgraph.labels.view import LabelKind
    from memgraph.rollouts.files import data_files

    files = data_files(sheets)
    if rollouts := next(filter(_holds_rollouts, files), None):
        raise typer.BadParameter(
            f"{rollouts} holds rollouts, not labels: `memreward reveal {rollouts}` reveals their truth within a budget"
        )
    if kind not in KINDS:
        raise typer.BadParameter(f"--kind is one of {', '.join(KINDS)}, found {kind!r}")
    report = LabelReport()
    with open_memory(home) as memory:
        for sheet in files:
            with progress(f"labels of {sheet.name}"):
                report.add(memory.label(sheet, ledger=ledger, budget=budget, kind=LabelKind(kind), dataset=dataset))
    if as_json:
        document = {name: getattr(report, name) for name in report.__slots__ if name != "verdicts"}
        emit({"ledger": ledger, **document, "verdicts": report.verdicts.as_json()})
    else:
        _show_labelled(ledger, report)
    report_rejects(report.rejected, rejects)


def _holds_rollouts(file: Path) -> bool:
    """Whether the first row that can be read is a rollout."""
    from memgraph.rollouts.files import holds_rollouts, raw_rows

    return next((holds_rollouts(raw) for _, raw in raw_rows(file) if not isinstance(raw, str)), False)


def _show_labelled(ledger: str, report: LabelReport) -> None:
    console.print(
        f"ledger {ledger}: {report.labels} new labels ({report.queries} queries and {report.answers} single "
        f"answers newly paid for), {report.known} rows known already, {report.empty} still empty"
    )
    if report.undecided:
        console.print(f"{len(report.undecided)} answers could not be compared with their reference")
    if report.conflicts:
        console.print(f"{len(report.conflicts)} answers whose rollouts one author judges differently")
    _show_disagreements(report)


def _show_disagreements(report: LabelReport) -> None:
    if not report.disagreements:
        return
    rows = [
        (one.target, one.kind, ", ".join(f"{printable(who)} {score:g}" for who, score in one.scores.items()))
        for one in report.disagreements[:_SHOWN]
    ]
    title = "they disagree; their mean counts until one corrects"
    print_table(console, ("answer or rollout", "kind", "who says what"), rows, title=title)
    if len(report.disagreements) > _SHOWN:
        console.print(f"and {len(report.disagreements) - _SHOWN} more: memreward inspect disagreements")


def queue(
    sheet: Annotated[Path, typer.Argument(dir_okay=False, help="The .csv or .jsonl file to write.")],
    ledger: ReadLedgerOption = None,
    limit: Annotated[
        int,
        typer.Option(
            min=1,
            help="At most so many answers, first those of many rollouts that are predicted near one half.",
        ),
    ] = 100,
    run: Annotated[list[str] | None, typer.Option("--run", help="Only answers that this run gave; repeatable.")] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="Only answers to queries of this data set; repeatable.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a sheet of the answers that wait for a person's judgement; `memreward label` takes it back, filled in.

    It shows neither predicted rewards nor votes, which would sway whoever judges. A sheet that somebody has filled in is not
    written over.

    Example: memreward queue people.csv --ledger people --limit 50
    """
    from memgraph.labels.ledger import budget_left
    from memgraph.scoring.scope import Scope
    from memgraph.store.meant import ledger_to_read

    with open_memory(home, read_only=True) as memory:
        scope = Scope(tuple(run or ()), tuple(dataset or ()))
        ledger = ledger or ledger_to_read(memory.database)
        waiting = memory.queue(sheet, ledger=ledger, limit=limit, scope=scope)
        left = budget_left(memory.database, ledger)
    if as_json:
        emit({"sheet": str(sheet), "answers": waiting, "ledger": ledger, "left": left})
        return
    account = "" if ledger == "default" else f" --ledger {shlex.quote(ledger)}"
    account += "" if home is None else f" --home {shlex.quote(str(home))}"
    console.print(
        f"{waiting} answers wait in {sheet}: fill in score and author, then memreward label {shlex.quote(str(sheet))}{account}",
        highlight=False,
        soft_wrap=True,
    )
    if left is not None and left < waiting:
        console.print(
            f"the ledger {printable(ledger)} can pay for {left} more; --budget gives it a larger budget, what is spent included",
            highlight=False,
        )


def annotate(
    author: Annotated[
        list[str], typer.Option("--author", help="Who judges; repeatable, and each person gets an address.")
    ],
    ledger: LedgerOption = "default",
    budget: Annotated[
        int | None, typer.Option(min=0, help="Raise the ledger's budget to this number of queries and answers.")
    ] = None,
    judgements: Annotated[
        int, typer.Option("--judgements", "--opinions", min=1, help="How many people judge each answer.")
    ] = 1,
    run: Annotated[list[str] | None, typer.Option("--run", help="Only answers that this run gave; repeatable.")] = None,
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="Only answers to queries of this data set; repeatable.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 takes a free one.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a page on this machine on which people judge the answers that wait, one at a time.

    It shows the question, the answer and a response, and takes a key: r for right, w for wrong, s to skip, u to undo. Each
    judgement is a label at once, as one of `memreward label`. The answers of the most rollouts come first, as in `memreward queue`.
    Whoever has judged goes on later where they stopped.

    The page is reached from this machine only, by an address with a secret in it. Stop it with Ctrl-C.

    Example: memreward annotate --author Ann --ledger people

    Example: memreward annotate --author Ann --author Bob --judgements 2
    """
    from memgraph.inspection.annotation_page import AnnotationServer
    from memgraph.labels.annotation import Annotation
    from memgraph.scoring.scope import Scope

    authors = list(dict.fromkeys(name.strip() for name in author))
    if not all(authors):
        raise typer.BadParameter("--author is empty; say who judges")
    with open_memory(home) as memory:
        scope = Scope(tuple(run or ()), tuple(dataset or ()))
        scope.require_known(memory)
        annotation = Annotation(
            memory.database,
            memory.domains,
            authors,
            memory.ledger(ledger, budget=budget),
            judgements=judgements,
            runs=scope.runs,
            datasets=scope.datasets,
        )
        with AnnotationServer(annotation, authors, port=port) as server:
            if as_json:
                emit({"addresses": server.addresses})
            for name, address in {} if as_json else server.addresses.items():
                console.print(f"{name} judges at {address}", highlight=False, soft_wrap=True)
            say("stop it with Ctrl-C; what was judged is stored")
            with suppress(KeyboardInterrupt):
                server.serve_forever()
        for name in authors:
            say(f"{name} judged {annotation.judged(name)} answers; `memreward relabel` says what that changes")
