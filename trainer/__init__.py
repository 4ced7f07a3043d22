"""The RL side: TRL reward function, label budgets, verifiers, the tiny local policy."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.reward.memory_reward import AsyncMemoryReward, MemoryReward

__all__ = ["AsyncMemoryReward", "MemoryReward"]

DISTRIBUTION = "memreward-graph"
_HOMES = {
    "AsyncMemoryReward": "trainer.reward.memory_reward",
    "MemoryReward": "trainer.reward.memory_reward",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'trainer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
