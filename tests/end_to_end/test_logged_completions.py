"""What TRL writes with `log_completions` is imported as the rollouts that it sampled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from memgraph.memory import Memory
from memgraph.settings import Settings
from tests.integration.test_command_line import memreward
from trainer.run.data import Problems, training_dataset
from trainer.tiny.policy import format_prompt, load_tiny_policy
from trainer.tiny.world import generate


def correct(completions: list[Any], **_: Any) -> list[float]:
    """A reward whose column is named like a field of truth."""
    return [float(len(completion) % 2) for completion in completions]


@pytest.mark.slow
def test_a_run_with_logged_completions_is_imported_each_sample_once(
    memory: Memory, settings: Settings, tmp_path: Path
) -> None:
    policy, tokenizer = load_tiny_policy()
    trainer = GRPOTrainer(
        model=policy,
        processing_class=tokenizer,
        reward_funcs=correct,
        args=GRPOConfig(
            output_dir=str(tmp_path), use_cpu=True, report_to=[], max_steps=3, per_device_train_batch_size=4,
            num_generations=4, steps_per_generation=2, logging_steps=1, max_completion_length=8, save_strategy="no",
            log_completions=True, num_completions_to_print=0, disable_tqdm=True, gradient_checkpointing=False,
        ),
        train_dataset=training_dataset(Problems.of(generate(24, 0, domains=["math"])).tasks, format_prompt=format_prompt),
    )  # fmt: skip
    trainer.train()
    folder = tmp_path / "completions"
    tables = [parquet.read_table(file) for file in sorted(folder.glob("*.parquet"))]
    assert [table.num_rows for table in tables] == [8, 8, 8]
    assert tables[0]["completion"].equals(tables[1]["completion"]), (
        "one generation serves two steps, and is logged at each"
    )

    code, out, err = memreward("import", str(folder), "--run", "r", "--domain", "math", "--json", home=settings.home)
    assert code == 0, err
    assert [(file["new"], file["known"]) for file in json.loads(out)["files"]] == [(8, 0), (0, 8), (8, 0)]
    stored = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'r'}) "
        "RETURN q.text AS query, q.domain AS domain, t.response AS response, t.call AS call, count(*) AS n"
    )
    logged = {(row["prompt"], row["completion"]) for table in tables for row in table.to_pylist()}
    assert {(row["query"], row["response"]) for row in stored} == logged
    assert {(row["domain"], row["call"]) for row in stored} == {("math", 1), ("math", 3)}
    assert not memory.database.query("MATCH (n) WHERE any(name IN keys(n) WHERE name CONTAINS 'correct') RETURN n")
