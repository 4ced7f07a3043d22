"""The whole memory as a folder of Parquet files, and back without loss (docs/archive.md describes the files).

Both ways work in bounded memory. An archive is complete or absent: it is written beside its place and moved there at the
end. Reading one checks every file's sha256 first, and may be repeated after an interruption.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from memgraph import migrate
from memgraph.columns import Column, Kind, kind_of
from memgraph.connect import Database
from memgraph.errors import InputError
from memgraph.resources import cypher, cypher_template
from memgraph.space import create_index, spaces

MANIFEST = "manifest.json"
_FORMAT = 1
_BATCH = 1000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
_EXTRA_LABELS = Column(":LABEL", Kind.TEXTS)
_START, _END = Column(":START", Kind.TEXT), Column(":END", Kind.TEXT)
_INTERNAL = "__Neo4jMigration"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Table:
    """One file of an archive: where it lies, how many rows it has, and its sha256."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds.

    Attributes:
        migrations: versions of the schema that its data follow.
        left_out: nodes that the memory does not know (without a key of its schema), counted by their labels.
    """

    format: int
    package: str
    created_at: str
    migrations: list[str]
    nodes: dict[str, Table]
    relationships: dict[str, Table]
    left_out: dict[str, int]

    @property
    def rows(self) -> int:
        """Nodes and relationships in all."""
        return sum(table.rows for table in (*self.nodes.values(), *self.relationships.values()))


def is_archive(folder: Path) -> bool:
    """Whether a folder is a memory that was exported."""
    return (folder / MANIFEST).is_file()


def export_archive(
    database: Database, folder: Path, *, models: Path | None = None, progress: Progress | None = None
) -> Manifest:
    """Write the whole memory to `folder`, which must not exist or be empty.

    What is added meanwhile may be missing, but no relationship lacks an end: relationships are read before nodes, and
    nothing but upkeep deletes any.

    Args:
        models: folder of reward model checkpoints, to go along.

    Raises:
        InputError: if the folder is taken, or a property cannot be kept without loss.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already; an archive gets a folder of its own: name another one")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name in ("nodes", "relationships"):
        (partial / name).mkdir(parents=True)
    labels = _keyed_labels(database)
    kinds, total, left_out = _kinds(database, labels)
    done = 0

    def write(file: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> Table:
        nonlocal done
        count = 0
        with parquet.ParquetWriter(partial / file, pa.schema([c.field for c in columns]), compression="zstd") as out:
            for batch in _batches(rows):
                out.write_batch(
                    pa.record_batch([c.to_arrow([row.get(c.name) for row in batch]) for c in columns], out.schema)
                )
                count, done = count + len(batch), done + len(batch)
                if progress is not None:
                    progress(done, max(done, total))
        return Table(file, count, _sha256(partial / file))

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
    applied = [state.version for state in migrate.status(database) if state.applied_at]
    manifest = Manifest(
        _FORMAT,
        version("memreward-graph"),
        datetime.now(UTC).isoformat(timespec="seconds"),
        applied,
        nodes,
        relationships,
        left_out,
    )
    (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", encoding="utf-8")
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return manifest


def import_archive(
    database: Database,
    folder: Path,
    *,
    models: Path | None = None,
    go_on: bool = False,
    progress: Progress | None = None,
) -> Manifest:
    """Read an archive into an empty memory, and bring it to this package's schema.

    Args:
        models: folder that reward model checkpoints go to.
        go_on: finish an import that was interrupted: what is there stays as it is.

    Raises:
        InputError: if the archive is damaged, newer than this package, or the memory holds something already.
    """
    manifest = _checked(folder)
    states = migrate.migrate(database)
    known = {state.version for state in states}
    if newer := [name for name in manifest.migrations if name not in known]:
        raise InputError(f"{folder} has schema version {newer[-1]}, which is newer than this package; upgrade it")
    labels = _keyed_labels(database)
    if foreign := sorted(set(manifest.nodes) - set(labels)):
        raise InputError(f"{folder} holds nodes {foreign[0]!r}, which this memory does not know")
    if not go_on and (held := _held(database, labels)):
        raise InputError(
            f"this memory holds {held} already; an archive goes into an empty one: name another folder with --home (or "
            "another database), or give --continue to finish an import of this archive that was interrupted"
        )
    done = 0
    database.query(cypher("write/forget_spaces"), write=True)
    for label, table in manifest.nodes.items():
        statement = cypher_template("write/nodes", label=label)
        for batch in _read(folder / table.file):
            rows = [
                {"key": row["key"], "labels": _extra(row.pop(_EXTRA_LABELS.name)), "properties": row} for row in batch
            ]
            database.query(statement, write=True, rows=rows)
            done = _tell(progress, done + len(rows), manifest.rows)
    for name, table in manifest.relationships.items():
        start, kind, end = name.split(".")
        statement = cypher_template("write/relationships", start=start, type=kind, end=end)
        for batch in _read(folder / table.file):
            rows = [
                {"start": row.pop(_START.name), "end": row.pop(_END.name), "properties": _present(row)} for row in batch
            ]
            written = database.query(statement, write=True, rows=rows)[0]["written"]
            if written != len(rows):
                raise InputError(f"{len(rows) - written} relationships in {table.file} lack an end among the nodes")
            done = _tell(progress, done + len(rows), manifest.rows)
    migrate.replay(database, after=manifest.migrations[-1] if manifest.migrations else "0")
    for space, active in spaces(database):
        if active:
            create_index(database, space)
    if models is not None and (folder / "models").is_dir():
        shutil.copytree(folder / "models", models, dirs_exist_ok=True)
    return manifest


def _checked(folder: Path) -> Manifest:
    """The manifest, after comparing every file with it."""
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise InputError(f"{folder} has format {document['format']}; this package reads {_FORMAT}: upgrade it")
        for part in ("nodes", "relationships"):
            document[part] = {name: Table(**table) for name, table in document[part].items()}
        manifest = Manifest(**document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{folder} is no memory that was exported: {MANIFEST} cannot be read: {error}") from error
    names = [*manifest.nodes, *(part for name in manifest.relationships for part in name.split("."))]
    if bad := [name for name in names if not _NAME.fullmatch(name)]:
        raise InputError(f"{folder}: {bad[0]!r} cannot name a label or a type of relationship")
    for table in (*manifest.nodes.values(), *manifest.relationships.values()):
        file = folder / table.file
        if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
            raise InputError(f"{folder} lacks {table.file}; copy the whole folder again")
        if _sha256(file) != table.sha256:
            raise InputError(f"{file} is not what was exported (its sha256 differs); copy the folder again")
    return manifest


def _keyed_labels(database: Database) -> list[str]:
    return [row["label"] for row in database.query(cypher("schema/keyed_labels"))]


def _held(database: Database, labels: Sequence[str]) -> str:
    """What a memory holds besides its embedding space, in words; empty for nothing."""
    counts = {
        label: database.query(cypher_template("read/node_count", label=label))[0]["nodes"]
        for label in labels
        if label != "EmbeddingSpace"
    }
    return ", ".join(f"{count:,} {label}" for label, count in counts.items() if count)


def _kinds(database: Database, labels: Sequence[str]) -> tuple[list[tuple[str, str, str]], int, dict[str, int]]:
    """(start, type, end) of every kind of relationship, how many rows there will be, and which nodes stay out."""
    found: set[tuple[str, str, str]] = set()
    total = 0
    left_out = {
        ":".join(row["labels"]): row["nodes"]
        for row in database.query(cypher("read/label_sets"))
        if not set(row["labels"]) & set(labels) and not any(name.startswith(_INTERNAL) for name in row["labels"])
    }
    for row in database.query(cypher("read/relationship_kinds")):
        start, end = (next((name for name in row[side] if name in labels), None) for side in ("start", "end"))
        if start is not None and end is not None:
            found.add((start, row["type"], end))
            total += row["relationships"]
    return sorted(found), total, left_out


def _node_columns(database: Database, label: str, vectors: Mapping[str, int]) -> list[Column]:
    columns = [Column("key", Kind.TEXT), _EXTRA_LABELS]
    for row in database.query(cypher_template("read/node_columns", label=label)):
        name, kind = row["name"], kind_of(row["name"], row["types"])
        if kind is Kind.INTEGERS and isinstance(_value(database, label, row["example"], name), bytes):
            kind = Kind.BYTES
        if name in vectors and kind in (Kind.BYTES, Kind.FLOATS):
            kind = Kind.VECTOR_BYTES if kind is Kind.BYTES else Kind.VECTOR
        if name != "key":
            columns.append(Column(name, kind, vectors.get(name, 0)))
    return columns


def _value(database: Database, label: str, key: str, name: str) -> Any:
    return database.query(cypher_template("read/node_value", label=label), key=key, name=name)[0]["value"]


def _node_rows(database: Database, label: str) -> Iterator[dict[str, Any]]:
    for row in database.stream(cypher_template("read/nodes", label=label)):
        yield {**row["properties"], _EXTRA_LABELS.name: sorted(set(row["labels"]) - {label})}


def _relationship_columns(database: Database, kind: tuple[str, str, str]) -> list[Column]:
    start, name, end = kind
    rows = database.query(cypher_template("read/relationship_columns", start=start, type=name, end=end))
    return [_START, _END, *(Column(row["name"], kind_of(row["name"], row["types"])) for row in rows)]


def _relationship_rows(database: Database, kind: tuple[str, str, str]) -> Iterator[dict[str, Any]]:
    start, name, end = kind
    for row in database.stream(cypher_template("read/relationships", start=start, type=name, end=end)):
        yield {**row["properties"], _START.name: row["start"], _END.name: row["end"]}


def _read(file: Path) -> Iterator[list[dict[str, Any]]]:
    """Rows of a file in batches, ready for the graph."""
    try:
        opened = parquet.ParquetFile(file)
        columns = [Column.of(field) for field in opened.schema_arrow]
        for batch in opened.iter_batches(_BATCH):
            values = [column.to_neo4j(array) for column, array in zip(columns, batch.columns, strict=True)]
            yield [
                dict(zip((column.name for column in columns), row, strict=True)) for row in zip(*values, strict=True)
            ]
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read {file}: {error}") from error


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _extra(labels: Sequence[str]) -> list[str]:
    if bad := [label for label in labels if not _NAME.fullmatch(label)]:
        raise InputError(f"{bad[0]!r} cannot be a label")
    return list(labels)


def _tell(progress: Progress | None, done: int, total: int) -> int:
    if progress is not None:
        progress(done, total)
    return done


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
