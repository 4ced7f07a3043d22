"""Who trains on rewards that are all alike is told so, once in ten calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from trainer.reward.report import Rewarded
from trainer.reward.rule import Reward
from trainer.reward.zero_variance import ZeroVarianceGroups

QUERIES = ["a", "a", "b", "b"]


def rewarded(values: Sequence[float | None], answers: str = "1122") -> list[Rewarded]:
    return [Rewarded(Reward(value, "label"), answer=answer) for value, answer in zip(values, answers, strict=True)]


def told(
    groups: ZeroVarianceGroups, values: Sequence[float | None], answers: str = "1122", calls: int = 10
) -> list[str]:
    said = (groups.update(QUERIES, rewarded(values, answers)) for _ in range(calls))
    return [message for message in said if message is not None]


def test_ten_calls_without_a_difference_are_told_once() -> None:
    groups = ZeroVarianceGroups()
    assert told(groups, [1, 1, 0, 0], calls=9) == []
    [message] = told(groups, [1, 1, 0, 0], calls=1)
    assert "last 10 reward calls" in message
    assert "100% of the groups give one answer" in message
    assert "mean reward is 0.50" in message
    assert told(groups, [1, 1, 0, 0], calls=9) == []
    assert "last 20 reward calls" in told(groups, [1, 1, 0, 0], "1234", calls=1)[0]


def test_answers_may_differ_where_rewards_do_not() -> None:
    assert "50% of the groups give one answer" in told(ZeroVarianceGroups(), [0, 0, 0, 0], "1123")[0]


@pytest.mark.parametrize("values", [[1, 0, 0, 0], [1, 1, 0.2, 0.3]])
def test_one_group_with_a_difference_starts_the_count_again(values: Sequence[float]) -> None:
    groups = ZeroVarianceGroups()
    assert told(groups, [1, 1, 1, 1], calls=9) == []
    assert told(groups, values, calls=1) == []
    assert told(groups, [1, 1, 1, 1], calls=9) == []
    assert len(told(groups, [1, 1, 1, 1], calls=1)) == 1


def test_missing_rewards_tell_nothing_apart() -> None:
    assert "all rewards are missing" in told(ZeroVarianceGroups(), [None] * 4)[0]
    assert "mean reward is 0.67" in told(ZeroVarianceGroups(), [None, 0, 1, 1])[0]
    assert told(ZeroVarianceGroups(), [None, 0, 1, 0], calls=20) == []


def test_parts_of_groups_count_nowhere() -> None:
    groups = ZeroVarianceGroups()
    assert [groups.update(["a", "b", "c", "d"], rewarded([1, 1, 1, 1])) for _ in range(20)] == [None] * 20
