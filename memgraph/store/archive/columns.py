"""Properties of nodes and relationships as Arrow columns, and back to the bit.

Arrow has no word for some of what Neo4j stores, so each column names the Neo4j type in its metadata (`neo4j`). Vectors
become fixed-size lists of float32, whichever way the graph holds them, so that other programs can read them at once.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
from neo4j.time import DateTime

from memgraph.errors import InputError

_METADATA = b"neo4j"
_NANOSECONDS = 10**9


class ColumnKind(StrEnum):
    """What a property holds, as Cypher's `valueType` says it; bytes and vectors are told from lists of numbers by us."""

    TEXT = "STRING"
    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    BOOLEAN = "BOOLEAN"
    TIME = "ZONED DATETIME"
    TEXTS = "LIST<STRING>"
    INTEGERS = "LIST<INTEGER>"
    FLOATS = "LIST<FLOAT>"
    BOOLEANS = "LIST<BOOLEAN>"
    BYTES = "BYTES"
    VECTOR = "VECTOR AS LIST<FLOAT>"
    VECTOR_BYTES = "VECTOR AS BYTES"


_ARROW = {
    ColumnKind.TEXT: pa.large_string(),
    ColumnKind.INTEGER: pa.int64(),
    ColumnKind.FLOAT: pa.float64(),
    ColumnKind.BOOLEAN: pa.bool_(),
    ColumnKind.TIME: pa.timestamp("ns", tz="UTC"),
    ColumnKind.TEXTS: pa.list_(pa.large_string()),
    ColumnKind.INTEGERS: pa.list_(pa.int64()),
    ColumnKind.FLOATS: pa.list_(pa.float64()),
    ColumnKind.BOOLEANS: pa.list_(pa.bool_()),
    ColumnKind.BYTES: pa.large_binary(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A property: its name, what it holds, and for a vector how many numbers."""

    name: str
    kind: ColumnKind
    dimension: int = 0

    @classmethod
    def of(cls, field: pa.Field) -> Column:
        """The column that a field of an archive describes.

        Raises:
            InputError: if it does not say what the graph holds.
        """
        kind = (field.metadata or {}).get(_METADATA, b"").decode()
        if kind not in set(ColumnKind):
            raise InputError(f"the column {field.name!r} does not name its Neo4j type in its metadata, found {kind!r}")
        return cls(field.name, ColumnKind(kind), field.type.list_size if kind.startswith("VECTOR") else 0)

    @property
    def field(self) -> pa.Field:
        """Its Arrow field."""
        vector = self.kind in (ColumnKind.VECTOR, ColumnKind.VECTOR_BYTES)
        kind = pa.list_(pa.float32(), self.dimension) if vector else _ARROW[self.kind]
        return pa.field(self.name, kind, metadata={_METADATA: self.kind.value.encode()})

    def to_arrow(self, values: Sequence[Any]) -> pa.Array:
        """What the driver returned, None where a node lacks the property, as an array.

        Raises:
            InputError: for a value that the column cannot hold without loss.
        """
        ready: list[Any]
        if self.kind is ColumnKind.TIME:
            ready = [None if value is None else _to_nanoseconds(value) for value in values]
        elif self.kind in (ColumnKind.VECTOR, ColumnKind.VECTOR_BYTES):
            ready = [None if value is None else self._to_vector(value) for value in values]
        else:
            ready = list(values)
        return pa.array(ready, self.field.type)

    def to_neo4j(self, array: pa.Array) -> list[Any]:
        """Values to send to the graph, None for missing ones."""
        if self.kind is ColumnKind.TIME:
            return [None if value is None else _to_time(value) for value in array.cast(pa.int64()).to_pylist()]
        values: list[Any] = array.to_pylist()
        if self.kind is ColumnKind.VECTOR_BYTES:
            return [None if value is None else np.asarray(value, np.float32).tobytes() for value in values]
        return values

    def _to_vector(self, value: bytes | list[float]) -> np.ndarray[Any, np.dtype[np.float32]]:
        if isinstance(value, bytes):
            vector = np.frombuffer(value, np.float32)
        else:
            vector = np.asarray(value, np.float32)
            if vector.tolist() != list(value):
                raise InputError(f"a vector in {self.name!r} is finer than float32, which an archive would round")
        if len(vector) != self.dimension:
            raise InputError(f"a vector in {self.name!r} has {len(vector)} numbers; its space has {self.dimension}")
        return vector


def kind_of(name: str, types: Sequence[str]) -> ColumnKind:
    """The kind of a property from what `valueType` says of all of its values.

    Raises:
        InputError: for types that an archive does not know, or that differ from node to node.
    """
    plain = {kind.replace(" NOT NULL", "") for kind in types}
    if plain > {"LIST<NOTHING>"}:
        plain -= {"LIST<NOTHING>"}
    if plain == {"LIST<NOTHING>"}:
        return ColumnKind.TEXTS
    if plain == {"INTEGER", "FLOAT"}:
        return ColumnKind.FLOAT
    if len(plain) != 1 or not plain <= set(ColumnKind):
        raise InputError(
            f"the property {name!r} holds {' and '.join(sorted(plain))}; an archive has one type for it, of "
            f"{', '.join(ColumnKind)}: make its values alike, or remove it"
        )
    return ColumnKind(plain.pop())


def _to_nanoseconds(value: DateTime) -> int:
    return calendar.timegm(value.to_native().utctimetuple()) * _NANOSECONDS + value.nanosecond


def _to_time(nanoseconds: int) -> DateTime:
    seconds, rest = divmod(nanoseconds, _NANOSECONDS)
    time = datetime.fromtimestamp(seconds, UTC)
    return DateTime(time.year, time.month, time.day, time.hour, time.minute, time.second, rest, tzinfo=UTC)
