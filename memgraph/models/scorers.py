"""Every way to reward a rollout without its label, by name, behind one interface (`memgraph.models.scores.Scorer`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memgraph.errors import ModelError
from memgraph.extras import installed
from memgraph.models import baselines, votes
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.models.scores import DEFAULT_SCORER, Scorer, Scores
from memgraph.snapshot.snapshot import Snapshot

if TYPE_CHECKING:
    from memgraph.models.paper_gnn import Messages, PaperGNN


class PaperGnnScorer:
    """MemReward's GNN (`memgraph.models.paper_gnn`), as published or with its messages flowing from the memory."""

    def __init__(self, messages: Messages) -> None:
        self.name = f"paper_gnn_{messages}"
        self._messages: Messages = messages
        self._network: PaperGNN | None = None

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Fit on the labelled queries; ModelError where there are no labels."""
        if not len(snapshot.labelled_queries):
            raise ModelError(f"the scorer {self.name} needs labels, found none; reveal some")
        with installed("gnn"):
            from memgraph.models.paper_gnn import fit_paper_gnn  # loads torch

        self._network = fit_paper_gnn(snapshot, messages=self._messages, seed=seed)

    @property
    def networks_on(self) -> bool | None:
        """Always, once it is fitted; None before."""
        return None if self._network is None else True

    def score(self, snapshot: Snapshot) -> Scores:
        """Uncalibrated probability, as published."""
        if self._network is None:
            raise ModelError(f"the scorer {self.name} was not fitted; call fit first")
        from memgraph.models.paper_gnn import predict_paper_gnn

        probability = predict_paper_gnn(self._network, snapshot.without_experience(), self._messages)
        return Scores.of(snapshot, probability, source=self.name)


class RewardModelScorer:
    """The reward model (`memgraph.models.reward_model`).

    Attributes:
        model: that predicts; None before a fit.
    """

    name = DEFAULT_SCORER
    reads_neighbours = reads_vectors = False

    def __init__(self, model: RewardModel | None = None, config: RewardModelConfig | None = None) -> None:
        self.model = model
        self.config = config or RewardModelConfig()

    def fit(self, snapshot: Snapshot, *, seed: int = 0) -> None:
        """Fit a reward model; ModelError where the labels do not suffice."""
        self.model = RewardModel.fit(snapshot, seed=seed, config=self.config)

    @property
    def networks_on(self) -> bool | None:
        """As of the fitted model; None before."""
        return None if self.model is None else self.model.networks_on

    def score(self, snapshot: Snapshot) -> Scores:
        """Calibrated probability."""
        if self.model is None:
            raise ModelError("the reward model was not fitted; call fit first, or give it a model")
        return Scores.of(snapshot, self.model.predict(snapshot), source=self.name, noise=self.model.noise)


SCORERS: dict[str, Callable[[], Scorer]] = {
    "majority_vote": votes.MajorityVote,
    "consensus_share": votes.ConsensusShare,
    "pooled_votes": votes.PooledVotes,
    "equal_answer": votes.EqualAnswer,
    "knn": baselines.NearestRollouts,
    "label_propagation": baselines.LabelPropagation,
    "linear_probe": baselines.LinearProbe,
    "logistic": baselines.GroupRegression,
    "boosting": baselines.Boosting,
    "trapo": baselines.TraPO,
    "geomin": baselines.GeoMin,
    "random": baselines.RandomReward,
    "paper_gnn_published": lambda: PaperGnnScorer("published"),
    "paper_gnn_corrected": lambda: PaperGnnScorer("corrected"),
    DEFAULT_SCORER: RewardModelScorer,
}
