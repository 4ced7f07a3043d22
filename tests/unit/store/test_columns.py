from __future__ import annotations

from datetime import UTC, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j.time import DateTime

from memgraph.errors import InputError
from memgraph.store.archive.columns import Column, ColumnKind, kind_of

INTEGERS = st.integers(-(2**63), 2**63 - 1)
VALUES = {
    ColumnKind.TEXT: st.text(),
    ColumnKind.INTEGER: INTEGERS,
    ColumnKind.FLOAT: st.floats(allow_nan=False),
    ColumnKind.BOOLEAN: st.booleans(),
    ColumnKind.BYTES: st.binary(),
    ColumnKind.TEXTS: st.lists(st.text()),
    ColumnKind.INTEGERS: st.lists(INTEGERS),
    ColumnKind.FLOATS: st.lists(st.floats(allow_nan=False)),
    ColumnKind.BOOLEANS: st.lists(st.booleans()),
    ColumnKind.VECTOR: st.lists(st.floats(width=32, allow_nan=False), min_size=3, max_size=3),
    ColumnKind.VECTOR_BYTES: st.binary(min_size=12, max_size=12).filter(lambda data: not np.isnan(np.frombuffer(data, "<f4")).any()),
    ColumnKind.TIME: st.builds(DateTime, st.integers(1900, 2200), st.integers(1, 12), st.integers(1, 28), st.integers(0, 23),
                         st.integers(0, 59), st.integers(0, 59), st.integers(0, 999_999_999), st.just(UTC)),
}  # fmt: skip


@pytest.mark.parametrize("kind", ColumnKind)
@given(st.data())
def test_values_come_back_as_they_were(kind: ColumnKind, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=4))
    column = Column("x", kind, 3 if kind.startswith("VECTOR") else 0)
    array = column.to_arrow(values)
    assert Column.of(column.field) == column
    assert column.to_neo4j(array) == values


def test_a_time_elsewhere_is_kept_as_its_instant() -> None:
    column = Column("x", ColumnKind.TIME)
    (found,) = column.to_neo4j(column.to_arrow([DateTime(2026, 1, 1, 1, 0, 0, 5, timezone(timedelta(hours=2)))]))
    assert found == DateTime(2025, 12, 31, 23, 0, 0, 5, UTC)


@pytest.mark.parametrize(
    ("value", "message"), [([0.1, 0.2, 0.3], "finer than float32"), ([1.0], "has 1 numbers; its space has 3")]
)
def test_a_vector_that_would_change_is_refused(value: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Column("x", ColumnKind.VECTOR, 3).to_arrow([value])


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["STRING NOT NULL"], ColumnKind.TEXT),
        (["INTEGER NOT NULL", "FLOAT NOT NULL"], ColumnKind.FLOAT),
        (["LIST<NOTHING> NOT NULL", "LIST<INTEGER NOT NULL> NOT NULL"], ColumnKind.INTEGERS),
        (["LIST<NOTHING> NOT NULL"], ColumnKind.TEXTS),
    ],
)
def test_one_kind_for_each_property(types: list[str], kind: ColumnKind) -> None:
    assert kind_of("x", types) is kind


@pytest.mark.parametrize("types", [["STRING NOT NULL", "INTEGER NOT NULL"], ["POINT NOT NULL"]])
def test_what_has_no_one_kind_is_named(types: list[str]) -> None:
    with pytest.raises(InputError, match=r"'x' holds .*(POINT|INTEGER and STRING)"):
        kind_of("x", types)


def test_a_column_of_another_program_is_refused() -> None:
    with pytest.raises(InputError, match="does not name its Neo4j type"):
        Column.of(pa.field("x", pa.int64()))
