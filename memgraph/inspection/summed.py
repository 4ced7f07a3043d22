"""What named queries tell, summed up as the report and the pictures show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

STEP_PARTS = 20  # of the steps of a training run, at most (query `reward_sources`)


def over_domains(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the query `calibration`, the domains taken together: one for each tenth of those held out, and of the others."""
    groups: dict[tuple[bool, int], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["held_out"], row["tenth"]].append(row)
    return [
        {
            "held_out": held_out,
            "tenth": tenth,
            **{name: sum(row[name] for row in found) for name in ("rollouts", "right", "agreeing")},
            **{name: mean_of(name, found) for name in ("predicted", "brier")},
        }
        for (held_out, tenth), found in sorted(groups.items())
    ]


def mean_of(name: str, rows: Iterable[Mapping[str, Any]]) -> float:
    """Mean of a column where it is known, by rollouts; NaN without any."""
    known = [row for row in rows if row[name] is not None]
    if not known:
        return float("nan")
    return float(np.average([row[name] for row in known], weights=[row["rollouts"] for row in known]))
