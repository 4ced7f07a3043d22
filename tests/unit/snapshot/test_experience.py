"""Experience beside a group: who is asked for stays who was sampled, and models of groups see what they saw without it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.models.consensus import EXPERIENCE
from memgraph.models.features import rollout_features
from memgraph.models.judged_answers import given_judged_answers, labels_of_equal_answers
from memgraph.models.reward_model import RewardModel
from memgraph.models.scorers import SCORERS
from memgraph.rollouts.experience import LOOKED_AT, Earlier, recent_and_diverse
from memgraph.snapshot.snapshot import Snapshot, hide_clusters
from tests.unit.snapshots import shuffle_rollouts, snapshot

QUERIES, SAMPLED = 40, 4


def with_experience(*, seed: int = 0) -> Snapshot:
    """Half of the rollouts of each query are of an earlier group; of the target queries they are experience, with labels."""
    one = snapshot(queries=QUERIES, rollouts=2 * SAMPLED, labelled=20, seed=seed)
    total = len(one.rollout_keys)
    earlier = np.arange(total) % (2 * SAMPLED) >= SAMPLED
    asked = ~(earlier & one.query_targets[one.rollout_query])
    rng = np.random.default_rng(seed)
    logprob = np.where(asked, rng.normal(size=total), np.nan)
    rare = np.where(asked, np.nan, rng.normal(size=total))  # a feature that experience alone has
    changed = replace(
        one,
        rollout_group=2 * one.rollout_query + earlier,
        rollout_asked=asked,
        query_domains=["qa"] * QUERIES,
        feature_names=["logprob", "rare"],
        rollout_features=np.stack([logprob, rare], axis=1).astype(np.float32),
        labels=np.where(asked, one.labels, rng.integers(0, 2, total)).astype(np.float32),
    )
    return shuffle_rollouts(changed, rng.permutation(total))


@pytest.fixture(scope="module")
def beside() -> Snapshot:
    return with_experience()


@pytest.fixture(scope="module")
def alone(beside: Snapshot) -> Snapshot:
    return beside.without_experience()


def test_experience_is_never_what_a_scorer_answers_for(beside: Snapshot) -> None:
    assert not (~beside.rollout_asked & beside.rollout_targets).any()
    targets = beside.query_targets[beside.rollout_query]
    assert beside.rollout_targets.sum() == targets.sum() / 2 == len(beside.target_rollouts)


def test_without_experience_there_are_only_answers_and_features_of_what_was_asked_for(
    beside: Snapshot, alone: Snapshot
) -> None:
    assert alone.rollout_asked.all()
    assert alone.rollout_keys == [
        k for k, asked in zip(beside.rollout_keys, beside.rollout_asked, strict=True) if asked
    ]
    assert alone.feature_names == ["logprob"]
    assert set(range(len(alone.answer_keys))) == set(alone.rollout_answer.tolist())
    answers = [beside.answer_keys[row] for row in beside.rollout_answer[beside.rollout_asked]]
    assert [alone.answer_keys[row] for row in alone.rollout_answer] == answers
    assert sorted(alone.rollout_order.tolist()) == list(range(len(alone.rollout_keys)))
    assert (np.diff(alone.rollout_order) > 0).tolist() == (
        np.diff(beside.rollout_order[beside.rollout_asked]) > 0
    ).tolist()
    assert alone.without_experience() is alone


def test_labels_on_experience_are_hidden_whoever_is_asked_for(beside: Snapshot) -> None:
    nobody = np.zeros(QUERIES, np.bool_)
    assert not np.isnan(beside.labels[~beside.rollout_asked]).any()
    for queries in (beside.query_targets, nobody):
        assert np.isnan(hide_clusters(beside, queries)[~beside.rollout_asked]).all()


def test_features_but_the_pooled_votes_are_those_without_experience_to_the_bit(
    beside: Snapshot, alone: Snapshot
) -> None:
    found = [rollout_features(one, ("form",)) for one in (beside, alone)]
    (names, wide), (kept, narrow) = found
    same = [position for position, name in enumerate(kept) if name not in EXPERIENCE]
    columns = [names.index(kept[position]) for position in same]
    np.testing.assert_array_equal(wide[beside.rollout_asked][:, columns], narrow[:, same])


def test_the_reward_model_hears_the_answers_of_experience_and_labels_of_equal_answers(
    beside: Snapshot, alone: Snapshot
) -> None:
    model = RewardModel.fit(alone, seed=0)
    unlabelled = replace(beside, labels=np.where(beside.rollout_asked, beside.labels, np.nan).astype(np.float32))
    remembered = model.predict(unlabelled)
    assert np.abs(remembered - model.predict(alone)).max() > 0.01
    known = labels_of_equal_answers(beside)[beside.target_rollouts]
    assert 0 < np.isnan(known).sum() < len(known)
    found = model.predict(beside)
    np.testing.assert_array_equal(found[~np.isnan(known)], known[~np.isnan(known)])
    np.testing.assert_allclose(found, given_judged_answers(beside, remembered, model.one_right), atol=1e-6)


def test_rollouts_that_state_no_answer_stay_in_their_group_and_vote_for_nothing(alone: Snapshot) -> None:
    group = alone.rollout_group == alone.rollout_group[0]
    rows = group & (alone.rollout_class == alone.rollout_class[0])
    rows[0] = False
    assert rows.any()
    changed = alone.without_answers(rows)
    assert not changed.rollout_valid[rows].any()
    np.testing.assert_array_equal(changed.rollout_answer[~rows], alone.rollout_answer[~rows])
    np.testing.assert_array_equal(changed.answer_query[changed.rollout_answer], alone.rollout_query)
    (before, after) = (rollout_features(one, ()) for one in (alone, changed))
    share = before[0].index("share")
    assert after[1][0, share] == pytest.approx(1 / group.sum())
    assert before[1][0, share] == pytest.approx((1 + rows.sum()) / group.sum())
    elsewhere = alone.rollout_query != alone.rollout_query[0]
    np.testing.assert_array_equal(after[1][elsewhere], before[1][elsewhere])


REMEMBERS = {"pooled_votes", "equal_answer", "trapo"}


@pytest.mark.usefixtures("short_networks")
@pytest.mark.parametrize(
    "name", [name for name in SCORERS if not name.startswith("reward_model") and name not in REMEMBERS]
)
def test_every_scorer_says_what_it_says_without_experience(beside: Snapshot, alone: Snapshot, name: str) -> None:
    scorer = SCORERS[name]()
    scorer.fit(alone.with_labels(hide_clusters(alone, alone.query_targets)), seed=0)
    one, other = scorer.score(beside), scorer.score(alone)
    np.testing.assert_array_equal(one.rollout_rows, beside.target_rollouts)
    np.testing.assert_array_equal(one.probability, other.probability)


ROLLOUTS = st.lists(
    st.builds(
        Earlier,
        key=st.text("abc", min_size=1, max_size=4),
        position=st.integers(0, 20).map("{:02}".format),
        group=st.integers(0, 5),
    ),
    unique_by=lambda one: one.key,
    max_size=40,
)


@given(ROLLOUTS, st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_in_which_rollouts_come_never_matters(rollouts: list[Earlier], most: int, random: Random) -> None:
    shuffled = random.sample(rollouts, len(rollouts))
    chosen = recent_and_diverse(rollouts, most)
    assert recent_and_diverse(shuffled, most) == chosen
    assert len(set(chosen)) == len(chosen) == min(most, len(rollouts))


@given(ROLLOUTS, ROLLOUTS, st.integers(1, 4))
def test_older_rollouts_beyond_those_looked_at_change_nothing(
    rollouts: list[Earlier], older: list[Earlier], most: int
) -> None:
    newest = sorted(rollouts, key=lambda one: one.key)
    newest = sorted(newest, key=lambda one: one.position, reverse=True)[: LOOKED_AT * most]
    beyond = [replace(one, key=f"{one.key} older", position=f"- {one.position}") for one in older]
    chosen = recent_and_diverse(newest, most)
    assert recent_and_diverse([*rollouts, *(beyond if len(newest) == LOOKED_AT * most else [])], most) == chosen


def test_of_each_group_fewer_are_read_the_older_it_is() -> None:
    groups = [[Earlier(f"{age}{place}", f"{9 - age}{place}", age) for place in range(4)] for age in range(4)]
    rollouts = [one for group in groups for one in group]
    # priorities: 0 | 1 1 | 2 2 2 | 3 …, the newer group first
    assert recent_and_diverse(rollouts, 4) == ["03", "02", "13", "01"]
    assert recent_and_diverse(rollouts, 10) == ["03", "02", "13", "01", "12", "23", "00", "11", "22", "33"]
    assert recent_and_diverse(rollouts, 0) == []
