"""The whole path with real parts: tiny policy, real embeddings, Neo4j, TRL."""

from __future__ import annotations

import json
import logging
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from memgraph.domains.verifiers import judge
from memgraph.errors import TrainingError
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.models.scores import Scores
from memgraph.models.votes import ConsensusShare, MajorityVote
from memgraph.rollouts.runs import start_attempt
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store.forget import forget
from tests.conftest import write_rows
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.report import read_records
from trainer.reward.truth import Judged
from trainer.run.config import (
    DataSection,
    LabelSection,
    LoraSection,
    PolicySection,
    RefitSection,
    RewardSection,
    RunConfig,
)
from trainer.run.data import Problems, load_problems, training_dataset
from trainer.run.initial_rollouts import require_answers
from trainer.run.narrator import Narrator
from trainer.run.refit import Refit
from trainer.run.result import RunResult
from trainer.run.train import run, write_report
from trainer.tiny.world import generate


def small_run(folder: Path, *, name: str = "small", scorer: str = "reward_model", **grpo: Any) -> RunConfig:
    settings = {"max_steps": 2, "per_device_train_batch_size": 16, "num_generations": 4, "learning_rate": 1e-4, **grpo}
    return RunConfig(
        name=name,
        output=folder,
        data=DataSection(train=24, test=12),
        labels=LabelSection(budget=0.25),
        reward=RewardSection(scorer=scorer, initial_rollouts=6, labelled_rollouts=8, skip_noise=False),
        refit=RefitSection(every=2),
        max_new_tokens=48,
        grpo=settings,
    )


@pytest.fixture
def finished(memory: Memory, tmp_path: Path) -> RunResult:
    return run(small_run(tmp_path), memory, narrator=Narrator(quiet=True))


@pytest.mark.slow
def test_adapters_are_trained_saved_and_evaluated(memory: Memory, tmp_path: Path) -> None:
    lora = small_run(tmp_path, name="lora", scorer="none", learning_rate=0.3, save_steps=1)
    changes = {"policy": PolicySection(lora=LoraSection(dropout=0.0)), "labels": LabelSection(budget=1.0)}
    lora = lora.model_copy(update={**changes, "reward": RewardSection(scorer="none", initial_rollouts=1)})
    done = run(lora, memory, narrator=Narrator(quiet=True))
    assert done.accuracy["all"].before > 0.2
    assert done.accuracy["all"].after < 0.1, "a rate that breaks the policy"
    assert (tmp_path / "lora" / "checkpoint-2" / "adapter_model.safetensors").exists()
    longer = lora.model_copy(update={"grpo": {**lora.grpo, "max_steps": 3}})
    resumed = run(longer, memory, narrator=Narrator(quiet=True), resume=True)
    assert (resumed.resumed_at, resumed.steps) == (2, 3)


def test_nothing_is_paid_for_where_no_rollout_states_an_answer(
    memory: Memory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = small_run(tmp_path).model_copy(update={"max_new_tokens": 1})
    for _ in range(2):  # what is stored is not sampled again, and is no better
        with pytest.raises(TrainingError, match=r"144 of 144 initial rollouts state no answer.* none was paid for"):
            run(cut, memory, narrator=Narrator())
    assert memory.database.query("MATCH (:Ledger)-[:REVEALED]->(q) RETURN q") == []
    assert "144 of 144 responses were cut off" in capsys.readouterr().err
    assert forget(memory.database, run="small/initial").rollouts == 144
    require_answers(cut, memory)  # what the message advises helps


def test_two_grpo_steps_take_their_rewards_from_the_memory(finished: RunResult, memory: Memory, tmp_path: Path) -> None:
    assert finished.steps == 2
    assert sum(finished.reward_sources.values()) == 32
    assert set(finished.reward_sources) <= {"reward_model", "label"}
    assert finished.accuracy["all"].problems == 12
    assert finished.spending == {
        "training_queries": 24, "queries_paid": 6, "budget": 6, "queries_watched": 1, "queries_reused": 0,
    }  # fmt: skip

    kept = memory.database.query(
        "MATCH (:Run {name: 'small'})-[:PRODUCED]->(t:Thinking)-[:LEADS_TO]->(:Answer) "
        "RETURN t.run AS run, t.attempt AS attempt, t.step AS step, t.reward AS reward, t.reward_source AS source, "
        "t.reward_reason AS reason"
    )
    (run,) = memory.database.query("MATCH (r:Run {name: 'small'}) RETURN r.policy AS policy, r.config AS config")
    settings = RunConfig.model_validate_json(run["config"])
    assert (settings.name, settings.policy.model) == ("small", run["policy"])
    assert len(kept) == 32
    assert {(row["run"], row["attempt"]) for row in kept} == {("small", 1)}
    assert {row["step"] for row in kept} == {0, 1}
    assert all(row["reward"] in (0.0, 1.0) and row["reason"] is None for row in kept)

    groups = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'small/initial'}) "
        "WITH q, t.call AS call, count(*) AS rollouts "
        "RETURN call, rollouts, count(*) AS queries ORDER BY call, rollouts"
    )
    assert [(row["call"], row["rollouts"], row["queries"]) for row in groups] == [(0, 4, 24), (1, 2, 19), (1, 4, 5)]

    unjudged = memory.database.query(
        "MATCH (:Ledger {name: 'small'})-[:REVEALED]->(q)-[:GENERATES]->(a:Answer)<-[:LEADS_TO]-(:Thinking {run: 'small/initial'}) "
        "WHERE NOT EXISTS { (a)<-[:SCORES]-(:Label {kind: 'ground_truth'}) } RETURN a.key AS key"
    )
    assert not unjudged

    labelled = {
        row["key"]
        for row in memory.database.query("MATCH (:Ledger {name: 'small'})-[:REVEALED]->(q) RETURN q.key AS key")
    }
    judged = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'small', reward_source: 'label'}) RETURN DISTINCT q.key AS key"
    )
    assert {row["key"] for row in judged} <= labelled
    predicted = memory.database.query(
        "MATCH (:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'small', reward_source: 'reward_model'}) "
        "MATCH (t)<-[:SCORES]-(:Prediction {scorer: 'reward_model'}) RETURN count(DISTINCT t) AS n"
    )
    assert predicted[0]["n"] == finished.reward_sources.get("reward_model", 0)
    assert len((tmp_path / "small" / "rewards.jsonl").read_text().splitlines()) == 2
    summary = json.loads((tmp_path / "small" / "summary.json").read_text())
    assert summary["steps"] == 2
    assert [fit["step"] for fit in summary["refits"]] == [2]
    assert summary["monitor"]["queries"] == 1
    assert summary["monitor"]["alarms"] == 0
    assert memory.model(ledger="small").key == summary["refits"][0]["model"]
    report = tmp_path / "small" / "report.html"
    assert summary["report"] == finished.report == str(report)
    assert "32 rollouts of" in report.read_text(encoding="utf-8")


def test_trackers_get_the_memorys_metrics_and_a_table_of_rollouts(memory: Memory, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = small_run(tmp_path, max_steps=3, report_to=["tensorboard"], log_completions=True)
    done = run(config, memory, narrator=Narrator(quiet=True))
    (folder,) = (tmp_path / "small" / "runs").iterdir()
    events = event_accumulator.EventAccumulator(str(folder))
    events.Reload()
    logged = {
        tag.removeprefix("train/memory_reward/"): [event.value for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if tag.startswith("train/memory_reward/")
    }
    sometimes = ("mean/", "agreement/", "without_answer/")
    assert {len(values) for name, values in logged.items() if not name.startswith(sometimes)} == {3}
    shares = [logged[f"source/{name}"] for name in ("label", "reward_model", "none")]
    assert [sum(step) for step in zip(*shares, strict=True)] == pytest.approx([1.0] * 3)
    assert sum(shares[0]) * 16 == pytest.approx(done.reward_sources["label"])
    assert logged["labels_spent"] == logged["labels_budget"] == [6.0] * 3
    assert logged["refits"] == [0.0, 0.0, 1.0]
    watched = [row["so_far"] for row in read_records(tmp_path / "small" / "monitor.jsonl") if row["step"] < 3][-1]
    for name in ("observed", "expected"):  # none where no watched query was sampled yet
        assert logged.get(f"agreement/{name}", [None])[-1] == pytest.approx(watched[name])
    assert logged["agreement/evidence"][0] == 1.0
    assert logged["agreement/alarms"] == [0.0] * 3
    assert all(0 <= value <= 1 for name in ("without_answer", "undecided", "failed") for value in logged[name])
    assert all(seconds > 0 for seconds in logged["seconds"])

    tables = (tmp_path / "small" / "completions").glob("*.parquet")
    table = [row for file in tables for row in parquet.read_table(file).to_pylist()]
    stored = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking {run: 'small'})-[:LEADS_TO]->(a:Answer) "
        "RETURN t.key AS rollout, q.key AS query, t.reward_source AS source, CASE WHEN a.valid THEN a.value END AS answer, "
        "[(t)<-[:SCORES]-(p:Prediction) | p.score] AS probability"
    )
    found = {row["memory_reward_rollout"]: row for row in table}
    assert len(stored) == len(found) == len(table) == 48
    for row in stored:
        kept = found[row["rollout"]]
        assert [kept[f"memory_reward_{name}"] for name in ("query", "source", "answer")] == [
            row[name] for name in ("query", "source", "answer")
        ]
        assert kept["memory_reward_probability"] == pytest.approx((row["probability"] or [None])[0])


def test_a_report_that_cannot_be_written_is_a_line_and_no_failure(
    memory: Memory, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert write_report(small_run(tmp_path, name="unheard-of"), memory, Narrator()) is None
    assert "no report could be written: there is no run 'unheard-of'" in capfd.readouterr().err


def test_no_hidden_truth_is_in_the_graph_the_data_set_the_files_or_the_logs(
    memory: Memory, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    queries = [problem.query for problem in generate(20, 0, domains=["qa"])]
    gold = {query: f"secret{number:03}" for number, query in enumerate(queries)}
    rows = [{"query": query, "gold": gold[query], "domain": "qa", "dataset": "poisoned"} for query in queries]
    config = small_run(tmp_path, name="poisoned", scorer="majority_vote", max_steps=1)
    data = DataSection(
        train_files=[write_rows(tmp_path / "train.jsonl", rows[:12])],
        test_files=[write_rows(tmp_path / "test.jsonl", rows[12:])],
    )
    run(config.model_copy(update={"data": data}), memory, narrator=Narrator())

    paid = memory.ledger("poisoned").revealed()
    revealed = {gold[row["text"]] for row in memory.database.query("MATCH (q:Query) RETURN q.key AS key, q.text AS text")
                if row["key"] in paid}  # fmt: skip
    assert len(revealed) == 3
    columns = training_dataset(load_problems(data).train.tasks, format_prompt=str).to_pandas().to_csv()
    graph = memory.database.query("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN properties(n) AS n, properties(r) AS r")
    files = {file.name: file.read_text() for file in (tmp_path / "poisoned").glob("*.[jh]*")}
    assert set(files) >= {"report.html", "rewards.jsonl", "scores.json", "summary.json"}
    everything = "\n".join([columns, str(graph), *files.values(), caplog.text, *capfd.readouterr()])
    assert set(re.findall(r"secret\d{3}", everything)) <= revealed
    assert set(re.findall(r"secret\d{3}", str(graph))) == revealed


def test_a_run_goes_on_from_its_newest_whole_checkpoint_with_what_it_watched(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"save_strategy": "steps", "save_steps": 1, "max_steps": 3}
    config = small_run(tmp_path, **settings)
    with pytest.raises(TrainingError, match="no checkpoint"):
        run(config, memory, narrator=Narrator(quiet=True), resume=True)
    first = run(config, memory, narrator=Narrator(quiet=True))
    folder = tmp_path / "small"
    in_force = {step: RewardModel.load(folder / f"checkpoint-{step}" / "reward_model") for step in (1, 2, 3)}
    models = {model: memory.model(model).fingerprint() for model in (first.reward_model["key"], first.refits[0].model)}
    assert [model.fingerprint() for model in in_force.values()] == [list(models.values())[n] for n in (0, 1, 1)]
    state = folder / "checkpoint-3" / "trainer_state.json"  # as a kill during the save leaves it
    state.write_text(state.read_text()[:40])
    logged = (folder / "monitor.jsonl").read_text()
    looked_at: list[Path | None] = []
    kept = Refit.kept

    def looking(refit: Refit, checkpoint: Path | None) -> RewardModel | None:
        looked_at.append(checkpoint)
        return kept(refit, checkpoint)

    monkeypatch.setattr(Refit, "kept", looking)

    found = run(config, memory, narrator=Narrator(quiet=True), resume=True)
    assert (found.steps, found.resumed_at) == (3, 2)
    assert found.reward_model["key"] == first.refits[0].model
    assert looked_at == [folder / "checkpoint-2"], "its reward model is loaded once"
    assert not found.refits
    assert memory.database.query("MATCH (m:RewardModel) RETURN m.key AS key ORDER BY m.created_at") == [
        {"key": model} for model in models
    ]
    scored = memory.database.query(
        "MATCH (t:Thinking {run: 'small', attempt: 2})<-[:SCORES]-(p:Prediction) RETURN DISTINCT p.model AS model"
    )
    assert scored == [{"model": first.refits[0].model}]
    again = RewardModel.load(folder / "checkpoint-3" / "reward_model")
    assert again.fingerprint() == models[first.refits[0].model]
    kept = memory.database.query(
        "MATCH (t:Thinking {run: 'small'}) WHERE NOT coalesce(t.superseded, false) "
        "RETURN t.attempt AS attempt, collect(DISTINCT t.step) AS steps ORDER BY attempt"
    )
    assert [(row["attempt"], sorted(row["steps"])) for row in kept] == [(1, [0, 1]), (2, [2])]
    assert (folder / "monitor.jsonl").read_text().startswith(logged)
    assert json.loads(logged.splitlines()[0])["step"] == 0


def reward_for(memory: Memory, problems: Problems, **options: Any) -> tuple[MemoryReward, dict[str, Any]]:
    columns = training_dataset(problems.tasks, format_prompt=str).to_dict()
    reward = MemoryReward(memory, run="r", **options)
    return reward, {name: values for name, values in columns.items() if name != "prompt"} | {
        "prompts": columns["prompt"]
    }


class Broken(MajorityVote):
    """A scorer that fails."""

    def score(self, snapshot: Snapshot) -> Scores:
        raise RuntimeError("the scorer broke")


def test_without_a_scorer_unlabelled_rollouts_have_no_reward_and_a_reason(memory: Memory) -> None:
    problems = Problems.of(generate(6, 3, domains=["math"]))
    chosen = frozenset(task.query_key for task in problems.tasks[:2])
    judged = Judged("l", chosen, problems.truth, judge, 2)
    reward, columns = reward_for(memory, problems, judged=judged)
    extras: dict[str, list[Any]] = {}
    metrics: dict[str, float] = {}
    values = reward(
        completions=["<think>so</think> #### 1"] * 6,
        log_extra=lambda name, column: extras.update({name: column}),
        log_metric=lambda name, value: metrics.update({name: value}),
        **columns,
    )
    assert [value is None for value in values] == [False, False, True, True, True, True]
    assert extras["memory_reward_source"] == ["label"] * 2 + ["none"] * 4
    assert extras["memory_reward_reason"] == [""] * 2 + ["unlabelled, and no scorer was asked for"] * 4
    assert metrics["memory_reward/source/none"] == pytest.approx(4 / 6)


def test_a_failing_reward_is_none_with_its_reason_and_stops_training_past_the_limit(memory: Memory) -> None:
    problems = Problems.of(generate(3, 4, domains=["qa"]))
    reward, columns = reward_for(memory, problems, scorer=Broken(), max_failed_calls=1)
    extras: dict[str, list[Any]] = {}
    values = reward(completions=["x"] * 3, log_extra=lambda name, column: extras.update({name: column}), **columns)
    assert values == [None] * 3
    assert extras["memory_reward_reason"] == ["failed: RuntimeError: the scorer broke"] * 3
    with pytest.raises(TrainingError, match=r"2 reward calls in a row failed.*the scorer broke"):
        reward(completions=["x"] * 3, **columns)


class Unsure(ConsensusShare):
    """A scorer whose predictions mean little."""

    def score(self, snapshot: Snapshot) -> Scores:
        return replace(super().score(snapshot), noise=0.3)


def test_groups_within_the_noise_and_verdicts_without_confidence_get_no_reward(memory: Memory) -> None:
    problems = Problems.of(generate(2, 8, domains=["qa"]))
    reward, columns = reward_for(memory, problems, scorer=Unsure(), kind="soft", confidence=0.7)
    four = {name: [values[0]] * 4 + [values[1]] * 4 for name, values in columns.items()}
    completions = [
        f"The answer is {word}." for word in (["Tolland", "Kirrow", "Selbia", "Ardune"] + ["Tolland"] * 3 + [""])
    ]
    reasons: list[str] = []
    values = reward(
        completions=completions,
        log_extra=lambda name, column: reasons.extend(column) if name == "memory_reward_reason" else None,
        **four,
    )
    assert values == [None] * 4 + [0.75] * 3 + [0.0]
    assert set(reasons[:4]) == {"the group's predictions differ by less than their noise"}
    reward, _ = reward_for(memory, problems, scorer=Unsure(), kind="soft", confidence=0.8, skip_noise=False)
    assert reward(completions=completions, **four) == [None] * 7 + [0.0]


def test_a_majority_vote_rewards_the_group_and_conversations_are_read(memory: Memory) -> None:
    problems = Problems.of(generate(1, 5, domains=["qa"]))
    reward, columns = reward_for(memory, problems, scorer=MajorityVote())
    repeated = {name: values * 3 for name, values in columns.items()}
    completions = [
        [{"role": "assistant", "content": f"The answer is {word}."}] for word in ("Tolland", "tolland", "Kirrow")
    ]
    assert reward(completions=completions, **repeated) == [1.0, 1.0, 0.0]
    again = pickle.loads(pickle.dumps(reward))
    assert again(completions=completions[::-1], **repeated) == [0.0, 1.0, 1.0]


def test_a_resumed_run_is_a_new_attempt_and_discarded_steps_count_nowhere(memory: Memory) -> None:
    problems = Problems.of(generate(1, 6, domains=["qa"]))
    reward, columns = reward_for(memory, problems, scorer=MajorityVote())
    state = type("State", (), {"global_step": 5})()
    reward(completions=["The answer is Kirrow."], trainer_state=state, **columns)
    assert start_attempt(memory.database, "r", resume_step=5) == 2
    superseded = memory.database.query("MATCH (t:Thinking {run: 'r'}) RETURN t.superseded AS s, t.attempt AS a")
    assert superseded == [{"s": True, "a": 1}]
