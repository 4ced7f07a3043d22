from dataclasses import replace

import numpy as np
import pytest

from memgraph.models.rivals import GeometricPrior, trusted_votes
from memgraph.models.scorers import SCORERS
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import DIMENSION, cluster, shuffle_rollouts, snapshot

SIZE = 4
# right answers of 4 in each group of a query, oldest first; the others are all different
LABELLED = [[1, 2, 4], [0, 1, 3], [1, 3, 4]]
RISING, FALLING, FLAT = [2, 3, 4], [4, 3, 2], [3, 3, 3]


def trajectories(counts: list[list[int]], labelled: int) -> Snapshot:
    """Queries with the given trajectories of agreement; the first are labelled, in their last group alone."""
    queries, groups = len(counts), len(counts[0])
    one = snapshot(queries=queries, rollouts=groups * SIZE, labelled=labelled)
    place = np.arange(len(one.rollout_keys)) % (groups * SIZE)
    group, member = place // SIZE, place % SIZE
    agrees = member < np.array(counts)[one.rollout_query, group]
    value = np.where(agrees, 0, 1 + place)
    pairs, answer = np.unique(np.stack([one.rollout_query, value]), axis=1, return_inverse=True)
    rng = np.random.default_rng(0)
    last = (group == groups - 1) & (one.rollout_query < labelled)
    return replace(
        one,
        rollout_answer=answer.reshape(-1),
        rollout_group=one.rollout_query * groups + (groups - 1 - group),  # numbers are names, not an order
        answer_keys=[f"a{a:04}" for a in range(pairs.shape[1])],
        answer_query=pairs[0],
        answer_values=[str(v) for v in pairs[1]],
        answer_written=[str(v) for v in pairs[1]],
        answer_same_as=[f"a{a:04}" for a in range(pairs.shape[1])],
        answer_class=np.arange(pairs.shape[1]),
        answer_valid=np.ones(pairs.shape[1], np.bool_),
        answer_embeddings=cluster(rng.normal(size=(pairs.shape[1], DIMENSION))),
        labels=np.where(last, agrees, np.nan).astype(np.float32),
    )


def trusted(one: Snapshot, labels: np.ndarray | None = None) -> list[bool]:
    votes = trusted_votes(one, one.labels if labels is None else labels)
    return [bool(~np.isnan(votes[one.rollout_query == query]).any()) for query in np.flatnonzero(one.query_targets)]


def test_votes_count_where_agreement_grows_as_the_labelled_pass_rate_does() -> None:
    one = trajectories([*LABELLED, RISING, FALLING, FLAT], labelled=3)
    assert trusted(one) == [True, False, False]
    rising = trusted_votes(one, one.labels)[one.rollout_query == 3]
    assert rising.tolist() == [1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1]
    backwards = replace(one, rollout_order=one.rollout_order[::-1].copy())
    assert trusted(backwards) == [True, False, False]  # both turn round
    order = np.random.default_rng(1).permutation(len(one.rollout_keys))
    assert trusted(shuffle_rollouts(one, order)) == [True, False, False]


def test_the_tenth_that_resembles_the_labelled_most_is_trusted_however_little_it_does() -> None:
    weak = [3, 2, 3]  # cosine with each of the labelled is positive and less than 0.4
    one = trajectories([*LABELLED, weak, *[FALLING] * 9], labelled=3)
    assert trusted(one) == [True, *[False] * 9]


def test_a_labelled_query_passes_by_its_labels_not_by_its_vote() -> None:
    one = trajectories([*LABELLED, RISING, FALLING], labelled=3)
    wrong = np.where(np.isnan(one.labels), np.nan, 0).astype(np.float32)  # a flat 0: resembles nothing
    assert trusted(one, wrong) == [True, True]  # all resemble it as little
    voted = replace(one, query_targets=np.ones(5, np.bool_))
    assert np.isnan(SCORERS["trapo"]().score(voted).probability).all()  # no label may be seen


def test_without_a_second_group_or_without_labels_it_abstains_and_says_why() -> None:
    single = snapshot()
    scores = SCORERS["trapo"]().score(single)
    assert np.isnan(scores.probability).all()
    assert set(scores.reasons) == {"no pass rates over groups that resemble those of labelled queries"}
    unlabelled = trajectories([RISING, FALLING], labelled=0)
    assert np.isnan(SCORERS["trapo"]().score(unlabelled).probability).all()


def test_trajectories_are_compared_over_the_groups_that_both_have() -> None:
    one = trajectories([*LABELLED, RISING, FALLING], labelled=3)
    shorter = one.with_rollouts((one.rollout_query != 3) | (np.arange(len(one.rollout_keys)) % 12 < 8))
    assert trusted(shorter) == [True, False]
    longer = one.with_rollouts((one.rollout_query > 2) | (np.arange(len(one.rollout_keys)) % 12 >= 4))
    assert trusted(longer) == [True, False]


@pytest.mark.parametrize("name", ["trapo", "geomin"])
def test_hidden_labels_change_nothing(name: str) -> None:
    one = trajectories([*LABELLED, RISING, FALLING, FLAT], labelled=3)
    scorer = SCORERS[name]()
    scorer.fit(one, seed=0)
    before = scorer.score(one).probability
    for poison in (0, 1):
        poisoned = np.where(one.query_targets[one.rollout_query], poison, one.labels).astype(np.float32)
        np.testing.assert_array_equal(scorer.score(one.with_labels(poisoned)).probability, before)


def test_the_side_of_a_representation_moves_the_agreement() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(200) < 0.5
    vectors = cluster(rng.normal(size=(200, DIMENSION)) + np.where(right, 0.6, -0.6)[:, None])
    share = np.clip(rng.normal(0.5 + 0.2 * (right - 0.5), 0.2), 0, 1).astype(np.float32)
    prior = GeometricPrior.fit(vectors, share, right, np.arange(200) % 5)
    side = cluster(np.stack([np.ones(DIMENSION), -np.ones(DIMENSION)]))
    same = np.full(2, 0.5, np.float32)
    towards_right, towards_wrong = prior.probability(side, same)
    assert towards_right > 0.9
    assert towards_wrong < 0.1
    low, high = prior.probability(np.zeros((2, DIMENSION), np.float32), np.array([0.1, 0.9], np.float32))
    assert low < high


def test_representations_that_say_nothing_leave_the_agreement() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(300) < 0.5
    share = np.where(right, 0.8, 0.2).astype(np.float32)
    constant = np.zeros((300, DIMENSION), np.float32)
    prior = GeometricPrior.fit(constant, share, right, np.arange(300) % 5)
    assert ((prior.probability(constant, share) > 0.5) == right).all()


def test_two_labels_suffice() -> None:
    vectors = cluster(np.eye(2, DIMENSION))
    prior = GeometricPrior.fit(vectors, np.array([0.2, 0.8], np.float32), np.array([False, True]), np.arange(2))
    assert np.isfinite(prior.probability(vectors, np.array([0.2, 0.8], np.float32))).all()
