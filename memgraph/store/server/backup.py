"""Backup and restore of a managed server's memory: an offline dump by neo4j-admin, and the reward models' checkpoints.

A backup is complete or absent, and it is proved by restoring it: a server with a temporary home loads the dump and counts
what it holds.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from memgraph.errors import DiskFull, ServerError
from memgraph.progress import Say, silent
from memgraph.settings import Settings
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.keys import file_digest
from memgraph.store.server.artifacts import wanted_artifacts
from memgraph.store.server.endpoint import Endpoint
from memgraph.store.server.home import DATABASE, ServerHome, free_mb, new_store_mb
from memgraph.store.server.local import LocalServer
from memgraph.store.whole_file import room_for

logger = logging.getLogger(__name__)

_LEAST_DUMP_MB = 10
_REMEDY = "free some space, or name a folder on another disk"
_MANIFEST = "backup.json"
_DUMP = f"{DATABASE}.dump"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: Neo4j's version, and how many nodes and relationships there were when it was begun.

    They are None in one that was made of a stopped server and not proved.
    """

    neo4j: str
    created_at: str
    nodes: int | None
    relationships: int | None
    sha256: str


def backup(settings: Settings, folder: Path, *, check: bool = True, say: Say = silent) -> Backup:
    """Write the memory of these settings to `folder`, which must not exist or be empty; the server stops meanwhile.

    Args:
        check: restore it into a temporary home, and compare.

    Raises:
        ServerError: if the folder is taken, the dump fails, or what was restored is less than there was. It is a DiskFull
            where there is no room for the dump or its proof, before the server is stopped.
    """
    _refuse_other_servers(settings, "backup")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ServerError(f"{folder} exists already; a backup gets a folder of its own: name another one")
    server = LocalServer(settings)
    if not ServerHome.of(settings).stores[0].is_dir():
        raise ServerError(f"there is no memory in {settings.home} to back up; name its folder with --home")
    _check_room(ServerHome.of(settings), folder, check=check)
    endpoint = server.find()
    nodes, relationships = (None, None) if endpoint is None else _count(endpoint)
    partial = folder.with_name(f".{folder.name}.partial").absolute()
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with room_for("the backup", folder):
            partial.mkdir(parents=True, mode=0o700)
            made = _make(settings, partial, (nodes, relationships), check=check, say=say)
            if folder.exists():
                folder.rmdir()
            partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)  # a half dump would only fill the disk
        raise
    return made


def _make(settings: Settings, partial: Path, held: tuple[int | None, int | None], *, check: bool, say: Say) -> Backup:
    server = LocalServer(settings)
    try:
        _dump(server, partial, say)
    except ServerError as error:
        if "perform recovery" not in str(error):
            raise
        say("it was not stopped cleanly; starting it once, which repairs that")
        server.start(say)
        server.stop(for_good=False)
        _dump(server, partial, say)
    models = settings.home / "models"
    if models.is_dir():
        shutil.copytree(models, partial / "models")
    version, _ = wanted_artifacts()
    made = Backup(
        version,
        datetime.now(UTC).isoformat(timespec="seconds"),
        *held,
        file_digest(partial / _DUMP),
    )
    _write(made, partial)
    if check:
        say("restoring it into a temporary home, to be sure")
        with tempfile.TemporaryDirectory(prefix="memreward-check-") as scratch:
            elsewhere = settings.model_copy(update={"home": Path(scratch)})
            try:
                made = restore(elsewhere, partial, say=say)
            finally:
                LocalServer(elsewhere).discard()
        _write(made, partial)
    return made


def restore(settings: Settings, folder: Path, *, overwrite: bool = False, say: Say = silent) -> Backup:
    """Load a backup into the home of these settings, and leave its server running; returns what came back.

    What was there is put aside until the load has succeeded, and put back if it fails.

    Args:
        overwrite: replace the memory that is there.

    Raises:
        ServerError: if the backup is damaged, a memory is there already, or less came back than was backed up.
    """
    _refuse_other_servers(settings, "restore")
    made = _read(folder)
    home = ServerHome.of(settings)
    if not overwrite and any(store.exists() for store in home.stores):
        raise ServerError(
            f"there is a memory in {settings.home} already; restore into another folder (--home), or replace it (--overwrite)"
        )
    server = LocalServer(settings)
    with server.offline(say), _put_aside(home):
        say("loading the dump")
        server.admin(
            "database", "load", DATABASE, f"--from-path={folder.absolute()}", "--overwrite-destination=true", say=say
        )
    if (folder / "models").is_dir():
        shutil.copytree(folder / "models", settings.home / "models", dirs_exist_ok=True)
    nodes, relationships = _count(server.start(say))
    if nodes < (made.nodes or 0) or relationships < (made.relationships or 0):
        raise ServerError(
            f"{nodes:,} nodes and {relationships:,} relationships came back; {made.nodes:,} and {made.relationships:,} were "
            "backed up: keep the backup and report this"
        )
    return replace(made, nodes=nodes, relationships=relationships)


def _check_room(home: ServerHome, folder: Path, *, check: bool) -> None:
    """That a backup has room; warns where it may not have.

    A dump is compressed, to a third or less of the store. Its proof unpacks it, and starts a server on it.
    """
    store = sum(file.stat().st_size for file in home.stores[0].rglob("*") if file.is_file()) // 2**20
    free = free_mb(folder.absolute().parent)
    if free < max(store // 10, _LEAST_DUMP_MB):
        raise DiskFull(
            f"the disk is full: {free:,} MB are free where {folder} would lie, and the store to back up has {store:,} MB: {_REMEDY}"
        )
    if free < store:
        logger.warning(
            "%s MB are free where the backup %s will lie, and the store has %s MB; a dump is smaller, yet it may not fit",
            f"{free:,}",
            folder,
            f"{store:,}",
        )
    scratch, needed = Path(tempfile.gettempdir()), store + new_store_mb()
    if check and free_mb(scratch) < needed:
        raise DiskFull(
            f"proving the backup needs {needed:,} MB in {scratch}, where {free_mb(scratch):,} MB are free; name another folder "
            "with TMPDIR, or leave the proof out with --no-check"
        )


def _dump(server: LocalServer, folder: Path, say: Say) -> None:
    with server.offline(say):
        say("writing the dump")
        server.admin("database", "dump", DATABASE, f"--to-path={folder}", say=say)


@contextmanager
def _put_aside(home: ServerHome) -> Iterator[None]:
    """Empty places for the stores; what stood there is removed in the end, or comes back where the work fails."""
    home.put_aside()
    try:
        yield
    except BaseException:
        home.put_back()
        raise
    home.give_up_aside()


def _read(folder: Path) -> Backup:
    try:
        made = Backup(**json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ServerError(f"{folder} is no backup by `memreward db backup`: {error}") from error
    if not (folder / _DUMP).is_file() or file_digest(folder / _DUMP) != made.sha256:
        raise ServerError(f"{folder / _DUMP} is not what was backed up (its sha256 differs); copy the folder again")
    return made


def _write(made: Backup, folder: Path) -> None:
    (folder / _MANIFEST).write_text(json.dumps(asdict(made), indent=1) + "\n", encoding="utf-8")


def _count(endpoint: Endpoint) -> tuple[int, int]:
    database = Database(endpoint)
    try:
        (size,) = database.query(cypher("read/size"))
    finally:
        database.close()
    return int(size["nodes"]), int(size["relationships"])


def _refuse_other_servers(settings: Settings, what: str) -> None:
    if settings.uri is not None:
        raise ServerError(
            f"NEO4J_URI is set to {settings.uri}, and `memreward db {what}` is for the managed local server only; see "
            "docs/operations.md for servers and Aura, or take `memreward export`, which works with any"
        )
