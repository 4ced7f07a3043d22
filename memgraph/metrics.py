"""How well probabilities rank and predict right rollouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

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


def evaluate_scores(probability: ArrayLike, truth: ArrayLike, query: ArrayLike) -> Metrics:
    """Metrics of [rollouts] probabilities (NaN: abstained) against [rollouts] truth in 0..1, grouped by [rollouts] query."""
    p, right, group = np.asarray(probability, float), np.asarray(truth, float) >= 0.5, np.asarray(query)
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
    order = np.argsort(probability, kind="stable")
    bins = [part for part in np.array_split(order, _BINS) if len(part)]
    gaps = [abs(probability[part].mean() - right[part].mean()) * len(part) for part in bins]
    return float(sum(gaps) / len(probability))


def _auc(right: NDArray[np.bool_], probability: NDArray[np.float64]) -> float | None:
    return float(roc_auc_score(right, probability)) if 0 < right.sum() < len(right) else None


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
