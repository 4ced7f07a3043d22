"""From an archive to a memory without Bolt: neo4j-admin builds the store while no server runs.

It is built in a home of its own beside the memory, brought to this package's schema there, and moved to its place as a whole.
So a restore that fails or is killed leaves nothing that a server would open.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memgraph.errors import InputError
from memgraph.progress import Progress, Say, silent
from memgraph.settings import Settings
from memgraph.store import migrations
from memgraph.store.archive.admin_files import restore_empty_texts, write_admin_files
from memgraph.store.archive.manifest import ALWAYS_THERE, Manifest, read_manifest
from memgraph.store.archive.reading import bring_models, create_indexes, is_reread, refuse_foreign, refuse_newer
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.server.home import DATABASE, ServerHome
from memgraph.store.server.local import LocalServer


def bulk_import(settings: Settings, folder: Path, *, say: Say = silent, progress: Progress = silent) -> Manifest:
    """Make the managed memory of these settings, which must be empty, of an archive. Its server runs afterwards.

    Raises:
        InputError: if the archive is damaged or newer than this package, or the memory holds something already.
        ServerError: if neo4j-admin fails, with what it printed.
    """
    manifest = read_manifest(folder)
    refuse_newer(folder, manifest)
    home, server = ServerHome.of(settings), LocalServer(settings)
    if home.stores[0].exists():
        _refuse_filled(settings, Database(server.start(say)))
    with server.offline(say), _built(settings, folder, manifest, say, progress) as built:
        home.put_aside()
        for store, place in zip(built.stores, home.stores, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            store.rename(place)
        home.give_up_aside()
    bring_models(folder, settings.home / "models")
    server.start(say)
    return manifest


def admin_command(folder: Path, files: Path, database: str, progress: Progress = silent) -> str:
    """Write what neo4j-admin reads of an archive to `files`, for a server of one's own; returns the command to run in there.

    Raises:
        InputError: if the archive is damaged or newer than this package, or `files` is taken.
    """
    manifest = read_manifest(folder)
    refuse_newer(folder, manifest)
    if files.exists():
        raise InputError(f"{files} exists already; what neo4j-admin reads goes into a folder of its own: move it away")
    arguments = write_admin_files(folder, manifest, files, progress)
    return shlex.join(["neo4j-admin", *_import(database), *arguments])


def finish_bulk_import(database: Database, folder: Path, *, models: Path | None = None) -> Manifest:
    """Bring what neo4j-admin made of an archive to this package's schema. Interrupted, it goes on.

    Raises:
        InputError: if the database holds another number of nodes or relationships than the archive.
    """
    manifest = read_manifest(folder)
    refuse_newer(folder, manifest)
    if migrations.recorded(database) and is_reread(database, manifest):
        return manifest  # it was complete before that began
    _finish(database, folder, manifest)
    bring_models(folder, models)
    return manifest


def _finish(database: Database, folder: Path, manifest: Manifest) -> None:
    for label, table in manifest.nodes.items():
        held = database.query(cypher_template("read/node_count", label=label))[0]["nodes"]
        if held != table.rows:
            raise InputError(
                f"the database holds {held:,} {label}, and {folder} {table.rows:,}: run neo4j-admin with the files of this "
                "archive first, on a database of its own"
            )
    restore_empty_texts(database, manifest)
    migrations.migrate(database, follows=manifest.migrations[-1] if manifest.migrations else "0")
    refuse_foreign(database, folder, manifest)
    create_indexes(database)


@contextmanager
def _built(settings: Settings, folder: Path, manifest: Manifest, say: Say, progress: Progress) -> Iterator[ServerHome]:
    """A stopped server's home with the memory in it, which is removed in the end."""
    scratch = settings.model_copy(update={"home": settings.home / "bulk"})
    server, files = LocalServer(scratch), scratch.home / "files"
    server.discard()  # of one that was killed
    shutil.rmtree(scratch.home, ignore_errors=True)
    try:
        with server.offline() as home:
            arguments = write_admin_files(folder, manifest, files, progress)
            say("neo4j-admin builds the store")
            server.admin(*_import(DATABASE), *arguments, folder=files, brief=settings.throwaway)
        shutil.rmtree(files)
        database = Database(server.start(say))
        try:
            say("building indexes")
            _finish(database, folder, manifest)
        finally:
            database.close()
        server.stop()
        yield home
    finally:
        server.discard()
        shutil.rmtree(scratch.home, ignore_errors=True)


def _refuse_filled(settings: Settings, database: Database) -> None:
    """A memory that holds anything besides its embedding space and reader is left alone."""
    try:
        held = {
            ":".join(row["labels"]): row["nodes"]
            for row in database.query(cypher("read/label_sets"))
            if not set(row["labels"]) & set(ALWAYS_THERE)
            and not any(n.startswith(migrations.INTERNAL) for n in row["labels"])
        }
    finally:
        database.close()
    if held:
        raise InputError(
            f"the memory in {settings.home} holds {', '.join(f'{nodes:,} {name}' for name, nodes in held.items())} already; a "
            "bulk restore goes into an empty one: name another folder with --home"
        )


def _import(database: str) -> tuple[str, ...]:
    """The command; its database goes before the files, since the tool would take it for one of them."""
    return "database", "import", "full", database, "--input-type=parquet", "--path-pattern-style=none"
