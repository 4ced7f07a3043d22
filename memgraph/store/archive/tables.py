"""An archive that is written row by row, where nobody knows before which columns there will be."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from neo4j.time import DateTime

from memgraph.store import migrations
from memgraph.store.archive.columns import Column, ColumnKind
from memgraph.store.archive.manifest import END, EXTRA_LABELS, START, Manifest, Table
from memgraph.store.archive.writing import begin_archive, finish_archive
from memgraph.store.keys import file_digest

_KINDS = {
    bool: ColumnKind.BOOLEAN,
    int: ColumnKind.INTEGER,
    float: ColumnKind.FLOAT,
    str: ColumnKind.TEXT,
    bytes: ColumnKind.BYTES,
    DateTime: ColumnKind.TIME,
    list: ColumnKind.TEXTS,
}


class ArchiveWriter:
    """Nodes and relationships go to a folder that appears when it is finished.

    Args:
        folder: which must not exist or be empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, _Rows] = {}
        self.partial = begin_archive(folder)

    def write(self, file: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows to a file, for instance `nodes/Query`: a node's key and `:LABEL` stand in it, a relationship's ends."""
        if rows:
            self._tables.setdefault(file, _Rows(self.partial / f"{file}.parquet")).write(rows)

    def finish(self, *, schema: str, readers: Mapping[str, str]) -> Manifest:
        """Put the archive in its place.

        Args:
            schema: the migration that its rows follow.
            readers: domain → version of the reader that its answers were read by.
        """
        parts: dict[str, dict[str, Table]] = {"nodes": {}, "relationships": {}}
        for file, rows in sorted(self._tables.items()):
            part, name = file.split("/")
            rows.close()
            parts[part][name] = Table(f"{file}.parquet", rows.count, file_digest(rows.file))
        follows = [known.version for known in migrations.discover() if known.version <= schema]
        nodes, relationships = parts["nodes"], parts["relationships"]
        return finish_archive(self.partial, self._folder, follows, nodes, relationships, {}, dict(readers))

    def discard(self) -> None:
        """Remove what was not finished."""
        shutil.rmtree(self.partial, ignore_errors=True)


class _Rows:
    """One file. A column that comes up late begins another one, and in the end they are put together."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.count = 0
        self._columns: dict[str, Column] = {}
        self._pieces: list[Path] = []
        self._writer: parquet.ParquetWriter | None = None

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        new = {name: value for row in rows for name, value in row.items() if value is not None}
        if fresh := {name: _column(name, value) for name, value in new.items() if name not in self._columns}:
            self._columns |= fresh
            self._end_piece()
            self._pieces.append(self.file.with_suffix(f".{len(self._pieces)}"))
            self._writer = parquet.ParquetWriter(self._pieces[-1], self._schema, compression="zstd")
        assert self._writer is not None
        arrays = [column.to_arrow([row.get(name) for row in rows]) for name, column in self._columns.items()]
        self._writer.write_batch(pa.record_batch(arrays, self._schema))
        self.count += len(rows)

    @property
    def _schema(self) -> pa.Schema:
        return pa.schema([column.field for column in self._columns.values()])

    def _end_piece(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def close(self) -> None:
        self._end_piece()
        if len(self._pieces) > 1:
            whole = self.file.with_suffix(".whole")
            with parquet.ParquetWriter(whole, self._schema, compression="zstd") as out:
                for piece in self._pieces:
                    for batch in parquet.ParquetFile(piece).iter_batches(4096):
                        out.write_batch(_widened(batch, self._schema))
                    piece.unlink()
            self._pieces = [whole]
        self._pieces[0].rename(self.file)


def _widened(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    known = set(batch.schema.names)
    arrays = [batch.column(f.name) if f.name in known else pa.nulls(len(batch), f.type) for f in schema]
    return pa.record_batch(arrays, schema)


def _column(name: str, value: Any) -> Column:
    fixed = {column.name: column for column in (EXTRA_LABELS, START, END)}
    return fixed.get(name) or Column(name, _KINDS[type(value)])
