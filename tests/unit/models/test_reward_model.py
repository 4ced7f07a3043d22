from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from memgraph.errors import ModelError
from memgraph.models.consensus import EXPERIENCE, Voting, experience_features
from memgraph.models.metrics import evaluate_scores
from memgraph.models.pairs import right_and_wrong
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import shuffle_rollouts, snapshot


@pytest.fixture(scope="module")
def data() -> Snapshot:
    return snapshot(queries=60, labelled=30)


@pytest.fixture(scope="module")
def model(data: Snapshot) -> RewardModel:
    return RewardModel.fit(data, seed=0)


def test_it_learns_what_can_be_learned(data: Snapshot, model: RewardModel) -> None:
    truth = np.array([data.answer_values[row] == "0" for row in data.rollout_answer])[data.target_rollouts]
    found = evaluate_scores(model.predict(data), truth, data.rollout_query[data.target_rollouts])
    assert found.auc is not None
    assert found.auc > 0.75


def test_the_same_seed_gives_the_same_model_to_the_bit_and_another_seed_another(
    data: Snapshot, model: RewardModel
) -> None:
    assert RewardModel.fit(data, seed=0).fingerprint() == model.fingerprint()
    assert RewardModel.fit(data, seed=1).fingerprint() != model.fingerprint()


def test_labels_of_other_queries_do_not_move_a_score_once_the_model_is_fitted(
    data: Snapshot, model: RewardModel
) -> None:
    flipped = replace(data, labels=(1 - data.labels).astype(np.float32))
    np.testing.assert_array_equal(model.predict(flipped), model.predict(data))


def test_the_order_of_rollouts_does_not_matter(data: Snapshot, model: RewardModel) -> None:
    order = np.random.default_rng(0).permutation(len(data.rollout_keys))
    shuffled = shuffle_rollouts(data, order)
    keys = [data.rollout_keys[row] for row in data.target_rollouts]
    other_keys = [shuffled.rollout_keys[row] for row in shuffled.target_rollouts]
    expected = dict(zip(keys, model.predict(data).tolist(), strict=True))
    found = dict(zip(other_keys, model.predict(shuffled).tolist(), strict=True))
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rollouts", [1, 2, 7])
def test_any_number_of_rollouts_a_query(rollouts: int) -> None:
    data = snapshot(queries=20, rollouts=rollouts, labelled=10)
    scores = RewardModel.fit(data).predict(data)
    assert len(scores) == 10 * rollouts
    assert np.isfinite(scores).all()


def test_queries_without_neighbours_answers_that_all_agree_and_answers_that_are_all_missing(model: RewardModel) -> None:
    data = snapshot(queries=20, labelled=10)
    lonely = replace(data, similar=np.zeros((2, 0), np.int64), similar_scores=np.zeros(0, np.float32))
    missing = replace(data, answer_valid=np.zeros_like(data.answer_valid))
    first = np.array([np.flatnonzero(data.answer_query == query)[0] for query in data.rollout_query])
    agreeing = replace(data, rollout_answer=first)
    for odd in (lonely, missing, agreeing):
        assert np.isfinite(model.predict(odd)).all()
        assert np.isfinite(RewardModel.fit(odd).predict(odd)).all()


def test_nothing_to_score_is_nothing(data: Snapshot, model: RewardModel) -> None:
    assert model.predict(data.with_targets(np.zeros(60, np.bool_))).shape == (0,)


def test_with_labels_of_one_class_the_error_says_what_to_do(data: Snapshot) -> None:
    with pytest.raises(ModelError, match="label more queries"):
        RewardModel.fit(replace(data, labels=np.where(np.isnan(data.labels), np.nan, 0).astype(np.float32)))


def test_without_labels_it_is_the_vote(data: Snapshot) -> None:
    unlabelled = data.with_labels(np.full_like(data.labels, np.nan))
    model = RewardModel.fit(unlabelled)
    assert model.metrics == {"labelled_queries": 0.0, "labelled_rollouts": 0.0}
    vote = experience_features(data, Voting.of(data))[data.target_rollouts, EXPERIENCE.index("vote")]
    np.testing.assert_allclose(model.predict(unlabelled), expit(vote), atol=1e-5)


def test_a_checkpoint_gives_the_same_scores_back(data: Snapshot, model: RewardModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = RewardModel.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(data), model.predict(data))
    assert loaded.fingerprint() == model.fingerprint()
    bare = {
        name: getattr(data, name)[:, :0] for name in ("query_embeddings", "thinking_embeddings", "answer_embeddings")
    }
    np.testing.assert_array_equal(loaded.predict(replace(data, space="another", **bare)), model.predict(data))
    with pytest.raises(ModelError, match="memreward fit"):
        RewardModel.load(tmp_path / "nowhere")


def test_checks_can_be_switched_off() -> None:
    data = snapshot(queries=20, labelled=10)
    noted = replace(data, feature_names=["check_form_length"], rollout_features=data.labels[:, None] * 1.0)
    without = RewardModelConfig(checks=())
    plain, ignoring = (RewardModel.fit(one, config=without).predict(one) for one in (data, noted))
    np.testing.assert_array_equal(plain, ignoring)


def test_pairs_are_every_right_rollout_with_every_wrong_one_of_its_query() -> None:
    rng = np.random.default_rng(0)
    query, labels = rng.integers(0, 9, 80), (rng.random(80) < 0.4).astype(np.float32)
    expected = [(r, w) for r in range(80) for w in range(80) if query[r] == query[w] and labels[r] > labels[w]]
    right, wrong = right_and_wrong(labels, query)
    assert list(zip(right, wrong, strict=True)) == expected


@pytest.mark.parametrize("labels", [[], [1.0, 1.0], [0.0], [1.0, 0.0]])
def test_without_a_right_and_a_wrong_rollout_of_one_query_there_are_no_pairs(labels: list[float]) -> None:
    right, wrong = right_and_wrong(np.array(labels, np.float32), np.arange(len(labels)))
    assert len(right) == len(wrong) == 0


def test_pairs_of_many_labels_are_not_sought_among_all_rollouts() -> None:
    query = np.repeat(np.arange(50_000), 8)  # a mask over all of them would have 160 billion entries
    right, wrong = right_and_wrong(np.tile([1.0, 0.0], 200_000).astype(np.float32), query)
    assert len(right) == len(wrong) == 50_000 * 16
