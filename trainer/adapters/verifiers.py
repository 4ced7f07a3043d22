"""A taskset for `verifiers` (Prime Intellect's environments, 0.4) whose reward comes from the memory.

    PYTHONPATH=configs/verifiers vf-eval @ configs/verifiers/memory_reward.toml

verifiers awaits a task's reward once for each rollout; rollouts of one task run side by side in one process. Needs
`pip install verifiers`, which the project does not depend on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import verifiers.v1 as vf
from pydantic import Field

from trainer.adapters.rewards import WAIT_SECONDS, Split, opened_rewards
from trainer.run.config import RunConfig
from trainer.run.data import load_problems


class MemoryTaskConfig(vf.TaskConfig):
    """Where rewards come from, under `env.taskset.task`."""

    run_config: str = ""
    """The run's YAML file, as for `memreward train`."""
    group_size: int = Field(8, ge=1)
    """Rollouts of one task: the trainer's group size, `num_rollouts` of `vf-eval`."""
    wait: float = Field(WAIT_SECONDS, gt=0)
    """Seconds without a newcomer after which an incomplete group is scored."""
    home: str | None = None
    """Folder of the managed server, where the memory is neither at NEO4J_URI nor in the user's own folder."""


class MemoryTaskData(vf.TaskData):
    """A query, without its truth."""

    query_key: str
    split: Split


class MemoryTask(vf.Task[MemoryTaskData, vf.State, MemoryTaskConfig]):
    """A query whose rollouts the memory rewards."""

    @property
    def key(self) -> str:
        """The memory's own key of the query."""
        return str(self.data.query_key)

    @vf.reward
    async def memory_reward(self, trace: vf.Trace) -> float:
        """The memory's reward; where it comes from is kept in `trace.info["memory_reward"]`."""
        config = self.config
        rewards = await opened_rewards(
            config.run_config, group_size=config.group_size, wait=config.wait, home=config.home
        )
        reward = await rewards.reward(self.data.split, self.data.query_key, trace.last_reply)
        trace.info["memory_reward"] = {"source": reward.source, "reason": reward.reason}
        return reward.score


class MemoryTasksetConfig(vf.TasksetConfig):
    """Which of the run's problems are the tasks, under `env.taskset`."""

    split: Split = "train"
    task: MemoryTaskConfig = MemoryTaskConfig()


class MemoryTaskset(vf.Taskset[MemoryTask, MemoryTasksetConfig]):
    """The problems of a run."""

    def load(self) -> Iterator[MemoryTask]:
        """One task for each query of the split."""
        task_config = self.config.task
        run = RunConfig.load(Path(task_config.run_config))
        for task in getattr(load_problems(run.data), self.config.split).tasks:
            data = MemoryTaskData(
                id=task.query_id,
                prompt=task.query,
                system_prompt=run.policy.system_prompt,
                query_key=task.query_key,
                split=self.config.split,
            )
            yield MemoryTask(data, task_config)
