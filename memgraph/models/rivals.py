"""What newer semi-supervised methods for RL with few labels compute, as far as stored rollouts allow.

TraPO (Yang et al., arXiv 2512.13106) trusts the majority vote of an unlabelled query whose pass rate changes over training
as that of labelled queries does. GeoMin (Zhu et al., arXiv 2606.04516) weighs the self-reward by the distributions of right
and wrong rollouts' representations. Both train a policy. Here only their rewards are computed.
docs/experiments/2026-11-29-rivals.md says what was reproduced.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memgraph.models.consensus import FEATURES, consensus_features
from memgraph.snapshot.snapshot import Bools, Doubles, Floats, Ints, Snapshot, rows_of_each

# of TraPO's released configuration
_RESEMBLANCE = 0.4
_TOP = 0.1


def trusted_votes(snapshot: Snapshot, labels: Floats) -> Floats:
    """TraPO's reward of each rollout, [rollouts]: 1 with its group's majority, 0 without, NaN where the query is not trusted.

        T_q = pass rates of the query's groups, oldest first: by labels where q is labelled, by the group's majority where not
        S_q = mean over labelled queries l of cos(T_q - mean T_q, T_l - mean T_l)
        trusted = S_q ≥ 0.4, or among the largest tenth of S

    A target with fewer than two groups has no trajectory and is not trusted, as before the end of TraPO's warm-up. A
    trajectory that is longer than others is cut to its first groups. A flat one resembles nothing: its cosine is 0.

    Args:
        labels: [rollouts] that may be seen. An answer labelled right is right in each group of its query.
    """
    voted = consensus_features(snapshot)[:, FEATURES.index("majority")] == 1
    targets, references = _trajectories(snapshot, labels, voted)
    longest = max(map(len, references), default=0)
    resemblance = np.full(len(snapshot.query_keys), np.nan)
    for length in range(2, longest + 1):
        alike = [query for query, rates in targets.items() if min(len(rates), longest) == length]
        if alike:
            mean = _directions([rates[:length] for rates in references if len(rates) >= length]).mean(axis=0)
            resemblance[alike] = _directions([targets[query][:length] for query in alike]) @ mean
    ranked = -np.sort(-resemblance[~np.isnan(resemblance)])
    least = min(_RESEMBLANCE, ranked[max(1, int(_TOP * len(ranked))) - 1]) if len(ranked) else np.inf
    trusted = resemblance >= least - 1e-9
    return np.where(trusted[snapshot.rollout_query], voted, np.nan).astype(np.float32)


def _trajectories(snapshot: Snapshot, labels: Floats, voted: Bools) -> tuple[dict[int, Doubles], list[Doubles]]:
    """Pass rates of the target queries' groups by the vote, and of labelled queries' groups by labels."""
    answer = snapshot.rollout_class
    labelled = np.isin(snapshot.rollout_query, snapshot.rollout_query[~np.isnan(labels)])
    passed = np.where(labelled, np.isin(answer, answer[labels >= 0.5]), voted)
    targets: dict[int, Doubles] = {}
    references: list[Doubles] = []
    for rows in rows_of_each(snapshot.rollout_query):
        groups = [rows[part] for part in rows_of_each(snapshot.rollout_group[rows])]
        groups.sort(key=lambda group: snapshot.rollout_order[group].min())
        rates = np.array([passed[group].mean() for group in groups])
        query = int(snapshot.rollout_query[rows[0]])
        if labelled[rows[0]]:
            references.append(rates)
        elif snapshot.query_targets[query]:
            targets[query] = rates
    return targets, references


def _directions(trajectories: list[Doubles]) -> Doubles:
    """[trajectories, groups] deviations from each trajectory's mean, of length 1, or 0 where it is flat."""
    deviation = np.stack(trajectories)
    deviation = deviation - deviation.mean(axis=1, keepdims=True)
    length = np.linalg.norm(deviation, axis=1, keepdims=True)
    return np.where(length > 1e-9, deviation / np.maximum(length, 1e-9), 0)


@dataclass(frozen=True, slots=True, eq=False)
class GeometricPrior:
    """The self-reward, weighed by where right and wrong rollouts lie: GeoMin as its abstract describes it.

        g(z) = log N(z; μ_right, Σ) - log N(z; μ_wrong, Σ)
        p = σ(a · g(z) + b · share + c)

    μ and Σ (shared, shrunk by Ledoit and Wolf) are of the labelled rollouts' representations z, a, b and c of a logistic
    regression on them with g held out by folds. The share of the group with the same answer is the self-reward.

    Attributes:
        direction: [dimension] Σ⁻¹ (μ_right - μ_wrong).
        bias: g at z = 0.
        regression: of (g, share).
    """

    direction: Doubles
    bias: float
    regression: Any

    @classmethod
    def fit(cls, vectors: Floats, share: Floats, right: Bools, fold: Ints) -> Self:
        """Fit on [rows, dimension] representations, [rows] self-rewards, truth of both classes, and folds."""
        held_out = np.zeros(len(right))
        for number in np.unique(fold):
            other, own = fold != number, fold == number
            if 0 < right[other].sum() < other.sum():
                direction, bias = _discriminant(vectors[other], right[other])
                held_out[own] = vectors[own] @ direction + bias
        regression = make_pipeline(StandardScaler(), LogisticRegression())
        regression.fit(np.stack([held_out, share], axis=1), right)
        return cls(*_discriminant(vectors, right), regression)

    def probability(self, vectors: Floats, share: Floats) -> Floats:
        """[rows] of being right."""
        features = np.stack([vectors @ self.direction + self.bias, share], axis=1)
        probability: Floats = expit(self.regression.decision_function(features)).astype(np.float32)
        return probability


def _discriminant(vectors: Floats, right: Bools) -> tuple[Doubles, float]:
    """Direction and bias of Gaussian classes with a shared covariance, without the classes' prior."""
    rows = vectors.astype(np.float64)
    means = np.stack([rows[~right].mean(axis=0), rows[right].mean(axis=0)])
    covariance = ledoit_wolf(rows - means[right.astype(int)], assume_centered=True)[0]
    direction = np.linalg.solve(covariance + 1e-6 * np.eye(rows.shape[1]), means[1] - means[0])
    return direction, -float(direction @ means.mean(axis=0))
