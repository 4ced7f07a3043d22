from __future__ import annotations

import pyarrow as pa
import pytest

from memgraph.errors import InputError
from memgraph.store.archive.columns import Column, ColumnKind
from memgraph.store.archive.writing import _record_batch

COLUMNS = [Column("key", ColumnKind.TEXT), Column("step", ColumnKind.INTEGER)]
SCHEMA = pa.schema([column.field for column in COLUMNS])


def test_what_a_row_lacks_is_null() -> None:
    batch = _record_batch([{"key": "a", "step": 1}, {"key": "b"}], COLUMNS, SCHEMA)
    assert batch.to_pylist() == [{"key": "a", "step": 1}, {"key": "b", "step": None}]


@pytest.mark.parametrize(
    ("row", "message"),
    [({"key": "a", "late": 1}, "'late' was added while"), ({"key": "a", "step": "one"}, "changed while")],
)
def test_what_changes_during_an_export_is_not_left_out_in_silence(row: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _record_batch([row], COLUMNS, SCHEMA)
