"""Features by name, until they are one matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memgraph.snapshot.snapshot import Floats


def zero_columns(names: Sequence[str], rows: int) -> dict[str, Floats]:
    """Name → [rows] zeros, in the order of the names."""
    return {name: np.zeros(rows, np.float32) for name in names}


def stack_columns(columns: Mapping[str, Floats]) -> Floats:
    """[rows, names] in the order of the names."""
    return np.column_stack(list(columns.values()))
