"""The vote moved by labels, in two regressions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from memgraph.models.consensus import EXPERIENCE, Voting, experience_features
from memgraph.models.feature_model import FEWEST_QUERIES, FeatureModel
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.models.test_reliability import two_authors
from tests.unit.snapshots import snapshot


def fit(data: Snapshot, seed: int = 0) -> tuple[FeatureModel, np.ndarray]:
    return FeatureModel.fit(data, checks=(), seed=seed)


def test_few_labelled_queries_have_no_second_regression() -> None:
    model, logits = fit(snapshot(queries=60, labelled=FEWEST_QUERIES - 1))
    assert model.second is None
    assert np.isfinite(logits).all()


def test_without_labels_it_is_the_vote_and_what_other_memories_taught(tmp_path: Path) -> None:
    data = snapshot(queries=40, labelled=0)
    hint = np.random.default_rng(0).normal(size=len(data.labels)).astype(np.float32)
    data = replace(data, feature_names=["check_form_length"], rollout_features=hint[:, None])
    vote = FeatureModel.of_prior(data, checks=("form",), prior=None).logits(data)
    counted = experience_features(data, Voting.of(data))[:, EXPERIENCE.index("vote")]
    np.testing.assert_allclose(vote, counted, atol=1e-5)
    taught = FeatureModel.of_prior(data, checks=("form",), prior={"check_form_length": 0.5})
    moved = taught.logits(data) - vote
    assert np.corrcoef(moved, hint)[0, 1] > 0.99
    taught.save(tmp_path / "model.npz")
    again = FeatureModel.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.logits(data), taught.logits(data))


def test_a_second_regression_that_helps_is_kept_and_read_back_to_the_bit(tmp_path: Path) -> None:
    data, truth = two_authors(style=True)
    data = data.with_labels(np.where(data.rollout_query < 80, truth, np.nan).astype(np.float32))
    model, logits = FeatureModel.fit(data, checks=("form",), seed=0)
    assert model.second is not None
    model.save(tmp_path / "model.npz")
    again = FeatureModel.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.logits(data), model.logits(data))
    assert again.digest() == model.digest()
    unlabelled = np.isnan(data.labels)
    assert roc_auc_score(truth[unlabelled], logits[unlabelled]) > 0.8
    # of labelled rollouts by models that did not see their labels
    np.testing.assert_allclose(logits[unlabelled], model.logits(data)[unlabelled], atol=1e-5)
    assert (np.abs(logits - model.logits(data))[~unlabelled] > 1e-3).mean() > 0.9


def test_experience_moves_the_scores_of_its_query() -> None:
    data = snapshot(queries=40, rollouts=8, labelled=20)
    model, _ = fit(data)
    apart = replace(data, rollout_group=2 * data.rollout_query + (np.arange(len(data.rollout_keys)) % 8 >= 4))
    first = np.arange(len(data.rollout_keys)) % 8 < 4
    alone = apart.with_rollouts(first)
    remembered = model.logits(apart)[first]
    forgotten = model.logits(alone)
    assert np.abs(remembered - forgotten).max() > 0.1
