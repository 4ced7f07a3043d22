"""Benchmarks that train, on a few problems and for a few steps."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import torch

from tests.benchmarks.conftest import Run, check, check_twice
from trainer.run.data import load_problems
from trainer.run.policy import load_policy
from trainer.tiny.policy import load_tiny_policy


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_rl(run_on_server: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import rl

    smaller = {
        "data": {"train": 24, "test": 12, "ood": 6},
        "reward": {"initial_rollouts": 2, "labelled_rollouts": 4},
        "refit": {"every": 50},
        "grpo": {"max_steps": 2, "per_device_train_batch_size": 32},
    }
    monkeypatch.setattr(rl, "QUICK", {**rl.QUICK, **smaller})
    out, table, archives = tmp_path / "rows.jsonl", tmp_path / "table.md", tmp_path / "archives"
    rows = check_twice(
        lambda: run_on_server("rl", "--quick", "--out", out, "--table", table, "--archives", archives),
        out,
        "rl",
        identity=("arm", "share", "seed"),
        figures=("scores", "accuracy", "agreement", "advantages", "rewards", "queries_paid", "commit", "seconds"),
    )
    assert [(row["arm"], row["share"], row["queries_paid"]) for row in rows] == [
        ("oracle", 1.0, 24),
        ("memory", 0.2, 5),
    ]
    assert {len(digits) for row in rows for digits in row["scores"]["test/qa"]} == {4}
    assert rows[0]["advantages"] == [None, None], "every reward is a label"
    assert all(value is None or -1 <= value <= 1 for value in rows[1]["advantages"])
    assert {folder.name for folder in archives.iterdir()} == {"oracle-1.0-0", "memory-0.2-0"}
    assert "### In domain, 12 problems" in table.read_text()
    assert table.with_suffix(".png").exists()


def test_advantages_are_followed_in_groups_without_a_right_rollout_too() -> None:
    import rl

    mixed = [(0.9, True, "a"), (0.1, False, "a")]
    assert rl.advantage_correlation(mixed) == 1.0
    told_apart = [*mixed, (0.9, False, "b"), (0.1, False, "b")]
    assert rl.advantage_correlation(told_apart) == pytest.approx(0.5**0.5, abs=1e-4)
    assert rl.advantage_correlation([*mixed, (0.9, False, "b"), (0.9, False, "b")]) == 1.0
    assert rl.advantage_correlation(told_apart[2:]) is None


CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


@pytest.mark.slow
def test_smollm2(run: Run, tmp_path: Path) -> None:
    import rl
    import smollm2

    model, tokenizer = load_tiny_policy()
    tokenizer.chat_template = CHAT_TEMPLATE
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    out = tmp_path / "problems"
    document = run("smollm2", tmp_path / "model", "--out", out, "--quick")
    rows = check(document, "smollm2", identity=("kind", "seed"), figures=("train", "test", "demonstrations"))
    assert [row["kind"] for row in rows] == ["bought", "boxes", "days", "sets", "lost"]
    config = rl.configuration("memory", 0.2, 3, tmp_path, problems=out)
    problems = load_problems(config.data)
    asked = {task.query for split in (problems.train, problems.test) for task in split.tasks}
    assert len(asked) == 2 * 2 * 5, "each kind, and no problem in two splits"
    policy = load_policy(config.policy, device="cpu")
    assert policy.prompt("1 + 1?") == [
        {"role": "system", "content": smollm2.SYSTEM_PROMPT},
        {"role": "user", "content": "1 + 1?"},
    ]
    taught = dict(policy.model.named_parameters())
    assert any(not torch.equal(weight, taught[name]) for name, weight in load_tiny_policy()[0].named_parameters())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_mishaps(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    [row] = check_twice(
        lambda: run("mishaps", "--quick", "--out", out),
        out,
        "mishaps",
        identity=("mishap",),
        figures=("exit_code", "calls", "failed_calls", "rewards", "lost", "seconds", "said"),
    )
    assert (row["mishap"], row["exit_code"], row["failed_calls"], row["lost"]) == ("killed", 0, 0, 0)
    assert row["rewards"] > 0
    assert {"$ memreward train run.yaml", "Killed", "$ memreward train run.yaml --resume"} <= set(row["said"])


@pytest.mark.slow
def test_full_scale(run_on_server: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("full_scale", "--quick", "--steps", 1, "--out", out),
        out,
        "full_scale",
        identity=("recipe", "steps", "seed"),
        figures=("seconds_a_step", "reward_seconds", "rewards", "gb_allocated", "stages"),
    )
    assert [row["recipe"] for row in rows] == ["qwen2.5-1.5b"]


@pytest.mark.slow
def test_tiny_rollouts(run: Run, tmp_path: Path) -> None:
    arguments = ("--problems", 12, "--rollouts", 2, "--first-seed", 3, "--seeds", 2, "--out")
    document = run("tiny_rollouts", *arguments, tmp_path)
    rows = check(document, "tiny_rollouts", identity=("seed", "domain"), figures=("right", "rollouts", "seconds"))
    assert {row["seed"] for row in rows} == {3, 4}
    file = tmp_path / "tiny-3.jsonl.gz"
    written = [json.loads(line) for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    assert len(written) == 24
    assert {"query", "response", "domain", "correct", "category"} <= written[0].keys()
    run("tiny_rollouts", *arguments, tmp_path / "again")
    assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()
