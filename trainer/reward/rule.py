"""From labels and scores to rewards: threshold, confidence, and no reward where a group's order means nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from memgraph.models.scores import Scores
from memgraph.snapshot.snapshot import Snapshot

LABEL: Final = "label"
EVALUATION: Final = "evaluation"


@dataclass(frozen=True, slots=True)
class Reward:
    """One rollout's reward, where it came from, and why there is none if there is none.

    Attributes:
        source: "label", "evaluation", the name of a scorer, or "none".
        reason: why there is none, or what is wrong with the one there is.
        probability: of being right, as predicted.
    """

    value: float | None
    source: str
    reason: str | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class RewardRule:
    """How a predicted probability becomes a reward (see `trainer.reward.memory_reward.MemoryReward`)."""

    kind: Literal["threshold", "soft"] = "threshold"
    threshold: float = 0.5
    confidence: float = 0.5
    skip_noise: bool = True


def labelled_rewards(snapshot: Snapshot, labelled: Collection[str]) -> dict[str, Reward]:
    """Rollout key → reward, of all rollouts with a label; of labelled queries also where the judge cannot tell, None."""
    rewards = {}
    for row in snapshot.target_rollouts:
        label = float(snapshot.labels[row])
        if not np.isnan(label):
            rewards[snapshot.rollout_keys[row]] = Reward(label, LABEL)
        elif snapshot.query_keys[snapshot.rollout_query[row]] in labelled:
            rewards[snapshot.rollout_keys[row]] = Reward(None, "none", "the verifier could not judge the answer")
    return rewards


def predicted_rewards(snapshot: Snapshot, scores: Scores, rule: RewardRule) -> dict[str, Reward]:
    """Rollout key → reward, of the rollouts that a scorer was asked about."""
    noisy = _noisy_queries(snapshot, scores) if rule.skip_noise and scores.noise else set()
    rewards = {}
    for row, probability, reason in zip(scores.rollout_rows, scores.probability.tolist(), scores.reasons, strict=True):
        if np.isnan(probability):
            reward = Reward(None, "none", reason or "the scorer abstained")
        elif int(snapshot.rollout_query[row]) in noisy:
            reward = Reward(None, "none", "the group's predictions differ by less than their noise", probability)
        elif max(probability, 1 - probability) < rule.confidence:
            reward = Reward(None, "none", f"the scorer is less than {rule.confidence:.0%} sure", probability)
        else:
            value = probability if rule.kind == "soft" else float(probability >= rule.threshold)
            reward = Reward(value, scores.source, None, probability)
        rewards[snapshot.rollout_keys[row]] = reward
    return rewards


def _noisy_queries(snapshot: Snapshot, scores: Scores) -> set[int]:
    """Rows of the queries whose rollouts are predicted so alike that their order means nothing."""
    query = snapshot.rollout_query[scores.rollout_rows]
    return {
        int(row)
        for row in np.unique(query)
        if (query == row).sum() > 1 and np.nanstd(scores.probability[query == row]) < scores.noise
    }
