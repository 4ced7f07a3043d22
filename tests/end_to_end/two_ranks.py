"""One of two processes that train together (started by test_ranks.py with torchrun); says what it saw in a file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from accelerate import PartialState
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from memgraph.domains.verifiers import judge
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.scorers import RewardModelScorer
from memgraph.models.votes import MajorityVote
from memgraph.settings import Settings
from tests.integration.rollouts import call_on
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import Judged
from trainer.run.callback import RewardCallback
from trainer.run.config import RefitSection
from trainer.run.data import Problems, training_dataset
from trainer.run.narrator import Narrator
from trainer.run.refit import Refit
from trainer.tiny.policy import format_prompt, load_tiny_policy
from trainer.tiny.world import generate


def judged_by(file: Path, memory: Memory) -> Judged:
    ledger = memory.ledger("l")
    return Judged("l", frozenset(ledger.revealed()), FileTruth([file], run="import"), judge, len(ledger.revealed()))


def main() -> None:
    rollouts, batch, out = map(Path, sys.argv[1:])
    state = PartialState(cpu=True)
    memory = Memory.open(Settings.load())
    model = memory.model()
    scorer, judged, view = RewardModelScorer(model), judged_by(rollouts, memory), LabelView(ledgers=("l",))
    rows: list[dict[str, Any]] = json.loads(batch.read_text())
    half = len(rows) // 2
    mine = rows[:half] if state.process_index == 0 else rows[half:]
    seen: dict[str, Any] = {"rank": state.process_index}

    for late in (0, 1):
        reward = MemoryReward(
            memory, run=f"late-{late}", judged=judged, scorer=scorer, view=view, kind="soft", skip_noise=False,
            num_generations=4, experience=0,
        )  # fmt: skip
        for call in range(2):  # whoever is late, in the first call by much
            if state.process_index == late and call == 0:
                time.sleep(3)
            seen[f"late-{late}"] = reward([""] * half, **call_on(mine[:: 1 if call == 0 else -1]))
            state.wait_for_everyone()
        seen[f"report-{late}"] = [reward.last.attempt, reward.last.call, reward.last.late_ranks]
        reward.close()

    alone = MemoryReward(memory, run="gone", scorer=MajorityVote(), num_generations=4, group_seconds=1)
    alone([""] * half, **call_on(mine))  # starts the attempt, with both
    state.wait_for_everyone()
    if state.process_index == 0:
        extras: dict[str, list[Any]] = {}
        seen["degraded"] = alone(
            [""] * half, **call_on(mine), log_extra=lambda name, values: extras.update({name: values})
        )
        seen["reasons"] = extras["memory_reward_reason"]
        seen["degraded report"] = [alone.last.late_ranks, alone.last.incomplete_groups]
    alone.close()
    state.wait_for_everyone()

    policy, tokenizer = load_tiny_policy()
    reward = MemoryReward(
        memory, run="grpo", scorer=scorer, view=view, kind="soft", skip_noise=False, num_generations=4, experience=0
    )
    problems = Problems.of(generate(9, 0, domains=["math"]))
    refit = Refit(
        memory, RefitSection(every=1), ledger="l", training=[task.query_key for task in problems.tasks],
        config=model.config, seed=0, log=out / "refits.jsonl",
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=policy,
        processing_class=tokenizer,
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir=str(out / "grpo"), use_cpu=True, report_to=[], max_steps=1, per_device_train_batch_size=6,
            num_generations=4, max_completion_length=24, save_strategy="no", disable_tqdm=True, logging_steps=1,
            gradient_checkpointing=False,
        ),
        train_dataset=training_dataset(problems.tasks, format_prompt=format_prompt),
    )  # fmt: skip
    trainer.add_callback(
        RewardCallback(reward, monitor=None, refit=refit, stop_after=None, narrator=Narrator(quiet=True))
    )
    trainer.train()
    reward.close()
    seen["grpo"] = [reward.last.late_ranks, reward.last.incomplete_groups, reward.last.failure]
    seen["model"], seen["fits"] = reward.model, len(refit.records)
    (out / f"rank-{state.process_index}.json").write_text(json.dumps(seen))
    memory.close()


if __name__ == "__main__":
    main()
