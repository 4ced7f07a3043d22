"""GRPO on questions of your own, a fifth of them labelled.

python examples/grpo.py questions.jsonl Qwen/Qwen2.5-1.5B-Instruct
"""

import sys

from datasets import load_dataset
from trl import GRPOConfig, GRPOTrainer

from memgraph import Memory
from trainer import MemoryReward, refit_every, training_rows

questions = load_dataset("json", data_files=sys.argv[1], split="train")
rows = training_rows(questions, query="question", gold="answer", domain="math", budget=0.2)
with Memory.open() as memory:
    reward = MemoryReward(memory, run="my-run", rows=rows)
    trainer = GRPOTrainer(
        model=sys.argv[2],
        args=GRPOConfig(output_dir="my-run", num_generations=8, max_completion_length=512),
        reward_funcs=reward,
        train_dataset=rows.dataset,
        callbacks=[refit_every(reward, rows)],
    )
    trainer.train()
    reward.close()
