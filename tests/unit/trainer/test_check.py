"""`memreward train --check`: what a run would fail on is said before it starts, and nothing else is called a problem."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from memgraph.settings import Settings
from trainer.run.check import Finding, check_run
from trainer.run.config import RunConfig
from trainer.run.train import trl_config
from trainer.tiny.policy import load_tiny_policy

CONFIGS = Path(__file__).parents[3] / "configs"
RECIPES = sorted(file.name for file in CONFIGS.glob("*.yaml"))
TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"
PROBLEMS = [
    {"query": "What is 1 + 1?", "domain": "math", "gold": "2"},
    {"query": "Which one? A. this B. that", "domain": "qa", "gold": "B"},
    {"query": "Write double(x).", "domain": "code", "tests": "assert double(2) == 4"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy with a chat template, as a hub model has one."""
    place = tmp_path_factory.mktemp("policy")
    model, tokenizer = load_tiny_policy()
    tokenizer.chat_template = TEMPLATE
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", device="cpu").model_copy(update={"uri": None})


def write(file: Path, problems: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return file


def config_of(tmp_path: Path, problems: list[dict[str, Any]] = PROBLEMS, **changes: Any) -> RunConfig:
    values = RunConfig.load(CONFIGS / "tiny.yaml").model_dump()
    values |= {"output": tmp_path, "data": {"train_files": [write(tmp_path / "train.jsonl", problems)]}, **changes}
    return RunConfig.model_validate(values)


def problems_of(findings: list[Finding]) -> list[str]:
    return [f"{finding.what}: {finding.message}" for finding in findings if finding.state == "problem"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_goes_through(recipe: str, folder: Path, here: Settings, tmp_path: Path) -> None:
    config = RunConfig.load(CONFIGS / recipe)
    data = {f"{split}_files": [write(tmp_path / f"{split}.jsonl", PROBLEMS[:3])] for split in ("train", "test", "ood")}
    if recipe != "tiny.yaml":
        policy = config.policy.model_copy(update={"model": str(folder)})
        config = config.model_copy(
            update={"policy": policy, "data": RunConfig.model_validate({"name": "x", "data": data}).data}
        )
    else:
        config = config.model_copy(update={"data": config.data.model_copy(update={"train": 60})})  # all are judged
    config = config.model_copy(update={"max_new_tokens": 16})
    findings = list(check_run(config, here))
    assert {what for finding in findings if (what := finding.what)} >= {"arguments", "problems", "verifier", "policy"}
    assert {"time", "prompts", "memory"} <= {finding.what for finding in findings}
    vllm = [problem for problem in problems_of(findings) if "vLLM" in problem]
    assert problems_of(findings) == vllm
    assert bool(vllm) == (recipe != "tiny.yaml")  # it is not installed here


def test_trackers_that_are_not_installed_are_named(
    here: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trackio", None)  # as if it were not installed
    config = config_of(tmp_path, max_new_tokens=8)
    config = config.model_copy(update={"grpo": {**config.grpo, "report_to": ["tensorboard", "trackio", "nowhere"]}})
    findings = [finding for finding in check_run(config, here) if finding.what == "trackers"]
    assert [finding.state for finding in findings] == ["ok", "problem", "problem"]
    assert findings[1].message == "trackio is asked for and not installed: pip install trackio"
    assert "known: azure_ml, clearml" in findings[2].message


@pytest.mark.parametrize(
    ("saving", "strategy"),
    [({}, "no"), ({"save_steps": 5}, "steps"), ({"save_steps": 5, "save_strategy": "epoch"}, "epoch")],
)
def test_save_steps_are_enough_for_checkpoints(
    saving: dict[str, Any], strategy: str, here: Settings, tmp_path: Path
) -> None:
    config = config_of(tmp_path, max_new_tokens=8)
    config = config.model_copy(update={"grpo": {**config.grpo, **saving}})
    assert trl_config(config, on_gpu=False).save_strategy == strategy
    warned = any(finding.what == "checkpoints" for finding in check_run(config, here))
    assert warned == (strategy == "no")


def test_golds_that_their_verifier_does_not_accept_are_listed(here: Settings, tmp_path: Path) -> None:
    bad = [
        {"query": "Write g(x).", "domain": "code", "gold": "no program ("},
        {"query": "Write f(x).", "domain": "code", "tests": "import missing_module\nassert f(1) == 1"},
    ]
    findings = list(check_run(config_of(tmp_path, [*PROBLEMS, *bad], max_new_tokens=8), here))
    said = [finding for finding in findings if finding.what == "verifier"]
    assert said[0].state == "warning"
    assert "3 of 5" in said[0].message
    assert "no program (" in said[1].message
    assert "Write f(x)." in said[2].message
    assert not problems_of(findings)


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_looked_at_all_the_same(
    here: Settings, tmp_path: Path
) -> None:
    values = config_of(tmp_path).model_dump()
    values["data"]["train_files"] = [tmp_path / "none.jsonl"]
    values["grpo"] |= {"learning_rat": 1.0}
    values["reward"] |= {"scorer": "oracle"}
    findings = list(check_run(RunConfig.model_validate(values), here))
    problems = problems_of(findings)
    assert any("learning_rat" in problem for problem in problems)
    assert any("none.jsonl" in problem and "data prepare" in problem for problem in problems)
    assert any(finding.what == "policy" and finding.state == "ok" for finding in findings)
    assert any(finding.what == "memory" and finding.state == "ok" for finding in findings)


def test_a_system_prompt_needs_a_chat_template(here: Settings, tmp_path: Path) -> None:
    config = config_of(tmp_path, policy={"model": "tiny", "system_prompt": "Think."})
    assert any("no chat template" in problem for problem in problems_of(list(check_run(config, here))))


def test_test_problems_among_those_to_train_on_are_named(here: Settings, tmp_path: Path) -> None:
    config = config_of(tmp_path, max_new_tokens=8)
    config = config.model_copy(update={"data": config.data.model_copy(update={"test_files": config.data.train_files})})
    warnings = [finding.message for finding in check_run(config, here) if finding.state == "warning"]
    assert any("3 test problems are among those to train on" in warning for warning in warnings)


def test_servers_that_do_not_answer_are_problems(here: Settings, tmp_path: Path) -> None:
    gone = "http://127.0.0.1:9"
    values = config_of(tmp_path, max_new_tokens=8).model_dump()
    values["policy"]["sampler"] = {"kind": "server", "url": f"{gone}/v1"}
    found = problems_of(list(check_run(RunConfig.model_validate(values), here)))
    assert any("sampler" in problem and gone in problem for problem in found)
    remote = here.model_copy(update={"uri": "bolt://127.0.0.1:9", "password": here.password or _secret()})
    assert any(problem.startswith("memory") for problem in problems_of(list(check_run(config_of(tmp_path), remote))))


def _secret() -> Any:
    from pydantic import SecretStr

    return SecretStr("x")
