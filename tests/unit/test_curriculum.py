"""How often training comes to a query: by how well its rewards are known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from trainer.curriculum import curriculum, explained_variance
from trainer.data import Task


def tasks(*keys: str) -> list[Task]:
    return [Task(key, key, key, "d", "math") for key in keys]


def test_queries_come_up_as_often_as_their_rewards_are_known() -> None:
    known = {"sure": 0.9, "half": 0.5, "vague": 0.01}
    passed = curriculum(tasks("paid", "sure", "half", "vague", "new"), {"paid"}, known, repeat=9, most=8)
    assert Counter(task.query_key for task in passed) == {"paid": 9, "sure": 7, "half": 4, "vague": 1, "new": 1}
    assert len(curriculum(tasks("paid", "sure"), {"paid"}, known, repeat=3, most=1)) == 4


def test_explained_variance_is_the_squared_correlation_with_labels_that_follow_the_predictions() -> None:
    rng = np.random.default_rng(0)
    query = np.repeat(np.arange(3), 200_000)
    p = np.concatenate([rng.beta(a, b, 200_000) for a, b in ((0.2, 0.2), (2, 2), (30, 60))])
    labels = rng.random(len(p)) < p
    found = explained_variance(p.astype(np.float32), query, 4)
    real = [np.corrcoef(p[query == row], labels[query == row])[0, 1] ** 2 for row in range(3)]
    assert found[:3] == pytest.approx(real, abs=0.01)
    assert found[3] == 0


def test_what_does_not_vary_or_is_not_predicted_explains_nothing() -> None:
    p = np.array([0.3, 0.3, 1.0, 1.0, np.nan, np.nan, 0.0, 1.0, np.nan], np.float32)
    query = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3])
    assert explained_variance(p, query, 4) == pytest.approx([0, 0, 0, 1])
