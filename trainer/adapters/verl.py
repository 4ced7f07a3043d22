"""A reward function for verl, and its data set made from a run's problems.

    memreward verl CONFIG.yaml --out FOLDER      # train.parquet, test.parquet, ood.parquet; no truth in them
    python -m verl.trainer.main_ppo --config-dir configs/verl --config-name memory_reward

verl calls `compute_score` once for each rollout, as a coroutine (`reward.custom_reward_function`, see configs/verl).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, Value

from trainer.adapters.rewards import WAIT_SECONDS, opened_rewards
from trainer.run.config import RunConfig
from trainer.run.data import Problems, load_problems

_FEATURES = Features(
    {
        "data_source": Value("string"),
        "prompt": [{"role": Value("string"), "content": Value("string")}],
        "ability": Value("string"),
        "reward_model": {"style": Value("string"), "ground_truth": Value("string")},
        "extra_info": {"split": Value("string"), "index": Value("int64"), "query_key": Value("string")},
    }
)


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any],
    *,
    run_config: str,
    group_size: int,
    wait: float = WAIT_SECONDS,
    home: str | None = None,
    **host: Any,
) -> dict[str, Any]:
    """verl's reward function: the memory's reward of one rollout.

    Args:
        ground_truth: never read. What is right is known to the run's ledger, for the queries that it paid for.
        extra_info: `split` and `query_key` as `verl_rows` writes them.
        run_config, group_size, wait, home: from `reward_kwargs`; see `trainer.adapters.rewards.opened_rewards`.
        host: what verl adds where it runs a reward model of its own; not used.

    Returns score, reward_source and reward_reason; verl keeps all three with the rollout.
    """
    rewards = await opened_rewards(run_config, group_size=group_size, wait=wait, home=home)
    reward = await rewards.reward(extra_info["split"], extra_info["query_key"], solution_str)
    return {"score": reward.score, "reward_source": reward.source, "reward_reason": reward.reason}


def verl_rows(problems: Problems, split: str, system_prompt: str | None) -> Dataset:
    """One split in verl's layout. `ground_truth` is there because verl asks for it, and empty."""
    opening = [] if system_prompt is None else [{"role": "system", "content": system_prompt}]
    return Dataset.from_list(
        [
            {
                "data_source": task.dataset,
                "prompt": [*opening, {"role": "user", "content": task.query}],
                "ability": task.domain,
                "reward_model": {"style": "rule", "ground_truth": ""},
                "extra_info": {"split": split, "index": index, "query_key": task.query_key},
            }
            for index, task in enumerate(problems.tasks)
        ],
        features=_FEATURES,
    )


def write_verl_files(config: RunConfig, out: Path) -> dict[Path, int]:
    """Write a run's problems as verl reads them, without their truth; returns how many queries each file has."""
    splits = load_problems(config.data)
    out.mkdir(parents=True, exist_ok=True)
    written = {}
    for split, problems in (("train", splits.train), ("test", splits.test), ("ood", splits.ood)):
        if problems.tasks:
            file = out / f"{split}.parquet"
            verl_rows(problems, split, config.policy.system_prompt).to_parquet(file)
            written[file] = len(problems.tasks)
    return written


if __name__ == "__main__":
    sys.exit("error: this is `memreward verl` now; --help says how")
