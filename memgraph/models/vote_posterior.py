"""How likely each answer to a query is right, from how its rollouts agree. No label is spent.

    p(a is right)    ∝ Σ_α π_α · B(n_a + 1, N - n_a + 1) · CRP_α(n without n_a)
    p(none is right) ∝ Σ_α π_α · B(1, N + 1) · CRP_α(n)

n_a counts the rollouts with answer a, N all of them. B is the beta function: beforehand any share of right rollouts is as likely
as any other. Mistakes repeat as guests of a Chinese restaurant sit down (Aldous 1985): after m mistakes the next one is
new with probability α / (m + α),

    CRP_α(n) = α^K · Π_a Γ(n_a) · Γ(α) / Γ(α + N),   K and N those of the counts in brackets

So few rollouts say little, and a third of the votes says much where all others scatter. How mistakes repeat differs from
query to query. π is learned for each domain, as what explains its groups' counts best, from two groups of each α on (expectation
maximisation). Mistakes of many policies in words of their own scatter (GSM8K), one policy's choices among options repeat (exams).

A count w < 1, of rollouts that count in part, adds α^w in place of α. Its answer's probability of being right is multiplied by w.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memgraph.snapshot.snapshot import Doubles, Snapshot, rows_of_each

# with a smaller one groups that agree would seem too unsure: of eight rollouts .76 at ½, .56 at a tenth
CONCENTRATIONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
EVEN = tuple(1 / len(CONCENTRATIONS) for _ in CONCENTRATIONS)
LOGIT_LIMIT = 4.0
_GROUPS_BEFORE = 2.0  # of each concentration, seen before any
_ROUNDS = 100


def answer_log_odds(counts: NDArray[np.number], shares: ArrayLike = EVEN) -> Doubles:
    """[answers] log-odds of each to be the right one, -4..4.

    Args:
        counts: [answers] rollouts that state it, > 0. They are fractions where some rollouts count less.
        shares: [concentrations] π.
    """
    from scipy.special import expit, logit

    weights = _log_weights(counts) + np.log(shares)[:, None]
    probability = np.exp(weights - np.logaddexp.reduce(weights, axis=None)).sum(axis=0)[:-1]
    odds: Doubles = logit(np.clip(probability, expit(-LOGIT_LIMIT), expit(LOGIT_LIMIT)))
    return odds


def concentration_shares(snapshot: Snapshot, weights: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """Domain → π, in the order of `CONCENTRATIONS`. A domain without groups in which two rollouts state an answer has none.

    Args:
        weights: of policies by name, 1 for others. A group counts as much as its rollouts' policies on the mean.
    """
    valid, answer_class = snapshot.rollout_valid, snapshot.rollout_class
    policy_weight = weights_of_rollouts(snapshot, weights)
    seen: dict[str, dict[tuple[int, ...], list[float]]] = defaultdict(lambda: defaultdict(list))
    for rows in rows_of_each(snapshot.rollout_group):
        counts = np.unique(answer_class[rows[valid[rows]]], return_counts=True)[1]
        if counts.sum() > 1:
            domain = snapshot.query_domains[snapshot.rollout_query[rows[0]]]
            seen[domain][tuple(sorted(counts.tolist()))].append(fsum(policy_weight[rows]) / len(rows))
    return {domain: _most_likely_shares(groups) for domain, groups in sorted(seen.items())}


def weights_of_rollouts(snapshot: Snapshot, weights: Mapping[str, float]) -> Doubles:
    """[rollouts] weight of each one's policy, by name, 1 for others."""
    return np.array([weights.get(policy, 1.0) for policy in snapshot.rollout_policies], np.float64)


def _most_likely_shares(groups: Mapping[tuple[int, ...], Sequence[float]]) -> tuple[float, ...]:
    """[concentrations] π, from counts of answers, and what each group with these counts for."""
    kinds = sorted(groups)  # so that the order of rows does not count, to the bit
    # [kinds, concentrations] how likely the counts are, whichever answer is right
    evidence = np.stack([np.logaddexp.reduce(_log_weights(np.array(counts)), axis=1) for counts in kinds])
    times = np.array([fsum(groups[counts]) for counts in kinds])
    shares = np.array(EVEN)
    for _ in range(_ROUNDS):
        joint = evidence + np.log(shares)
        belongs = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
        shares = times @ belongs + _GROUPS_BEFORE
        shares /= shares.sum()
    return tuple(shares.tolist())


def _log_weights(counts: NDArray[np.number]) -> Doubles:
    """[concentrations, answers + 1] log weight of each answer as the right one, and last that of none."""
    from scipy.special import betaln, gammaln

    alpha = np.array(CONCENTRATIONS)[:, None]
    # what each answer adds as a mistake: α for a new one, Γ(n) for its repetitions
    part = np.minimum(counts, 1)
    added = part * np.log(alpha) + gammaln(np.maximum(counts, 1))
    # mistakes are all answers but the right one, or all of them where none is
    right = np.append(counts, 0.0)
    mistakes = counts.sum() - right
    repeats = added.sum(axis=1, keepdims=True) - np.column_stack([added, np.zeros(len(alpha))])
    repeats += gammaln(alpha) - gammaln(alpha + mistakes)
    weights: Doubles = betaln(right + 1, mistakes + 1) + repeats + np.log(np.append(part, 1.0))
    return weights
