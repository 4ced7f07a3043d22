"""From an archive to the graph."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from memgraph.errors import InputError
from memgraph.progress import Progress, silent
from memgraph.store import migrations
from memgraph.store.archive.columns import Column
from memgraph.store.archive.manifest import (
    ALWAYS_THERE,
    BATCH,
    END,
    EXTRA_LABELS,
    NAME,
    START,
    Manifest,
    keyed_labels,
    read_manifest,
)
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.reader_versions import recorded_versions
from memgraph.store.spaces import create_index, spaces


def import_archive(
    database: Database,
    folder: Path,
    *,
    models: Path | None = None,
    go_on: bool = False,
    progress: Progress = silent,
) -> Manifest:
    """Read an archive into an empty memory, and bring it to this package's schema.

    Its answers stay as its readers read them. Where these are others than those of today, the memory is to be read again
    before it is opened: `memgraph.labels.reread`, which `memreward restore` calls.

    Args:
        models: folder that reward model checkpoints go to.
        go_on: finish an import that was interrupted: what is there stays as it is.

    Raises:
        InputError: if the archive is damaged, newer than this package, or the memory holds something already.
    """
    manifest = read_manifest(folder)
    refuse_newer(folder, manifest)
    migrations.migrate(database)
    labels = refuse_foreign(database, folder, manifest)
    if not go_on and (held := _held(database, labels)):
        raise InputError(
            f"this memory holds {held} already; an archive goes into an empty one: name another folder with --home (or "
            "another database), or give --continue to finish a restore of this archive that was interrupted"
        )
    if go_on and is_reread(database, manifest):
        return manifest  # it was complete before that began
    done = 0
    database.query(cypher("write/forget_spaces"), write=True)
    database.query(cypher("write/forget_reader"), write=True)
    for label, table in manifest.nodes.items():
        statement = cypher_template("write/nodes", label=label)
        for batch in _read(folder / table.file):
            rows = [
                {"key": row["key"], "labels": _extra(row.pop(EXTRA_LABELS.name)), "properties": row} for row in batch
            ]
            database.query(statement, write=True, rows=rows)
            done += len(rows)
            progress(done, manifest.rows)
    for name, table in manifest.relationships.items():
        start, kind, end = name.split(".")
        statement = cypher_template("write/relationships", start=start, type=kind, end=end)
        for batch in _read(folder / table.file):
            rows = [
                {"start": row.pop(START.name), "end": row.pop(END.name), "properties": _present(row)} for row in batch
            ]
            written = database.query(statement, write=True, rows=rows)[0]["written"]
            if written != len(rows):
                raise InputError(f"{len(rows) - written} relationships in {table.file} lack an end among the nodes")
            done += len(rows)
            progress(done, manifest.rows)
    migrations.replay(database, after=manifest.migrations[-1] if manifest.migrations else "0")
    create_indexes(database)
    bring_models(folder, models)
    return manifest


def refuse_newer(folder: Path, manifest: Manifest) -> None:
    """Refuse an archive whose schema this package does not know.

    Raises:
        InputError: naming the version.
    """
    versions = {migration.version for migration in migrations.discover()}
    if newer := [name for name in manifest.migrations if name not in versions]:
        raise InputError(f"{folder} has schema version {newer[-1]}, which is newer than this package; upgrade it")


def refuse_foreign(database: Database, folder: Path, manifest: Manifest) -> list[str]:
    """Labels of the memory; refuses an archive with nodes of others.

    Raises:
        InputError: naming one.
    """
    labels = keyed_labels(database)
    if foreign := sorted(set(manifest.nodes) - set(labels)):
        raise InputError(f"{folder} holds nodes {foreign[0]!r}, which this memory does not know")
    return labels


def create_indexes(database: Database) -> None:
    """Make the vector index of the space that serves."""
    for space, active in spaces(database):
        if active:
            create_index(database, space)


def bring_models(folder: Path, models: Path | None) -> None:
    """Copy an archive's checkpoints of reward models."""
    if models is not None and (folder / "models").is_dir():
        shutil.copytree(folder / "models", models, dirs_exist_ok=True)


def is_reread(database: Database, manifest: Manifest) -> bool:
    """Whether a memory's answers are not as they came any more: what was taken out of use must not come back."""
    row = database.query(cypher("read/reader"), domains=[])[0]
    return bool(row["begun"]) or (bool(row["answers"]) and recorded_versions(database) != manifest.readers)


def _held(database: Database, labels: Sequence[str]) -> str:
    """What a memory holds besides its embedding space, in words; empty for nothing."""
    counts = {
        label: database.query(cypher_template("read/node_count", label=label))[0]["nodes"]
        for label in labels
        if label not in ALWAYS_THERE
    }
    return ", ".join(f"{count:,} {label}" for label, count in counts.items() if count)


def _read(file: Path) -> Iterator[list[dict[str, Any]]]:
    """Rows of a file in batches, ready for the graph."""
    try:
        opened = parquet.ParquetFile(file)
        columns = [Column.of(field) for field in opened.schema_arrow]
        for batch in opened.iter_batches(BATCH):
            values = [column.to_neo4j(array) for column, array in zip(columns, batch.columns, strict=True)]
            yield [
                dict(zip((column.name for column in columns), row, strict=True)) for row in zip(*values, strict=True)
            ]
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read {file}: {error}") from error


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _extra(labels: Sequence[str]) -> list[str]:
    if bad := [label for label in labels if not NAME.fullmatch(label)]:
        raise InputError(f"{bad[0]!r} cannot be a label")
    return list(labels)
