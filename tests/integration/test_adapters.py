"""Rewards for verl and verifiers, called as these call them, with a real memory behind."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
import yaml

from memgraph.domains.references import Reference
from memgraph.domains.verifiers import judge
from memgraph.labels.view import LabelView, Purpose
from memgraph.memory import Memory
from tests.conftest import empty, write_rows
from tests.integration.rollouts import sums
from tests.integration.test_command_line import memreward
from trainer.adapters import rewards as adapters
from trainer.adapters.verl import compute_score, verl_rows
from trainer.reward.rows import Task
from trainer.run.config import RunConfig
from trainer.run.data import Splits, load_problems

CONFIGS = Path(__file__).parents[2] / "configs"
LEDGER = "adapters"
GROUP = 4


def half_right(answer: str, reference: Reference, domain: str) -> float:
    """A verifier of the user's own."""
    return 0.5


class Untouchable:
    """A ground truth that nobody may look at."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise AssertionError(f"somebody read the ground truth that the trainer passed in: {name}")

    __str__ = __repr__ = __eq__ = __hash__ = __bool__ = __len__ = __getattribute__  # type: ignore[assignment]


@dataclass(frozen=True)
class Run:
    """A run after its warm-up: rollouts stored, some queries paid for, a reward model fitted."""

    memory: Memory
    config: Path
    splits: Splits
    paid: set[str]
    reused: Task
    watched: Task

    @property
    def kwargs(self) -> dict[str, Any]:
        return {"run_config": str(self.config), "group_size": GROUP, "home": str(self.memory.settings.home)}

    def task(self, *, paid: bool) -> tuple[int, Task]:
        return next(
            (index, task) for index, task in enumerate(self.splits.train.tasks) if (task.query_key in self.paid) is paid
        )

    def gold(self, task: Task, split: str = "train") -> int:
        truth = getattr(self.splits, split).truth.truth(task.query_key)
        return int(truth.reference.value)


@pytest.fixture(scope="module")
def warm(opened: Memory, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Fitted once for all tests here, which leave the stored rollouts of each other alone."""
    memory, tmp_path = opened, tmp_path_factory.mktemp("run")
    empty(memory)
    rows = sums(30)
    memory.import_file(write_rows(tmp_path / "rollouts.jsonl", rows))
    problems = [{name: row[name] for name in ("query", "query_id", "dataset", "domain", "gold")} for row in rows[::4]]
    config = tmp_path / "run.yaml"
    files = {
        "train_files": [str(write_rows(tmp_path / "train.jsonl", problems[:24]))],
        "test_files": [str(write_rows(tmp_path / "test.jsonl", problems[24:]))],
    }
    settings_of_run = {
        "name": "hosted",
        "output": str(tmp_path),
        "data": files,
        "labels": {"ledger": LEDGER},
        "reward": {"kind": "soft", "skip_noise": False},
    }
    config.write_text(yaml.safe_dump(settings_of_run))
    splits = load_problems(RunConfig.load(config).data)
    paid = {task.query_key for task in splits.train.tasks[:12]}
    *_, reused, watched = splits.train.tasks
    memory.ledger("earlier", budget=1).reveal(splits.train.truth, [reused.query_key], judge=judge)
    ledger = memory.ledger(LEDGER, budget=len(paid) + 1)
    ledger.reveal(splits.train.truth, paid, judge=judge)
    ledger.reveal(splits.train.truth, [watched.query_key], judge=judge, purpose=Purpose.MONITOR)
    ledger.reuse(LabelView(ledgers=("earlier",)), [reused.query_key])
    memory.fit(LabelView(ledgers=(LEDGER,)))
    return Run(memory, config, splits, paid, reused, watched)


@pytest.fixture
def new_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rewards are opened as in a process that begins and ends here: a new attempt, another event loop, all closed at its end."""
    at_exit: list[Callable[[], None]] = []
    monkeypatch.delenv("NEO4J_URI", raising=False)
    monkeypatch.setattr(adapters, "atexit", SimpleNamespace(register=at_exit.append))
    adapters.open_rewards.cache_clear()
    yield
    adapters.open_rewards.cache_clear()
    for close in reversed(at_exit):
        close()


@pytest.fixture
def run(warm: Run, new_process: None) -> Run:
    return warm


def responses(right: int) -> list[str]:
    """A group: three right answers, one wrong."""
    return [f"<think>so it is {value}</think> #### {value}" for value in (right, right, right + 1, right)]


def stored(run: Run, *, rewarded: int) -> list[dict[str, Any]]:
    """Rollouts of the newest attempt, once so many have their reward written back."""
    for _ in range(100):
        rows = run.memory.database.query(
            "MATCH (r:Run {name: 'hosted'}) "
            "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'hosted', attempt: r.attempts}) "
            "RETURN q.key AS query, t.reward AS reward, t.call AS call ORDER BY t.call, t.sample"
        )
        if sum(row["reward"] is not None for row in rows) >= rewarded:
            return rows
        time.sleep(0.2)
    raise AssertionError(f"{rewarded} rewards were given, these were written back: {rows}")


def nodes(run: Run) -> int:
    counted = run.memory.database.query("MATCH (n) WHERE NOT n:Run RETURN count(n) AS n")
    return int(counted[0]["n"])


def everything(run: Run) -> str:
    return str(run.memory.database.query("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN properties(n), properties(r)"))


def check_group(run: Run, task: Task, found: list[dict[str, Any]]) -> None:
    """What each host must get for `responses` of a paid or an unpaid query."""
    scores = [item["score"] for item in found]
    if task.query_key in run.paid:
        assert [item["reward_source"] for item in found] == ["label"] * GROUP
        assert scores == [1.0, 1.0, 0.0, 1.0]
    else:
        assert [item["reward_source"] for item in found] == ["reward_model"] * GROUP
        assert len({scores[0], scores[1], scores[3]}) == 1
        assert all(0 < score < 1 for score in scores)
        assert scores[0] > scores[2]
    assert [item["reward_reason"] for item in found] == [""] * GROUP


def test_verl_gets_labels_where_the_ledger_paid_and_predictions_elsewhere_and_its_ground_truth_is_never_read(
    run: Run,
) -> None:
    assert inspect.iscoroutinefunction(compute_score)  # else verl would run it in threads, one group member in each

    async def step() -> list[dict[str, Any]]:
        calls = [
            compute_score(
                data_source=task.dataset,
                solution_str=text,
                ground_truth=Untouchable(),
                extra_info={"split": "train", "index": index, "query_key": task.query_key, "num_turns": 1},
                **run.kwargs,
            )
            for index, task in (run.task(paid=True), run.task(paid=False))
            for text in responses(run.gold(task))
        ]
        return await asyncio.gather(*calls)

    found = asyncio.run(step())
    paid, unpaid = run.task(paid=True)[1], run.task(paid=False)[1]
    check_group(run, paid, found[:GROUP])
    check_group(run, unpaid, found[GROUP:])
    kept = stored(run, rewarded=2 * GROUP)
    assert [row["query"] for row in kept] == [paid.query_key] * GROUP + [unpaid.query_key] * GROUP
    assert [row["reward"] for row in kept] == [item["score"] for item in found]
    assert len({row["call"] for row in kept}) == 2
    assert run.memory.ledger(LEDGER).revealed() == run.paid | {run.watched.query_key}
    predicted = "MATCH (:Thinking {run: 'hosted'})<-[:SCORES]-(l:Prediction {scorer: 'reward_model'}) RETURN DISTINCT l.model AS model"
    assert run.memory.database.query(predicted) == [{"model": run.memory.model(ledger=LEDGER).key}]


@pytest.mark.parametrize(("which", "source"), [("reused", "label"), ("watched", "reward_model")])
def test_what_another_ledger_paid_for_is_known_and_what_watches_the_reward_is_predicted(
    run: Run, which: str, source: str
) -> None:
    task: Task = getattr(run, which)
    index = run.splits.train.tasks.index(task)

    async def group() -> list[dict[str, Any]]:
        extra = {"split": "train", "index": index, "query_key": task.query_key}
        texts = [*responses(run.gold(task))[:3], "#### 123456"]  # an answer that nobody gave before
        calls = [compute_score(task.dataset, text, Untouchable(), extra, **run.kwargs) for text in texts]
        return await asyncio.gather(*calls)

    found = asyncio.run(group())
    assert [item["reward_source"] for item in found] == [source] * GROUP
    assert all(item["score"] is not None for item in found)
    stored(run, rewarded=GROUP)
    if source == "label":
        assert [item["score"] for item in found] == [1.0, 1.0, 0.0, 0.0]


def changed(run: Run, tmp_path: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    """The arguments for a run that is configured otherwise."""
    values = yaml.safe_load(run.config.read_text())
    config = tmp_path / "changed.yaml"
    config.write_text(yaml.safe_dump(values | {name: values.get(name, {}) | more for name, more in sections.items()}))
    return {**run.kwargs, "run_config": str(config)}


def test_the_settings_of_the_run_are_those_of_the_reward(run: Run, tmp_path: Path) -> None:
    kwargs = changed(run, tmp_path, reward={"experience": 0, "group_seconds": 7.0}, policy={"thinking_opened": True})
    task = run.splits.test.tasks[0]
    right = run.gold(task, "test")
    found = []
    for split, query_key, text in (
        ("test", task.query_key, f"I begin with #### {right}"),
        ("test", task.query_key, f"I think.</think> #### {right}"),
        ("train", run.reused.query_key, f"I begin with #### {run.gold(run.reused)}"),
        ("train", run.reused.query_key, f"I think.</think> #### {run.gold(run.reused)}"),
    ):
        adapters.open_rewards.cache_clear()  # another event loop
        extra = {"split": split, "index": 0, "query_key": query_key}
        found.append(asyncio.run(compute_score("sums", text, Untouchable(), extra, **kwargs | {"group_size": 1})))
    assert [item["score"] for item in found] == [0.0, 1.0, 0.0, 1.0]
    reward = adapters.open_rewards(**kwargs | {"group_size": 1}, wait=adapters.WAIT_SECONDS)._reward
    assert (reward.experience, reward._group_seconds) == (0, 7.0)


def test_the_reward_model_keeps_up_with_the_policy(run: Run, tmp_path: Path) -> None:
    kwargs = changed(run, tmp_path, refit={"groups": 2}) | {"group_size": 1}
    (_, paid), (_, unpaid) = run.task(paid=True), run.task(paid=False)

    async def answers() -> list[str]:
        """The newest model after each group."""
        models = [run.memory.model(ledger=LEDGER).key]
        for task, number in ((paid, 100001), (paid, 100002), (unpaid, 100003)):
            extra = {"split": "train", "index": 0, "query_key": task.query_key}
            await compute_score(task.dataset, f"#### {number}", Untouchable(), extra, **kwargs)
            adapters._thread.submit(lambda: None).result()  # what it does after its answer is done by now
            models.append(run.memory.model(ledger=LEDGER).key)
        return models

    warmed_up, first, second, third = asyncio.run(answers())
    assert first == warmed_up
    assert second == third != warmed_up
    stored(run, rewarded=3)
    by = (
        "MATCH (r:Run {name: 'hosted'}) "
        "MATCH (:Thinking {run: 'hosted', attempt: r.attempts})<-[:SCORES]-(p:Prediction) RETURN p.model AS model"
    )
    assert run.memory.database.query(by) == [{"model": second}]
    (fit,) = map(json.loads, (RunConfig.load(run.config).folder / "refits.jsonl").read_text().splitlines())
    assert fit["model"] == second


def test_the_verifier_of_the_run_judges(run: Run, tmp_path: Path) -> None:
    kwargs = changed(run, tmp_path, labels={"verifier": f"{__name__}:half_right"})
    task = run.splits.test.tasks[0]
    extra = {"split": "test", "index": 0, "query_key": task.query_key}
    found = asyncio.run(compute_score(task.dataset, "#### 1", Untouchable(), extra, **kwargs))
    assert found["score"] == 0.5


def test_held_out_rollouts_are_judged_for_evaluation_and_stay_out_of_the_memory(run: Run) -> None:
    task = run.splits.test.tasks[0]
    right = run.gold(task, "test")
    before = nodes(run)

    async def validate() -> list[dict[str, Any]]:
        extra = {"split": "test", "index": 0, "query_key": task.query_key}
        calls = [
            compute_score(task.dataset, text, Untouchable(), extra, **run.kwargs)
            for text in (f"#### {right}", f"#### {right + 1}", "no idea")
        ]
        return await asyncio.gather(*calls)

    found = asyncio.run(validate())
    assert [item["score"] for item in found] == [1.0, 0.0, 0.0]
    assert {item["reward_source"] for item in found} == {"evaluation"}
    evaluated = run.memory.database.query("MATCH (l:Ledger {name: $name}) RETURN l.evaluated AS n", name=LEDGER)
    assert evaluated[0]["n"] >= 3
    assert nodes(run) == before


def test_data_for_verl_holds_no_truth(run: Run, tmp_path: Path) -> None:
    rows = verl_rows(run.splits.train, "train", "Think.").to_list()
    assert {row["reward_model"]["ground_truth"] for row in rows} == {""}
    assert rows[3]["prompt"][-1] == {"role": "user", "content": run.splits.train.tasks[3].query}
    assert rows[3]["extra_info"] == {
        "split": "train",
        "index": 3,
        "query_key": run.splits.train.tasks[3].query_key,
    }


def test_verl_itself_takes_the_reward(run: Run, tmp_path: Path) -> None:
    """Its configuration loader, its data set and its reward manager, where verl is installed."""
    pytest.importorskip("verl.experimental.reward_loop.reward_manager", reason="needs verl")
    import numpy as np
    import pandas as pd
    import torch
    from hydra import compose, initialize_config_dir
    from tensordict import TensorDict
    from verl import DataProto
    from verl.trainer.ppo.reward import load_reward_manager

    from trainer.tiny.policy import load_tiny_policy

    kwargs = "reward.custom_reward_function.reward_kwargs"
    with initialize_config_dir(str(CONFIGS / "verl"), version_base=None):
        found_by = "hydra.searchpath=[pkg://verl.trainer.config]"
        asked = compose("memory_reward", overrides=[found_by]).reward.custom_reward_function.reward_kwargs
        assert (asked.group_size, asked.run_config) == (8, "configs/qwen2.5-1.5b.yaml")
        config = compose(
            "memory_reward",
            overrides=[
                found_by,
                f"actor_rollout_ref.rollout.n={GROUP}",
                f"{kwargs}.run_config={run.kwargs['run_config']}",
                f"+{kwargs}.home={run.kwargs['home']}",
            ],
        )
    assert config.reward.num_workers == 1

    _, tokenizer = load_tiny_policy()
    file = tmp_path / "train.parquet"
    verl_rows(run.splits.train, "train", None).to_parquet(file)
    rows = pd.read_parquet(file).to_dict("records")

    def sample(index: int, text: str) -> DataProto:
        ids = torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"])
        batch = TensorDict(
            {
                "prompts": torch.zeros(1, 2, dtype=torch.long),
                "responses": ids[None],
                "attention_mask": torch.ones(1, 2 + len(ids), dtype=torch.long),
            },
            batch_size=1,
        )
        row = {**rows[index], "reward_model": {"style": "rule", "ground_truth": "poison"}, "__num_turns__": 2}
        columns = {}
        for name, value in row.items():
            columns[name] = np.empty(1, dtype=object)
            columns[name][0] = value
        return DataProto(batch=batch, non_tensor_batch=columns)

    async def step(index: int, task: Task) -> list[dict[str, Any]]:
        manager = load_reward_manager(config, tokenizer)
        data = [sample(index, text) for text in responses(run.gold(task))]
        return await asyncio.gather(*(manager.run_single(item) for item in data))

    for paid in (True, False):
        index, task = run.task(paid=paid)
        adapters.open_rewards.cache_clear()  # another event loop
        found = asyncio.run(step(index, task))
        check_group(run, task, [item["reward_extra_info"] for item in found])
        assert [item["reward_score"] for item in found] == [item["reward_extra_info"]["score"] for item in found]
    assert "poison" not in everything(run)


def test_verifiers_itself_takes_the_reward(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its configuration, plugin loader and scoring, where verifiers is installed."""
    vf = pytest.importorskip("verifiers.v1", reason="needs verifiers")
    import tomllib

    monkeypatch.syspath_prepend(str(CONFIGS / "verifiers"))
    asked = tomllib.loads((CONFIGS / "verifiers" / "memory_reward.toml").read_text())
    asked["env"]["taskset"]["task"] = run.kwargs
    from verifiers.v1.configs.cli.eval import EvalConfig
    from verifiers.v1.utils.loaders import resolve_env_config

    config = EvalConfig.model_validate({**asked, "env": resolve_env_config(asked["env"])})
    taskset = vf.load_taskset(config.env.taskset)
    tasks = {task.data.query_key: task for task in taskset}
    assert list(tasks) == [task.query_key for task in run.splits.train.tasks]
    assert "gold" not in str([task.data.model_dump() for task in tasks.values()])

    def trace(task: Any, text: str) -> Any:
        return vf.Trace(
            task=vf.TraceTask(type=type(task).__name__, data=task.data),
            agent=vf.AgentInfo(config=vf.AgentConfig()),
            root_reply=text,
        )

    async def step(task: Task) -> list[dict[str, Any]]:
        hosted = tasks[task.query_key]
        traces = [trace(hosted, text) for text in responses(run.gold(task))]
        await asyncio.gather(*(hosted.score(item) for item in traces))
        return [
            {
                "score": item.reward,
                "reward_source": item.info["memory_reward"]["source"],
                "reward_reason": item.info["memory_reward"]["reason"],
            }
            for item in traces
        ]

    for paid in (True, False):
        adapters.open_rewards.cache_clear()  # another event loop
        task = run.task(paid=paid)[1]
        check_group(run, task, asyncio.run(step(task)))


def test_a_warm_up_leaves_rollouts_labels_and_a_model_that_the_rewards_find(
    memory: Memory, tmp_path: Path, new_process: None
) -> None:
    file = tmp_path / "run.yaml"
    values = {"name": "warm", "output": str(tmp_path), "data": {"train": 16, "test": 2}, "labels": {"budget": 0.5}}
    file.write_text(yaml.safe_dump({**values, "reward": {"initial_rollouts": 4}, "max_new_tokens": 32}))
    config = RunConfig.load(file)
    code, out, err = memreward("warm-up", str(file), "--json", home=memory.settings.home)
    assert code == 0, err
    assert memory.model(ledger="warm").key == json.loads(out)["model"]
    assert memory.ledger("warm").revealed()

    task = load_problems(config.data).train.tasks[0]
    extra = {"split": "train", "index": 0, "query_key": task.query_key}
    kwargs = {"run_config": str(file), "group_size": 1, "home": str(memory.settings.home)}
    found = asyncio.run(compute_score(task.dataset, "The answer is 7.", Untouchable(), extra, **kwargs))
    assert found["reward_source"] in ("label", "reward_model", "none")
