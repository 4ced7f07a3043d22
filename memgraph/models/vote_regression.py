"""Logistic regression that is the vote until labels say otherwise.

    logit = w · x + b,   (w, b) = argmin  CE(labels) + CE(pairs) + λ/2 · Σ_j p_j (w_j - w⁰_j)²

`w⁰` is the vote: the slope and bias with which the share of a query's rollouts that give the same answer predicts being
right, and 0 for all other features. λ is the largest whose held-out loss is within a standard error of the least one (Breiman's
rule), the vote itself among them. So with few labels the model cannot fall far below counting votes. With many the features
count for what they are worth.

The pairs are a right and a wrong rollout of one query each (`memgraph.models.pairs`). Together they weigh as much as the
labels: GRPO's advantage needs the order within a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from memgraph.models.pairs import right_and_wrong
from memgraph.snapshot import Floats, Ints

VOTE = "pooled_share"
# of the vote's logit, the mean over gsm8k, MMLU-Pro, HumanEval, exams and AQuA (docs/experiments)
_SLOPE, _BIAS = 5.5, -2.4
_SCALE = 3.0  # the share's spread over rollouts is a third
_CERTAINTY = {"vote": 60.0, "bias": 60.0}  # of slope and bias, in labels; a few queries say little of a memory
_STRENGTHS = (1e6, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
_ERRORS = 1.0
_LIMIT = 4.0  # standard deviations

Doubles = NDArray[np.float64]
Floating = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class VoteRegression:
    """A fitted regression.

    Attributes:
        mean, scale: [features] that inputs are standardised by; the vote is only scaled.
        weights: [features + 1], the bias last.
        strength: λ of the penalty; infinite where it is the vote.
    """

    mean: Floats
    scale: Floats
    weights: Doubles
    strength: float

    @classmethod
    def fit(
        cls,
        names: Sequence[str],
        features: Floats,
        rows: Ints,
        labels: Floats,
        query: Ints,
        fold: Ints,
        weights: Floats | None = None,
    ) -> tuple[Self, Floats]:
        """Fit on some rollouts.

        Args:
            names: of the features; `VOTE` is among them.
            features: [rollouts, features] of all, labelled or not; NaN is the mean.
            rows: [labelled] rows of the labelled ones.
            labels: [labelled] 0..1.
            query: [labelled] number of the query.
            fold: [labelled] number of the fold; near-duplicate queries share one.
            weights: [labelled] how much each label counts; None where all count the same.

        Returns the regression, and [labelled] logits, each by a regression that did not see the labels of its fold.
        """
        vote = list(names).index(VOTE)
        mean, scale = _standard(features, vote)
        inputs = _inputs(features[rows], mean, scale)
        prior = np.zeros(inputs.shape[1])
        prior[vote], prior[-1] = _SLOPE / _SCALE, _BIAS
        is_feature = np.ones(inputs.shape[1], np.bool_)
        is_feature[[vote, -1]] = False
        certainty = np.zeros(inputs.shape[1])
        certainty[vote], certainty[-1] = _CERTAINTY["vote"], _CERTAINTY["bias"]
        target = labels.astype(np.float64)
        counts = np.ones(len(rows)) if weights is None else weights.astype(np.float64)

        def fitted(kept: NDArray[np.bool_], strength: float, start: Doubles) -> Doubles:
            penalty = np.where(is_feature, strength, certainty)
            return _minimum(inputs[kept], target[kept], query[kept], counts[kept], prior, penalty, start)

        # from the strongest penalty to the weakest, each fit starts where the last one ended
        held_out = np.tile(inputs @ prior, (len(_STRENGTHS), 1))
        for number in np.unique(fold):
            inside, start = fold == number, prior
            if inside.all():
                continue
            for position, strength in enumerate(_STRENGTHS):
                start = fitted(~inside, strength, start)
                held_out[position, inside] = inputs[inside] @ start
        best = _strongest(np.stack([counts * cross_entropy(logits, target) for logits in held_out]), query)
        strength = _STRENGTHS[best]
        everything = np.ones(len(rows), np.bool_)
        return cls(mean, scale, fitted(everything, strength, prior), strength), held_out[best].astype(np.float32)

    def logits(self, features: Floats) -> Floats:
        """[rollouts] of [rollouts, features] in the order of the fit."""
        found: Floats = (_inputs(features, self.mean, self.scale) @ self.weights).astype(np.float32)
        return found

    def arrays(self) -> dict[str, Any]:
        """What decides its predictions, by name; `VoteRegression(**arrays)` is the same one."""
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "strength": self.strength}


def _standard(features: Floats, vote: int) -> tuple[Floats, Floats]:
    """[features], [features] mean and scale; a feature that never varies is left out by an infinite scale."""
    known = ~np.isnan(features)
    count = np.maximum(1, known.sum(axis=0))
    values = np.where(known, features, 0).astype(np.float64)
    mean = values.sum(axis=0) / count
    spread = np.sqrt((np.where(known, features - mean, 0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-4, spread, np.inf)
    mean[vote], scale[vote] = 0.0, 1 / _SCALE
    return mean.astype(np.float32), scale.astype(np.float32)


def _inputs(features: Floats, mean: Floats, scale: Floats) -> Doubles:
    """[rollouts, features + 1] standardised, clipped, with a one for the bias."""
    standard = np.clip(np.nan_to_num((features - mean) / scale), -_LIMIT, _LIMIT)
    return np.column_stack([standard, np.ones(len(features))]).astype(np.float64)


def _minimum(
    inputs: Doubles, target: Doubles, query: Ints, counts: Doubles, prior: Doubles, penalty: Doubles, start: Doubles
) -> Doubles:
    """[features + 1] weights of least loss."""
    right, wrong = right_and_wrong(target.astype(np.float32), query)
    apart = inputs[right] - inputs[wrong]
    share = len(target) / max(1, len(right))

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        logits, margins, shift = inputs @ weights, apart @ weights, weights - prior
        value = float((counts * cross_entropy(logits, target)).sum()) + share * float(np.logaddexp(0, -margins).sum())
        value += 0.5 * float((penalty * shift**2).sum())
        slope = inputs.T @ (counts * (expit(logits) - target)) - share * (apart.T @ expit(-margins)) + penalty * shift
        return value, slope

    found: Doubles = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return found


def _strongest(losses: Doubles, query: Ints) -> int:
    """Row of the strongest penalty whose loss is within a standard error, over queries, of the least.

    Args:
        losses: [penalties, labelled] from the strongest to the weakest.
        query: [labelled] number of the query.
    """
    queries, which = np.unique(query, return_inverse=True)
    if len(queries) < 2:
        return 0
    by_query = np.stack([np.bincount(which, row) for row in losses])
    best = int(np.argmin(by_query.sum(axis=1)))
    for row in range(best):
        worse = by_query[row] - by_query[best]
        if worse.mean() <= _ERRORS * worse.std(ddof=1) / np.sqrt(len(queries)):
            return row
    return best


def cross_entropy(logits: Floating, target: Floating) -> Floating:
    """[n] of each target (0..1) under its logit."""
    found: Floating = np.logaddexp(0, logits) - target * logits
    return found
