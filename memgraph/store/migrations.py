"""Applies `migrations/V0001__name.cypher …` in order, once each.

The history in the database follows neo4j-migrations (labels, relationship, checksums, lock), so that its command line
can inspect and validate a memory: a chain from BASELINE over `(:__Neo4jMigration)-[:MIGRATED_TO]->()`. Its rules are
kept here too: an applied file is immutable, a statement ends with `;` at the end of a line, and the checksum is the
CRC32 over the statements, comments included.
"""

from __future__ import annotations

import re
import time
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

import psutil
from neo4j.exceptions import ConstraintError

from memgraph.errors import MigrationError
from memgraph.progress import Say, silent
from memgraph.store.cypher import cypher, data_folder
from memgraph.store.database import Database

_FILE_NAME = re.compile(r"V(?P<version>\d+)__(?P<description>\w+)\.cypher")
_END_OF_STATEMENT = re.compile(r";(?:\r?\n|\r)")
_SCHEMA = re.compile(r"\s*(CREATE|DROP) ")
_LOCK_SECONDS = 120.0
INDEX_SECONDS = 86_400  # filled ones are built over hours, and one that fails says so at once
INTERNAL = "__Neo4jMigration"  # what the labels of the history's own nodes begin with


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    version: str
    description: str
    source: str
    statements: tuple[str, ...]

    @property
    def checksum(self) -> str:
        """CRC32 over all statements, as neo4j-migrations computes it."""
        value = 0
        for statement in self.statements:
            value = zlib.crc32(statement.encode("utf-8"), value)
        return str(value)


@dataclass(frozen=True, slots=True)
class MigrationState:
    """A migration and whether, when and how fast it was applied (None: pending)."""

    version: str
    description: str
    source: str
    checksum: str
    applied_at: str | None
    milliseconds: int | None


def statements_of(text: str) -> tuple[str, ...]:
    """Statements of a script, comments kept, split at `;` followed by a line end."""
    parts = (part.strip().removesuffix(";").strip() for part in _END_OF_STATEMENT.split(text))
    return tuple(part for part in parts if part)


def discover(folder: Path | None = None) -> list[Migration]:
    """Migrations of this package in order.

    Raises:
        MigrationError: for a misnamed file or two files of one version.
    """
    migrations: dict[int, Migration] = {}
    for file in sorted((folder or data_folder("migrations")).glob("*.cypher")):
        name = _FILE_NAME.fullmatch(file.name)
        if name is None:
            raise MigrationError(f"{file.name} is not named like V0001__description.cypher; rename it")
        number = int(name["version"])
        if number in migrations:
            raise MigrationError(f"{file.name} and {migrations[number].source} have one version; renumber the newer")
        text = file.read_bytes().decode("utf-8-sig")
        migrations[number] = Migration(
            name["version"], name["description"].replace("_", " "), file.name, statements_of(text)
        )
    return [migrations[number] for number in sorted(migrations)]


def status(database: Database, folder: Path | None = None) -> list[MigrationState]:
    """Every known migration, applied or pending, after checking that both histories agree.

    Raises:
        MigrationError: if an applied file was changed or removed, or the database is newer than this package.
    """
    applied = database.query(cypher("schema/migration_history"))
    migrations = discover(folder)
    if len(applied) > len(migrations):
        extra = ", ".join(row["source"] for row in applied[len(migrations) :])
        raise MigrationError(f"the database is newer than this package: {extra} unknown here; upgrade memreward-graph")
    states = []
    for position, migration in enumerate(migrations):
        row = applied[position] if position < len(applied) else None
        if row is not None and (row["version"], row["checksum"]) != (migration.version, migration.checksum):
            raise MigrationError(
                f"{migration.source} has checksum {migration.checksum}, but the database applied {row['source']} with "
                f"{row['checksum']}; an applied migration is immutable: restore the file and add a new one"
            )
        states.append(
            MigrationState(
                migration.version,
                migration.description,
                migration.source,
                migration.checksum,
                row["applied_at"] if row else None,
                row["milliseconds"] if row else None,
            )
        )
    return states


def migrate(
    database: Database, folder: Path | None = None, *, follows: str = "0", say: Say = silent
) -> list[MigrationState]:
    """Apply what is pending, under the lock, and wait until every index is online; returns the new status.

    Safe to call from many processes at once and again after a crash: each statement is idempotent, and a migration is
    recorded only after all its statements ran.

    Args:
        follows: version that the data follow already; up to it, only constraints and indexes are made.
    """
    states = status(database, folder)
    if all(state.applied_at for state in states):
        return states
    for statement in statements_of(cypher("schema/migration_constraints")):
        database.autocommit(statement)
    lock = _acquire_lock(database, say)
    try:
        by_version = {migration.version: migration for migration in discover(folder)}
        previous = "BASELINE"
        for state in status(database, folder):
            if state.applied_at is None:
                done = int(state.version) <= int(follows)
                _apply(database, by_version[state.version], previous, say, schema_only=done)
            previous = state.version
    finally:
        database.query(cypher("schema/migration_unlock"), write=True, id=lock)
    database.autocommit(cypher("schema/await_indexes"), seconds=INDEX_SECONDS)
    return status(database, folder)


def require_current(database: Database, folder: Path | None = None) -> None:
    """Refuse a memory whose schema is older than this package needs, and change nothing.

    Raises:
        MigrationError: naming both versions; also where nothing was ever stored.
    """
    states = status(database, folder)
    if all(state.applied_at for state in states):
        return
    applied = [state.version for state in states if state.applied_at]
    if not applied:
        raise MigrationError(
            f"nothing was ever stored in this memory ({database.endpoint.uri}): import rollouts (`memreward import`), or name "
            "another memory with --home or NEO4J_URI"
        )
    raise MigrationError(
        f"the schema of this memory is V{applied[-1]}, and this version of memreward-graph needs V{states[-1].version}. Reading "
        "alone changes nothing: run `memreward migrate`, or open the memory to write"
    )


def recorded(database: Database) -> bool:
    """Whether any migration was applied to this database."""
    return bool(database.query(cypher("schema/migration_history")))


def replay(database: Database, *, after: str, folder: Path | None = None) -> None:
    """Run migrations later than a version once more, on data that came in as that version had them.

    Nothing is recorded: to the history they are applied already, and every statement is idempotent.
    """
    for migration in discover(folder):
        if int(migration.version) > int(after):
            _run(database, migration)


def unlock(database: Database) -> int:
    """Release a lock that a crashed migrator left behind; returns how many there were."""
    return int(database.query(cypher("schema/migration_unlock"), write=True, id=None)[0]["released"])


def _apply(database: Database, migration: Migration, previous: str, say: Say, *, schema_only: bool) -> None:
    say(f"applying {migration.source}")
    start = time.perf_counter()
    _run(database, migration, schema_only=schema_only)
    record = {
        "version": migration.version,
        "description": migration.description,
        "type": "CYPHER",
        "repeatable": False,
        "source": migration.source,
        "checksum": migration.checksum,
    }
    database.query(
        cypher("schema/migration_record"),
        write=True,
        previous=previous,
        migration=record,
        milliseconds=round(1000 * (time.perf_counter() - start)),
        by=psutil.Process().username(),
        user=database.user,
    )


def _run(database: Database, migration: Migration, *, schema_only: bool = False) -> None:
    for statement in migration.statements:
        code = "\n".join(line for line in statement.splitlines() if not line.strip().startswith("//"))
        if code and (_SCHEMA.match(code) or not schema_only):
            database.autocommit(statement)


def _acquire_lock(database: Database, say: Say) -> str:
    lock = str(uuid.uuid4())
    name = "John Doe" if database.name == "neo4j" else database.name.lower()
    deadline = time.monotonic() + _LOCK_SECONDS
    announced = False
    while True:
        try:
            database.autocommit(cypher("schema/migration_lock"), id=lock, name=name)
        except ConstraintError:
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"another migrator has held the lock for {_LOCK_SECONDS:.0f} s; if none is running, a crashed one "
                    "left it: run `memreward migrate --unlock` and try again"
                ) from None
            if not announced:
                say("waiting for another process to finish its migration")
                announced = True
            time.sleep(0.5)
        else:
            return lock
