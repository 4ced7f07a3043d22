"""The memory's reward beside others in one GRPOTrainer.

    python examples/combined_rewards.py questions.jsonl Qwen/Qwen2.5-1.5B-Instruct

A rollout for which the memory has no reward (None) counts by the others alone. "normalize_then_sum" makes its missing
advantage 0; the default would put it below a rollout that got 1 here.
"""

import sys
from typing import Any

from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer

from memgraph import Memory
from trainer import MemoryReward, refit_every, training_rows


def brief(completions: list[Any], **columns: Any) -> list[float]:
    """1 for a short response, 0 for one of 2,000 characters or more."""
    return [max(0.0, 1 - len(completion[0]["content"]) / 2000) for completion in completions]


questions = load_dataset("json", data_files=sys.argv[1], split="train")
rows = training_rows(questions, query="question", gold="answer", domain="math", budget=0.2)
with Memory.open() as memory:
    reward = MemoryReward(memory, run="combined", rows=rows)
    trainer = GRPOTrainer(
        model=sys.argv[2],
        args=GRPOConfig(
            output_dir="combined",
            num_generations=8,
            reward_weights=[1.0, 0.1],
            multi_objective_aggregation="normalize_then_sum",
        ),
        reward_funcs=[reward, brief],
        train_dataset=rows.dataset,
        callbacks=[refit_every(reward, rows)],
    )
    trainer.train()
    reward.close()
