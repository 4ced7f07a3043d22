from __future__ import annotations

import numpy as np
import pytest

from memgraph.models.calibration import noise_floor, temperature


def test_the_noise_floor_lies_where_order_begins_to_mean_something() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 6)
    labels = np.tile([0.0, 1.0], 180).astype(np.float32)
    chance = 0.5 + 0.01 * rng.normal(size=360)
    skilled = 0.5 + np.where(labels > 0, 0.3, -0.3) + 0.01 * rng.normal(size=360)
    half = np.where(group < 30, chance, skilled).astype(np.float32)
    assert 0.005 < noise_floor(half, labels, group) < 0.1
    assert noise_floor(skilled.astype(np.float32), labels, group) <= 0.32
    assert noise_floor(np.full(360, 0.5, np.float32), np.zeros(360, np.float32), group) == 0.0


def test_the_temperature_sharpens_timid_logits_and_never_damps_bold_ones() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 5000)
    labels = (rng.random(5000) < 1 / (1 + np.exp(-true))).astype(np.float32)
    assert temperature(true / 2, labels) == pytest.approx(2**0.5, rel=0.05)
    assert temperature(true, labels) == pytest.approx(1, abs=0.05)
    assert temperature(2 * true, labels) == 1
    assert temperature(true[:10] / 2, labels[:10]) == 1
