"""The RL side: the reward function for TRL, data sets for it, training runs, the tiny local policy."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.reward.async_reward import AsyncMemoryReward
    from trainer.reward.memory_reward import MemoryReward
    from trainer.reward.rows import TrainingRows, training_rows, with_query_columns
    from trainer.run.callback import refit_every

__all__ = ["AsyncMemoryReward", "MemoryReward", "TrainingRows", "refit_every", "training_rows", "with_query_columns"]

DISTRIBUTION = "memreward-graph"
_HOMES = {
    "AsyncMemoryReward": "trainer.reward.async_reward",
    "MemoryReward": "trainer.reward.memory_reward",
    **dict.fromkeys(("TrainingRows", "training_rows", "with_query_columns"), "trainer.reward.rows"),
    "refit_every": "trainer.run.callback",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'trainer' has no attribute {name!r}")
    from importlib import import_module

    from memgraph.extras import installed

    with installed("trl"):
        return getattr(import_module(_HOMES[name]), name)
