"""The feature model: a regression that starts from the vote, and where labels suffice a committee in two rounds beside it.

The regression (`memgraph.models.vote_regression`) is never far below counting votes. The committee, logistic regression and
gradient boosting, has a say where held-out labels show by more than a standard error that it helps.

The first round sees each rollout's features. The second sees, beside them, the group's votes weighted by what the first
believes, so that an answer counts by who gives it and not only by how many do, and how far responses written like this
one, or that say the same, are believed in the whole memory (`memgraph.reliability`, `memgraph.wording`). What the second
round is trained on comes from first-round models that never saw the unit's labels (cross-fitting). What both leave unexplained
is looked for in the words once more (`memgraph.kriging`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from memgraph.errors import ModelError
from memgraph.features import in_order, own_features, rollout_features, vote_features
from memgraph.kriging import krige
from memgraph.reliability import PolicyReliability, Reliability, deviation
from memgraph.snapshot import Bools, Floats, Ints, Snapshot
from memgraph.threads import one_thread
from memgraph.wording import BelievedWording, Wording
from memgraph.words import Words

_FOLDS = 5
_TRUSTED = ["numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
_LIMIT = 1e-4
_LEAST_VARIANCE = 1e-8
_SAID = "wording"  # name of the feature: the level of a group says nothing, since labels that a fold lacks lower it
_WEIGHTS = (0.25, 0.25, 0.5)  # two boostings, and a regression that is calibrated best

Members = Sequence[Any]

_WEIGHED = {  # where the pipeline of each kind of member takes weights
    HistGradientBoostingClassifier: "histgradientboostingclassifier__sample_weight",
    Pipeline: "pipeline__logisticregression__sample_weight",
}


@dataclass(frozen=True, slots=True)
class Committee:
    """A fitted feature model.

    Attributes:
        names: of the features, in their order; what a snapshot lacks counts as missing.
        own: columns of the rollout's own checks and features among them.
        checks: names of the label-free checks that it uses.
        rounds: the members of each round.
        wording: what right rollouts say, and what that adds to the logits; None where words are not to be read.
        hearsay: what is said by rollouts that the first round believes; None where words are not to be read.
        reliability: what way of writing the first round believes more than others.
        policies: the same by policy; None where policies are not to be known.
    """

    names: list[str]
    own: list[int]
    checks: tuple[str, ...]
    rounds: tuple[Members, Members]
    wording: Wording | None
    hearsay: BelievedWording | None
    reliability: Reliability
    policies: PolicyReliability | None = None

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        rows: Ints,
        visible: Floats,
        *,
        checks: Sequence[str],
        wording: bool = True,
        policies: bool = False,
        weights: Floats | None = None,
        seed: int,
        computed: tuple[list[str], Floats] | None = None,
    ) -> tuple[Self, Floats]:
        """Fit on the labels of some rollouts.

        Args:
            rows: rollouts whose labels are the targets.
            visible: [rollouts] labels that may be inputs of rollouts of other units.
            checks: names of the label-free checks to use.
            wording: whether it may read the words of thinkings and answers.
            policies: whether it may know which policy a rollout comes from.
            weights: [rows] how much each label counts as a target; None where all count the same.
            computed: the `rollout_features` of snapshot, visible labels and checks, where they are known already.

        Returns the committee, and [rollouts] logits; those of these rows by models that did not see their unit's labels.
        """
        names, features = computed or rollout_features(snapshot, visible, checks)
        own = [names.index(name) for name in own_features(snapshot, checks)[0]]
        right = snapshot.labels[rows] >= 0.5
        fold = unit_folds(snapshot, rows, seed)
        spoken = words = hearsay = None
        if wording:
            words = Words.of(snapshot)
            spoken, cross_fitted = Wording.fit(snapshot, words, rows, right, fold, weights)
            said, _ = spoken.says(words)
            said[rows] = cross_fitted
            names, features = [*names, _SAID], np.column_stack([features, deviation(snapshot, said)])
        first = _fit_members(features[rows], right, weights, seed)
        probability = expit(_logits(first, features))
        probability[rows] = expit(_cross_fitted(features[rows], right, weights, fold, seed))
        believed = np.where(np.isnan(snapshot.labels), probability, snapshot.labels).astype(np.float32)
        if words is not None:
            hearsay = BelievedWording.fit(snapshot, words, believed)
        reliability = Reliability.fit(snapshot, features[:, own], believed, seed=seed)
        known = PolicyReliability.fit(snapshot, believed) if policies else None
        committee = cls(
            names,
            own,
            tuple(checks),
            (first, []),
            spoken,
            hearsay,
            reliability,
            known,
        )
        informed = committee._informed(snapshot, features, probability, words)
        second = _fit_members(informed[rows], right, weights, seed + 1)
        logits = _logits(second, informed)
        logits[rows] = _cross_fitted(informed[rows], right, weights, fold, seed + 1)
        if spoken is not None and words is not None:
            correction, cross_fitted = krige(spoken, snapshot, words, rows, logits[rows], fold, weights)
            spoken = spoken.corrected(correction)
            _, added = spoken.says(words)
            added[rows] = cross_fitted
            logits += added
        return replace(committee, rounds=(first, second), wording=spoken), logits

    def logits(
        self,
        snapshot: Snapshot,
        labels: Floats,
        asked: Bools | None = None,
        *,
        computed: tuple[list[str], Floats] | None = None,
    ) -> Floats:
        """[rollouts asked for] logits of being right.

        Args:
            labels: [rollouts] that may be seen; those of a rollout's own unit are not looked at.
            asked: [rollouts] those asked for, in whole groups; of others only labels of similar queries are looked at. All
                where it is None.
            computed: the `rollout_features` of snapshot, labels and checks, where they are known already.
        """
        names, found = computed or rollout_features(snapshot, labels, self.checks)
        if asked is not None:
            snapshot, found = snapshot.with_rollouts(asked), found[asked]
        if not len(found):
            return np.zeros(0, np.float32)
        words, added = None, np.zeros(len(found), np.float32)
        if self.wording is not None:
            words = Words.of(snapshot)
            said, added = self.wording.says(words)
            names, found = [*names, _SAID], np.column_stack([found, deviation(snapshot, said)])
        features = in_order(self.names, names, found)
        probability = expit(_logits(self.rounds[0], features))
        return _logits(self.rounds[1], self._informed(snapshot, features, probability, words)) + added

    def _informed(self, snapshot: Snapshot, features: Floats, probability: Floats, words: Words | None) -> Floats:
        """[rollouts, features] of the second round."""
        columns = [
            features,
            self.reliability.features(snapshot, features[:, self.own]),
            vote_features(snapshot, probability),
        ]
        if self.hearsay is not None and words is not None:
            columns.append(self.hearsay.leads(snapshot, words)[:, None])
        if self.policies is not None:
            columns.append(self.policies.features(snapshot))
        return np.concatenate(columns, axis=1)

    def dumps(self) -> bytes:
        """As bytes that `loads` reads without running anything in them (skops)."""
        import skops.io  # seconds, which a process that keeps no model need not spend

        return bytes(
            skops.io.dumps(
                {
                    "names": self.names,
                    "own": self.own,
                    "checks": list(self.checks),
                    "rounds": list(self.rounds),
                    "wording": None if self.wording is None else self.wording.arrays(),
                    "hearsay": None if self.hearsay is None else self.hearsay.arrays(),
                    "reliability": list(self.reliability.models),
                    "policies": None if self.policies is None else self.policies.leads,
                }
            )
        )

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote.

        Raises:
            ModelError: if it holds anything but this project's kinds of model.
        """
        import skops.io

        try:
            found: Any = skops.io.loads(data, trusted=_TRUSTED)
        except Exception as error:
            raise ModelError(f"the feature model cannot be read: {error}; fit anew") from error
        return cls(
            found["names"],
            found["own"],
            tuple(found["checks"]),
            tuple(found["rounds"]),
            None if found["wording"] is None else Wording.of_arrays(found["wording"]),
            None if found["hearsay"] is None else BelievedWording(**found["hearsay"]),
            Reliability(found["reliability"]),
            None if found["policies"] is None else PolicyReliability(found["policies"]),
        )

    def digest(self) -> bytes:
        """sha256 of what decides its predictions."""
        digest = hashlib.sha256(repr((self.names, self.checks, self.policies)).encode())
        for members in self.rounds:
            for member in members:
                for array in _parameters(member):
                    digest.update(np.ascontiguousarray(array).tobytes())
        for words in (self.wording, self.hearsay):
            for array in () if words is None else words.arrays().values():
                digest.update(np.ascontiguousarray(array).tobytes())
        for model in self.reliability.models:
            for array in _parameters(model):
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
    # a feature that hardly varied among the labels, by rounding for instance, would explode elsewhere
    linear = make_pipeline(
        VarianceThreshold(_LEAST_VARIANCE), StandardScaler(), LogisticRegression(C=0.02, max_iter=500)
    )
    return [make_pipeline(SimpleImputer(keep_empty_features=True), member) for member in (*trees, linear)]


def _fit_members(features: Floats, right: NDArray[np.bool_], weights: Floats | None, seed: int) -> Members:
    """Fitted members; none where there is only one class to learn from, which a fold of few labels may have."""
    if right.all() or not right.any():
        return []
    with one_thread():
        return [
            member.fit(features, right, **({} if weights is None else {_WEIGHED[type(member[1])]: weights}))
            for member in _members(seed)
        ]


def _logits(members: Members, features: Floats) -> Floats:
    """[rows] weighted mean of the members' logits, 0 without any."""
    total = np.zeros(len(features))
    with one_thread():
        for weight, member in zip(_WEIGHTS, members, strict=False):
            probability = np.clip(member.predict_proba(features)[:, 1], _LIMIT, 1 - _LIMIT)
            total += weight * np.log(probability / (1 - probability))
    return (total / sum(_WEIGHTS)).astype(np.float32)


def _cross_fitted(features: Floats, right: NDArray[np.bool_], weights: Floats | None, fold: Ints, seed: int) -> Floats:
    """[rows] logits, each by members fitted on the other folds."""
    found = np.zeros(len(features), np.float32)
    for number in np.unique(fold):
        inside = fold == number
        others = None if weights is None else weights[~inside]
        found[inside] = _logits(_fit_members(features[~inside], right[~inside], others, seed), features[inside])
    return found


def unit_folds(snapshot: Snapshot, rows: Ints, seed: int) -> Ints:
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


def _parameters(member: Any) -> list[NDArray[Any]]:
    """Arrays that decide a member's predictions."""
    imputer, model = member[0], member[1]
    if isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        nodes = [predictor.nodes for stage in model._predictors for predictor in stage]
        return [imputer.statistics_, *nodes, np.asarray(model._baseline_prediction)]
    kept, scaler, regression = model
    arrays = kept.variances_, scaler.mean_, scaler.scale_, regression.coef_, regression.intercept_
    return [imputer.statistics_, *arrays]
