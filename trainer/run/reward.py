"""The reward function of a run, as its configuration says, whoever trains."""

from __future__ import annotations

from memgraph import Memory
from memgraph.models.scores import Scorer
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import HeldOut, Judged
from trainer.run.config import RunConfig


def reward_of(
    config: RunConfig,
    memory: Memory,
    judged: Judged,
    *,
    scorer: Scorer | None,
    model: str | None,
    group_size: int,
    thinking_opened: bool | None,
    held_out: HeldOut | None = None,
) -> MemoryReward:
    """A run's rewards, which log to its folder.

    Args:
        judged: the labelled queries.
        scorer, model: of the other queries, and the key of the reward model behind it.
        group_size: rollouts that the trainer samples of a query.
        thinking_opened: whether the chat template opens the thinking.
        held_out: truth for evaluation rollouts, where the trainer sends some.
    """
    reward = config.reward
    return MemoryReward(
        memory,
        run=config.name,
        judged=judged,
        scorer=scorer,
        model=model,
        held_out=held_out,
        kind=reward.kind,
        threshold=reward.threshold,
        confidence=reward.confidence,
        skip_noise=reward.skip_noise,
        policy=config.policy.model,
        num_generations=group_size,
        group_seconds=reward.group_seconds,
        max_failed_calls=reward.max_failed_calls,
        max_unanswered=reward.max_unanswered,
        max_undecided=reward.max_undecided,
        experience=reward.experience,
        thinking_opened=thinking_opened,
        log=config.folder / "rewards.jsonl",
    )
