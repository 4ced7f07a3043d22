"""What the answers to a query say about each other: no label is spent on it.

Votes are counted within a group (rollouts sampled together for one query), and pooled with the query's other groups, its
experience. There a policy counts for as much as it agrees with others (`agreement_weights`), so that old, weak policies do not
outvote the present one. Programs that behave alike are one answer. A missing answer never agrees with anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Self

import numpy as np

from memgraph.models.columns import stack_columns, zero_columns
from memgraph.models.vote_posterior import EVEN, LOGIT_LIMIT, answer_log_odds, concentration_shares, weights_of_rollouts
from memgraph.snapshot.snapshot import Floats, Snapshot, rows_of_each

FEATURES = ("valid", "share", "majority", "margin", "answers", "rollouts", "magnitude")
EXPERIENCE = ("vote", "pooled_share", "experience_share", "experience")
_LEAST_AGREEMENT = 3 / 4


@dataclass(frozen=True, slots=True)
class Voting:
    """How votes are counted. Everything is estimated without a label.

    Attributes:
        weights: policy → weight of its rollouts in groups other than the one that is scored (`agreement_weights`), 1 for others.
        mistakes: domain → how mistakes repeat (`memgraph.models.vote_posterior.concentration_shares`). For others every way is
            equally likely.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    mistakes: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """As a memory's own rollouts show."""
        weights = agreement_weights(snapshot)
        return cls(weights, concentration_shares(snapshot, weights))


def consensus_features(snapshot: Snapshot) -> Floats:
    """[rollouts, 7] features of each rollout's answer within its group (see `FEATURES`).

    - valid: 1 where there is an answer;
    - share: part of the group with the same answer, 0 without one;
    - majority: 1 for the group's most frequent answer, 1/ties where several are;
    - margin: share less that of the strongest other answer, -1..1;
    - answers: distinct answers over rollouts of the group;
    - rollouts: log2 of the group's size;
    - magnitude: signed log of a numeric answer, 0 otherwise (MemReward's answer feature for maths).
    """
    columns = zero_columns(FEATURES, len(snapshot.rollout_keys))
    valid, answer_class = snapshot.rollout_valid, snapshot.rollout_class
    for rows in rows_of_each(snapshot.rollout_group):
        answers, which, counts = np.unique(answer_class[rows[valid[rows]]], return_inverse=True, return_counts=True)
        columns["answers"][rows] = len(answers) / len(rows)
        columns["rollouts"][rows] = np.log2(len(rows))
        if not len(answers):
            continue
        shares = counts / len(rows)
        top, second = (*sorted(shares, reverse=True), 0.0)[:2]
        majority = np.where(shares == top, 1 / (shares == top).sum(), 0.0)
        margin = shares - np.where(shares == top, second if (shares == top).sum() == 1 else top, top)
        voters = rows[valid[rows]]
        columns["valid"][voters] = 1
        columns["share"][voters] = shares[which]
        columns["majority"][voters] = majority[which]
        columns["margin"][voters] = margin[which]
    magnitudes = np.array([_magnitude(value) for value in snapshot.answer_values], np.float32)
    columns["magnitude"][:] = magnitudes[snapshot.rollout_answer] if len(magnitudes) else 0
    return stack_columns(columns)


def experience_features(snapshot: Snapshot, voting: Voting = Voting()) -> Floats:
    """[rollouts, 4] what all rollouts of its query say of each rollout's answer (see `EXPERIENCE`).

    - vote: log-odds of the answer to be right, -4..4 (`memgraph.models.vote_posterior`). Rollouts of the group count 1, those of the
      query's other groups their policy's weight. A missing answer has the least;
    - pooled_share: weight of the answer over that of all these rollouts. Without other groups it is the group's share;
    - experience_share: part of the other groups' rollouts with this answer. Without any it is the group's share;
    - experience: log2(1 + rollouts of other groups).
    """
    columns = zero_columns(EXPERIENCE, len(snapshot.rollout_keys))
    policy_weight = weights_of_rollouts(snapshot, voting.weights)
    valid, answer_class = snapshot.rollout_valid, snapshot.rollout_class
    columns["vote"][:] = -LOGIT_LIMIT
    for rows in rows_of_each(snapshot.rollout_query):
        mistakes = voting.mistakes.get(snapshot.query_domains[snapshot.rollout_query[rows[0]]], EVEN)
        group, stated = snapshot.rollout_group[rows], valid[rows]
        which = np.unique(answer_class[rows[stated]], return_inverse=True)[1]
        for number in np.unique(group):
            inside = group == number
            outside = len(rows) - np.count_nonzero(inside)
            weight = np.where(inside, 1.0, policy_weight[rows])
            counts, elsewhere = np.bincount(which, weight[stated]), np.bincount(which, ~inside[stated])
            odds = np.zeros(len(counts))
            odds[counts > 0] = answer_log_odds(counts[counts > 0], mistakes)
            own, mine = rows[inside & stated], which[inside[stated]]
            columns["vote"][own] = odds[mine]
            columns["pooled_share"][own] = counts[mine] / weight.sum()
            columns["experience_share"][own] = elsewhere[mine] / outside if outside else columns["pooled_share"][own]
            columns["experience"][rows[inside]] = np.log2(1 + outside)
    return stack_columns(columns)


def agreement_weights(snapshot: Snapshot) -> dict[str, float]:
    """Policy → weight (0..1) of its votes for groups other than their own, without any label.

    agreement(policy) = share of pairs of one of its rollouts and one of another group of the query with the same answer,
    over the same share within those groups. A policy that agrees with others as much as they with themselves counts 1,
    one that does so three quarters as much, or less, counts nothing: where the group is divided, even few votes of much weaker
    policies decide, and they share their mistakes.
    """
    valid, answer_class = snapshot.rollout_valid, snapshot.rollout_class
    policies = np.array(snapshot.rollout_policies)
    met: dict[str, list[float]] = defaultdict(list)
    expected: dict[str, list[float]] = defaultdict(list)
    for rows in rows_of_each(snapshot.rollout_query):
        group = snapshot.rollout_group[rows]
        numbers = np.unique(group)
        if len(numbers) < 2:
            continue
        for number in numbers:
            own, other = rows[group == number], rows[group != number]
            if len(own) < 2:
                continue
            inside = (answer_class[own][:, None] == answer_class[own]) & valid[own][:, None]
            within = (inside.sum() - np.trace(inside)) / (len(own) * (len(own) - 1))
            meets = ((answer_class[other][:, None] == answer_class[own]) & valid[other][:, None]).mean(axis=1)
            for policy in np.unique(policies[other]):
                theirs = policies[other] == policy
                met[str(policy)] += meets[theirs].tolist()
                expected[str(policy)].append(float(within * theirs.sum()))
    # exact sums, so that the order of rows does not count
    agreement = {policy: _ratio(fsum(met[policy]), fsum(expected[policy])) for policy in sorted(met)}
    return {
        policy: float(np.clip((value - _LEAST_AGREEMENT) / (1 - _LEAST_AGREEMENT), 0, 1))
        for policy, value in agreement.items()
    }


def _ratio(met: float, expected: float) -> float:
    return met / expected if expected else 1.0


def _magnitude(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        return 0.0
    return float(np.clip(np.sign(number) * np.log1p(abs(number)) / 20, -1, 1)) if np.isfinite(number) else 0.0
