"""How far responses written like this one can be believed, learned without labels.

Crowdsourcing estimates how reliable each annotator is from how often the annotator agrees with what the others, weighed
together, make likely (Dawid and Skene 1979). A rollout's author is unknown here, or is always the same policy,
sampled again, so its way of writing stands for the author. Ridge regressions learn, on labelled and unlabelled rollouts alike, by how
much a first model believes a rollout more than the others of its group, from how its checks and features differ from theirs:

    lead = w · (x - mean of the group's x),   w = argmin Σ (pseudo_labels - mean of the group's - lead)² + λ Σ w²
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from memgraph.models.features import VOTES, deviation, vote_features
from memgraph.snapshot.snapshot import Floats, Ints, Snapshot
from memgraph.store.keys import key_of

RELIABILITY = ("reliability", "reliability_deviation", *(f"reliable_{name}" for name in VOTES))
FOLDS = 5
_PENALTY = 30.0
_LIMIT = 4.0  # standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Fitted regressions, one for each fold of queries: a query's rollouts are judged by the one that never saw them.

    Attributes:
        mean: [features] of what is known, for what is not.
        scale: [features] spread of the deviations; infinite where there is none.
        weights: [folds, features].
    """

    mean: Floats
    scale: Floats
    weights: Floats

    @classmethod
    def fit(cls, snapshot: Snapshot, own: Floats, pseudo_labels: Floats) -> Self:
        """Fit on all rollouts of a snapshot.

        Args:
            own: [rollouts, features] checks and features of each rollout itself, NaN where there is none.
            pseudo_labels: [rollouts] label where it is known, else the probability that a first model gives.
        """
        from sklearn.linear_model import Ridge

        present = ~np.isnan(own)
        mean = (np.where(present, own, 0).sum(axis=0) / np.maximum(1, present.sum(axis=0))).astype(np.float32)
        apart = deviation(snapshot, np.where(present, own, mean))
        spread = apart.std(axis=0)
        scale = np.where(spread > 1e-4, spread, np.inf).astype(np.float32)
        lead, fold = deviation(snapshot, pseudo_labels), folds_by_key(snapshot)
        weights = np.zeros((FOLDS, own.shape[1]), np.float32)
        inputs = np.clip(apart / scale, -_LIMIT, _LIMIT)
        for number in range(FOLDS if own.shape[1] else 0):
            seen = fold != number if (fold != number).any() else np.ones(len(fold), np.bool_)
            weights[number] = Ridge(_PENALTY, fit_intercept=False).fit(inputs[seen], lead[seen]).coef_
        return cls(mean, scale, weights)

    def features(self, snapshot: Snapshot, own: Floats) -> Floats:
        """[rollouts, 10] see `RELIABILITY`: how much more than its group it is believed, and votes weighted by that."""
        apart = deviation(snapshot, np.where(np.isnan(own), self.mean, own))
        inputs = np.clip(apart / self.scale, -_LIMIT, _LIMIT)
        lead = (inputs * self.weights[folds_by_key(snapshot)]).sum(axis=1).astype(np.float32)
        votes = vote_features(snapshot, np.clip(0.5 + lead, 0.01, 0.99))
        return np.concatenate([lead[:, None], deviation(snapshot, lead)[:, None], votes], axis=1)

    def arrays(self) -> dict[str, Any]:
        """What decides its predictions, by name; `Reliability(**arrays)` is the same one."""
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights}


def folds_by_key(snapshot: Snapshot) -> Ints:
    """[rollouts] fold by the query's key alone, so that every process and every excerpt of the memory agrees on it."""
    fold = [int(key_of("reliability", key)[:8], 16) % FOLDS for key in snapshot.query_keys]
    return np.array(fold, np.int64)[snapshot.rollout_query]
