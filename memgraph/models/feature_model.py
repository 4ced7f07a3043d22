"""What a reward model makes of features: the vote, moved by what labels teach, in two regressions with trees between them.

    first    from the vote (`pooled_share`) and all features of a rollout
    trees    of the same features; held-out labels say how much they count beside the first (`memgraph.models.trees`)
    second   from that logit and its reliability: how far responses written like this one are believed in the whole
             memory, and votes weighted by that (`memgraph.models.reliability`)

Each regression starts from its anchor and leaves it only as far as held-out labels support
(`memgraph.models.anchored_regression`). The second is made from thirty labelled queries on. The logit is the mean of that
before it and its own, since what speaks for the second is often little. Without any label the first is the vote, and what
other memories taught of the checks (`memgraph.models.prior`).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from memgraph.errors import ModelError
from memgraph.models.anchored_regression import Anchor, AnchoredRegression
from memgraph.models.consensus import agreement_weights, experience_features
from memgraph.models.features import in_order, own_features, rollout_features
from memgraph.models.prior import VOTE
from memgraph.models.reliability import RELIABILITY, PolicyReliability, Reliability
from memgraph.models.trees import BoostedTrees, fit_trees, trees_share
from memgraph.snapshot.snapshot import Floats, Ints, Snapshot

FEWEST_QUERIES = 30
_FOLDS = 5
_FIRST = Anchor("first", slope=1.0, bias=0.0, scale=1.0, certainty=600.0, level=0.7)


@dataclass(frozen=True, slots=True)
class Reliabilities:
    """What the second regression reads beside the logit before it.

    Attributes:
        own: names of the rollout's own checks and features, in their order.
        style: by the way of writing.
        policies: by the policy's name; None where that is not to be known.
    """

    own: list[str]
    style: Reliability
    policies: PolicyReliability | None

    @property
    def names(self) -> list[str]:
        """Of the inputs, the logit before them."""
        return [_FIRST.name, *RELIABILITY, *([f"policy_{name}" for name in RELIABILITY] if self.policies else [])]

    def inputs(self, snapshot: Snapshot, names: Sequence[str], features: Floats, logits: Floats) -> Floats:
        """[rollouts, inputs] from [rollouts, features] and the [rollouts] logits of first and trees."""
        columns = [logits[:, None], self.style.features(snapshot, in_order(self.own, names, features))]
        if self.policies is not None:
            columns.append(self.policies.features(snapshot))
        inputs: Floats = np.concatenate(columns, axis=1).astype(np.float32)
        return inputs


@dataclass(frozen=True, slots=True, eq=False)
class FeatureModel:
    """A fitted model.

    Attributes:
        names: of the features, in their order; what a snapshot lacks counts as missing.
        checks: names of the label-free checks that it uses.
        agreement: policy → weight of its votes in the experience (`memgraph.models.consensus.agreement_weights`).
        first: the vote, moved by labels.
        trees: None where labels do not support them.
        share: how much the trees count beside the first, 0..½.
        reliabilities, second: None where labels do not support them.
    """

    names: list[str]
    checks: tuple[str, ...]
    agreement: dict[str, float]
    first: AnchoredRegression
    trees: BoostedTrees | None = None
    share: float = 0.0
    reliabilities: Reliabilities | None = None
    second: AnchoredRegression | None = None

    @classmethod
    def of_prior(cls, snapshot: Snapshot, *, checks: Sequence[str], prior: Mapping[str, float] | None) -> Self:
        """What is believed of a memory without labels: the vote, and what other memories taught.

        Args:
            prior: weights of features by name (`memgraph.models.prior`); None leaves the vote alone.
        """
        agreement = agreement_weights(snapshot)
        names, features = rollout_features(snapshot, checks, experience_features(snapshot, agreement))
        return cls(names, tuple(checks), agreement, AnchoredRegression.of_prior(VOTE, names, features, prior))

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        *,
        checks: Sequence[str],
        policies: bool = False,
        weights: Floats | None = None,
        prior: Mapping[str, float] | None = None,
        seed: int,
    ) -> tuple[Self, Floats]:
        """Fit on the labels of a snapshot.

        Args:
            checks: names of the label-free checks to use.
            policies: whether it may know which policy a rollout comes from.
            weights: [rollouts] how much the label of each counts as a target; None where all count the same.
            prior: weights of features by name, to start from where that explains the labels better than the vote.
            seed: of the folds.

        Returns the model, and [rollouts] logits; those of labelled rollouts by models that did not see their cluster's labels.
        """
        from scipy.special import expit

        agreement = agreement_weights(snapshot)
        names, features = rollout_features(snapshot, checks, experience_features(snapshot, agreement))
        # in the order of their keys, since trees draw rows by number
        rows = np.flatnonzero(~np.isnan(snapshot.labels))
        rows = np.array(sorted(rows.tolist(), key=snapshot.rollout_keys.__getitem__), np.int64)
        labels, query = snapshot.labels[rows], snapshot.rollout_query[rows]
        counts = np.ones(len(rows), np.float32) if weights is None else weights[rows]
        fold = cluster_folds(snapshot, rows, seed)
        first, held_out = AnchoredRegression.fit(VOTE, names, features, rows, labels, query, fold, counts, prior)
        trees, of_trees = fit_trees(features[rows], labels, counts, fold, seed)
        of_trees = np.where(np.isnan(of_trees), held_out, of_trees)
        share = trees_share(held_out, of_trees, labels, query, counts)
        model = cls(names, tuple(checks), agreement, first, trees if share else None, share)
        logits = model._of_first(features)
        logits[rows] = (1 - share) * held_out + share * of_trees
        if len(np.unique(snapshot.query_clusters[query])) < FEWEST_QUERIES:
            return model, logits
        # who is believed more than others is learned on labelled and unlabelled rollouts alike
        pseudo_labels = np.where(np.isnan(snapshot.labels), expit(logits), snapshot.labels).astype(np.float32)
        own = own_features(snapshot, checks)[0]
        reliabilities = Reliabilities(
            own,
            Reliability.fit(snapshot, in_order(own, names, features), pseudo_labels),
            PolicyReliability.fit(snapshot, pseudo_labels) if policies else None,
        )
        inputs = reliabilities.inputs(snapshot, names, features, logits)
        second, held_out = AnchoredRegression.fit(
            _FIRST, reliabilities.names, inputs, rows, labels, query, fold, counts
        )
        if not second.moved:
            return model, logits
        corrected = second.logits(inputs)
        corrected[rows] = held_out
        logits = np.float32(0.5) * (logits + corrected)
        return replace(model, reliabilities=reliabilities, second=second), logits

    def _of_first(self, features: Floats) -> Floats:
        """[rollouts] logits before the second regression, of [rollouts, features]."""
        logits = self.first.logits(features)
        if self.trees is None:
            return logits
        return np.float32(1 - self.share) * logits + np.float32(self.share) * self.trees.logits(features)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each standardised feature in the first regression, by name; those that never varied are left out."""
        varied = np.isfinite(self.first.scale)
        return {
            name: weight
            for (name, weight), used in zip(self.first.by_name(self.names).items(), varied, strict=True)
            if used
        }

    def experience(self, snapshot: Snapshot) -> Floats:
        """[target rollouts, 3] what the other groups of their queries say (`memgraph.models.consensus.experience_features`)."""
        experience: Floats = experience_features(snapshot, self.agreement)[snapshot.rollout_targets]
        return experience

    def logits(self, snapshot: Snapshot, *, experience: Floats | None = None) -> Floats:
        """[rollouts] logits of being right. No label is looked at.

        Args:
            snapshot: whole groups, without experience (`Snapshot.without_experience`).
            experience: [rollouts, 3] what was read beside it, by `FeatureModel.experience`; by default what the snapshot's groups say.
        """
        if experience is None:
            experience = experience_features(snapshot, self.agreement)
        names, values = rollout_features(snapshot, self.checks, experience)
        features = in_order(self.names, names, values)
        logits = self._of_first(features)
        if self.second is None or self.reliabilities is None or not len(logits):
            return logits
        inputs = self.reliabilities.inputs(snapshot, self.names, features, logits)
        return np.float32(0.5) * (logits + self.second.logits(inputs))

    def _contents(self) -> tuple[str, dict[str, Any]]:
        """JSON of what is no array, and the arrays by name: all that decides its predictions."""
        beside = self.reliabilities
        document = {
            "names": self.names,
            "checks": self.checks,
            "agreement": self.agreement,
            "share": self.share,
            "own": None if beside is None else beside.own,
            "policies": None if beside is None or beside.policies is None else beside.policies.leads,
        }
        arrays = _with_prefix("first", self.first.arrays())
        if self.trees is not None:
            arrays |= _with_prefix("trees", self.trees.arrays())
        if beside is not None and self.second is not None:
            arrays |= _with_prefix("second", self.second.arrays()) | _with_prefix("style", beside.style.arrays())
        return json.dumps(document, sort_keys=True), arrays

    def save(self, file: Path) -> None:
        """Write an NPZ archive. Nothing in it runs when it is read."""
        document, arrays = self._contents()
        with file.open("wb") as opened:
            np.savez(opened, document=np.array(document), **arrays)

    @classmethod
    def load(cls, file: Path) -> Self:
        """What `save` wrote.

        Raises:
            ModelError: if the file is no feature model.
        """
        try:
            with np.load(file, allow_pickle=False) as opened:
                arrays = {name: opened[name] for name in opened.files}
            document: dict[str, Any] = json.loads(str(arrays.pop("document")))
            first, trees, second, style = (
                _without_prefix(part, arrays) for part in ("first", "trees", "second", "style")
            )
            model = cls(
                document["names"],
                tuple(document["checks"]),
                document["agreement"],
                AnchoredRegression.of_arrays(first),
                BoostedTrees.of_arrays(trees) if trees else None,
                document["share"],
            )
            if not second:
                return model
            policies = None if document["policies"] is None else PolicyReliability(document["policies"])
            reliabilities = Reliabilities(document["own"], Reliability(**style), policies)
            return replace(model, reliabilities=reliabilities, second=AnchoredRegression.of_arrays(second))
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ModelError(f"no feature model can be read from {file}: {error}; fit again") from error

    def digest(self) -> bytes:
        """sha256 of what decides its predictions."""
        document, arrays = self._contents()
        digest = hashlib.sha256(document.encode())
        for name, array in arrays.items():
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.digest()


def _with_prefix(part: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{part}.{name}": np.asarray(array) for name, array in arrays.items()}


def _without_prefix(part: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}


def cluster_folds(snapshot: Snapshot, rows: Ints, seed: int) -> Ints:
    """[rows] fold of each rollout, whole near-duplicate clusters together, whatever the order of the rows."""
    clusters = snapshot.query_clusters[snapshot.rollout_query[rows]]
    smallest: dict[int, str] = {}
    for cluster, query in zip(clusters.tolist(), snapshot.rollout_query[rows].tolist(), strict=True):
        key = snapshot.query_keys[query]
        smallest[cluster] = min(smallest.get(cluster, key), key)
    ordered = sorted(smallest, key=lambda cluster: smallest[cluster])
    shuffled = np.random.default_rng(seed).permutation(len(ordered))
    position = {ordered[number]: place for place, number in enumerate(shuffled.tolist())}
    return np.array([position[cluster] % _FOLDS for cluster in clusters.tolist()], np.int64)
