"""`memreward export`, `restore` and `reembed`: a memory leaves, arrives, and changes its embedding model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from memgraph.cli.common import (
    UNPLACED,
    HomeOption,
    JsonOption,
    NewFolderArgument,
    UnplacedOption,
    console,
    emit,
    open_database,
    progress,
    say,
)
from memgraph.cli.migrate import reread_answers, tell
from memgraph.settings import Settings

if TYPE_CHECKING:
    from memgraph.store.archive import Manifest


def export(
    folder: NewFolderArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole memory to a folder of Parquet files, which `memreward restore` reads back without loss.

    One file for each kind of node and relationship; any program reads them (docs/archive.md has the columns). Works with
    every server, Aura too. For a backup of the local server, `memreward db backup` is faster.

    Example: memreward export memory-2026-11
    """
    from memgraph.store.archive import export_archive

    settings = Settings.load(home=home)
    with open_database(settings) as database, progress("exporting") as update:
        manifest = export_archive(database, folder, models=settings.home / "models", progress=update)
    if manifest.left_out:
        say(f"left out, as the memory does not know them: {manifest.left_out}")
    _report(manifest, f"exported to {folder}", as_json)


def restore(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="What `memreward export` wrote.")],
    go_on: Annotated[bool, typer.Option("--continue", help="Finish a restore that was interrupted.")] = False,
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk",
            help="Let neo4j-admin build the store while no server runs, for very many rollouts. For a server of your own, its files "
            "and command are made, and --bulk --continue finishes what it loaded.",
        ),
    ] = False,
    unplaced: UnplacedOption = UNPLACED,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a whole memory back from what `memreward export` wrote, into an empty one, on any server.

    An archive of an earlier version is brought up to date: its schema, and its answers where they were read by an earlier
    reader. `memreward db restore` is for what `memreward db backup` wrote.

    Example: memreward restore memory-2026-11 --home another
    """
    from memgraph.store import archive
    from memgraph.store.database import Database, open_endpoint

    settings = Settings.load(home=home)
    if bulk and settings.uri is not None and not go_on:
        _prepare_bulk(folder, settings, as_json)
        return
    models = settings.home / "models"
    with progress("restoring") as update:
        if not bulk:
            with open_database(settings) as database:
                manifest = archive.import_archive(database, folder, models=models, go_on=go_on, progress=update)
        elif settings.uri is None:
            manifest = archive.bulk_import(settings, folder, say=say, progress=update)
        else:
            database = Database(open_endpoint(settings, say))
            try:
                manifest = archive.finish_bulk_import(database, folder, models=models)
            finally:
                database.close()
    with open_database(settings) as database:
        _, reread = reread_answers(database, settings, ask=False)
    if reread is not None:
        tell(reread, unplaced, as_json)
    _report(manifest, f"restored from {folder}", as_json)


def _prepare_bulk(folder: Path, settings: Settings, as_json: bool) -> None:
    """Write what neo4j-admin reads, and say what is to be done with it on a server that is not ours to stop."""
    from memgraph.store.archive import admin_command

    files = folder.with_name(f"{folder.name}.neo4j-admin")
    with progress("writing") as update:
        command = admin_command(folder, files, settings.database, update)
    if as_json:
        emit({"files": str(files), "command": command})
        return
    say(
        f"{settings.uri} is not ours to stop, so nothing was restored yet. Copy {files} to that server, and run in it, while the "
        f"database is stopped or not made yet:"
    )
    console.print(command, highlight=False, soft_wrap=True)
    say(f"Then start the database, and finish with: memreward restore {folder} --bulk --continue")


def reembed(
    model: Annotated[str, typer.Argument(help="A sentence-transformers model: a hub name, a folder, or a package.")],
    revision: Annotated[str | None, typer.Option(help="Hub revision of the model.")] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Embed and link only; the same command without it switches later.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move the memory to another embedding model, while it goes on being used with the present one.

    New vectors, their index and the similarity edges grow beside those that serve, until one step switches. Interrupted, it
    goes on where it stopped. Afterwards set MEMREWARD_EMBEDDING_MODEL to the new model. Rollouts, labels and reward models
    stay as they are. Rollouts and answers get their new vectors when something reads them.

    Example: memreward reembed BAAI/bge-small-en-v1.5
    """
    from memgraph.rollouts import reembed as moving
    from memgraph.rollouts.embedding import SentenceEmbedder

    settings = Settings.load(home=home)
    named = settings.model_copy(update={"embedding_model": model, "embedding_revision": revision})
    embedder = SentenceEmbedder.of(named)
    with open_database(settings) as database, progress("embedding") as update:
        report = moving.reembed(database, embedder, neighbours=settings.neighbours, switch=not prepare, progress=update)
    if as_json:
        emit(asdict(report))
        return
    console.print(
        f"{report.vectors} queries embedded by {report.space.model} {report.space.revision} ({report.space.dimension}-d), "
        f"{report.linked} queries linked"
    )
    if report.serving:
        console.print(f"it serves now: set MEMREWARD_EMBEDDING_MODEL={model}")
    else:
        console.print("prepared; the former model goes on serving until the same command without --prepare")


def _report(manifest: Manifest, what: str, as_json: bool) -> None:
    if as_json:
        emit(asdict(manifest))
        return
    table = Table("file", "rows")
    for part in (*manifest.nodes.values(), *manifest.relationships.values()):
        table.add_row(part.file, f"{part.rows:,}")
    console.print(table)
    console.print(what, highlight=False)
