"""A reward for trainers that call their rewards in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from trainer.reward.completions import Completion
from trainer.reward.memory_reward import MemoryReward


class AsyncMemoryReward:
    """A `MemoryReward` as an async callable: for AsyncGRPO, and beside other async rewards in GRPOTrainer.

    The work runs in a thread, so the event loop stays free for the other rewards. With several processes one of these
    may be used in a trainer.
    """

    def __init__(self, reward: MemoryReward) -> None:
        self.reward = reward
        self.__name__ = reward.__name__

    async def __call__(
        self, prompts: Sequence[Completion], completions: Sequence[Completion], **columns: Any
    ) -> list[float | None]:
        """Rewards of the completions, in their order."""
        return await asyncio.to_thread(self.reward, prompts, completions, **columns)
