"""What is said of a fitted reward model before it rewards anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trainer.run.refit import quality

GOOD = {"held_out_auc": 0.9, "held_out_within_query_auc": 0.8, "held_out_ece": 0.04}


@pytest.mark.parametrize(
    ("metrics", "said", "warned"),
    [
        (GOOD, "held-out AUC 0.900, within queries 0.800, ECE 0.040", False),
        (GOOD | {"held_out_within_query_auc": 0.59}, "within queries 0.590", True),
        (GOOD | {"held_out_within_query_auc": None}, "held-out AUC 0.900, ECE 0.040", False),  # no query with both
        (GOOD | {"held_out_auc": None}, "not measured", False),
        ({}, "not measured", False),
    ],
)
def test_a_model_that_hardly_orders_the_rollouts_of_a_query_is_warned_of(
    metrics: dict[str, float | None], said: str, warned: bool
) -> None:
    model: Any = SimpleNamespace(metrics=metrics)
    assert said in quality(model)
    assert ("reward.scorer: none" in quality(model)) is warned
