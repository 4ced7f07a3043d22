"""The regression is its anchor until labels say otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from memgraph.models.anchored_regression import AnchoredRegression
from memgraph.models.metrics import evaluate_scores
from memgraph.models.prior import VOTE
from memgraph.snapshot.snapshot import Floats

NAMES = ["helps", VOTE.name, "noise"]


def data(queries: int, seed: int, *, helps: float = 0.0) -> tuple[Floats, Floats, np.ndarray]:
    """[rollouts, 3] features, [rollouts] labels and queries; the vote is right as often as it says."""
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(queries), 8)
    vote = rng.integers(-4, 5, len(query))
    hint = rng.normal(size=len(query))
    right = rng.random(len(query)) < expit(vote + helps * hint)
    features = np.column_stack([hint, vote, rng.normal(size=len(query))]).astype(np.float32)
    return features, right.astype(np.float32), query


def fitted(queries: int, seed: int, *, helps: float = 0.0) -> tuple[AnchoredRegression, Floats]:
    features, labels, query = data(queries, seed, helps=helps)
    return AnchoredRegression.fit(VOTE, NAMES, features, np.arange(len(labels)), labels, query, query % 5)


@pytest.mark.parametrize("seed", range(5))
def test_few_labels_leave_the_order_of_the_votes(seed: int) -> None:
    model, _ = fitted(6, seed)
    features, _, _ = data(200, seed + 100)
    logits = model.logits(features)
    votes = features[:, 1]
    apart = votes[:, None] - votes > 1.6
    assert (logits[:, None] > logits)[apart].mean() > 0.99


def test_many_labels_teach_what_helps_and_not_what_does_not() -> None:
    model, _ = fitted(300, 0, helps=2.0)
    helps, vote, noise, _ = model.weights
    assert helps > 1
    assert vote > 1
    assert abs(noise) < 0.2


def test_held_out_logits_do_not_see_their_own_folds_labels() -> None:
    features, labels, query = data(40, 1, helps=1.0)
    rows, fold = np.arange(len(labels)), query % 5
    _, before = AnchoredRegression.fit(VOTE, NAMES, features, rows, labels, query, fold)
    poisoned = np.where(fold == 2, 1 - labels, labels).astype(np.float32)
    _, after = AnchoredRegression.fit(VOTE, NAMES, features, rows, poisoned, query, fold)
    same = AnchoredRegression.fit(VOTE, NAMES, features, rows, labels, query, fold)[1]
    np.testing.assert_array_equal(before, same)
    assert np.abs(before - after)[fold != 2].max() > 0  # their models saw the poison
    strengths = {
        AnchoredRegression.fit(VOTE, NAMES, features, rows, one, query, fold)[0].strength for one in (labels, poisoned)
    }
    if len(strengths) == 1:
        np.testing.assert_allclose(before[fold == 2], after[fold == 2], atol=1e-5)


def test_one_query_one_class_and_missing_features_are_no_error() -> None:
    features, labels, query = data(1, 3)
    features[:, 0] = np.nan
    model, held_out = AnchoredRegression.fit(VOTE, NAMES, features, np.arange(8), labels, query, query)
    assert np.isfinite(held_out).all()
    assert np.isfinite(model.logits(features)).all()
    model, _ = AnchoredRegression.fit(VOTE, NAMES, features, np.arange(8), np.ones(8, np.float32), query, query)
    assert np.isfinite(model.logits(features)).all()


def test_arrays_make_the_same_regression() -> None:
    model, _ = fitted(20, 4)
    features, _, _ = data(20, 5)
    np.testing.assert_array_equal(AnchoredRegression(**model.arrays()).logits(features), model.logits(features))


def test_a_prior_that_explains_the_labels_is_kept_and_one_that_does_not_is_left() -> None:
    features, labels, query = data(20, 6, helps=2.0)
    rows, fold = np.arange(len(labels)), query % 5
    truth = AnchoredRegression.of_prior(VOTE, NAMES, features, {"helps": 2.0})
    assert truth.by_name(NAMES)["helps"] == 2.0
    good, bad, none = (
        AnchoredRegression.fit(VOTE, NAMES, features, rows, labels, query, fold, prior=prior)[0]
        for prior in ({"helps": 2.0}, {"helps": -2.0}, None)
    )
    assert abs(good.weights[0] - 2.0) < 0.1
    assert none.moved
    np.testing.assert_allclose(bad.weights, none.weights, atol=1e-4)


def test_few_labels_leave_a_prior_as_far_as_they_speak_against_it() -> None:
    """One labelled query is one nat or so of evidence: the weight of the prior lies between none and all of it."""
    features, labels, query = data(1, 6, helps=2.0)
    rows = np.arange(len(labels))
    kept = [
        AnchoredRegression.fit(VOTE, NAMES, features, rows, labels, query, query, prior={"helps": weight})[0].weights[0]
        / weight
        for weight in (0.2, -0.2)
    ]
    assert 0.5 < kept[0] < 1
    assert sum(kept) == pytest.approx(1, abs=0.1)


def test_labels_that_free_the_inputs_free_the_anchor_too() -> None:
    """Where the vote says nothing and an input all, its slope goes, though labels alone would need hundreds to move it."""
    features, labels, query = data(20, 6, helps=6.0)
    features[:, NAMES.index(VOTE.name)] = np.random.default_rng(1).permutation(features[:, NAMES.index(VOTE.name)])
    model, _ = AnchoredRegression.fit(VOTE, NAMES, features, np.arange(len(labels)), labels, query, query % 5)
    assert model.moved
    assert model.by_name(NAMES)[VOTE.name] < VOTE.slope * VOTE.scale / 4


@pytest.mark.parametrize("seed", range(5))
def test_a_handful_of_queries_does_not_make_it_worse_than_the_vote(seed: int) -> None:
    """Fifty features of noise and six labelled queries: within queries the order stays nearly that of the votes."""
    rng = np.random.default_rng(seed)
    names = [VOTE.name, *(f"noise{number}" for number in range(50))]

    def widened(queries: int, seed: int) -> tuple[Floats, Floats, np.ndarray]:
        features, labels, query = data(queries, seed)
        noise = rng.normal(size=(len(labels), 50)).astype(np.float32)
        return np.column_stack([features[:, 1], noise]), labels, query

    features, labels, query = widened(6, seed)
    model, _ = AnchoredRegression.fit(VOTE, names, features, np.arange(len(labels)), labels, query, query % 5)
    features, labels, query = widened(300, seed + 50)
    votes, scores = (
        evaluate_scores(values, labels, query) for values in (features[:, 0], expit(model.logits(features)))
    )
    assert votes.within_query_auc is not None
    assert scores.within_query_auc is not None
    assert scores.within_query_auc > votes.within_query_auc - 0.03
