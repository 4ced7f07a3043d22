"""How well probabilities rank and predict right rollouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BINS = 15


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of one scorer; None where they are not defined.

    Attributes:
        accuracy: at probability 0.5, over what was answered.
        auc: of right against wrong over all answered rollouts.
        within_query_auc: mean over the queries that have both, ties ½: what GRPO's group advantage needs.
        ece: expected calibration error, 15 bins of equal mass.
        coverage: share of rollouts that were answered.
    """

    accuracy: float | None
    auc: float | None
    within_query_auc: float | None
    ece: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class Curves:
    """What plots need of one scorer.

    Attributes:
        predicted: mean probability of each of the 15 bins of equal mass, ascending.
        observed: share of right rollouts in each.
        accuracy_at_coverage: accuracy where only the surest 10 %, 20 % … 100 % of the rollouts are answered.
    """

    predicted: list[float]
    observed: list[float]
    accuracy_at_coverage: list[float]


def evaluation_curves(probability: ArrayLike, truth: ArrayLike) -> Curves:
    """Curves of [rollouts] probabilities against [rollouts] truth; abstentions (NaN) are left out."""
    p, right = np.asarray(probability, float), np.asarray(truth, float) >= 0.5
    p, right = p[~np.isnan(p)], right[~np.isnan(p)]
    bins = _bins(p)
    surest = np.argsort(-np.abs(p - 0.5), kind="stable")
    hits = ((p >= 0.5) == right)[surest]
    counts = [round(len(p) * tenth / 10) for tenth in range(1, 11)]
    return Curves(
        predicted=[round(float(p[part].mean()), 4) for part in bins],
        observed=[round(float(right[part].mean()), 4) for part in bins],
        accuracy_at_coverage=[round(float(hits[:count].mean()), 4) for count in counts if count],
    )


def evaluate_scores(probability: ArrayLike, truth: ArrayLike, query: ArrayLike) -> Metrics:
    """Metrics of [rollouts] probabilities (NaN: abstained) against [rollouts] truth in 0..1, grouped by [rollouts] query."""
    p, right = np.asarray(probability, float), np.asarray(truth, float) >= 0.5
    group = np.unique(np.asarray(query), return_inverse=True)[1]  # numbers, where queries are named by keys
    answered = ~np.isnan(p)
    coverage = float(answered.mean()) if len(p) else 0.0
    p, right, group = p[answered], right[answered], group[answered]
    if not len(p):
        return Metrics(None, None, None, None, coverage)
    return Metrics(
        accuracy=float(((p >= 0.5) == right).mean()),
        auc=_auc(right, p),
        within_query_auc=_within(right, p, group),
        ece=calibration_error(p, right),
        coverage=coverage,
    )


def calibration_error(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Mean gap between predicted and observed frequency over 15 bins of equal mass."""
    gaps = [abs(probability[part].mean() - right[part].mean()) * len(part) for part in _bins(probability)]
    return float(sum(gaps) / len(probability))


def _bins(probability: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Rows of 15 bins of equal mass, ascending; fewer where there are fewer rows."""
    order = np.argsort(probability, kind="stable")
    return [part for part in np.array_split(order, _BINS) if len(part)]


def _auc(right: NDArray[np.bool_], probability: NDArray[np.float64]) -> float | None:
    if not 0 < right.sum() < len(right):
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(right, probability))


def _within(right: NDArray[np.bool_], probability: NDArray[np.float64], group: NDArray[np.generic]) -> float | None:
    """Pairs compared directly: faster than one roc_auc_score call for each of thousands of small groups."""
    order = np.argsort(group, kind="stable")
    values = []
    for part in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        high, low = probability[part][right[part]], probability[part][~right[part]]
        if len(high) and len(low):
            difference = high[:, None] - low[None, :]
            values.append(((difference > 0) + 0.5 * (difference == 0)).mean())
    return float(np.mean(values)) if values else None
