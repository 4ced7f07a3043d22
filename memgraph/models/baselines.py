"""Scorers that the reward model is compared with: chance, neighbours, classifiers, and rules of other papers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array
from scipy.sparse.linalg import cg
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import ModelError
from memgraph.models.calibration import both_classes
from memgraph.models.consensus import FEATURES, consensus_features
from memgraph.models.feature_model import cluster_folds
from memgraph.models.features import deviation, in_order, rollout_features, similarity_features
from memgraph.models.rivals import GeometricPrior, trusted_votes
from memgraph.models.scores import Scores
from memgraph.models.threads import one_thread
from memgraph.snapshot.snapshot import Bools, Floats, Ints, Snapshot, hide_clusters
from memgraph.store.keys import key_of

_NEIGHBOURS = 15
_SPREAD = 0.9


class RandomReward:
    """Control: a number that knows nothing, the same for one rollout and seed in every process."""

    name = "random"
    reads_neighbours = reads_vectors = False

    def __init__(self) -> None:
        self._seed = 0

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Only takes the seed."""
        self._seed = seed

    def score(self, snapshot: Snapshot) -> Scores:
        """Uniform in 0..1."""
        keys = (snapshot.rollout_keys[row] for row in snapshot.target_rollouts)
        values = [int(key_of("random", str(self._seed), key)[:13], 16) / 16**13 for key in keys]
        return Scores.of(snapshot, np.array(values, np.float32), source=self.name)


class NearestRollouts:
    """Mean label of the 15 labelled rollouts with the most similar thinking, of other queries."""

    name = "knn"

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Nothing to learn: the labels are looked up when scoring."""

    def score(self, snapshot: Snapshot) -> Scores:
        """Neighbours weigh equally; without any labelled rollout it abstains."""
        labels = hide_clusters(snapshot, snapshot.query_targets)
        labelled = np.flatnonzero(~np.isnan(labels))
        rows = snapshot.target_rollouts
        if not len(labelled) or not len(rows):
            nothing = np.full(len(rows), np.nan, np.float32)
            return Scores.of(snapshot, nothing, source=self.name, reason="no labelled rollout of another query")
        index = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(labelled)), metric="cosine", algorithm="brute")
        index.fit(snapshot.thinking_embeddings[labelled])
        nearest = index.kneighbors(snapshot.thinking_embeddings[rows], return_distance=False)
        return Scores.of(snapshot, labels[labelled][nearest].mean(axis=1), source=self.name)


class LabelPropagation:
    """Labels spread over a graph of rollouts with similar thinking or the same answer, in closed form.

    Zhou et al., Learning with Local and Global Consistency (2004), as TRAIN (arXiv 2402.03661) uses it for rewards:
    F = (I - αS)⁻¹ Y with S the normalised adjacency.
    """

    name = "label_propagation"

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Nothing to learn: labels spread when scoring."""

    def score(self, snapshot: Snapshot) -> Scores:
        """Share of the mass of right labels; where none arrives it abstains."""
        whole, snapshot = snapshot, snapshot.without_experience()
        labels = hide_clusters(snapshot, snapshot.query_targets)
        rows = snapshot.target_rollouts
        if np.isnan(labels).all() or not len(rows):
            nothing = np.full(len(rows), np.nan, np.float32)
            return Scores.of(whole, nothing, source=self.name, reason="no labelled rollout of another query")
        adjacency = _rollout_graph(snapshot)
        scale = diags_array(1 / np.sqrt(np.maximum(adjacency.sum(axis=1), 1e-9)))
        system = (eye_array(len(labels)) - _SPREAD * scale @ adjacency @ scale).tocsr()
        right = np.where(np.isnan(labels), 0, labels)
        wrong = np.where(np.isnan(labels), 0, 1 - labels)
        mass = np.stack([np.maximum(cg(system, side, rtol=1e-5, maxiter=200)[0], 0) for side in (right, wrong)])[
            :, rows
        ]
        total = mass.sum(axis=0)
        probability = np.where(total > 1e-12, mass[0] / np.maximum(total, 1e-12), np.nan)
        return Scores.of(whole, probability, source=self.name, reason="no labelled rollout within reach")


class _Fitted(ABC):
    """A classifier on features of rollouts, fitted on all visible labels."""

    name = ""
    reads_neighbours = False

    def __init__(self) -> None:
        self._model: Any = None

    @abstractmethod
    def _features(self, snapshot: Snapshot) -> Floats:
        """[rollouts, features] without labels."""

    @abstractmethod
    def _classifier(self, seed: int) -> Any:
        """An unfitted classifier of scikit-learn."""

    @one_thread()
    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Fit.

        Raises:
            ModelError: if the labels are all of one class.
        """
        labelled, right = _labelled(snapshot, self.name)
        self._model = self._classifier(seed).fit(self._features(snapshot)[labelled], right)

    def score(self, snapshot: Snapshot) -> Scores:
        """Probability by the classifier."""
        if self._model is None:
            raise ModelError(f"the scorer {self.name} was not fitted; call fit first")
        rows = snapshot.target_rollouts
        plain = snapshot.without_experience()
        features = self._features(plain)[plain.target_rollouts]
        probability = self._model.predict_proba(features)[:, 1] if len(rows) else np.zeros(0)
        return Scores.of(snapshot, probability.astype(np.float32), source=self.name)


class LinearProbe(_Fitted):
    """Logistic regression on the three embeddings side by side."""

    name = "linear_probe"

    def _features(self, snapshot: Snapshot) -> Floats:
        return _embeddings(snapshot)

    def _classifier(self, seed: int) -> Any:
        return LogisticRegression(max_iter=300)


class GroupRegression(_Fitted):
    """Logistic regression on the group's votes and similarities."""

    name = "logistic"

    def _features(self, snapshot: Snapshot) -> Floats:
        return np.concatenate([consensus_features(snapshot), similarity_features(snapshot)], axis=1)

    def _classifier(self, seed: int) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))


class Boosting(_Fitted):
    """Gradient boosting on all features that the reward model starts from, and on similarities."""

    name = "boosting"

    def __init__(self) -> None:
        super().__init__()
        self._names: list[str] = []

    def _features(self, snapshot: Snapshot) -> Floats:
        names, features = rollout_features(snapshot, ALL_CHECKS)
        self._names = self._names or names
        known = np.nan_to_num(in_order(self._names, names, features))
        near = similarity_features(snapshot)
        return np.concatenate([known, near, deviation(snapshot, near)], axis=1)

    def _classifier(self, seed: int) -> Any:
        return HistGradientBoostingClassifier(
            learning_rate=0.06, max_leaf_nodes=12, min_samples_leaf=30, l2_regularization=5, random_state=seed
        )


class TraPO:
    """Majority votes of queries whose pass rates change as labelled ones' do (`memgraph.models.rivals.trusted_votes`)."""

    name = "trapo"
    reads_vectors = False

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Nothing to learn: the labels are looked up when scoring."""

    def score(self, snapshot: Snapshot) -> Scores:
        """1 or 0; where the query is not trusted it abstains."""
        votes = trusted_votes(snapshot, hide_clusters(snapshot, snapshot.query_targets))
        reason = "no pass rates over groups that resemble those of labelled queries"
        return Scores.of(snapshot, votes[snapshot.target_rollouts], source=self.name, reason=reason)


class GeoMin:
    """Agreement, weighed by where right and wrong rollouts lie (`memgraph.models.rivals.GeometricPrior`).

    The paper represents a rollout by hidden states of the policy. Here it is by its thinking's and answer's embeddings.
    """

    name = "geomin"
    reads_neighbours = False

    def __init__(self) -> None:
        self._prior: GeometricPrior | None = None

    @one_thread()
    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Fit; ModelError where the labels are all of one class."""
        rows, right = _labelled(snapshot, self.name)
        vectors, share = self._features(snapshot)
        self._prior = GeometricPrior.fit(vectors[rows], share[rows], right, cluster_folds(snapshot, rows, seed))

    def score(self, snapshot: Snapshot) -> Scores:
        """Probability by representation and agreement."""
        if self._prior is None:
            raise ModelError(f"the scorer {self.name} was not fitted; call fit first")
        plain = snapshot.without_experience()
        vectors, share = self._features(plain)
        rows = plain.target_rollouts
        probability = self._prior.probability(vectors[rows], share[rows]) if len(rows) else np.zeros(0, np.float32)
        return Scores.of(snapshot, probability, source=self.name)

    def _features(self, snapshot: Snapshot) -> tuple[Floats, Floats]:
        """[rollouts, 2 · dimension] representations and [rollouts] agreement."""
        answers = snapshot.answer_embeddings[snapshot.rollout_answer]
        share = consensus_features(snapshot)[:, FEATURES.index("share")]
        return np.concatenate([snapshot.thinking_embeddings, answers], axis=1), share


def _labelled(snapshot: Snapshot, scorer: str) -> tuple[Ints, Bools]:
    """The labelled rollouts, and which of them are right.

    Raises:
        ModelError: if the labels are all of one class.
    """
    rows = np.flatnonzero(~np.isnan(snapshot.labels))
    labels = snapshot.labels[rows]
    if not both_classes(labels):
        raise ModelError(
            f"the scorer {scorer} needs right and wrong labels, found {len(labels)} of one class; label more"
        )
    return rows, labels >= 0.5


def _embeddings(snapshot: Snapshot) -> Floats:
    """[rollouts, 3 · dimension] query, thinking and answer vectors."""
    return np.concatenate(
        [
            snapshot.query_embeddings[snapshot.rollout_query],
            snapshot.thinking_embeddings,
            snapshot.answer_embeddings[snapshot.rollout_answer],
        ],
        axis=1,
    )


def _rollout_graph(snapshot: Snapshot) -> csr_array:
    """[rollouts, rollouts] symmetric weights: cosine of the nearest thinkings, 1 between equal answers to a query."""
    vectors = snapshot.thinking_embeddings
    nearest = NearestNeighbors(n_neighbors=min(_NEIGHBOURS + 1, len(vectors)), metric="cosine", algorithm="brute")
    distance, index = nearest.fit(vectors).kneighbors(vectors)
    source = np.repeat(np.arange(len(vectors)), index.shape[1])
    weight = np.maximum(1 - distance.reshape(-1), 0)
    weight[source == index.reshape(-1)] = 0
    near = csr_array((weight, (source, index.reshape(-1))), shape=(len(vectors), len(vectors)))
    valid = snapshot.rollout_valid.astype(np.float32)
    belongs = csr_array(
        (valid, (np.arange(len(vectors)), snapshot.rollout_class)),
        shape=(len(vectors), int(snapshot.answer_class.max()) + 1),
    )
    same = belongs @ belongs.T
    same.setdiag(0)
    return (near + near.T) / 2 + same
