"""Votes pooled with a query's other groups, and how much each policy counts there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memgraph.models.consensus import EXPERIENCE, Voting, agreement_weights, consensus_features, experience_features
from memgraph.models.vote_posterior import answer_log_odds
from memgraph.snapshot.snapshot import Floats, Snapshot
from tests.unit.snapshots import shuffle_rollouts, snapshot


def two_groups(policies: list[str] | None = None, *, queries: int = 24) -> Snapshot:
    """Eight rollouts a query, the first four of which are one group and the others another."""
    data = snapshot(queries=queries, rollouts=8, labelled=queries // 2)
    place = np.arange(len(data.rollout_keys)) % 8
    named = policies or ["", ""]
    return replace(
        data,
        rollout_group=2 * data.rollout_query + (place >= 4),
        rollout_policies=[named[int(one >= 4)] for one in place],
    )


def column(features: Floats, name: str) -> Floats:
    return features[:, EXPERIENCE.index(name)]


def test_one_group_is_its_own_experience() -> None:
    data = snapshot()
    share = consensus_features(data)[:, 1]
    found = experience_features(data)
    np.testing.assert_allclose(column(found, "pooled_share"), share, atol=1e-6)
    np.testing.assert_allclose(column(found, "experience_share"), share, atol=1e-6)
    assert not column(found, "experience").any()


def test_the_vote_orders_a_query_as_its_share_does() -> None:
    found = experience_features(two_groups())
    for query in range(24):
        rows = slice(8 * query, 8 * query + 8)
        by_share = np.argsort(column(found, "pooled_share")[rows], kind="stable")
        assert (np.diff(column(found, "vote")[rows][by_share]) >= -1e-6).all()


def test_each_domain_counts_as_its_own_mistakes_repeat() -> None:
    data = two_groups()
    second = data.rollout_query >= 12
    # four of eight agree, and the others all differ, or agree as well
    place = np.array([0, 0, 0, 0, 1, 2, 3, 4])[np.arange(len(second)) % 8]
    scattered = replace(
        data,
        query_domains=["math" if query < 12 else "code" for query in range(24)],
        rollout_group=data.rollout_query,
        rollout_answer=np.arange(len(second)),
        answer_class=data.rollout_query * 10 + place,
        answer_valid=np.ones(len(second), np.bool_),
    )
    repeating = np.array([0, 0, 0, 0, 1, 1, 1, 1])[np.arange(len(second)) % 8]
    mixed = replace(
        scattered, answer_class=np.where(second, data.rollout_query * 10 + repeating, scattered.answer_class)
    )
    voting = Voting.of(mixed)
    assert set(voting.mistakes) == {"math", "code"}
    assert voting.mistakes["code"][0] > 2 * voting.mistakes["math"][0]
    # the same counts, read in the one domain and in the other
    found = column(experience_features(scattered, voting), "vote")
    assert found[0] > found[12 * 8] + 0.2


def test_rollouts_of_a_policy_that_counts_half_count_half() -> None:
    data = two_groups(["now", "then"])
    found = experience_features(data, Voting({"then": 0.5, "now": 0.25}))
    for row in range(0, len(data.rollout_keys), 3):
        query = data.rollout_query == data.rollout_query[row]
        own = data.rollout_group == data.rollout_group[row]
        weight = np.where(own, 1.0, 0.5 if data.rollout_policies[row] == "now" else 0.25)
        classes = data.rollout_class
        counts = {one: weight[query & (classes == one)].sum() for one in np.unique(classes[query])}
        odds = dict(zip(counts, answer_log_odds(np.array(list(counts.values()))), strict=True))
        assert column(found, "vote")[row] == pytest.approx(odds[classes[row]], abs=1e-5)


def test_groups_that_agree_are_surer_together() -> None:
    data = two_groups(["now", "then"])
    unanimous = replace(data, rollout_answer=data.rollout_answer[8 * data.rollout_query])
    together = column(experience_features(unanimous), "vote")
    apart = column(experience_features(unanimous, Voting({"now": 0.0, "then": 0.0})), "vote")
    assert (together > apart + 0.3).all()


def test_groups_pool_to_the_share_of_all_the_querys_rollouts() -> None:
    data = two_groups()
    whole = consensus_features(replace(data, rollout_group=data.rollout_query))[:, 1]
    found = experience_features(data)
    np.testing.assert_allclose(column(found, "pooled_share"), whole, atol=1e-6)
    np.testing.assert_allclose(column(found, "experience"), np.log2(5), atol=1e-6)


def test_a_policy_without_weight_leaves_the_groups_own_votes() -> None:
    data = two_groups(["now", "then"])
    now = np.array(data.rollout_policies) == "now"
    found = experience_features(data, Voting({"then": 0.0}))[now]
    alone = experience_features(data.with_rollouts(now))
    np.testing.assert_allclose(column(found, "pooled_share"), consensus_features(data)[now, 1], atol=1e-6)
    np.testing.assert_allclose(column(found, "vote"), column(alone, "vote"), atol=1e-6)


def test_a_policy_counts_by_its_agreement_with_others() -> None:
    data = two_groups(["now", "then"], queries=200)
    alike = agreement_weights(data)
    assert alike["now"] == pytest.approx(1, abs=0.2)
    assert alike["then"] == pytest.approx(1, abs=0.2)
    rng = np.random.default_rng(0)
    then = np.array(data.rollout_policies) == "then"
    astray = data.rollout_answer.copy()
    for row in np.flatnonzero(then):
        astray[row] = rng.choice(np.flatnonzero(data.answer_query == data.rollout_query[row]))
    assert agreement_weights(replace(data, rollout_answer=astray))["then"] < alike["then"] - 0.2


def test_a_missing_answer_agrees_with_nothing() -> None:
    data = two_groups(["now", "then"])
    none = replace(data, answer_valid=np.zeros_like(data.answer_valid))
    found = experience_features(none)
    assert not column(found, "pooled_share").any()
    assert not column(found, "experience_share").any()
    assert set(column(found, "vote").tolist()) == {-4.0}
    assert agreement_weights(none) == {"now": 1.0, "then": 1.0}


def test_the_order_of_rollouts_does_not_matter() -> None:
    data = two_groups(["now", "then"])
    order = np.random.default_rng(1).permutation(len(data.rollout_keys))
    shuffled = shuffle_rollouts(data, order)
    np.testing.assert_allclose(experience_features(shuffled), experience_features(data)[order], atol=1e-6)
    assert Voting.of(shuffled) == Voting.of(data)
