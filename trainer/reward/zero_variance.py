"""GRPO learns from differences within a group alone. Are there any left?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from trainer.reward.report import Rewarded

_CALLS = 10  # without a difference, before somebody is told


class ZeroVarianceGroups:
    """Counts reward calls in a row whose groups all have zero variance, where TRL's `frac_reward_zero_std` is 1.

    That is so where a policy has collapsed to one answer, where every problem is solved or none, and where the scorer tells
    nothing apart, so that rewards are alike or missing.
    """

    def __init__(self) -> None:
        self._calls = 0

    def update(self, query_keys: Sequence[str], rewarded: Sequence[Rewarded]) -> str | None:
        """Take in a call; what to say about it, after each ten such ones in a row."""
        groups: dict[str, list[Rewarded]] = defaultdict(list)
        for key, each in zip(query_keys, rewarded, strict=True):
            groups[key].append(each)
        several = [group for group in groups.values() if len(group) > 1]
        if not several:
            return None  # this process has parts of groups
        zero_variance = all(len({each.reward.value for each in group} - {None}) <= 1 for group in several)
        self._calls = self._calls + 1 if zero_variance else 0
        if not self._calls or self._calls % _CALLS:
            return None
        alike = np.mean([len({each.answer for each in group}) == 1 for group in several])
        values = [each.reward.value for group in several for each in group if each.reward.value is not None]
        mean = f"the mean reward is {np.mean(values):.2f}" if values else "all rewards are missing"
        return (
            f"in the last {self._calls} reward calls no group had two different rewards, so that GRPO learned nothing from them. "
            f"In this one {alike:.0%} of the groups give one answer throughout, and {mean}. "
            "If the policy has collapsed, go back to a checkpoint before that and lower the rate. If it solves all of the "
            "problems or none, take others"
        )
