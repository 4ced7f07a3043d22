from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from memgraph.errors import ModelError
from memgraph.models.consensus import FEATURES, consensus_features
from memgraph.models.metrics import evaluate_scores
from memgraph.models.scorers import SCORERS, PaperGnnScorer, RewardModelScorer
from memgraph.models.scores import DEFAULT_SCORER, Scorer
from tests.unit.snapshots import shuffle_rollouts, snapshot

if TYPE_CHECKING:
    from memgraph.models.paper_gnn import Messages

pytestmark = pytest.mark.usefixtures("short_networks")

# dropout falls on other rollouts when they are fitted in another order
WITH_DROPOUT = ["paper_gnn_published", "paper_gnn_corrected"]
CHEAP = [name for name in SCORERS if name not in WITH_DROPOUT]


@cache
def fitted(name: str) -> Scorer:
    """A scorer that has seen `snapshot()`; fitted once for all tests that only ask it."""
    scorer = SCORERS[name]()
    scorer.fit(snapshot(), seed=0)
    return scorer


def column(name: str, features: np.ndarray) -> list[float]:
    return features[:, FEATURES.index(name)].round(4).tolist()


def test_consensus_of_a_group_worked_out_by_hand() -> None:
    one = snapshot(queries=1, rollouts=5, labelled=0)
    answers = np.array([0, 0, 1, 2, 2])
    group = replace(
        one,
        rollout_answer=answers,
        answer_keys=["a", "b", "c"],
        answer_query=np.zeros(3, np.int64),
        answer_values=["4", "5", ""],
        answer_class=np.arange(3),
        answer_valid=np.array([True, True, False]),
        answer_embeddings=np.ones((3, 8), np.float32),
    )
    features = consensus_features(group)
    assert column("valid", features) == [1, 1, 1, 0, 0]
    assert column("share", features) == pytest.approx([0.4, 0.4, 0.2, 0, 0])
    assert column("majority", features) == [1, 1, 0, 0, 0]
    assert column("margin", features) == pytest.approx([0.2, 0.2, -0.2, 0, 0])


def test_ties_share_the_vote() -> None:
    tied = replace(snapshot(queries=1, rollouts=2, labelled=0), rollout_answer=np.array([0, 1]))
    if len(tied.answer_keys) < 2:
        tied = replace(
            tied,
            answer_keys=["a", "b"],
            answer_query=np.zeros(2, np.int64),
            answer_values=["1", "2"],
            answer_class=np.arange(2),
            answer_valid=np.ones(2, np.bool_),
            answer_embeddings=np.ones((2, 8), np.float32),
        )
    assert SCORERS["majority_vote"]().score(tied).probability.tolist() == [0.5, 0.5]


def test_programs_that_behave_alike_vote_together() -> None:
    four = snapshot(queries=1, rollouts=4, labelled=0)
    alike = replace(
        four,
        rollout_answer=np.arange(4),
        answer_keys=["a", "b", "c", "d"],
        answer_query=np.zeros(4, np.int64),
        answer_values=["p", "q", "r", "s"],
        answer_class=np.array([0, 0, 1, 2]),
        answer_valid=np.ones(4, np.bool_),
        answer_embeddings=np.ones((4, 8), np.float32),
    )
    assert column("share", consensus_features(alike)) == [0.5, 0.5, 0.25, 0.25]
    assert SCORERS["majority_vote"]().score(alike).probability.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("name", CHEAP)
def test_scores_follow_the_rollouts_whatever_their_order(name: str) -> None:
    original = snapshot()
    order = np.random.default_rng(3).permutation(len(original.rollout_keys))
    shuffled = shuffle_rollouts(original, order)
    found = []
    for one in (original, shuffled):
        scorer = SCORERS[name]()
        scorer.fit(one, seed=0)
        scores = scorer.score(one)
        keys = [one.rollout_keys[row] for row in scores.rollout_rows]
        found.append(dict(zip(keys, scores.probability.tolist(), strict=True)))
    assert found[0] == pytest.approx(found[1], abs=1e-4, nan_ok=True)


@pytest.mark.parametrize("name", ["paper_gnn_published", "paper_gnn_corrected"])
def test_a_fitted_network_scores_rollouts_in_any_order(name: str) -> None:
    original = snapshot()
    shuffled = shuffle_rollouts(original, np.random.default_rng(3).permutation(len(original.rollout_keys)))
    scorer = fitted(name)
    found = [
        dict(zip([one.rollout_keys[row] for row in one.target_rollouts], scorer.score(one).probability, strict=True))
        for one in (original, shuffled)
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-4)


@pytest.mark.parametrize("name", [name for name in SCORERS if name != "trapo"])  # which needs two groups of a query
def test_answers_are_for_the_target_rollouts_and_lie_between_0_and_1(name: str) -> None:
    one = snapshot()
    scores = fitted(name).score(one)
    assert scores.source == name
    np.testing.assert_array_equal(scores.rollout_rows, one.target_rollouts)
    assert ((scores.probability >= 0) & (scores.probability <= 1)).all()
    assert scores.reasons == [None] * len(scores.probability)


def test_abstentions_carry_a_reason() -> None:
    unlabelled = replace(snapshot(), labels=np.full(96, np.nan, np.float32))
    scores = SCORERS["knn"]().score(unlabelled)
    assert np.isnan(scores.probability).all()
    assert set(scores.reasons) == {"no labelled rollout of another query"}


@pytest.mark.parametrize("name", ["linear_probe", "logistic", "boosting", "geomin", "reward_model"])
def test_labels_of_one_class_are_a_clear_error(name: str) -> None:
    one = snapshot()
    with pytest.raises(ModelError, match=r"one class|all \d+ visible labels are right"):
        SCORERS[name]().fit(replace(one, labels=np.where(np.isnan(one.labels), np.nan, 1).astype(np.float32)))


def test_the_random_control_knows_nothing_but_is_the_same_every_time() -> None:
    one = snapshot(queries=400, labelled=0)
    scorer = SCORERS["random"]()
    scorer.fit(one, seed=1)
    first = scorer.score(one).probability
    np.testing.assert_array_equal(first, scorer.score(one).probability)
    truth = one.rollout_answer % 2
    auc = evaluate_scores(first, truth, one.rollout_query).auc
    assert auc is not None
    assert abs(auc - 0.5) < 0.05


def test_the_default_scorer_exists() -> None:
    assert DEFAULT_SCORER in SCORERS


@pytest.mark.parametrize(("messages", "moved"), [("published", False), ("corrected", True)])
def test_the_papers_messages_run_away_from_the_query_that_is_scored_and_the_corrected_ones_to_it(
    messages: Messages, moved: bool
) -> None:
    """A query that lists others as similar, and is listed by none, hears of them in the corrected form only."""
    from memgraph.models.paper_gnn import fit_paper_gnn, predict_paper_gnn  # PyG takes seconds to load

    one = snapshot(labelled=12)
    target = 23
    similar = one.similar[:, (one.similar[0] != target)]
    lonely = replace(
        one,
        similar=similar,
        similar_scores=np.full(similar.shape[1], 0.5, np.float32),
        query_targets=np.arange(24) == target,
    )
    network = fit_paper_gnn(lonely, messages=messages, seed=0, epochs=10)
    before = predict_paper_gnn(network, lonely, messages)
    vectors = lonely.query_embeddings.copy()
    vectors[lonely.similar[0][lonely.similar[1] == target]] *= -1
    after = predict_paper_gnn(network, replace(lonely, query_embeddings=vectors), messages)
    assert bool(np.abs(after - before).max() > 1e-6) == moved


@pytest.mark.parametrize("name", ["knn", "label_propagation", "boosting", "geomin", "paper_gnn_corrected"])
def test_labels_of_the_targets_move_no_score(name: str) -> None:
    one = snapshot()
    scorer = fitted(name)
    rng = np.random.default_rng(0)
    poisoned = np.where(one.query_targets[one.rollout_query], rng.integers(0, 2, len(one.labels)), one.labels)
    after = scorer.score(replace(one, labels=poisoned.astype(np.float32))).probability
    np.testing.assert_array_equal(after, scorer.score(one).probability)


def test_equal_answers_have_the_label_of_one_and_else_the_pooled_vote() -> None:
    """Four rollouts are asked for. Earlier ones answered 1 (once right, once wrong), 2 (not labelled) and nothing."""
    eight = snapshot(queries=1, rollouts=8, labelled=0)
    asked = np.array([True, True, True, True, False, False, False, False])
    one = replace(
        eight,
        rollout_answer=np.array([0, 1, 2, 3, 0, 0, 1, 3]),
        rollout_asked=asked,
        rollout_group=np.where(asked, 0, 1),
        answer_keys=["a", "b", "c", "d"],
        answer_query=np.zeros(4, np.int64),
        answer_values=["1", "2", "3", ""],
        answer_class=np.arange(4),
        answer_valid=np.array([True, True, True, False]),
        answer_embeddings=np.ones((4, 8), np.float32),
        labels=np.array([*[np.nan] * 4, 1, 0, np.nan, 1], np.float32),
    )
    scores = SCORERS["equal_answer"]().score(one)
    assert scores.probability.tolist() == pytest.approx([0.5, 2 / 8, 1 / 8, 0])
    np.testing.assert_array_equal(scores.rollout_rows, [0, 1, 2, 3])
    unlabelled = one.with_labels(np.where(asked, one.labels, np.nan).astype(np.float32))
    pooled = SCORERS["pooled_votes"]().score(unlabelled).probability
    np.testing.assert_array_equal(SCORERS["equal_answer"]().score(unlabelled).probability, pooled)


def test_boosting_reads_the_features_that_it_was_fitted_on_where_experience_is_left_out() -> None:
    one = snapshot()
    earlier = one.query_targets[one.rollout_query] & (np.arange(96) % 4 == 0)
    behaviour = np.full((96, 1), np.nan, np.float32)  # of the earlier rollouts alone, as if they were programs
    behaviour[earlier] = 1
    one = replace(one, rollout_asked=~earlier, feature_names=["check_behaviour_runs"], rollout_features=behaviour)
    scorer = SCORERS["boosting"]()
    scorer.fit(one, seed=0)
    assert len(scorer.score(one).probability) == 36


def test_scorers_say_whether_graph_networks_are_on() -> None:
    for name, on in {DEFAULT_SCORER: False, "paper_gnn_corrected": True}.items():
        found = [SCORERS[name](), fitted(name)]
        assert all(isinstance(scorer, RewardModelScorer | PaperGnnScorer) for scorer in found)
        assert [scorer.networks_on for scorer in found] == [None, on]
