from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memgraph.errors import ModelError
from memgraph.models import acquisition
from memgraph.models.acquisition import acquire, disagreement, uncertainty
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import DIMENSION, cluster, snapshot


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


def test_of_queries_that_tell_nothing_of_each_other_the_uncertain_ones_are_chosen(
    data: Snapshot, closed: np.ndarray
) -> None:
    apart = replace(data, query_embeddings=np.zeros_like(data.query_embeddings))  # nothing is said by more than one
    worth = uncertainty(apart) * disagreement(apart) ** 2
    chosen = [apart.query_keys.index(key) for key in acquire(apart, 10, closed)]
    assert worth[chosen].min() > np.median(worth[20:])
    unsure, differ = uncertainty(apart), disagreement(apart)
    for split in np.unique(differ[20:]):  # of those whose answers differ as much, exactly the most uncertain
        alike = 20 + np.flatnonzero(differ[20:] == split)
        taken = np.intersect1d(alike, chosen)
        assert sorted(taken.tolist()) == sorted(alike[np.argsort(-unsure[alike])[: len(taken)]].tolist())


def test_disagreement_counts_answers_though_they_seem_to_mean_the_same(data: Snapshot) -> None:
    """Three rollouts of each of three queries: one answer, two, three that behave alike; the fourth query has none."""
    few = replace(data, query_keys=list("abcd"), rollout_query=np.repeat(np.arange(3), 3),
                  rollout_answer=np.array([0, 0, 0, 1, 1, 2, 3, 4, 5]), answer_class=np.array([0, 1, 2, 3, 3, 3]))  # fmt: skip
    assert disagreement(few) == pytest.approx(np.sqrt([1 - 10 / 16, 1 - 6 / 16, 1 - 4 / 16, 0]))


def test_choices_spread_over_what_is_said(data: Snapshot, closed: np.ndarray) -> None:
    """Open queries are about four things in almost the same words, and so are their rollouts; embeddings are all the same."""
    kind = np.where(np.arange(60) < 20, 4, np.arange(60) // 10 - 2)
    things = ["purse", "basket", "sack", "crate", "tray"]
    near = replace(
        data,
        query_embeddings=np.repeat(data.query_embeddings[:1], 60, axis=0),
        query_texts=[f"How many nails are in {query} {things[k]}s?" for query, k in enumerate(kind)],
        thinking_texts=[f"1 {things[kind[q]]} holds 4 nails. 4 * {q} = {4 * q}" for q in data.rollout_query],
    )
    chosen = [near.query_keys.index(key) for key in acquire(near, 4, closed)]
    assert sorted(kind[chosen].tolist()) == [0, 1, 2, 3]


def test_choices_spread_over_what_questions_mean(data: Snapshot, closed: np.ndarray) -> None:
    """The same with questions that share no words, and lie in four heaps."""
    rng = np.random.default_rng(0)
    heap = np.where(np.arange(60) < 20, 4, np.arange(60) // 10 - 2)
    near = replace(data, query_embeddings=cluster(np.eye(DIMENSION)[heap] + 0.02 * rng.normal(size=(60, DIMENSION))))
    chosen = [near.query_keys.index(key) for key in acquire(near, 4, closed)]
    assert sorted(heap[chosen].tolist()) == [0, 1, 2, 3]


def test_a_kind_that_resembles_a_labelled_one_gets_labels(data: Snapshot, closed: np.ndarray) -> None:
    """All labels are on "at least"; a quarter of the open questions say "greater than", which means almost the same."""
    named = np.where(np.arange(60) < 50, "at least", "greater than")
    alike = replace(
        data,
        query_domains=["code"] * 60,
        query_embeddings=np.repeat(data.query_embeddings[:1], 60, axis=0),
        query_texts=[f"Write f(xs): count the numbers in xs that are {words} 5." for words in named],
        answer_values=[f"sum(1 for x in xs if x {'>=' if row % 2 else '>'} 5)" for row in range(len(data.answer_keys))],
    )
    chosen = [alike.query_keys.index(key) for key in acquire(alike, 6, closed)]
    assert (named[chosen] == "greater than").sum() >= 5


def test_many_queries_are_chosen_from_in_parts(
    data: Snapshot, closed: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = replace(data, query_clusters=np.arange(60) // 2)
    whole = acquire(pairs, 12, closed)
    monkeypatch.setattr(acquisition, "_MOST_QUERIES", 16)
    monkeypatch.setattr(acquisition, "_MOST_ANSWERS", 2)
    chosen = [pairs.query_keys.index(key) for key in acquire(pairs, 12, closed)]
    assert len(chosen) == 2 * len({row // 2 for row in chosen}) <= 12
    assert not closed[chosen].any()
    assert sorted(pairs.query_keys[row] for row in chosen) != whole
    assert len(acquire(pairs, 1000, closed)) == 40


def test_labels_of_one_class_say_nothing_about_uncertainty(data: Snapshot, closed: np.ndarray) -> None:
    with pytest.raises(ModelError, match="80 of one class"):
        acquire(replace(data, labels=np.where(np.isnan(data.labels), np.nan, 1).astype(np.float32)), 3, closed)
