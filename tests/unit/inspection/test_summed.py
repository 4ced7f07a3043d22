"""Rows of named queries, summed up."""

from __future__ import annotations

import pytest

from memgraph.inspection.summed import over_domains


def test_tenths_of_all_domains_are_weighted_by_rollouts() -> None:
    def row(domain: str, held_out: bool, tenth: int, rollouts: int, predicted: float) -> dict[str, object]:
        counts = {"rollouts": rollouts, "right": rollouts - 1, "agreeing": 1}
        return {
            **{
                "domain": domain,
                "held_out": held_out,
                "tenth": tenth,
                "predicted": predicted,
                "gap": 0.5,
                "brier": predicted / 2,
            },
            **counts,
        }

    rows = [row("code", True, 9, 1, 0.9), row("math", True, 9, 3, 0.98), row("math", True, 2, 2, 0.25)]
    rows.append(row("math", False, 9, 5, 1.0))
    seen, low, high = over_domains(rows)
    assert (seen["held_out"], seen["tenth"], seen["rollouts"]) == (False, 9, 5)
    assert low == {
        "held_out": True,
        "tenth": 2,
        "rollouts": 2,
        "right": 1,
        "agreeing": 1,
        "predicted": 0.25,
        "brier": 0.125,
    }
    assert (high["tenth"], high["rollouts"], high["right"], high["agreeing"]) == (9, 4, 2, 2)
    assert (high["predicted"], high["brier"]) == (pytest.approx(0.96), pytest.approx(0.48))
    assert over_domains([]) == []
