"""What labels say outright about a statement counts, though the feature model has learned to trust something else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memgraph.kriging import krige
from memgraph.snapshot import Floats, Snapshot
from memgraph.wording import Wording
from memgraph.words import Words
from tests.unit.snapshots import snapshot


def told(*, queries: int = 120, labelled: int = 40) -> tuple[Snapshot, np.ndarray]:
    """Each query asks for the town of one of 80 people; two rollouts name the one town, two the other: half are right."""
    one = snapshot(queries=queries, rollouts=4, labelled=labelled)
    place = np.arange(len(one.rollout_keys)) % 4 // 2
    right = np.random.default_rng(1).integers(0, 2, 80)[one.rollout_query % 80] == place
    texts = [
        f"person{query % 80} lives in town{2 * (query % 80) + at}."
        for query, at in zip(one.rollout_query, place, strict=True)
    ]
    answer = 2 * one.rollout_query + place
    data = replace(
        one,
        query_domains=["qa"] * queries,
        thinking_texts=texts,
        rollout_answer=answer,
        answer_keys=[f"a{row:04}" for row in range(2 * queries)],
        answer_query=np.arange(2 * queries) // 2,
        answer_values=[f"answer {row % 2}" for row in range(2 * queries)],
        answer_class=np.arange(2 * queries),
        answer_valid=np.ones(2 * queries, np.bool_),
        answer_embeddings=np.zeros((2 * queries, one.query_embeddings.shape[1]), np.float32),
        labels=np.where(one.rollout_query < labelled, right, np.nan).astype(np.float32),
    )
    return data, right


def kriged(data: Snapshot, logits: Floats) -> tuple[Floats, Floats]:
    """[rollouts] what is added, and [labelled rollouts] the same by what was fitted on other folds."""
    words, rows = Words.of(data), np.flatnonzero(~np.isnan(data.labels))
    fold = data.rollout_query[rows] % 5
    wording, _ = Wording.fit(data, words, rows, data.labels[rows] >= 0.5, fold)
    correction, found = krige(wording, data, words, rows, logits, fold)
    return wording.corrected(correction).says(words)[1], found


def test_a_statement_that_a_label_settles_is_believed_against_the_model_and_others_are_left() -> None:
    data, right = told()  # the people of queries 80 to 119 are those of queries 0 to 39, which are labelled
    sure_and_wrong = np.where(right[:160], -2.0, 2.0).astype(np.float32)
    added, _ = kriged(data, sure_and_wrong)
    again = data.rollout_query >= 80
    assert ((added > 1.5) == right)[again].all()
    assert ((added < -1.5) == ~right)[again].all()
    unheard = (data.rollout_query >= 40) & ~again
    assert np.abs(added[unheard]).mean() < 0.3 * np.abs(added[again]).mean()


def test_where_the_model_is_right_already_little_is_added() -> None:
    data, right = told()
    wrong, _ = kriged(data, np.where(right[:160], -2.0, 2.0).astype(np.float32))
    known, _ = kriged(data, np.where(right[:160], 4.0, -4.0).astype(np.float32))
    assert np.abs(known).mean() < 0.2 * np.abs(wrong).mean()


def test_a_fold_is_corrected_by_the_labels_of_the_others_alone() -> None:
    data, right = told()
    rows = np.flatnonzero(~np.isnan(data.labels))
    logits = np.zeros(len(rows), np.float32)
    _, found = kriged(data, logits)
    third = data.rollout_query[rows] % 5 == 3
    labels = data.labels.copy()
    labels[rows[third]] = ~right[rows[third]]
    _, poisoned = kriged(replace(data, labels=labels), logits)
    assert np.allclose(found[third], poisoned[third], atol=1e-3)
    assert not np.allclose(found[~third], poisoned[~third], atol=1e-3)
