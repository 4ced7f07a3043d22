"""From the graph to an archive."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from memgraph.errors import InputError
from memgraph.progress import Progress, silent
from memgraph.store import migrations
from memgraph.store.archive.columns import Column, ColumnKind, kind_of
from memgraph.store.archive.manifest import (
    BATCH,
    END,
    EXTRA_LABELS,
    FORMAT,
    MANIFEST,
    START,
    Manifest,
    Table,
    keyed_labels,
)
from memgraph.store.cypher import cypher, cypher_template
from memgraph.store.database import Database
from memgraph.store.keys import file_digest
from memgraph.store.reader_versions import recorded_versions
from memgraph.store.spaces import spaces

_LEFT_OUT = ("FOLLOWED",)  # what is read at different times does not tell which changes scores have counted in


def export_archive(
    database: Database, folder: Path, *, models: Path | None = None, progress: Progress = silent
) -> Manifest:
    """Write the whole memory to `folder`, which must not exist or be empty.

    What is added meanwhile may be missing, but no relationship lacks an end: relationships are read before nodes, and
    nothing but upkeep deletes any.

    Args:
        models: folder of reward model checkpoints, to go along.

    Raises:
        InputError: if the folder is taken, or a property cannot be kept without loss.
    """
    partial = begin_archive(folder)
    labels = keyed_labels(database)
    kinds, total, left_out = _kinds(database, labels)
    done = 0

    def write(file: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Table:
        nonlocal done
        count = 0
        with parquet.ParquetWriter(partial / file, pa.schema([c.field for c in columns]), compression="zstd") as out:
            for batch in _batches(rows):
                out.write_batch(_record_batch(batch, columns, out.schema))
                count, done = count + len(batch), done + len(batch)
                progress(done, max(done, total))
        return Table(file, count, file_digest(partial / file))

    relationships = {
        ".".join(kind): write(
            f"relationships/{'.'.join(kind)}.parquet",
            _relationship_columns(database, kind),
            _relationship_rows(database, kind),
        )
        for kind in kinds
    }
    vectors = {space.vector_property: space.dimension for space, _ in spaces(database)}
    nodes = {
        label: write(f"nodes/{label}.parquet", _node_columns(database, label, vectors), _node_rows(database, label))
        for label in labels
    }
    if models is not None and models.is_dir():
        shutil.copytree(models, partial / "models")
    applied = [state.version for state in migrations.status(database) if state.applied_at]
    return finish_archive(partial, folder, applied, nodes, relationships, left_out, recorded_versions(database))


def begin_archive(folder: Path) -> Path:
    """A folder beside it, to be filled.

    Raises:
        InputError: if the folder is taken.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already; an archive gets a folder of its own: name another one")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in ("nodes", "relationships"):
        (partial / name).mkdir(parents=True)
    return partial


def finish_archive(
    partial: Path,
    folder: Path,
    follows: list[str],
    nodes: dict[str, Table],
    relationships: dict[str, Table],
    left_out: dict[str, int],
    readers: dict[str, str],
) -> Manifest:
    """Write the manifest of what was filled, and put it in its place."""
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(FORMAT, version("memreward-graph"), made_at, follows, nodes, relationships, left_out, readers)
    (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return manifest


def _kinds(database: Database, labels: Sequence[str]) -> tuple[list[tuple[str, str, str]], int, dict[str, int]]:
    """(start, type, end) of every kind of relationship, how many rows there will be, and which nodes stay out."""
    kinds: set[tuple[str, str, str]] = set()
    total = 0
    left_out = {
        ":".join(row["labels"]): row["nodes"]
        for row in database.query(cypher("read/label_sets"))
        if not set(row["labels"]) & set(labels)
        and not any(name.startswith(migrations.INTERNAL) for name in row["labels"])
    }
    for row in database.query(cypher("read/relationship_kinds")):
        start, end = (next((name for name in row[side] if name in labels), None) for side in ("start", "end"))
        if start is not None and end is not None and row["type"] not in _LEFT_OUT:
            kinds.add((start, row["type"], end))
            total += row["relationships"]
    return sorted(kinds), total, left_out


def _node_columns(database: Database, label: str, vectors: Mapping[str, int]) -> list[Column]:
    columns = [Column("key", ColumnKind.TEXT), EXTRA_LABELS]
    for row in database.query(cypher_template("read/node_columns", label=label)):
        name, kind = row["name"], kind_of(row["name"], row["types"])
        if kind is ColumnKind.INTEGERS and isinstance(_value(database, label, row["example"], name), bytes):
            kind = ColumnKind.BYTES
        if name in vectors and kind in (ColumnKind.BYTES, ColumnKind.FLOATS):
            kind = ColumnKind.VECTOR_BYTES if kind is ColumnKind.BYTES else ColumnKind.VECTOR
        if name != "key":
            columns.append(Column(name, kind, vectors.get(name, 0)))
    return columns


def _value(database: Database, label: str, key: str, name: str) -> Any:
    return database.query(cypher_template("read/node_value", label=label), key=key, name=name)[0]["value"]


def _node_rows(database: Database, label: str) -> Iterator[dict[str, Any]]:
    for row in database.stream(cypher_template("read/nodes", label=label)):
        yield {**row["properties"], EXTRA_LABELS.name: sorted(set(row["labels"]) - {label})}


def _relationship_columns(database: Database, kind: tuple[str, str, str]) -> list[Column]:
    start, name, end = kind
    rows = database.query(cypher_template("read/relationship_columns", start=start, type=name, end=end))
    return [START, END, *(Column(row["name"], kind_of(row["name"], row["types"])) for row in rows)]


def _relationship_rows(database: Database, kind: tuple[str, str, str]) -> Iterator[dict[str, Any]]:
    start, name, end = kind
    for row in database.stream(cypher_template("read/relationships", start=start, type=name, end=end)):
        yield {**row["properties"], START.name: row["start"], END.name: row["end"]}


def _record_batch(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as columns; a property that appeared or changed its type since the columns were looked up is not left out."""
    try:
        if new := {name for row in rows for name in row} - {column.name for column in columns}:
            raise InputError(f"the property {min(new)!r} was added while the memory was exported; export it again")
        return pa.record_batch([column.to_arrow([row.get(column.name) for row in rows]) for column in columns], schema)
    except pa.ArrowException as error:
        raise InputError(f"a property changed while the memory was exported ({error}); export it again") from error


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
