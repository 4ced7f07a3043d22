"""The tests that watch the reward: silent by chance, loud when it matters."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.run.monitor import AgreementTest

GROUPS = 300


def alarms(
    rng: np.random.Generator, expected: float, real: float, *, groups: int = GROUPS, threshold: float = 500
) -> int:
    """Alarms among groups of 8 rollouts that are right or wrong together to a good part."""
    test = AgreementTest(allowance=0.05, threshold=threshold)
    observed = rng.binomial(8, rng.beta(2 * real, 2 * (1 - real), size=groups)) / 8
    return sum(test.update(expected, float(one)) for one in observed)


@pytest.mark.parametrize("expected", [0.6, 0.8, 0.95])
def test_a_calibrated_reward_raises_fewer_false_alarms_than_stated(expected: float) -> None:
    rng = np.random.default_rng(0)
    runs = 40
    assert sum(alarms(rng, expected, expected) for _ in range(runs)) <= runs * GROUPS / 500
    assert sum(alarms(rng, expected, expected - 0.05, threshold=50) for _ in range(runs)) <= runs * GROUPS / 50


@pytest.mark.parametrize(("real", "groups"), [(0.3, 30), (0.5, 60)])
def test_miscalibration_is_noticed_within_a_few_groups(real: float, groups: int) -> None:
    rng = np.random.default_rng(1)
    noticed = sum(alarms(rng, 0.85, real, groups=groups) > 0 for _ in range(100))
    assert noticed >= 95


def test_a_long_good_time_does_not_delay_the_alarm() -> None:
    test = AgreementTest(allowance=0.05, threshold=500)
    assert not any(test.update(0.8, 1.0) for _ in range(1000))
    assert any(test.update(0.8, 0.0) for _ in range(12))


def test_no_group_can_lose_the_whole_stake() -> None:
    test = AgreementTest(allowance=0.3, threshold=500)
    for _ in range(1000):
        test.update(0.5, 1.0)
    assert test.evidence > 0
