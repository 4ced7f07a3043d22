"""How far responses written like this one can be believed, learned without labels.

Crowdsourcing estimates how reliable each annotator is from how often the annotator agrees with what the others, weighed
together, make likely (Dawid and Skene 1979). A rollout's author is unknown here, or is always the same policy in another
mood, so its way of writing stands for the author: regressions learn, on labelled and unlabelled rollouts alike, by how
much a first model believes a rollout more than the others of its group, from the rollout's own checks and features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from memgraph.features import VOTES, group_rows, vote_features
from memgraph.keys import key_of
from memgraph.snapshot import Floats, Ints, Snapshot
from memgraph.threads import one_thread

RELIABILITY = ("reliability", "reliability_deviation", *(f"reliable_{name}" for name in VOTES))
FOLDS = 5
_DOUBT = 10.0  # rollouts without a lead that every policy starts with


@dataclass(frozen=True, slots=True)
class Reliability:
    """Fitted regressions, one for each fold of queries: a query's rollouts are judged by the one that never saw them."""

    models: Sequence[Any]

    @classmethod
    def fit(cls, snapshot: Snapshot, own: Floats, believed: Floats, *, seed: int) -> Self:
        """Fit on all rollouts of a snapshot.

        Args:
            own: [rollouts, features] checks and features of each rollout itself, NaN where there is none.
            believed: [rollouts] label where it is known, else the probability that a first model gives.
        """
        if not own.shape[1]:
            return cls(())
        lead = deviation(snapshot, believed)
        fold = folds_by_key(snapshot)
        models = []
        for number in range(FOLDS):
            seen = fold != number if (fold != number).any() else np.ones(len(fold), np.bool_)
            regression = HistGradientBoostingRegressor(
                max_iter=150,
                learning_rate=0.06,
                max_leaf_nodes=16,
                min_samples_leaf=30,
                l2_regularization=5,
                max_features=0.4,
                early_stopping=False,
                random_state=seed,
            )
            model = make_pipeline(SimpleImputer(keep_empty_features=True), regression)
            with one_thread():
                models.append(model.fit(own[seen], lead[seen]))
        return cls(models)

    def features(self, snapshot: Snapshot, own: Floats) -> Floats:
        """[rollouts, 10] see `RELIABILITY`: how much more than its group it is believed, and votes weighted by that."""
        found = np.zeros(len(own), np.float32)
        if self.models:
            fold = folds_by_key(snapshot)
            for number, model in enumerate(self.models):
                if (fold == number).any():
                    with one_thread():
                        found[fold == number] = model.predict(own[fold == number])
        return _features(snapshot, found)


@dataclass(frozen=True, slots=True)
class PolicyReliability:
    """The same where authors are known: each policy's mean lead over its groups.

    Attributes:
        leads: policy → [folds, 2] sum of the leads and number of rollouts.
    """

    leads: dict[str, list[list[float]]]

    @classmethod
    def fit(cls, snapshot: Snapshot, believed: Floats) -> Self:
        """Count on all rollouts of a snapshot; `believed` is as of `Reliability.fit`."""
        lead = deviation(snapshot, believed)
        leads: dict[str, list[list[float]]] = {}
        for policy, number, value in zip(
            snapshot.rollout_policies, folds_by_key(snapshot).tolist(), lead.tolist(), strict=True
        ):
            entry = leads.setdefault(policy, [[0.0, 0.0] for _ in range(FOLDS)])[number]
            entry[0] += value
            entry[1] += 1
        leads.pop("", None)
        return cls(leads)

    def features(self, snapshot: Snapshot) -> Floats:
        """[rollouts, 10] as of `Reliability`, by policy and without the fold of the rollout's own query."""
        found = np.zeros(len(snapshot.rollout_keys), np.float32)
        for row, (policy, number) in enumerate(
            zip(snapshot.rollout_policies, folds_by_key(snapshot).tolist(), strict=True)
        ):
            others = [entry for fold, entry in enumerate(self.leads.get(policy, ())) if fold != number]
            found[row] = sum(total for total, _ in others) / (_DOUBT + sum(count for _, count in others))
        return _features(snapshot, found)


def _features(snapshot: Snapshot, lead: Floats) -> Floats:
    votes = vote_features(snapshot, np.clip(0.5 + lead, 0.01, 0.99))
    return np.concatenate([lead[:, None], deviation(snapshot, lead)[:, None], votes], axis=1)


def deviation(snapshot: Snapshot, values: Floats) -> Floats:
    """[rollouts] values less their group's mean."""
    found = np.zeros_like(values)
    for rows in group_rows(snapshot):
        found[rows] = values[rows] - values[rows].mean()
    return found


def folds_by_key(snapshot: Snapshot) -> Ints:
    """[rollouts] fold by the query's key alone, so that every process and every excerpt of the memory agrees on it."""
    fold = [int(key_of("reliability", key)[:8], 16) % FOLDS for key in snapshot.query_keys]
    return np.array(fold, np.int64)[snapshot.rollout_query]
