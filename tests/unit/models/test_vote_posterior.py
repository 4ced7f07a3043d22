"""How likely an answer is right by the votes: against all ways in which mistakes can come about, and what few rollouts say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from memgraph.models.vote_posterior import CONCENTRATIONS, EVEN, LOGIT_LIMIT, answer_log_odds, concentration_shares
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import shuffle_rollouts, snapshot


def only(concentration: float) -> list[float]:
    """π of one concentration alone, as good as."""
    return [1 - 1e-12 if one == concentration else 1e-12 for one in CONCENTRATIONS]


def seated(mistakes: Sequence[int], concentration: float) -> float:
    """Probability of mistakes as they come, one after the other: as often as they were made, or new."""
    made: Counter[int] = Counter()
    probability = 1.0
    for mistake in mistakes:
        before = sum(made.values())
        probability *= made.get(mistake, concentration) / (before + concentration)
        made[mistake] += 1
    return probability


def by_hand(answers: Sequence[int], concentration: float) -> list[float]:
    """Probability of each answer to be right: rollouts draw it with a share that is uniform, and err otherwise."""

    def weight(right: int | None) -> float:
        hits = sum(answer == right for answer in answers)
        share = quad(lambda p: p**hits * (1 - p) ** (len(answers) - hits), 0, 1)[0]
        return share * seated([answer for answer in answers if answer != right], concentration)

    weights = [weight(right) for right in [*sorted(set(answers)), None]]
    return [one / sum(weights) for one in weights[:-1]]


@pytest.mark.parametrize(
    "answers", [[0], [0, 0], [0, 1], [0, 1, 0, 2], [0, 0, 0, 0, 1], [0, 1, 2, 0, 0, 1], [0, 1, 2, 3, 3]]
)
@pytest.mark.parametrize("concentration", [0.5, 4.0, 32.0])
def test_it_is_what_counting_all_ways_of_erring_gives(answers: list[int], concentration: float) -> None:
    counts = np.unique(answers, return_counts=True)[1]
    expected = np.clip(by_hand(answers, concentration), expit(-LOGIT_LIMIT), expit(LOGIT_LIMIT))
    np.testing.assert_allclose(expit(answer_log_odds(counts, only(concentration))), expected, atol=1e-6)


def test_one_rollout_says_nothing_and_more_that_agree_say_more() -> None:
    agreeing = [float(expit(answer_log_odds(np.array([count])))[0]) for count in (1, 2, 4, 8, 16)]
    assert agreeing[0] == pytest.approx(0.5)
    assert agreeing == sorted(agreeing)
    assert agreeing[-1] > 0.95


def test_a_share_says_more_where_the_others_scatter() -> None:
    """Four of twelve against eight that all differ, and against eight that agree in twos."""
    scattered, repeated = answer_log_odds(np.array([4] + [1] * 8)), answer_log_odds(np.array([4, 2, 2, 2, 2]))
    assert scattered[0] > repeated[0] + 0.5
    assert scattered[0] > 0


def test_a_rollout_that_hardly_counts_hardly_moves_the_vote() -> None:
    alone = answer_log_odds(np.array([3.0, 2.0]))
    np.testing.assert_allclose(answer_log_odds(np.array([3.0, 2.01])), alone, atol=0.02)
    np.testing.assert_allclose(answer_log_odds(np.array([3.0, 2.0, 0.01]))[:2], alone, atol=0.05)
    odds = [answer_log_odds(np.array([3.0, 2.0, weight]))[0] for weight in (0.01, 0.25, 0.5, 0.75, 1.0)]
    assert odds == sorted(odds, reverse=True)


def test_a_domain_learns_how_its_mistakes_repeat() -> None:
    repeating, scattering = drawn(0.5), drawn(32.0)
    usual = np.log(CONCENTRATIONS)
    assert np.dot(usual, shares_of(repeating)) < np.dot(usual, EVEN) - 0.7
    assert np.dot(usual, shares_of(scattering)) > np.dot(usual, EVEN) + 0.7
    order = np.random.default_rng(2).permutation(len(repeating.rollout_keys))
    assert shares_of(shuffle_rollouts(repeating, order)) == shares_of(repeating)
    few = repeating.with_rollouts(repeating.rollout_query < 3)
    assert np.abs(np.subtract(shares_of(few), EVEN)).max() < 0.2 < np.abs(np.subtract(shares_of(repeating), EVEN)).max()


def test_labels_change_nothing_and_missing_answers_count_for_nothing() -> None:
    data = drawn(4.0)
    assert shares_of(data.with_labels(1 - data.labels)) == shares_of(data)
    assert concentration_shares(replace(data, answer_valid=np.zeros_like(data.answer_valid)), {}) == {}


def test_groups_of_a_policy_that_does_not_count_teach_nothing() -> None:
    data = drawn(0.5)
    weak = data.rollout_query >= 50
    mixed = replace(data, rollout_policies=["weak" if one else "now" for one in weak])
    (alone,) = concentration_shares(data.with_rollouts(~weak), {}).values()
    assert shares_of(mixed, {"weak": 0.0}) == pytest.approx(alone)
    assert shares_of(mixed) != pytest.approx(alone)


def shares_of(data: Snapshot, weights: Mapping[str, float] = MappingProxyType({})) -> tuple[float, ...]:
    (shares,) = concentration_shares(data, weights).values()
    assert sum(shares) == pytest.approx(1)
    return shares


def drawn(concentration: float) -> Snapshot:
    """A hundred queries of eight rollouts, half of which are right; mistakes come as the concentration says."""
    rng = np.random.default_rng(0)
    data = snapshot(queries=100, rollouts=8, labelled=50)
    answers = np.zeros(len(data.rollout_keys), np.int64)
    for query in range(100):
        rows = np.flatnonzero(data.rollout_query == query)
        made: list[int] = []
        for row in rows:
            if rng.random() < 0.5:
                continue
            if rng.random() < concentration / (len(made) + concentration):
                made.append(1 + len(set(made)))
            else:
                made.append(int(rng.choice(made)))
            answers[row] = made[-1]
    # classes are told apart within a query alone
    return replace(
        data,
        rollout_answer=np.arange(len(answers)),
        answer_class=data.rollout_query * 10 + answers,
        answer_valid=np.ones(len(answers), np.bool_),
    )
