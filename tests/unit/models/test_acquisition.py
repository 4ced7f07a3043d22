from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memgraph.errors import ModelError
from memgraph.models.acquisition import acquire, disagreement, uncertainty
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import snapshot


@pytest.fixture(scope="module")
def data() -> Snapshot:
    return snapshot(queries=60, labelled=20)


@pytest.fixture(scope="module")
def closed(data: Snapshot) -> np.ndarray:
    return ~data.query_targets


def test_it_chooses_as_many_open_queries_as_it_may(data: Snapshot, closed: np.ndarray) -> None:
    chosen = acquire(data, 9, closed)
    assert len(chosen) == 9
    assert set(chosen) <= set(data.query_keys[20:])
    assert acquire(data, 0, closed) == []
    assert len(acquire(data, 1000, closed)) == 40


def test_the_same_memory_gives_the_same_choice(data: Snapshot, closed: np.ndarray) -> None:
    assert acquire(data, 9, closed, seed=3) == acquire(data, 9, closed, seed=3)


def test_near_duplicates_are_chosen_together_and_never_over_the_count(data: Snapshot, closed: np.ndarray) -> None:
    pairs = replace(data, query_clusters=np.arange(60) // 2)
    for count in (1, 2, 5):
        keys = acquire(pairs, count, closed)
        chosen = {pairs.query_keys.index(key) // 2 for key in keys}
        assert len(keys) == 2 * len(chosen) <= count


def test_the_uncertain_ones_with_differing_answers_are_chosen(data: Snapshot, closed: np.ndarray) -> None:
    worth = np.where(closed, -1, uncertainty(data) * disagreement(data))
    best = sorted(data.query_keys[query] for query in np.argsort(-worth, kind="stable")[:10])
    assert acquire(data, 10, closed) == best


def test_disagreement_counts_answers_though_they_seem_to_mean_the_same(data: Snapshot) -> None:
    """Three rollouts of each of three queries: one answer, two, three that behave alike; the fourth query has none."""
    few = replace(data, query_keys=list("abcd"), rollout_query=np.repeat(np.arange(3), 3),
                  rollout_answer=np.array([0, 0, 0, 1, 1, 2, 3, 4, 5]), answer_class=np.array([0, 1, 2, 3, 3, 3]))  # fmt: skip
    assert disagreement(few) == pytest.approx(np.sqrt([1 - 10 / 16, 1 - 6 / 16, 1 - 4 / 16, 0]))


def test_labels_of_one_class_say_nothing_about_uncertainty(data: Snapshot, closed: np.ndarray) -> None:
    with pytest.raises(ModelError, match="80 of one class"):
        acquire(replace(data, labels=np.where(np.isnan(data.labels), np.nan, 1).astype(np.float32)), 3, closed)
