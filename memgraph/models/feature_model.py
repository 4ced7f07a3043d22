"""What a reward model makes of features: the vote, moved by what labels teach.

    logit = (1 - trust) · regression + trust · committee        trust ∈ {0, ½, 1}

The regression (`memgraph.models.vote_regression`) starts from the vote and is never far below it. The committee of boosted
trees and words (`memgraph.committee`) knows more and needs more labels: it is fitted from thirty labelled queries on, and
trusted only as far as held-out labels show, by more than a standard error, that it helps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from memgraph.committee import Committee, unit_folds
from memgraph.consensus import agreement_weights, experience_features
from memgraph.errors import ModelError
from memgraph.features import in_order, rollout_features, with_experience
from memgraph.models.vote_regression import VoteRegression, cross_entropy
from memgraph.snapshot import Bools, Floats, Ints, Snapshot

FEWEST_QUERIES = 30
_TRUST = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureModel:
    """A fitted model.

    Attributes:
        names: of the features, in their order; what a snapshot lacks counts as missing.
        checks: names of the label-free checks that it uses.
        agreement: policy → weight of its votes in the experience (`memgraph.consensus.agreement_weights`).
        regression: the vote, moved by labels.
        committee: None where it is not trusted.
        trust: its part of the logits.
    """

    names: list[str]
    checks: tuple[str, ...]
    agreement: dict[str, float]
    regression: VoteRegression
    committee: Committee | None
    trust: float

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
    ) -> tuple[Self, Floats]:
        """Fit on the labels of some rollouts.

        Args:
            rows: rollouts whose labels are the targets.
            visible: [rollouts] labels that may be inputs of rollouts of other units.
            checks: names of the label-free checks to use.
            wording: whether the committee may read the words of thinkings and answers.
            policies: whether the committee may know which policy a rollout comes from.
            weights: [rows] how much each label counts as a target; None where all count the same.

        Returns the model, and [rollouts] logits; those of these rows by models that did not see their unit's labels.
        """
        agreement = agreement_weights(snapshot)
        names, plain = rollout_features(snapshot, visible, checks)
        features = with_experience(names, plain, experience_features(snapshot, agreement))
        labels, query = snapshot.labels[rows], snapshot.rollout_query[rows]
        fold = unit_folds(snapshot, rows, seed)
        regression, held_out = VoteRegression.fit(names, features, rows, labels, query, fold, weights)
        logits = regression.logits(features)
        logits[rows] = held_out
        committee, trust = None, 0.0
        if len(np.unique(snapshot.query_units[query])) >= FEWEST_QUERIES:
            committee, theirs = Committee.fit(
                snapshot,
                rows,
                visible,
                checks=checks,
                wording=wording,
                policies=policies,
                weights=weights,
                seed=seed,
                computed=(names, plain),
            )
            trust = _trust(logits[rows], theirs[rows], labels, query)
            logits = (1 - trust) * logits + trust * theirs
        return cls(names, tuple(checks), agreement, regression, committee if trust else None, trust), logits

    def experience(self, snapshot: Snapshot) -> Floats:
        """[rollouts asked for, 3] what the other groups of their queries say (`memgraph.consensus.experience_features`)."""
        found: Floats = experience_features(snapshot, self.agreement)[snapshot.rollout_asked]
        return found

    def logits(
        self, snapshot: Snapshot, labels: Floats, asked: Bools | None = None, *, experience: Floats | None = None
    ) -> Floats:
        """[rollouts asked for] logits of being right.

        Args:
            snapshot: without experience (`Snapshot.without_experience`).
            labels: [rollouts] that may be seen; those of a rollout's own unit are not looked at.
            asked: [rollouts] those asked for, in whole queries; of others only labels of similar queries are looked at. All
                where it is None.
            experience: what was read beside it, by `FeatureModel.experience`; by default what the snapshot's groups say.
        """
        names, plain = rollout_features(snapshot, labels, self.checks)
        if experience is None:
            experience = experience_features(snapshot, self.agreement)
        found = with_experience(names, plain, experience)
        logits = self.regression.logits(in_order(self.names, names, found if asked is None else found[asked]))
        if self.committee is not None:
            theirs = self.committee.logits(snapshot, labels, asked, computed=(names, plain))
            logits = (1 - self.trust) * logits + self.trust * theirs
        return logits

    def dumps(self) -> bytes:
        """As bytes that `loads` reads without running anything in them (skops)."""
        import skops.io

        document = {
            "names": self.names,
            "checks": list(self.checks),
            "agreement": self.agreement,
            "regression": self.regression.arrays(),
            "committee": None if self.committee is None else self.committee.dumps(),
            "trust": self.trust,
        }
        return bytes(skops.io.dumps(document))

    @classmethod
    def loads(cls, data: bytes) -> Self:
        """What `dumps` wrote.

        Raises:
            ModelError: if it holds anything but this project's kinds of model.
        """
        import skops.io

        try:
            found: Any = skops.io.loads(data, trusted=["numpy.dtype"])
        except Exception as error:
            raise ModelError(f"the feature model cannot be read: {error}; fit anew") from error
        return cls(
            found["names"],
            tuple(found["checks"]),
            found["agreement"],
            VoteRegression(**found["regression"]),
            None if found["committee"] is None else Committee.loads(found["committee"]),
            found["trust"],
        )

    def digest(self) -> bytes:
        """sha256 of what decides its predictions."""
        digest = hashlib.sha256(repr((self.names, self.checks, self.agreement, self.trust)).encode())
        for value in self.regression.arrays().values():
            digest.update(np.ascontiguousarray(value).tobytes())
        if self.committee is not None:
            digest.update(self.committee.digest())
        return digest.digest()


def _trust(regression: Floats, committee: Floats, labels: Floats, query: Ints) -> float:
    """The committee's part of least cross-entropy on held-out logits; 0 unless it gains more than a standard error.

    Args:
        regression, committee: [labelled] logits by models that did not see the unit's labels.
        labels: [labelled] 0..1.
        query: [labelled] number of the query; the error is over queries.
    """
    queries, which = np.unique(query, return_inverse=True)
    counts = np.bincount(which)

    def losses(part: float) -> Floats:
        logits = (1 - part) * regression + part * committee
        return np.asarray(np.bincount(which, cross_entropy(logits, labels)) / counts, np.float32)

    without = losses(0.0)
    gains = {part: without - losses(part) for part in _TRUST[1:]}
    best = max(gains, key=lambda part: float(gains[part].mean()))
    error = float(gains[best].std(ddof=1)) / np.sqrt(len(queries))
    return best if float(gains[best].mean()) > error else 0.0
