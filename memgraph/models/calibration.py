"""From a model's logits to probabilities that can be believed, and how far their order within a group can be.

Fitted on logits of queries whose labels the model that gives them did not see.
"""

from __future__ import annotations

import numpy as np

from memgraph.models.metrics import evaluate_scores
from memgraph.snapshot.snapshot import Floats, Ints

_FEWEST_GROUPS = 5


def temperature(logits: Floats, labels: Floats) -> float:
    """Factor that logits are multiplied by to fit the labels best; 1 where there is too little to fit it on.

    There is no shift: the share of right rollouts among few labelled queries is itself a matter of chance. The factor is
    moved half-way to 1 (its root), and is never below 1: the models that answer have seen more labels than those it is
    fitted on, so they are surer with reason.
    """
    if len(logits) < 20 or not both_classes(labels):
        return 1.0
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=100.0, fit_intercept=False).fit(logits[:, None], labels >= 0.5)
    return float(np.sqrt(np.clip(regression.coef_[0, 0], 1.0, 10.0)))


def calibrated(logits: Floats, calibration: float) -> Floats:
    """Probability of being right."""
    from scipy.special import expit

    probability: Floats = expit(calibration * logits.astype(np.float64)).astype(np.float32)
    return probability


def noise_floor(probability: Floats, labels: Floats, group: Ints) -> float:
    """Spread (standard deviation of probabilities) up to which a group's order is not known to be better than chance.

    Groups with right and wrong rollouts are taken from the smallest spread on, until their mean AUC lies above ½ by more
    than 1.64 standard errors; at most half of the groups fall below the floor.

    Args:
        probability: [rollouts] by models that did not see the cluster's labels.
        labels: [rollouts] 0..1.
        group: [rollouts] number of the group.
    """
    spreads, aucs = [], []
    for number in np.unique(group):
        inside = group == number
        auc = evaluate_scores(probability[inside], labels[inside], group[inside]).within_query_auc
        if auc is not None:
            spreads.append(float(probability[inside].std()))
            aucs.append(auc)
    order = np.argsort(spreads, kind="stable")
    floor = 0.0
    for count in range(1, len(order) // 2 + 1):
        smallest = np.array(aucs)[order[:count]]
        error = float(smallest.std(ddof=1)) / np.sqrt(count) if count > 1 else np.inf
        if count >= _FEWEST_GROUPS and smallest.mean() - 1.64 * error > 0.5:
            break
        floor = spreads[order[count - 1]]
    return floor


def both_classes(labels: Floats) -> bool:
    """Whether known labels are right and wrong ones; NaN is unknown."""
    seen = labels[~np.isnan(labels)] >= 0.5
    return bool(seen.any() and not seen.all())
