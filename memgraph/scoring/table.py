"""Rows of the memory as a table: read page by page, handed on as Arrow, pandas, polars, HTML or a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_type_hints

from memgraph.errors import InputError
from memgraph.extras import installed
from memgraph.markup import joined, table, tag
from memgraph.printable import cut, shown
from memgraph.store.whole_file import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

Row = TypeVar("Row")

_SHOWN = 20  # rows, where a notebook shows a table


@dataclass(frozen=True, slots=True, repr=False)
class Table(Generic[Row]):
    """Rows of one kind. Iterating gives them one by one, `batches` gives them as Arrow, a page at a time.

    Attributes:
        kind: dataclass of a row, whose fields are the columns.
        pages: the rows in pieces that fit in memory. What is read from the database is read again each time, so that it
            needs no more memory than a page.
    """

    kind: type[Row]
    pages: Iterable[Sequence[Row]]

    def __iter__(self) -> Iterator[Row]:
        return (row for page in self.pages for row in page)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.kind.__name__}: {', '.join(self.columns)}>"

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return [field.name for field in fields(self.kind)]  # type: ignore[arg-type]

    @property
    def schema(self) -> pa.Schema:
        """The columns' types in Arrow; times are in UTC, to the microsecond."""
        return _schema(self.kind)  # type: ignore[arg-type]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows as `pyarrow.RecordBatch`es, one for each page."""
        import pyarrow as pa

        for page in self.pages:
            columns = {name: [getattr(row, name) for row in page] for name in self.columns}
            yield pa.RecordBatch.from_pydict(columns, schema=self.schema)

    def to_arrow(self) -> pa.Table:
        """All rows as a `pyarrow.Table`."""
        import pyarrow as pa

        return pa.Table.from_batches(self.batches(), schema=self.schema)

    def to_pandas(self) -> Any:
        """All rows as a `pandas.DataFrame`.

        Raises:
            MissingPackage: without pandas, naming the extra that brings it.
        """
        with installed():
            import pandas  # noqa: F401
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """All rows as a `polars.DataFrame`.

        Raises:
            MissingPackage: without polars, naming the extra that brings it.
        """
        with installed():
            import polars as pl
        return pl.from_arrow(self.to_arrow())

    def write(self, file: str | Path) -> int:
        """Write all rows to a file, whole or not at all: Parquet, CSV or JSONL, by its ending. Returns how many there were.

        Raises:
            InputError: for another ending.
        """
        file = Path(file)
        write = _WRITERS[ending(file)]
        with whole_file(file) as stream:
            return write(self, stream)

    def _repr_html_(self) -> str:
        """The first rows, as a notebook shows them."""
        rows = list(islice(self, _SHOWN + 1))
        cells = ([cut(shown(value)) for value in asdict(row).values()] for row in rows[:_SHOWN])  # type: ignore[call-overload]
        more = [tag("p", f"the first {_SHOWN} rows")] if len(rows) > _SHOWN else []
        return joined([table(repr(self), self.columns, cells), *more])


def ending(file: Path) -> str:
    """How a table's file ends.

    Raises:
        InputError: for an ending that no writer has, naming those that work.
    """
    if file.suffix not in _WRITERS:
        raise InputError(f"a table is written as {', '.join(_WRITERS)}, by the file's ending; found {file.name!r}")
    return file.suffix


def _write_parquet(table: Table[Any], stream: IO[bytes]) -> int:
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(stream, table.schema, compression="zstd") as writer:
        return sum(_written(writer.write_batch, batch) for batch in table.batches())


def _write_csv(table: Table[Any], stream: IO[bytes]) -> int:
    import pyarrow.csv

    with pyarrow.csv.CSVWriter(stream, table.schema) as writer:
        return sum(_written(writer.write_batch, batch) for batch in table.batches())


def _write_jsonl(table: Table[Any], stream: IO[bytes]) -> int:
    count = 0
    for count, row in enumerate(table, start=1):  # noqa: B007
        stream.write(json.dumps(asdict(row), default=datetime.isoformat, ensure_ascii=False).encode() + b"\n")
    return count


def _written(write: Any, batch: pa.RecordBatch) -> int:
    write(batch)
    return int(batch.num_rows)


_WRITERS = {".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _write_jsonl}


@cache
def _schema(kind: type[Any]) -> pa.Schema:
    import pyarrow as pa

    types = {
        str: pa.string(),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
        datetime: pa.timestamp("us", "UTC"),
    }
    hints = get_type_hints(kind)
    return pa.schema([pa.field(field.name, types[_plain(hints[field.name])]) for field in fields(kind)])


def _plain(hint: Any) -> Any:
    """The type of a field, without `| None`."""
    return next(kind for kind in get_args(hint) if kind is not type(None)) if isinstance(hint, UnionType) else hint
