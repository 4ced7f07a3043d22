"""What a reward model makes of features: the vote, moved by what labels teach, in two regressions with trees between them.

    first    from the vote (`memgraph.models.vote_posterior`) and all features of a rollout
    trees    of the same features; held-out labels say how much they count beside the first (`memgraph.models.trees`)
    second   from that logit and its reliability: how far responses written like this one are believed in the whole
             memory, and votes weighted by that (`memgraph.models.reliability`)

Each regression starts from its anchor and leaves it only as far as held-out labels support
(`memgraph.models.anchored_regression`). The second is made from thirty labelled queries on. Without any label the first is the
vote, and what other memories taught of the checks (`memgraph.models.prior`).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from memgraph.errors import ModelError
from memgraph.models.anchored_regression import Anchor, AnchoredRegression
from memgraph.models.consensus import Voting, experience_features
from memgraph.models.features import in_order, own_features, rollout_features
from memgraph.models.prior import VOTE
from memgraph.models.reliability import RELIABILITY, Reliability
from memgraph.models.trees import BoostedTrees, fit_trees, trees_share
from memgraph.snapshot.snapshot import Floats, Ints, Snapshot

FEWEST_QUERIES = 30
_FOLDS = 5
_FIRST = Anchor("first", slope=1.0, bias=0.0, scale=1.0, certainty=600.0, level=0.7)


@dataclass(frozen=True, slots=True)
class Second:
    """What is fitted on top of first and trees.

    Attributes:
        own: names of the rollout's own checks and features, in their order.
        reliability: of a way of writing.
        regression: from the logit before it and reliability.
    """

    own: list[str]
    reliability: Reliability
    regression: AnchoredRegression


@dataclass(frozen=True, slots=True, eq=False)
class FeatureModel:
    """A fitted model.

    Attributes:
        names: of the features, in their order; what a snapshot lacks counts as missing.
        checks: names of the label-free checks that it uses.
        voting: how votes are counted.
        first: the vote, moved by labels.
        trees: None where labels do not support them.
        share: how much the trees count beside the first, 0..½.
        second: None where labels do not support it.
    """

    names: list[str]
    checks: tuple[str, ...]
    voting: Voting
    first: AnchoredRegression
    trees: BoostedTrees | None = None
    share: float = 0.0
    second: Second | None = None

    @classmethod
    def of_prior(cls, snapshot: Snapshot, *, checks: Sequence[str], prior: Mapping[str, float] | None) -> Self:
        """What is believed of a memory without labels: the vote, and what other memories taught.

        Args:
            prior: weights of features by name (`memgraph.models.prior`); None leaves the vote alone.
        """
        voting = Voting.of(snapshot)
        names, features = rollout_features(snapshot, checks, experience_features(snapshot, voting))
        return cls(names, tuple(checks), voting, AnchoredRegression.of_prior(VOTE, names, features, prior))

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        *,
        checks: Sequence[str],
        prior: Mapping[str, float] | None = None,
        seed: int,
    ) -> tuple[Self, Floats]:
        """Fit on the labels of a snapshot.

        Args:
            checks: names of the label-free checks to use.
            prior: weights of features by name, to start from as far as they explain the labels better than the vote.
            seed: of the folds.

        Returns the model, and [rollouts] logits; those of labelled rollouts by models that did not see their cluster's labels.
        """
        from scipy.special import expit

        voting = Voting.of(snapshot)
        names, features = rollout_features(snapshot, checks, experience_features(snapshot, voting))
        # in the order of their keys, since trees draw rows by number
        rows = np.flatnonzero(~np.isnan(snapshot.labels))
        rows = np.array(sorted(rows.tolist(), key=snapshot.rollout_keys.__getitem__), np.int64)
        labels, query = snapshot.labels[rows], snapshot.rollout_query[rows]
        fold = cluster_folds(snapshot, rows, seed)
        first, held_out = AnchoredRegression.fit(VOTE, names, features, rows, labels, query, fold, prior)
        trees, of_trees = fit_trees(features[rows], labels, fold, seed)
        of_trees = np.where(np.isnan(of_trees), held_out, of_trees)
        share = trees_share(held_out, of_trees, labels, query)
        model = cls(names, tuple(checks), voting, first, trees if share else None, share)
        logits = model._of_first(features)
        logits[rows] = (1 - share) * held_out + share * of_trees
        if len(np.unique(snapshot.query_clusters[query])) < FEWEST_QUERIES:
            return model, logits
        # who is believed more than others is learned on labelled and unlabelled rollouts alike
        pseudo_labels = np.where(np.isnan(snapshot.labels), expit(logits), snapshot.labels).astype(np.float32)
        own = own_features(snapshot, checks)[0]
        of_own = in_order(own, names, features)
        reliability = Reliability.fit(snapshot, of_own, pseudo_labels)
        inputs = _inputs_of_second(reliability, snapshot, of_own, logits)
        regression, held_out = AnchoredRegression.fit(
            _FIRST, (_FIRST.name, *RELIABILITY), inputs, rows, labels, query, fold
        )
        if not regression.moved:
            return model, logits
        logits = regression.logits(inputs)
        logits[rows] = held_out
        return replace(model, second=Second(own, reliability, regression)), logits

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

    @property
    def usual(self) -> dict[str, float]:
        """Mean of each feature over the memory that it was fitted on, by name: what counts where a rollout has none."""
        return dict(zip(self.names, self.first.mean.tolist(), strict=True))

    def experience(self, snapshot: Snapshot) -> Floats:
        """[target rollouts, 4] what all rollouts of their queries say (`memgraph.models.consensus.experience_features`)."""
        experience: Floats = experience_features(snapshot, self.voting)[snapshot.rollout_targets]
        return experience

    def logits(self, snapshot: Snapshot, *, experience: Floats | None = None) -> Floats:
        """[rollouts] logits of being right. No label is looked at.

        Args:
            snapshot: whole groups, without experience (`Snapshot.without_experience`).
            experience: [rollouts, 4] what was read beside it, by `FeatureModel.experience`; by default what the snapshot alone says.
        """
        if experience is None:
            experience = experience_features(snapshot, self.voting)
        names, values = rollout_features(snapshot, self.checks, experience)
        features = in_order(self.names, names, values)
        logits = self._of_first(features)
        if self.second is None or not len(logits):
            return logits
        of_own = in_order(self.second.own, self.names, features)
        inputs = _inputs_of_second(self.second.reliability, snapshot, of_own, logits)
        return self.second.regression.logits(inputs)

    def _contents(self) -> tuple[str, dict[str, Any]]:
        """JSON of what is no array, and the arrays by name: all that decides its predictions."""
        document = {
            "names": self.names,
            "checks": self.checks,
            "voting": asdict(self.voting),
            "share": self.share,
            "own": None if self.second is None else self.second.own,
        }
        arrays = _with_prefix("first", self.first.arrays())
        if self.trees is not None:
            arrays |= _with_prefix("trees", self.trees.arrays())
        if self.second is not None:
            arrays |= _with_prefix("second", self.second.regression.arrays())
            arrays |= _with_prefix("reliability", self.second.reliability.arrays())
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
            first, trees, second, reliability = (
                _without_prefix(part, arrays) for part in ("first", "trees", "second", "reliability")
            )
            return cls(
                document["names"],
                tuple(document["checks"]),
                Voting(**document["voting"]),
                AnchoredRegression.of_arrays(first),
                BoostedTrees.of_arrays(trees) if trees else None,
                document["share"],
                Second(document["own"], Reliability(**reliability), AnchoredRegression.of_arrays(second))
                if second
                else None,
            )
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ModelError(f"no feature model can be read from {file}: {error}; fit again") from error

    def digest(self) -> bytes:
        """sha256 of what decides its predictions."""
        document, arrays = self._contents()
        digest = hashlib.sha256(document.encode())
        for name, array in arrays.items():
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return digest.digest()


def _inputs_of_second(reliability: Reliability, snapshot: Snapshot, own: Floats, logits: Floats) -> Floats:
    """[rollouts, inputs] the logits of first and trees, and reliability by [rollouts, features] of the rollouts' own."""
    inputs: Floats = np.concatenate([logits[:, None], reliability.features(snapshot, own)], axis=1).astype(np.float32)
    return inputs


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
