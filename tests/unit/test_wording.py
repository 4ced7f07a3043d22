"""Statements that right rollouts make are learned; turns of phrase that stand everywhere are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memgraph.committee import Committee
from memgraph.reward_model import RewardModel, RewardModelConfig
from memgraph.snapshot import Snapshot
from memgraph.wording import Wording, ngrams_of
from tests.unit.snapshots import snapshot

CRATES = ("crate", "sack", "chest", "drum", "purse", "tray", "basket", "barrel") * 3


def measured(*, queries: int = 240, labelled: int = 120, seed: int = 7) -> tuple[Snapshot, np.ndarray]:
    """Each query is about one of 24 containers; rollouts say what it holds, rightly or wrongly, half of them each."""
    one = snapshot(queries=queries, rollouts=4, labelled=labelled)
    rng = np.random.default_rng(seed)
    right = rng.random(len(one.rollout_keys)) < 0.5
    texts = []
    for row, query in enumerate(one.rollout_query):
        kind = f"{'abc'[query % 24 // 8]} {CRATES[query % 24]}"
        texts.append(f"Therefore it is clear. 1 {kind} holds {query % 24 + (0 if right[row] else 30)} jars.")
    labels = np.where(one.rollout_query < labelled, right, np.nan).astype(np.float32)
    return replace(one, thinking_texts=texts, labels=labels), right


def fitted(data: Snapshot) -> Wording:
    rows = np.flatnonzero(~np.isnan(data.labels))
    return Wording.fit(data, ngrams_of(data), rows, data.labels[rows] >= 0.5)


def test_statements_of_labelled_queries_tell_right_from_wrong_on_others() -> None:
    data, right = measured()
    logits = fitted(data).logits(ngrams_of(data))[data.target_rollouts]
    assert ((logits > 0) == right[data.target_rollouts]).mean() > 0.95


def test_a_turn_of_phrase_that_stands_everywhere_does_not_count() -> None:
    data, right = measured()
    phrased = [f"{text} We verified it." if ok else text for text, ok in zip(data.thinking_texts, right, strict=True)]
    spoken = replace(data, thinking_texts=phrased)
    wording = fitted(spoken)
    added = replace(spoken, thinking_texts=[f"{text} We verified it." for text in data.thinking_texts])
    before = wording.logits(ngrams_of(data))
    after = wording.logits(ngrams_of(added))
    assert np.abs(after - before).max() < 0.25 * np.abs(before).mean()


def test_one_class_of_labels_says_nothing() -> None:
    data, _ = measured()
    rows = np.flatnonzero(~np.isnan(data.labels))
    wording = Wording.fit(data, ngrams_of(data), rows, np.ones(len(rows), np.bool_))
    assert not wording.logits(ngrams_of(data)).any()


def test_the_committee_reads_words_and_keeps_what_it_learned_from_them() -> None:
    hits = []
    for seed in range(8):
        data, right = measured(seed=seed)
        rows = np.flatnonzero(~np.isnan(data.labels))
        reading, _ = Committee.fit(data, rows, data.labels, checks=(), seed=0)
        deaf, _ = Committee.fit(data, rows, data.labels, checks=(), wording=False, seed=0)
        targets = data.target_rollouts
        hits.append([((one.logits(data, data.labels) > 0) == right)[targets].mean() for one in (reading, deaf)])
    mean = np.mean(hits, axis=0)
    assert mean[0] > 0.9 > 0.7 > mean[1]
    again = Committee.loads(reading.dumps())
    assert np.array_equal(again.logits(data, data.labels), reading.logits(data, data.labels))
    assert again.digest() == reading.digest() != deaf.digest()


def test_words_of_unlabelled_rollouts_cannot_bring_their_labels_in() -> None:
    data, right = measured()
    hidden = data.target_rollouts
    config = RewardModelConfig(hidden=16, heads=2, epochs=2)
    poisoned = data.labels.copy()
    poisoned[hidden] = ~right[hidden]
    seen = np.where(np.isin(np.arange(len(poisoned)), hidden), np.nan, poisoned).astype(np.float32)
    one = RewardModel.fit(data, config=config)
    other = RewardModel.fit(replace(data, labels=seen), config=config)
    assert one.fingerprint() == other.fingerprint()
