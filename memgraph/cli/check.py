"""`memreward check`: a file looked at before anything is stored or paid for."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from memgraph.cli.common import (
    REJECTS,
    FileOptions,
    JsonOption,
    RejectsOption,
    ThinkingOpenedOption,
    console,
    emit,
    report_rejects,
    spread,
)
from memgraph.inspection.tables import print_table
from memgraph.printable import percent
from memgraph.settings import Settings

_SHOWN = 20


@spread
def check(
    files: Annotated[
        list[Path], typer.Argument(exists=True, help="Files or folders of rollouts, as `import` takes them.")
    ],
    *,
    rows: FileOptions,
    thinking_opened: ThinkingOpenedOption = False,
    all_rows: Annotated[bool, typer.Option("--all", help="Show every row, not the first twenty.")] = False,
    rejects: RejectsOption = REJECTS,
    as_json: JsonOption = False,
) -> None:
    """Show what is read from files of rollouts, and how it would be judged. Nothing is stored, and no label is spent.

    Each row is shown with the answer that it states, a number that rows with the same answer share, and the verdict with
    its reason. Below stand gold answers that their own verifier does not accept, the share of rollouts that state no answer,
    and the verdicts that cannot be given.

    Example: memreward check rollouts.jsonl --domain math --gold solution
    """
    from memgraph.domains import Domains
    from memgraph.inspection.check_file import check_files
    from memgraph.rollouts.files import data_files

    report = check_files(
        data_files(files),
        domains=Domains.of(Settings.load()),
        **rows.arguments,
        thinking_opened=thinking_opened,
    )
    if as_json:
        emit(
            {
                "rows": [asdict(row) for row in report.rows],
                "golds_not_accepted": [asdict(gold) for gold in report.golds],
                "answers": report.answers.as_json(),
                "compared_with_the_file": report.compared,
                "agreeing_with_the_file": report.agreeing,
                "rejected": [asdict(reject) for reject in report.rejected],
            }
        )
    else:
        verdicts = [
            (
                str(row.row),
                row.query[:30],
                "none" if row.answer is None else row.answer[:30],
                "" if row.shares is None else str(row.shares),
                "–" if row.score is None else f"{row.score:g}",
                row.reason[:60],
            )
            for row in (report.rows if all_rows else report.rows[:_SHOWN])
        ]
        print_table(console, ("row", "query", "answer", "same as", "verdict", "reason"), verdicts)
        if len(report.rows) > _SHOWN and not all_rows:
            console.print(f"… and {len(report.rows) - _SHOWN} rows more (--all shows them, --json too)")
        for bad in report.golds[:_SHOWN]:
            console.print(f"gold not accepted: {bad.gold[:60]} of {bad.query[:60]}: {bad.reason[:100]}")
        if len(report.golds) > _SHOWN:
            console.print(f"… and {len(report.golds) - _SHOWN} golds more that their own verifier does not accept")
        for line in report.answers.lines():
            console.print(line)
        if report.compared:
            console.print(
                f"verdicts agree with the file's own `correct` for {report.agreeing} of {report.compared} rows"
            )
        unknown = sum(row.score is None for row in report.rows) / max(1, len(report.rows))
        console.print(
            f"{len(report.rows)} rows read; {percent(report.answers.unanswered_share, 1)} state no answer; "
            f"{percent(unknown, 1)} have no verdict"
        )
    report_rejects(report.rejected, rejects)
