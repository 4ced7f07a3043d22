"""Trains the tiny policy and kills itself (started by test_resume.py): after a reward was returned, or within a call."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers.trainer_utils import get_last_checkpoint
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from memgraph.memory import Memory
from memgraph.models.scores import Scores
from memgraph.models.votes import ConsensusShare
from memgraph.settings import Settings
from memgraph.snapshot.snapshot import Snapshot
from trainer.reward.memory_reward import MemoryReward
from trainer.run.data import Problems, training_dataset
from trainer.tiny.policy import format_prompt, load_tiny_policy
from trainer.tiny.world import generate


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Killed(ConsensusShare):
    """A scorer within which the process dies, in the given call."""

    def __init__(self, call: int) -> None:
        self._left = call

    def score(self, snapshot: Snapshot) -> Scores:
        if self._left == 0:
            die()
        self._left -= 1
        return super().score(snapshot)


class Told(MemoryReward):
    """Writes down what it has returned before anything else happens; may die right after."""

    def __call__(self, prompts: Any, completions: Any, **columns: Any) -> list[float | None]:
        extras: dict[str, list[Any]] = {}
        values = super().__call__(prompts, completions, **columns | {"log_extra": lambda n, v: extras.update({n: v})})
        report = self.last
        assert report is not None
        line = {"attempt": report.attempt, "call": report.call, "step": report.step, "failure": report.failure}
        with Path(os.environ["RETURNED"]).open("a") as file:
            file.write(json.dumps(line | {"rollouts": extras["memory_reward_rollout"], "rewards": values}) + "\n")
        if os.environ["KILL"] == f"after {report.call}":
            die()
        return values


def main() -> None:
    folder = Path(sys.argv[1])
    kill = os.environ["KILL"]
    memory = Memory.open(Settings.load())
    scorer = Killed(int(kill.split()[1])) if kill.startswith("within") else ConsensusShare()
    reward = Told(memory, run="killed", scorer=scorer, kind="soft", num_generations=4)
    policy, tokenizer = load_tiny_policy()
    trainer = GRPOTrainer(
        model=policy,
        processing_class=tokenizer,
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir=str(folder), use_cpu=True, report_to=[], max_steps=6, per_device_train_batch_size=8,
            num_generations=4, steps_per_generation=2, max_completion_length=16, save_steps=1, disable_tqdm=True,
            gradient_checkpointing=False,
        ),
        train_dataset=training_dataset(Problems.of(generate(24, 0, domains=["math"])).tasks, format_prompt=format_prompt),
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(folder)) if folder.is_dir() else None)
    reward.close()
    memory.close()


if __name__ == "__main__":
    main()
