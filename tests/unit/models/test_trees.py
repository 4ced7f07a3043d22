"""Boosted trees beside the first regression."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from memgraph.models import trees as module
from memgraph.models.feature_model import FeatureModel
from memgraph.models.trees import BoostedTrees, fit_trees, trees_share
from memgraph.snapshot.snapshot import Floats, Snapshot
from tests.unit.snapshots import snapshot


def band(rows: int = 400, seed: int = 0) -> tuple[Floats, Floats]:
    """[rows, 6] features and [rows] labels: right where the first is near zero, which no sum of features says."""
    features = np.random.default_rng(seed).normal(size=(rows, 6)).astype(np.float32)
    return features, (np.abs(features[:, 0]) < 0.7).astype(np.float32)


def test_arrays_give_what_scikit_learn_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    features, labels = band()
    features[::7, 1] = np.nan
    fitted = []
    fit = GradientBoostingClassifier.fit
    monkeypatch.setattr(
        GradientBoostingClassifier, "fit", lambda self, *rest, **named: fitted.append(self) or fit(self, *rest, **named)
    )
    trees = BoostedTrees.fit(features, labels, 0)
    expected = np.clip(fitted[0].decision_function(np.nan_to_num(features)), -4.6, 4.6)
    np.testing.assert_allclose(trees.logits(features), expected, atol=1e-5)


def test_they_find_what_no_sum_of_features_says() -> None:
    features, labels = band()
    unseen, truth = band(seed=1)
    trees = BoostedTrees.fit(features, labels, 0)
    assert roc_auc_score(truth, trees.logits(unseen)) > 0.95


def test_held_out_logits_do_not_know_the_labels_of_their_fold() -> None:
    features, labels = band(200)
    fold = np.arange(200) % 5
    _, held_out = fit_trees(features, labels, fold, 0)
    poisoned = np.where(fold == 2, 1 - labels, labels).astype(np.float32)
    _, after = fit_trees(features, poisoned, fold, 0)
    np.testing.assert_array_equal(held_out[fold == 2], after[fold == 2])
    assert (held_out[fold != 2] != after[fold != 2]).any()


def test_without_two_classes_there_are_no_trees() -> None:
    features, _ = band(50)
    trees, held_out = fit_trees(features, np.ones(50, np.float32), np.arange(50) % 5, 0)
    assert trees is None
    assert np.isnan(held_out).all()


def test_a_fold_whose_others_are_of_one_class_has_no_opinion() -> None:
    features, _ = band(100)
    labels = np.repeat([1.0, 0.0], [80, 20]).astype(np.float32)
    _, held_out = fit_trees(features, labels, np.repeat([0, 1], [80, 20]), 0)
    assert np.isnan(held_out).all()


def test_logits_are_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = band()
    trees = BoostedTrees.fit(features, labels, 0)
    whole = trees.logits(features)
    monkeypatch.setattr(module, "_BLOCK", 7)
    np.testing.assert_array_equal(trees.logits(features), whole)


def test_they_count_only_as_far_as_held_out_labels_support() -> None:
    rng = np.random.default_rng(0)
    query = np.repeat(np.arange(100), 4)
    labels = (rng.random(400) < 0.5).astype(np.float32)
    known = np.where(labels > 0.5, 2.0, -2.0) + rng.normal(size=400)
    noise = 2 * rng.normal(size=400)
    assert trees_share(known, noise, labels, query) == 0
    assert trees_share(noise, known, labels, query) == 0.5


def test_what_a_tree_costs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.ensemble import GradientBoostingClassifier

    shares = []
    start = GradientBoostingClassifier.__init__

    def keep(self: GradientBoostingClassifier, **settings: object) -> None:
        shares.append(settings["subsample"])
        start(self, **settings)

    monkeypatch.setattr(GradientBoostingClassifier, "__init__", keep)
    monkeypatch.setattr(module, "_ROWS_OF_A_TREE", 50)
    for rows in (80, 200):
        features, labels = band(rows)
        BoostedTrees.fit(features, labels, 0)
    assert shares == [0.5, 0.25]


def decisive_check(queries: int = 60) -> tuple[Snapshot, Floats]:
    """A snapshot in which one check says what is right, by a band, and [rollouts] the truth. Votes know nothing."""
    data = snapshot(queries, 8, labelled=queries)
    rng = np.random.default_rng(1)
    check = rng.normal(size=len(data.labels)).astype(np.float32)
    others = rng.normal(size=(len(check), 4)).astype(np.float32)
    truth = (np.abs(check) < 0.7).astype(np.float32)
    names = ["check_form_length", *(f"feature_{number}" for number in range(4))]
    data = replace(data, feature_names=names, rollout_features=np.column_stack([check, others]))
    return data, truth


def test_trees_that_help_are_kept_and_read_back_to_the_bit(tmp_path: Path) -> None:
    data, truth = decisive_check()
    data = data.with_labels(np.where(data.rollout_query < 20, truth, np.nan).astype(np.float32))
    model, logits = FeatureModel.fit(data, checks=("form",), seed=0)
    assert model.share > 0
    model.save(tmp_path / "model.npz")
    again = FeatureModel.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.logits(data), model.logits(data))
    assert again.digest() == model.digest()
    unlabelled = np.isnan(data.labels)
    right = expit(logits[unlabelled]) > 0.5
    assert (right == (truth[unlabelled] > 0.5)).mean() > 0.8


def test_the_order_of_rollouts_does_not_matter() -> None:
    data, truth = decisive_check(30)
    data = data.with_labels(np.where(data.rollout_query < 20, truth, np.nan).astype(np.float32))
    shuffled = np.random.default_rng(3).permutation(len(truth))
    rows = data.rollout_query[shuffled], data.rollout_answer[shuffled]
    other = replace(
        data,
        rollout_keys=[data.rollout_keys[row] for row in shuffled],
        rollout_query=rows[0],
        rollout_answer=rows[1],
        rollout_group=data.rollout_group[shuffled],
        rollout_order=data.rollout_order[shuffled],
        thinking_embeddings=data.thinking_embeddings[shuffled],
        rollout_features=data.rollout_features[shuffled],
        labels=data.labels[shuffled],
    )
    model, logits = FeatureModel.fit(data, checks=("form",), seed=0)
    again, of_other = FeatureModel.fit(other, checks=("form",), seed=0)
    assert model.share == again.share > 0
    np.testing.assert_allclose(of_other, logits[shuffled], atol=1e-4)
