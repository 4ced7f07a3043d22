"""The memory's reward beside others in one GRPOTrainer, async and not."""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import pytest
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from memgraph.domains.verifiers import judge
from memgraph.memory import Memory
from memgraph.models.scores import Scores
from memgraph.models.votes import MajorityVote
from memgraph.snapshot.snapshot import Snapshot
from trainer.reward.async_reward import AsyncMemoryReward
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import Judged
from trainer.run.data import Problems, training_dataset
from trainer.tiny.policy import format_prompt, load_tiny_policy
from trainer.tiny.world import generate


def short(completions: list[Any], **columns: Any) -> list[float]:
    return [float(len(completion) < 20) for completion in completions]


class Patient(MajorityVote):
    """Waits until the other async reward has had its turn, which it never gets where the memory holds up the event loop."""

    def __init__(self, others_turn: threading.Event) -> None:
        super().__init__()
        self._others_turn = others_turn

    def score(self, snapshot: Snapshot) -> Scores:
        assert self._others_turn.wait(60)
        return super().score(snapshot)


@pytest.mark.slow
def test_async_and_other_rewards_are_summed_and_each_is_logged(memory: Memory, tmp_path: Path) -> None:
    problems = Problems.of(generate(8, 0, domains=["math"]))
    chosen = frozenset(task.query_key for task in problems.tasks[:4])
    others_turn = threading.Event()
    reward = MemoryReward(
        memory, run="r", judged=Judged("l", chosen, problems.truth, judge, 4), scorer=Patient(others_turn), skip_noise=False,
        num_generations=4,
    )  # fmt: skip

    async def beside(completions: list[Any], **columns: Any) -> list[float]:
        others_turn.set()
        return [0.0] * len(completions)

    policy, tokenizer = load_tiny_policy()
    trainer = GRPOTrainer(
        model=policy,
        processing_class=tokenizer,
        reward_funcs=[AsyncMemoryReward(reward), beside, short],
        args=GRPOConfig(
            output_dir=str(tmp_path), use_cpu=True, report_to=[], max_steps=1, per_device_train_batch_size=32,
            num_generations=4, logging_steps=1, max_completion_length=32, save_strategy="no", disable_tqdm=True,
            gradient_checkpointing=False, reward_weights=[1.0, 1.0, 0.5],
        ),
        train_dataset=training_dataset(problems.tasks, format_prompt=format_prompt),
    )  # fmt: skip
    trainer.train()
    reward.close()
    assert reward.last is not None
    assert (reward.last.failure, reward.last.incomplete_groups) == (None, 0)
    assert reward.source_counts == {"label": 16, "majority_vote": 16}
    stored = memory.database.query("MATCH (t:Thinking {run: 'r'}) RETURN t.reward AS reward, t.response AS response")
    assert len(stored) == 32
    logged = trainer.state.log_history[0]
    assert logged["rewards/memory_reward/mean"] == pytest.approx(sum(row["reward"] for row in stored) / 32)
    expected = logged["rewards/memory_reward/mean"] + 0.5 * logged["rewards/short/mean"]
    assert math.isclose(logged["reward"], expected, abs_tol=1e-4)
    assert logged["memory_reward/source/label"] == 0.5
