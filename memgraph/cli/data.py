"""`memreward migrate` and `import`: what goes into the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from memgraph.cli.common import (
    DatasetOption,
    DomainOption,
    HomeOption,
    JsonOption,
    RejectsOption,
    RunOption,
    console,
    emit,
    open_memory,
    progress,
    report_rejects,
    say,
)
from memgraph.cli.lifecycle import import_archive
from memgraph.settings import Settings


def migrate(
    status: Annotated[bool, typer.Option("--status", help="Only show what is applied and what is pending.")] = False,
    unlock: Annotated[bool, typer.Option("--unlock", help="Release a lock that a crashed migrator left.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the database's schema up to date (every command that opens a memory does so too)."""
    from memgraph import migrate as migrations
    from memgraph.connect import Database, open_endpoint

    database = Database(open_endpoint(Settings.load(home=home), say))
    try:
        if unlock:
            say(f"released {migrations.unlock(database)} lock(s)")
        states = migrations.status(database) if status else migrations.migrate(database, say=say)
    finally:
        database.close()
    if as_json:
        emit([{name: getattr(state, name) for name in state.__slots__} for state in states])
        return
    table = Table("version", "description", "applied", "took")
    for state in states:
        took = f"{state.milliseconds} ms" if state.milliseconds is not None else ""
        table.add_row(state.version, state.description, state.applied_at or "[yellow]pending[/yellow]", took)
    console.print(table)


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            help="JSONL, JSONL.gz or Parquet files; folders of them (TRL's completions), data sets saved by `datasets`; or one "
            "folder that `memreward export` wrote.",
        ),
    ],
    run: RunOption = "import",
    embeddings: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="NPZ with query, query_id, thinking, answer, rollout_id arrays, of the memory's own model: a few are compared.",
        ),
    ] = None,
    dataset: DatasetOption = None,
    domain: DomainOption = None,
    go_on: Annotated[
        bool, typer.Option("--continue", help="Finish the import of an exported memory that was interrupted.")
    ] = False,
    rejects: RejectsOption = Path("memreward.rejects.jsonl"),
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store rollouts. Importing a file again changes nothing; bad rows are rejected, the rest goes in.

    TRL's `log_completions` files are taken as they are (its rewards are not read). A folder that `memreward export` wrote
    is a whole memory, and goes into an empty one.

    Fields: query and response are required; query_id, rollout_id, dataset, domain (math, qa, code), policy, step,
    sample, thinking, answer and numeric features are used where present. What a row knows of the truth (correct, gold,
    tests) is not stored; `memreward label` reveals it within a budget.
    """
    from memgraph.archive import is_archive
    from memgraph.reading import GivenEmbeddings, Reject, data_files

    if any(map(is_archive, files)):
        if len(files) > 1:
            raise typer.BadParameter("a folder that `memreward export` wrote is imported on its own")
        import_archive(files[0], go_on=go_on, home=home, as_json=as_json)
        return
    given = GivenEmbeddings.load(embeddings) if embeddings else None
    rejected: list[Reject] = []
    reports: list[dict[str, Any]] = []
    with open_memory(home) as memory:
        for file in data_files(files):
            with progress(f"importing {file.name}") as update:
                done = 0

                def advance(rows: int) -> None:
                    nonlocal done
                    done += rows
                    update(done)

                report = memory.import_file(
                    file, run=run, dataset=dataset, domain=domain, embeddings=given, progress=advance
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
                }
            )
    if as_json:
        emit({"files": reports, "rejected": rejected})
    else:
        table = Table("file", "new", "known", "rejected", "queries linked")
        for row in reports:
            table.add_row(*map(str, row.values()))
        console.print(table)
    report_rejects(rejected, rejects)
