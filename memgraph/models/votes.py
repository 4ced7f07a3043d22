"""Scorers that count answers. They learn nothing; a missing answer gets 0."""

from __future__ import annotations

import numpy as np

from memgraph.models.consensus import EXPERIENCE, FEATURES, consensus_features, experience_features
from memgraph.models.judged_answers import labels_of_equal_answers
from memgraph.models.scores import Scores
from memgraph.snapshot.snapshot import Floats, Snapshot


class _Votes:
    """A scorer that needs no labels and reads no neighbours."""

    name = ""
    reads_neighbours = reads_vectors = False

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Nothing to learn."""


class MajorityVote(_Votes):
    """1 for the group's most frequent answer, 0 for others, 1/ties where several are."""

    name = "majority_vote"

    def score(self, snapshot: Snapshot) -> Scores:
        """One vote a rollout."""
        return Scores.of(snapshot, _consensus(snapshot, "majority"), source=self.name)


class ConsensusShare(_Votes):
    """Share of the group that gave the same answer."""

    name = "consensus_share"

    def score(self, snapshot: Snapshot) -> Scores:
        """Agreement, 0..1."""
        return Scores.of(snapshot, _consensus(snapshot, "share"), source=self.name)


class PooledVotes(_Votes):
    """Share of all the query's rollouts, whatever group they came in, that gave the same answer."""

    name = "pooled_votes"

    def score(self, snapshot: Snapshot) -> Scores:
        """Agreement, 0..1."""
        return Scores.of(snapshot, _pooled_share(snapshot), source=self.name)


class EqualAnswer(_Votes):
    """Mean label of the query's rollouts with an equal answer; where none has one, the pooled vote."""

    name = "equal_answer"

    def score(self, snapshot: Snapshot) -> Scores:
        """Mean label, or agreement, 0..1; a missing answer equals none."""
        labels = labels_of_equal_answers(snapshot)[snapshot.target_rollouts]
        share = _pooled_share(snapshot)
        return Scores.of(snapshot, np.where(np.isnan(labels), share, labels), source=self.name)


def _consensus(snapshot: Snapshot, feature: str) -> Floats:
    """[target rollouts] a feature of the group's votes."""
    votes: Floats = consensus_features(snapshot)[snapshot.target_rollouts, FEATURES.index(feature)]
    return votes


def _pooled_share(snapshot: Snapshot) -> Floats:
    """[target rollouts] share of the query's experience that agrees."""
    share: Floats = experience_features(snapshot)[snapshot.target_rollouts, EXPERIENCE.index("pooled_share")]
    return share
