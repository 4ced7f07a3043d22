"""How likely each answer to a query is right, from how its rollouts agree. No label is spent.

    p(a is right)    ∝ Σ_α π_α · B(n_a + 1, N - n_a + 1) · CRP_α(n without n_a)
    p(none is right) ∝ Σ_α π_α · B(1, N + 1) · CRP_α(n)

n_a counts the rollouts with answer a, N all of them. B is the beta function: beforehand any share of right rollouts is as likely
as any other. Mistakes repeat as guests of a Chinese restaurant sit down (Aldous 1985): after m mistakes the next one is
new with probability α / (m + α),

    CRP_α(n) = α^K · Π_a Γ(n_a) · Γ(α) / Γ(α + N),   K answers

So few rollouts say little, and a third of the votes says much where all others scatter. How mistakes repeat differs from
query to query. π is learned for each domain, as what makes its groups' counts most likely (expectation maximisation): mistakes of
many policies in words of their own scatter (GSM8K), one policy's choices among options repeat (exams).
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memgraph.snapshot.snapshot import Snapshot, rows_of_each

# below ½ a mistake that all repeat looks as likely as a right answer
CONCENTRATIONS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
EVEN = tuple(1 / len(CONCENTRATIONS) for _ in CONCENTRATIONS)
LOGIT_LIMIT = 4.0
_GROUPS_BEFORE = 2.0  # of each concentration, seen before any
_ROUNDS = 100

Doubles = NDArray[np.float64]


def answer_log_odds(counts: NDArray[np.number], shares: ArrayLike = EVEN) -> Doubles:
    """[answers] log-odds of each to be the right one, -4..4.

    Args:
        counts: [answers] rollouts that state it, > 0; fractions where some rollouts count less.
        shares: [concentrations] π.
    """
    from scipy.special import expit, logit

    weights = _log_weights(counts) + np.log(shares)[:, None]
    probability = np.exp(weights - np.logaddexp.reduce(weights, axis=None)).sum(axis=0)[:-1]
    odds: Doubles = logit(np.clip(probability, expit(-LOGIT_LIMIT), expit(LOGIT_LIMIT)))
    return odds


def concentration_shares(snapshot: Snapshot) -> dict[str, tuple[float, ...]]:
    """Domain → π, in the order of `CONCENTRATIONS`.

    Missing answers count for nothing, and neither do groups in which one rollout states an answer. A domain that has no others has
    no entry.
    """
    valid, answer_class = snapshot.answer_valid[snapshot.rollout_answer], snapshot.rollout_class
    seen: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for rows in rows_of_each(snapshot.rollout_group):
        counts = np.unique(answer_class[rows[valid[rows]]], return_counts=True)[1]
        if counts.sum() > 1:
            seen[snapshot.query_domains[snapshot.rollout_query[rows[0]]]][tuple(sorted(counts.tolist()))] += 1
    return {domain: _most_likely_shares(groups) for domain, groups in sorted(seen.items())}


def _most_likely_shares(groups: Counter[tuple[int, ...]]) -> tuple[float, ...]:
    """[concentrations] π, from counts of answers and how many groups have them."""
    # [kinds of groups, concentrations] how likely the counts are, whichever answer is right
    evidence = np.stack([np.logaddexp.reduce(_log_weights(np.array(counts)), axis=1) for counts in groups])
    times = np.array(list(groups.values()), np.float64)
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
    # mistakes are all answers but one, or all; with a count of 0 nothing is taken away
    right = np.append(counts, 0.0)
    mistakes = counts.sum() - right
    tables = np.append(np.full(len(counts), len(counts) - 1), len(counts))
    sizes = gammaln(counts).sum() - np.append(gammaln(counts), 0.0)
    repeats = tables * np.log(alpha) + sizes + gammaln(alpha) - gammaln(alpha + mistakes)
    weights: Doubles = betaln(right + 1, mistakes + 1) + repeats
    return weights
