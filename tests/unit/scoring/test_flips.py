"""What relabelling counts: changed rewards, and training groups in which an advantage changes its sign."""

from __future__ import annotations

import pytest

from memgraph.scoring.rescore import RelabelReport, flips
from memgraph.scoring.write_back import ScoredRollout


def group(
    name: str, before: list[float | None], after: list[float | None], *, sampled: bool = True
) -> list[ScoredRollout]:
    place = ("run", 1, 0, name) if sampled else None
    return [
        ScoredRollout(f"{name}{number}", name, place, True, new, old, new)
        for number, (old, new) in enumerate(zip(before, after, strict=True))
    ]


@pytest.mark.parametrize(
    ("before", "after", "flipped"),
    [
        ([0.9, 0.1], [0.6, 0.4], False),
        ([0.9, 0.1], [0.4, 0.6], True),
        ([0.9, 0.9, 0.1], [0.9, 0.2, 0.2], True),  # the second was above the mean
        ([0.5, 0.5], [0.9, 0.1], False),  # without an advantage none changes its sign
        ([0.9, 0.1], [0.5, 0.5], False),
        ([0.9, 0.1, None], [0.8, 0.2, 0.5], False),  # what had no reward has no advantage
    ],
)
def test_a_group_flips_when_an_advantage_changes_its_sign(
    before: list[float | None], after: list[float | None], flipped: bool
) -> None:
    assert list(flips(group("q", before, after))) == [flipped]


def test_rollouts_that_no_reward_call_sampled_are_no_training_group() -> None:
    assert list(flips(group("q", [0.9, 0.1], [0.1, 0.9], sampled=False))) == []


def test_a_report_adds_up_over_pieces() -> None:
    report = RelabelReport()
    report.add(group("q", [0.9, 0.1, None], [0.4, 0.6, 0.5]))
    report.add([*group("r", [0.5, 0.5], [0.5, 0.8]), *group("s", [0.2, 0.3], [0.2, 0.3])])
    assert (report.scored, report.abstained, report.new_rewards) == (7, 0, 1)
    assert (report.changed, report.groups, report.flips) == (3, 3, 1)
    assert report.mean_change == pytest.approx((0.5 + 0.5 + 0.3) / 3)
    assert report.max_change == pytest.approx(0.5)
    assert [(one.rollout, one.after) for one in report.largest] == [("q0", 0.4), ("q1", 0.6), ("r1", 0.8)]
    report.add(group("t", [0.5], [None]))
    assert (report.abstained, report.changed) == (1, 3)
