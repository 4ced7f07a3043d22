"""Every way to reward a rollout without its label, behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from memgraph.consensus import FEATURES, consensus_features
from memgraph.errors import ModelError
from memgraph.hetero import hide_units
from memgraph.keys import key_of
from memgraph.reward_model import RewardModel, RewardModelConfig
from memgraph.snapshot import Floats, Ints, Snapshot

DEFAULT_SCORER = "gnn"
_NEIGHBOURS = 15


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Answers of a scorer, in columns.

    Attributes:
        rollout_rows: [scored] rows of the snapshot's rollouts: those of its target queries.
        probability: [scored] of being right, NaN where the scorer abstains.
        reasons: [scored] why there is none, else None.
        source: name of the scorer.
    """

    rollout_rows: Ints
    probability: Floats
    reasons: list[str | None]
    source: str

    @classmethod
    def of(cls, snapshot: Snapshot, probability: Floats, *, source: str, reason: str = "the scorer abstained") -> Self:
        """Scores of a snapshot's target rollouts; NaN abstains for the given reason."""
        reasons = [reason if missing else None for missing in np.isnan(probability)]
        return cls(snapshot.target_rollouts, probability.astype(np.float32), reasons, source)


class Scorer(Protocol):
    """Fits on the labels that a snapshot shows, scores the rollouts of its target queries.

    Labels of a target query and of its near-duplicates never move its score.
    """

    name: str

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Learn from `snapshot.labels`; scorers without parameters do nothing."""

    def score(self, snapshot: Snapshot) -> Scores:
        """Probability of being right for each target rollout, or an abstention with its reason."""


class _Unfitted:
    """A scorer that needs no labels."""

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Nothing to learn."""


class MajorityVote(_Unfitted):
    """1 for the group's most frequent answer, 0 for others, 1/ties where several are; a missing answer gets 0."""

    name = "majority_vote"

    def score(self, snapshot: Snapshot) -> Scores:
        """One vote a rollout."""
        votes = consensus_features(snapshot)[snapshot.target_rollouts, FEATURES.index("majority")]
        return Scores.of(snapshot, votes, source=self.name)


class ConsensusShare(_Unfitted):
    """Share of the group that gave the same answer; a missing answer gets 0."""

    name = "consensus_share"

    def score(self, snapshot: Snapshot) -> Scores:
        """Agreement, 0..1."""
        share = consensus_features(snapshot)[snapshot.target_rollouts, FEATURES.index("share")]
        return Scores.of(snapshot, share, source=self.name)


class RandomReward:
    """Control: a number that knows nothing, the same for one rollout and seed in every process."""

    name = "random"

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
        labels = hide_units(snapshot, snapshot.query_targets)
        known = np.flatnonzero(~np.isnan(labels))
        rows = snapshot.target_rollouts
        if not len(known) or not len(rows):
            nothing = np.full(len(rows), np.nan, np.float32)
            return Scores.of(snapshot, nothing, source=self.name, reason="no labelled rollout of another query")
        index = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(known)), metric="cosine", algorithm="brute")
        index.fit(snapshot.thinking_embeddings[known])
        nearest = index.kneighbors(snapshot.thinking_embeddings[rows], return_distance=False)
        return Scores.of(snapshot, labels[known][nearest].mean(axis=1), source=self.name)


class LinearProbe:
    """Logistic regression on the three embeddings side by side."""

    name = "linear_probe"

    def __init__(self) -> None:
        self._regression: LogisticRegression | None = None

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Fit on all visible labels.

        Raises:
            ModelError: if the labels are all of one class.
        """
        known = np.flatnonzero(~np.isnan(snapshot.labels))
        right = snapshot.labels[known] >= 0.5
        if not right.any() or right.all():
            raise ModelError(
                f"a linear probe needs right and wrong labels, found {len(known)} of one class; label more"
            )
        self._regression = LogisticRegression(max_iter=300).fit(_embeddings(snapshot, known), right)

    def score(self, snapshot: Snapshot) -> Scores:
        """Probability by the regression."""
        if self._regression is None:
            raise ModelError("the linear probe was not fitted; call fit first")
        rows = snapshot.target_rollouts
        probability = self._regression.predict_proba(_embeddings(snapshot, rows))[:, 1] if len(rows) else np.zeros(0)
        return Scores.of(snapshot, probability.astype(np.float32), source=self.name)


class GnnScorer:
    """The reward model (`memgraph.reward_model`)."""

    name = "gnn"

    def __init__(self, model: RewardModel | None = None, config: RewardModelConfig | None = None) -> None:
        self._model = model
        self._config = config or RewardModelConfig()

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Fit a reward model; ModelError where the labels do not suffice."""
        self._model = RewardModel.fit(snapshot, seed=seed, config=self._config)

    def score(self, snapshot: Snapshot) -> Scores:
        """Calibrated probability."""
        if self._model is None:
            raise ModelError("the GNN was not fitted; call fit first, or give it a model")
        return Scores.of(snapshot, self._model.predict(snapshot), source=self.name)


SCORERS: dict[str, Callable[[], Scorer]] = {
    "majority_vote": MajorityVote,
    "consensus_share": ConsensusShare,
    "knn": NearestRollouts,
    "linear_probe": LinearProbe,
    "random": RandomReward,
    "gnn": GnnScorer,
}


def _embeddings(snapshot: Snapshot, rows: Ints) -> Floats:
    """[rows, 3 · dimension] query, thinking and answer vectors."""
    return np.concatenate(
        [
            snapshot.query_embeddings[snapshot.rollout_query[rows]],
            snapshot.thinking_embeddings[rows],
            snapshot.answer_embeddings[snapshot.rollout_answer[rows]],
        ],
        axis=1,
    )
