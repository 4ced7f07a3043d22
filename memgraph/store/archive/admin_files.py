"""An archive as the Parquet files that `neo4j-admin database import full` takes.

The tool reads types from the columns' names, and labels from one text. It leaves out texts that are empty, so each row
names these in a property of its own (`EMPTY`), which `restore_empty_texts` resolves afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from memgraph.errors import InputError
from memgraph.progress import Progress, silent
from memgraph.store.archive.columns import Column, ColumnKind
from memgraph.store.archive.manifest import END, EXTRA_LABELS, START, Manifest
from memgraph.store.cypher import cypher_template
from memgraph.store.database import Database

EMPTY: Final = "memreward_empty"
_ROWS = 4000
_NAME = re.compile(r"[\w .-]+")
_TYPES = {
    ColumnKind.TEXT: ":string",
    ColumnKind.INTEGER: ":long",
    ColumnKind.FLOAT: ":double",
    ColumnKind.BOOLEAN: ":boolean",
    ColumnKind.TIME: "",
    ColumnKind.TEXTS: ":string[]",
    ColumnKind.INTEGERS: ":long[]",
    ColumnKind.FLOATS: ":double[]",
    ColumnKind.BOOLEANS: ":boolean[]",
    ColumnKind.BYTES: ":byte[]",
    ColumnKind.VECTOR: ":float[]",
    ColumnKind.VECTOR_BYTES: ":byte[]",
}


def write_admin_files(folder: Path, manifest: Manifest, out: Path, progress: Progress = silent) -> list[str]:
    """Write an archive's rows to `out`; returns the arguments that name them to the tool, which runs in that folder.

    Raises:
        InputError: for a property that cannot be named to it.
    """
    arguments, done = [], 0
    for label, table in manifest.nodes.items():
        names = {"key": f"key:ID({label})"}
        arguments += _write(folder, table.file, out, names, f"--nodes={label}=") if table.rows else []
        done += table.rows
        progress(done, manifest.rows)
    for name, table in manifest.relationships.items():
        start, kind, end = name.split(".")
        names = {START.name: f":START_ID({start})", END.name: f":END_ID({end})"}
        arguments += _write(folder, table.file, out, names, f"--relationships={kind}=") if table.rows else []
        done += table.rows
        progress(done, manifest.rows)
    return arguments


def restore_empty_texts(database: Database, manifest: Manifest) -> None:
    """Give nodes and relationships the empty texts that the tool left out. Repeating it changes nothing."""
    for label in manifest.nodes:
        database.autocommit(cypher_template("write/empty_texts_of_nodes", label=label, property=EMPTY))
    for kind in sorted({name.split(".")[1] for name in manifest.relationships}):
        database.autocommit(cypher_template("write/empty_texts_of_relationships", type=kind, property=EMPTY))


def _write(folder: Path, file: str, out: Path, names: dict[str, str], option: str) -> list[str]:
    """Rewrite one file; `names` are those of the columns that are no properties."""
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    try:
        opened = parquet.ParquetFile(folder / file)
        columns = [Column.of(field) for field in opened.schema_arrow]
        for column in columns:
            if column.name not in names and column != EXTRA_LABELS and not _NAME.fullmatch(column.name):
                raise InputError(f"the property {column.name!r} cannot be named to neo4j-admin: restore without --bulk")
        heads = [names.get(c.name, c.name if c == EXTRA_LABELS else c.name + _TYPES[c.kind]) for c in columns]
        writer = None
        for batch in opened.iter_batches(_ROWS):
            arrays = [_array(column, array) for column, array in zip(columns, batch.columns, strict=True)]
            empty = _empty(columns, batch)
            rows = pa.record_batch([*arrays, empty], [*heads, f"{EMPTY}:string[]"])
            writer = writer or parquet.ParquetWriter(out / file, rows.schema, compression="zstd")
            writer.write_batch(rows)
        assert writer is not None
        writer.close()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot write {folder / file} for neo4j-admin: {error}") from error
    return [f"{option}{file}"]


def _array(column: Column, array: pa.Array) -> pa.Array:
    if column == EXTRA_LABELS:
        return compute.binary_join(array.cast(pa.list_(pa.string())), ";")
    if column.kind is ColumnKind.VECTOR_BYTES:
        return _bytes(array.is_valid(), array.drop_null().flatten(), 4 * column.dimension)
    if column.kind is ColumnKind.BYTES:
        return pa.array(
            [None if v is None else np.frombuffer(v, np.int8) for v in array.to_pylist()], pa.list_(pa.int8())
        )
    return array


def _bytes(valid: pa.Array, numbers: pa.Array, size: int) -> pa.Array:
    """Vectors one after another as lists of bytes."""
    present = valid.to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(present * size)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, numbers.to_numpy().view(np.int8), mask=pa.array(~present))


def _empty(columns: Sequence[Column], batch: pa.RecordBatch) -> pa.Array:
    """Names of each row's properties that are empty texts; None for none."""
    rows: list[list[str] | None] = [None] * len(batch)
    for column, array in zip(columns, batch.columns, strict=True):
        if column.kind is ColumnKind.TEXT:
            for row in np.flatnonzero(
                compute.fill_null(compute.equal(array, ""), False).to_numpy(zero_copy_only=False)
            ):
                rows[row] = [*(rows[row] or []), column.name]
    return pa.array(rows, pa.list_(pa.string()))
