"""`memreward import` and `bulk`: what goes into the memory, or into an archive without one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from memgraph.cli.common import (
    REJECTS,
    FileOptions,
    HomeOption,
    JsonOption,
    RejectsOption,
    RunOption,
    ThinkingOpenedOption,
    console,
    emit,
    open_memory,
    progress,
    report_rejects,
    say,
    spread,
)
from memgraph.inspection.tables import print_table
from memgraph.settings import Settings

StartedOption = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        help="When the run began, for the order of experience (UTC where it names no zone): 2026-11-29 or 2026-11-29T10:00. By "
        "default now.",
    ),
]


@spread
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            help="JSONL, JSON, Parquet, CSV or XLSX files; folders of them (TRL's completions, verl's dumps, snapshots of a "
            "hub), data sets saved by `datasets`.",
        ),
    ],
    run: RunOption = "import",
    started: StartedOption = None,
    embeddings: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="NPZ with query, query_id, thinking, answer, rollout_id arrays, of the memory's own model: a few are compared.",
        ),
    ] = None,
    *,
    rows: FileOptions,
    thinking_opened: ThinkingOpenedOption = False,
    rejects: RejectsOption = REJECTS,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store rollouts. Importing a file again changes nothing; bad rows are rejected, the rest goes in.

    Known layouts are read as they are: our own fields, TRL's `log_completions`, verl's dumps, lm-eval's samples, OpenR1,
    SYNTHETIC-1, conversations (messages, ShareGPT), a list of responses in one row. Columns of other names are named.

    Fields: query and response are required; query_id, rollout_id, dataset, domain (math, qa, code), policy, run,
    attempt, step, call, sample, thinking, answer and numeric features are used where present. What a row knows of the
    truth (correct, gold, tests) is not stored; `memreward reveal` reveals it within a budget.

    Example: memreward import rollouts.jsonl --run base --domain math

    Example: memreward import openr1.parquet --query problem --response generations --gold answer
    """
    from memgraph.domains.answer_report import AnswerReport
    from memgraph.rollouts.files import Reject, data_files
    from memgraph.rollouts.given import GivenEmbeddings
    from memgraph.store.archive import is_archive

    if archive := next(filter(is_archive, files), None):
        raise typer.BadParameter(
            f"{archive} holds no rollouts but a whole memory, which `memreward export` wrote: `memreward restore {archive}` reads it "
            "into an empty one"
        )
    given = GivenEmbeddings.load(embeddings) if embeddings else None
    rejected: list[Reject] = []
    answers = AnswerReport()
    reports: list[dict[str, Any]] = []
    with open_memory(home) as memory:
        for file in data_files(files):
            with progress(f"importing {file.name}") as update:
                report = memory.import_file(
                    file,
                    run=run,
                    **rows.arguments,
                    thinking_opened=thinking_opened,
                    embeddings=given,
                    started=started,
                    progress=update,
                )
            rejected += report.rejected
            reports.append(
                {
                    "file": str(file),
                    "new": report.new,
                    "known": report.known,
                    "rejected": len(report.rejected),
                    "queries_linked": report.linked,
                    "programs_observed": report.observed,
                    "answers_joined": report.joined,
                    "answers": report.answers.as_json(),
                }
            )
            answers.add(report.answers)
        undefined = memory.domains.undefined(answers.rollouts)
    if undefined:
        say(
            f"nobody defines the domain {', '.join(undefined)}: its answers are read as texts and options; known are "
            f"{', '.join(memory.domains.versions)}, and MEMREWARD_DOMAINS adds your own"
        )
    if as_json:
        emit({"files": reports, "rejected": rejected})
    else:
        names = ("file", "new", "known", "rejected", "queries_linked")
        columns = [name.replace("_", " ") for name in names]
        print_table(console, columns, [[str(row[name]) for name in names] for row in reports])
        for line in answers.lines():
            console.print(line)
    report_rejects(rejected, rejects)


@spread
def bulk(
    files: Annotated[
        list[Path], typer.Argument(exists=True, help="Files or folders of rollouts, as `import` takes them.")
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="The archive: a folder, which must not exist yet.")],
    run: RunOption = "import",
    started: StartedOption = None,
    *,
    rows: FileOptions,
    thinking_opened: ThinkingOpenedOption = False,
    rejects: RejectsOption = REJECTS,
    as_json: JsonOption = False,
) -> None:
    """Write very many rollouts to an archive without a database, for `memreward restore --bulk`.

    They are read, keyed and checked as `import` does it, in bounded memory. Vectors, similarity edges and equal answers are
    left to the memory, whose next import finishes what waits.

    Example: memreward bulk rollouts/*.parquet --out archive
    """
    from memgraph.domains import Domains
    from memgraph.rollouts.bulk import BulkWriter
    from memgraph.rollouts.files import Reject, data_files, read_rows

    rejected: list[Reject] = []
    reports: list[dict[str, Any]] = []
    domains = Domains.of(Settings.load())
    with BulkWriter(out, domains=domains, started=started) as writer:
        for file in data_files(files):
            with progress(f"reading {file.name}") as update:
                read = read_rows(file, run=run, **rows.arguments, thinking_opened=thinking_opened, domains=domains)
                report = writer.write(read, file=str(file), progress=update)
            rejected += report.rejected
            reports.append(
                {"file": str(file), "new": report.new, "known": report.known, "rejected": len(report.rejected)}
            )
    if as_json:
        emit({"files": reports, "rejected": rejected})
    else:
        counts = [[str(value) for value in row.values()] for row in reports]
        print_table(console, ("file", "new", "known", "rejected"), counts)
        say(f"next: memreward restore {out} --bulk")
    report_rejects(rejected, rejects)
