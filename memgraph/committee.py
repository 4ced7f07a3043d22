"""The feature model: logistic regression and gradient boosting that vote, in two rounds.

The first round sees each rollout's features. The second sees, beside them, the group's votes weighted by what the first
believes, so that an answer counts by who gives it and not only by how many do. What the second round is trained on comes
from first-round models that never saw the unit's labels (cross-fitting), as does `logits_of_labelled`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import skops.io
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memgraph.errors import ModelError
from memgraph.features import rollout_features, vote_features
from memgraph.snapshot import Floats, Ints, Snapshot

_FOLDS = 5
_TRUSTED = ["numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
_LIMIT = 1e-4

Members = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Committee:
    """A fitted feature model.

    Attributes:
        names: of the features, in their order; what a snapshot lacks counts as missing.
        checks: names of the label-free checks that it uses.
        rounds: the members of each round.
    """

    names: list[str]
    checks: tuple[str, ...]
    rounds: tuple[Members, Members]

    @classmethod
    def fit(cls, snapshot: Snapshot, rows: Ints, *, checks: Sequence[str], seed: int) -> tuple[Self, Floats]:
        """Fit on the labels of some rollouts.

        Returns the committee, and [rows] logits for these rollouts by models that did not see their unit's labels.
        """
        names, features = rollout_features(snapshot, snapshot.labels, checks)
        right = snapshot.labels[rows] >= 0.5
        fold = _folds(snapshot, rows, seed)
        first = _fit_members(features[rows], right, seed)
        probability = _sigmoid(_logits(first, features))
        probability[rows] = _sigmoid(_cross_fitted(features[rows], right, fold, seed))
        informed = np.concatenate([features, vote_features(snapshot, probability)], axis=1)
        second = _fit_members(informed[rows], right, seed + 1)
        held_out = _cross_fitted(informed[rows], right, fold, seed + 1)
        return cls(names, tuple(checks), (first, second)), held_out

    def logits(self, snapshot: Snapshot, labels: Floats) -> Floats:
        """[rollouts] logits of being right.

        Args:
            labels: [rollouts] that may be seen; those of a rollout's own unit are not looked at.
        """
        if not len(snapshot.rollout_keys):
            return np.zeros(0, np.float32)
        names, found = rollout_features(snapshot, labels, self.checks)
        column = {name: position for position, name in enumerate(names)}
        features = np.full((len(found), len(self.names)), np.nan, np.float32)
        for position, name in enumerate(self.names):
            if name in column:
                features[:, position] = found[:, column[name]]
        probability = _sigmoid(_logits(self.rounds[0], features))
        informed = np.concatenate([features, vote_features(snapshot, probability)], axis=1)
        return _logits(self.rounds[1], informed)

    def dumps(self) -> bytes:
        """As bytes that `loads` reads without running anything in them (skops)."""
        return bytes(skops.io.dumps({"names": self.names, "checks": list(self.checks), "rounds": list(self.rounds)}))

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote.

        Raises:
            ModelError: if it holds anything but this project's kinds of model.
        """
        try:
            found: Any = skops.io.loads(data, trusted=_TRUSTED)
        except Exception as error:
            raise ModelError(f"the feature model cannot be read: {error}; fit anew") from error
        return cls(found["names"], tuple(found["checks"]), tuple(found["rounds"]))

    def digest(self) -> bytes:
        """sha256 of what decides its predictions."""
        digest = hashlib.sha256(repr((self.names, self.checks)).encode())
        for members in self.rounds:
            for member in members:
                for array in _parameters(member):
                    digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()


def _members(seed: int) -> list[Any]:
    trees = [
        HistGradientBoostingClassifier(
            max_iter=100,
            learning_rate=0.04,
            max_leaf_nodes=8,
            min_samples_leaf=30,
            l2_regularization=5,
            max_features=0.3,
            early_stopping=False,
            random_state=2 * seed + number,
        )
        for number in range(2)
    ]
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.005, max_iter=500))
    return [make_pipeline(SimpleImputer(keep_empty_features=True), member) for member in (*trees, linear)]


def _fit_members(features: Floats, right: NDArray[np.bool_], seed: int) -> Members:
    """Fitted members; none where there is only one class to learn from, which a fold of few labels may have."""
    if right.all() or not right.any():
        return []
    return [member.fit(features, right) for member in _members(seed)]


def _logits(members: Members, features: Floats) -> Floats:
    """[rows] mean of the members' logits, 0 without any."""
    total = np.zeros(len(features))
    for member in members:
        probability = np.clip(member.predict_proba(features)[:, 1], _LIMIT, 1 - _LIMIT)
        total += np.log(probability / (1 - probability))
    return (total / max(1, len(members))).astype(np.float32)


def _cross_fitted(features: Floats, right: NDArray[np.bool_], fold: Ints, seed: int) -> Floats:
    """[rows] logits, each by members fitted on the other folds."""
    found = np.zeros(len(features), np.float32)
    for number in np.unique(fold):
        inside = fold == number
        found[inside] = _logits(_fit_members(features[~inside], right[~inside], seed), features[inside])
    return found


def _folds(snapshot: Snapshot, rows: Ints, seed: int) -> Ints:
    """[rows] fold of each rollout, whole near-duplicate units together, whatever the order of the rows."""
    units = snapshot.query_units[snapshot.rollout_query[rows]]
    smallest: dict[int, str] = {}
    for unit, query in zip(units.tolist(), snapshot.rollout_query[rows].tolist(), strict=True):
        key = snapshot.query_keys[query]
        smallest[unit] = min(smallest.get(unit, key), key)
    ordered = sorted(smallest, key=lambda unit: smallest[unit])
    position = dict(
        zip(
            (ordered[i] for i in np.random.default_rng(seed).permutation(len(ordered))),
            range(len(ordered)),
            strict=True,
        )
    )
    return np.array([position[unit] % _FOLDS for unit in units.tolist()], np.int64)


def _sigmoid(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)


def _parameters(member: Any) -> list[NDArray[Any]]:
    """Arrays that decide a member's predictions."""
    imputer, model = member[0], member[1]
    if isinstance(model, HistGradientBoostingClassifier):
        nodes = [predictor.nodes for stage in model._predictors for predictor in stage]
        return [imputer.statistics_, *nodes, np.asarray(model._baseline_prediction)]
    scaler, regression = model
    return [imputer.statistics_, scaler.mean_, scaler.scale_, regression.coef_, regression.intercept_]
