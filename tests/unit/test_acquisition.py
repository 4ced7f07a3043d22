from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memgraph.acquisition import Gains, acquire, contrasts, own_variance, probabilities
from memgraph.errors import ModelError
from memgraph.snapshot import Snapshot
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
    pairs = replace(data, query_units=np.arange(60) // 2)
    for count in (1, 2, 5):
        chosen = {pairs.query_keys.index(key) // 2 for key in acquire(pairs, count, closed)}
        assert len(acquire(pairs, count, closed)) == 2 * len(chosen) <= count


def test_what_all_answer_alike_and_what_is_known_counts_for_nothing(data: Snapshot) -> None:
    """Three rollouts of each of three queries: one answer, two, three; the fourth query has none."""
    few = replace(data, query_keys=list("abcd"), rollout_query=np.repeat(np.arange(3), 3),
                  rollout_answer=np.arange(9), answer_class=np.array([0, 0, 0, 1, 1, 2, 3, 4, 5]))  # fmt: skip
    variance = np.array([9, 9, 9, 1, 2, 3, 0, 0, 3])
    assert own_variance(few, variance) == pytest.approx([0, 1 / 3 + 2 / 3 + 2, 2, 0])


def test_a_gain_is_the_variance_that_the_label_takes_away(data: Snapshot) -> None:
    probability = np.random.default_rng(0).uniform(0.05, 0.95, len(data.rollout_keys))
    variance = probability * (1 - probability)
    said, query = contrasts(data), data.rollout_query
    left = (said * (variance * np.isnan(data.labels))[:, None]).T @ (said * variance[:, None])

    def uncertain(labelled: list[int]) -> float:
        rows = said * (np.sqrt(variance) * np.isin(query, labelled))[:, None]
        return float(np.trace(np.linalg.inv(0.3 * np.eye(said.shape[1]) + rows.T @ rows) @ left))

    gains, labelled = Gains(data, probability), list(range(20))
    for query_row in (31, 50, 22):
        expected = [uncertain(labelled) - uncertain([*labelled, other]) for other in (25, 59)]
        assert gains.of(np.array([25, 59])) == pytest.approx(
            own_variance(data, variance)[[25, 59]] + expected, rel=1e-6
        )
        gains.label(query_row)
        labelled.append(query_row)


def test_where_nothing_is_shared_the_queries_least_known_are_chosen(data: Snapshot, closed: np.ndarray) -> None:
    apart = replace(data, thinking_embeddings=np.zeros_like(data.thinking_embeddings),
                    answer_values=list(data.answer_keys))  # fmt: skip
    probability = probabilities(apart)
    own = own_variance(apart, probability * (1 - probability))
    chosen = [apart.query_keys.index(key) for key in acquire(apart, 10, closed)]
    assert sorted(chosen) == sorted((20 + np.argsort(-own[20:])[:10]).tolist())


def test_what_many_share_is_labelled_once_for_all(data: Snapshot) -> None:
    """Most queries say what only they say, 54 to 56 one thing, 57 to 59 another; all are equally uncertain."""
    query, place = data.rollout_query, np.arange(len(data.rollout_query)) % 4
    about = np.where(query < 54, query, 100 + query // 57)
    texts = [f"{word}{kind} {word}{kind}x" for word, kind in zip(np.array(list("abcd"))[place], about, strict=True)]
    heaps = replace(data, thinking_texts=texts, thinking_embeddings=np.zeros_like(data.thinking_embeddings),
                    rollout_answer=np.arange(len(query)), answer_values=["?"] * len(query),
                    answer_class=np.arange(len(query)))  # fmt: skip
    gains, open_ = Gains(heaps, np.full(len(query), 0.5)), np.arange(60) >= 20
    first = gains.best(open_)
    gains.label(first)
    second = gains.best(open_ & (np.arange(60) != first))
    assert {first // 57, second // 57} == {0, 1}
    assert min(first, second) >= 54


def test_labels_of_one_class_say_nothing_about_uncertainty(data: Snapshot, closed: np.ndarray) -> None:
    with pytest.raises(ModelError, match="80 of one class"):
        acquire(replace(data, labels=np.where(np.isnan(data.labels), np.nan, 1).astype(np.float32)), 3, closed)
