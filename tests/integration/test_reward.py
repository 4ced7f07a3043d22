"""The contract of a reward function, against a real memory; how several ranks and a killed run behave is tested end to end."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import pickle
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trl.trainer.utils import get_callable_name, is_async_callable

from memgraph.domains.verifiers import judge
from memgraph.errors import TrainingError
from memgraph.labels.rows import LabelRow
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.scores import Scores
from memgraph.models.votes import ConsensusShare, MajorityVote
from memgraph.rollouts.runs import record_rewards, supersede
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store.database import Database
from tests.conftest import count, write_rows
from tests.integration.rollouts import call_on, sums
from trainer.reward import spool
from trainer.reward.async_reward import AsyncMemoryReward
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import HeldOut, Judged

ROWS = sums(3)  # twelve rollouts
KINDS = ("source", "reason", "probability", "answer", "query", "rollout")


class Log:
    """What a reward function told the trainer."""

    def __init__(self) -> None:
        self.columns: dict[str, list[list[Any]]] = {}
        self.metrics: dict[str, list[float]] = {}

    def arguments(self) -> dict[str, Any]:
        return {
            "log_extra": lambda name, values: self.columns.setdefault(name, []).append(values),
            "log_metric": lambda name, value: self.metrics.setdefault(name, []).append(value),
        }


class Broken(MajorityVote):
    def score(self, snapshot: Snapshot) -> Scores:
        raise RuntimeError("the scorer broke")


def at_step(step: int) -> Any:
    return type("State", (), {"global_step": step})()


def everything(memory: Memory) -> list[dict[str, Any]]:
    """Nodes and relationships with their properties, without the count of what was evaluated."""
    return memory.database.query(
        "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN labels(n) AS labels, n {.*, evaluated: null} AS node, type(r) AS type, "
        "properties(r) AS properties, elementId(n) AS id ORDER BY id, type"
    )


@pytest.mark.parametrize("path", ["training", "failure", "wrong columns", "evaluation", "evaluation without truth"])
def test_every_column_is_logged_once_with_a_value_for_each_rollout(memory: Memory, tmp_path: Path, path: str) -> None:
    truth = FileTruth([write_rows(tmp_path / "r.jsonl", ROWS)], run="import")
    held_out = HeldOut("l", truth, judge) if path == "evaluation" else None
    reward = MemoryReward(memory, run="r", scorer=Broken() if path == "failure" else MajorityVote(), held_out=held_out)
    call = call_on(ROWS)
    if path == "wrong columns":
        call["query_key"] = call["query_key"][::-1]
    if path.startswith("evaluation"):
        call["split"] = ["eval"] * len(ROWS)
    log = Log()
    values = reward([""] * len(ROWS), trainer_state=at_step(0), other=[0] * len(ROWS), **call, **log.arguments())
    reward.close()
    assert len(values) == len(ROWS)
    assert {name: [len(values) for values in times] for name, times in log.columns.items()} == {
        f"memory_reward_{kind}": [len(ROWS)] for kind in KINDS
    }
    assert {len(times) for times in log.metrics.values()} == {1}
    failed = path in ("failure", "wrong columns")
    assert log.metrics["memory_reward/failed"] == [float(failed)]
    none = failed or path == "evaluation without truth"
    assert [value is None for value in values] == [none] * len(ROWS)
    for value, reason in zip(values, log.columns["memory_reward_reason"][0], strict=True):
        assert bool(reason) == (value is None)
    assert log.columns["memory_reward_query"] == [call["query_key"]]
    stated = [row["response"].rpartition("#### ")[2] for row in ROWS]
    assert log.columns["memory_reward_answer"] == [stated if path in ("training", "evaluation") else [None] * len(ROWS)]


def test_evaluation_leaves_no_trace_in_the_graph_but_its_count_in_the_ledger(memory: Memory, tmp_path: Path) -> None:
    truth = FileTruth([write_rows(tmp_path / "r.jsonl", ROWS)], run="import")
    memory.ledger("l")
    before = everything(memory)
    reward = MemoryReward(memory, run="r", scorer=MajorityVote(), held_out=HeldOut("l", truth, judge))
    right = [{**row, "response": f"<think>so</think> #### {row['gold']}"} for row in ROWS]
    wrong = {**right[0], "response": "#### 0"}
    unknown = {**right[0], "query": "What is not known?"}
    call = call_on([*right[:5], wrong, unknown])
    log = Log()
    values = reward([""] * 7, split=["eval"] * 7, **call, **log.arguments())
    assert values == [1.0] * 5 + [0.0, None]
    assert log.columns["memory_reward_source"] == [["evaluation"] * 6 + ["none"]]
    assert log.metrics["memory_reward/mean/evaluation"] == [pytest.approx(5 / 6)]
    assert "memory_reward/waiting_to_be_written" not in log.metrics
    assert everything(memory) == before
    assert memory.database.query("MATCH (l:Ledger) RETURN l.evaluated AS queries") == [{"queries": 3}]
    assert reward.calls == 0


def test_evaluation_between_training_calls_takes_no_part_in_their_numbers(memory: Memory) -> None:
    reward = MemoryReward(memory, run="r", scorer=MajorityVote())
    for split in ("eval", "train", "eval", "train"):
        reward([""] * 4, split=[split] * 4, **call_on(ROWS[:4]))
    reward.close()
    found = memory.database.query(
        "MATCH (t:Thinking) RETURN t.call AS call, t.attempt AS attempt, count(t) AS n ORDER BY call"
    )
    assert found == [{"call": 0, "attempt": 1, "n": 4}, {"call": 1, "attempt": 1, "n": 4}]
    assert reward.source_counts == Counter({"majority_vote": 8})


def test_closing_waits_for_no_server_once_all_is_written(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    reward = MemoryReward(memory, run="r", scorer=MajorityVote())
    reward([""] * 4, **call_on(ROWS[:4]))
    reward.flush()
    at, away = memory.database.endpoint, replace(memory.database.endpoint, uri="bolt://127.0.0.1:1", keeper=None)
    monkeypatch.setattr(memory.database, "endpoint", away)
    memory.database.close()
    assert not memory.database.answers()
    begun = time.monotonic()
    reward.close()
    assert time.monotonic() - begun < 30, "and not as long as patience lasts"
    monkeypatch.setattr(memory.database, "endpoint", at)
    assert memory.database.answers()


def test_an_incomplete_group_is_scored_counted_and_says_so(memory: Memory) -> None:
    reward = MemoryReward(memory, run="r", scorer=ConsensusShare(), kind="soft", num_generations=4)
    log = Log()
    reward([""] * 7, **call_on(ROWS[:7]), **log.arguments())
    reward.close()
    assert log.metrics["memory_reward/incomplete_groups"] == [1.0]
    assert log.columns["memory_reward_reason"] == [[""] * 4 + ["scored with 3 of 4 rollouts of its group"] * 3]


def test_two_rewards_in_one_trainer_keep_their_columns_apart(memory: Memory) -> None:
    log = Log()
    for name in ("vote", "share"):
        reward = MemoryReward(memory, run=name, scorer=MajorityVote(), name=name)
        assert get_callable_name(reward) == name
        reward([""] * 4, **call_on(ROWS[:4]), **log.arguments())
        reward.close()
    assert set(log.columns) == {f"{name}_{kind}" for name in ("vote", "share") for kind in KINDS}


def test_a_data_set_without_the_columns_stops_training_at_once(memory: Memory) -> None:
    reward = MemoryReward(memory, run="r", scorer=MajorityVote())
    with pytest.raises(TrainingError, match="lacks the columns query_key, domain, dataset"):
        reward(["p"], ["c"], query=["q"])
    assert count(memory, "(n:Thinking)") == 0


def test_a_verdict_of_the_ledger_is_the_reward_and_nothing_else_is_looked_up(memory: Memory, tmp_path: Path) -> None:
    truth = FileTruth([write_rows(tmp_path / "r.jsonl", ROWS)], run="import")
    paid = frozenset(call_on(ROWS[:4])["query_key"])
    reward = MemoryReward(memory, run="r", judged=Judged("l", paid, truth, judge, 1), scorer=Broken())
    assert reward([""] * 12, **call_on(ROWS)) == [None] * 12  # a broken scorer is no reason to read the truth
    assert memory.ledger("l").revealed() == paid
    reward.scorer = None
    reward.metrics = {"refits": 2.0}
    log = Log()
    values = reward([""] * 12, **call_on(ROWS), **log.arguments())
    reward.close()
    for name, value in {"labels_spent": 1.0, "labels_budget": 1.0, "refits": 2.0, "source/none": 8 / 12}.items():
        assert log.metrics[f"memory_reward/{name}"] == [pytest.approx(value)]
    assert values == [float(row["correct"]) for row in ROWS[:4]] + [None] * 8
    assert memory.ledger("l").revealed() == paid


def test_an_answer_that_a_person_judged_is_rewarded_by_that_and_the_rest_of_its_group_by_prediction(
    memory: Memory,
) -> None:
    rows = [{**row, "response": "#### 99"} if number == 3 else row for number, row in enumerate(ROWS[:4])]
    first = MemoryReward(memory, run="before", scorer=MajorityVote())
    first([""] * 4, **call_on(rows))
    first.close()
    answers = memory.database.query(
        "MATCH (t:Thinking)-[:LEADS_TO]->(a:Answer) RETURN a.key AS key, count(*) AS n ORDER BY n DESC, key"
    )
    most = answers[0]
    assert most["n"] < 4
    report = memory.label([LabelRow(answer_key=most["key"], score=0.0, author="someone")], ledger="l")
    assert (report.labels, report.answers) == (1, 1)

    log = Log()
    reward = MemoryReward(memory, run="r", scorer=MajorityVote(), view=LabelView(ledgers=("l",)))
    values = reward([""] * 4, **call_on(rows), **log.arguments())
    reward.close()
    (sources,) = log.columns["memory_reward_source"]
    assert sources.count("label") == most["n"]
    assert sources.count("majority_vote") == 4 - most["n"]
    assert [value for value, source in zip(values, sources, strict=True) if source == "label"] == [0.0] * most["n"]


def test_evaluation_that_goes_well_does_not_hide_that_training_fails(memory: Memory) -> None:
    reward = MemoryReward(memory, run="r", scorer=Broken(), max_failed_calls=1)
    call = call_on(ROWS[:4])
    reward([""] * 4, **call)
    reward([""] * 4, split=["eval"] * 4, **call)
    with pytest.raises(TrainingError):
        reward([""] * 4, **call)
    reward.close()


def test_an_attempt_that_resumes_supersedes_what_it_discards_and_no_more(memory: Memory) -> None:
    def attempt(*steps: int) -> None:
        reward = MemoryReward(memory, run="r", scorer=MajorityVote())
        for step in steps:
            reward([""] * 4, trainer_state=at_step(step), **call_on(ROWS[:4]))
        reward.close()

    def kept() -> set[tuple[int, int]]:
        rows = memory.database.query("MATCH (t:Thinking) WHERE t.superseded IS NULL RETURN t.attempt AS a, t.step AS s")
        return {(row["a"], row["s"]) for row in rows}

    attempt(0, 1, 2)
    attempt(2, 3, 4)  # killed after step 2, resumed from checkpoint-2
    assert kept() == {(1, 0), (1, 1), (2, 2), (2, 3), (2, 4)}
    assert supersede(memory.database, "r", 3) == 8
    assert supersede(memory.database, "r", 3) == 0
    attempt(3)
    assert kept() == {(1, 0), (1, 1), (2, 2), (3, 3)}
    attempt(0, 1)  # again: another experience, beside the first
    attempt(1)
    assert kept() == {(1, 0), (1, 1), (2, 2), (3, 3), (4, 0), (5, 1)}
    assert count(memory, "(n:Thinking)") == 4 * 10


def test_rewards_that_cannot_be_written_back_wait_on_disk_and_stop_training_past_the_limit(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(database: Database, rows: Sequence[Mapping[str, Any]]) -> None:
        if (tmp_path / "away").exists():
            raise ConnectionError("the database is away")
        record_rewards(database, rows)

    monkeypatch.setattr(spool, "record_rewards", record)
    settings = memory.settings.model_copy(update={"home": tmp_path})
    (tmp_path / "away").touch()
    reward = MemoryReward(
        Memory(settings, memory.database, memory._embedder), run="r", scorer=MajorityVote(), max_failed_calls=1
    )
    assert None not in reward([""] * 4, **call_on(ROWS[:4]))
    assert count(memory, "(n:Thinking {run: 'r'})") == 4
    assert count(memory, "(n:Thinking {run: 'r', reward_source: 'majority_vote'})") == 0

    def train_on() -> None:
        for _ in range(200):
            reward([""] * 4, **call_on(ROWS[:4]))

    with pytest.raises(TrainingError, match=r"could not be written.*the database is away; they are safe in"):
        train_on()
    with pytest.raises(TrainingError, match="could not be written"):
        reward.close(seconds=0)
    given = count(memory, "(n:Thinking {run: 'r'})")

    (tmp_path / "away").unlink()
    later = MemoryReward(Memory(settings, memory.database, memory._embedder), run="r2", scorer=MajorityVote())
    later([""] * 4, **call_on(ROWS[:4]))
    later.close()
    assert count(memory, "(n:Thinking {run: 'r', reward_source: 'majority_vote'})") == given


@pytest.mark.parametrize(
    ("reads_neighbours", "reads_vectors"), [(False, False), (False, True), (True, False), (True, True)]
)
def test_new_rollouts_are_embedded_and_linked_after_the_call_unless_the_scorer_reads_that(
    memory: Memory,
    monkeypatch: pytest.MonkeyPatch,
    reads_neighbours: bool,
    reads_vectors: bool,
) -> None:
    writes = threading.Event()  # of the thread that writes back
    monkeypatch.setattr(spool, "record_rewards", lambda *_: writes.wait(60))
    scorer = MajorityVote()
    scorer.reads_neighbours, scorer.reads_vectors = reads_neighbours, reads_vectors
    reward = MemoryReward(memory, run="r", scorer=scorer)
    reward([""] * len(ROWS), **call_on(ROWS))
    assert count(memory, "(n:Unlinked)") == (0 if reads_neighbours or reads_vectors else 3)
    assert (count(memory, "(n:Unembedded)") == 0) == reads_vectors
    writes.set()
    reward.close()
    assert count(memory, "(n:Unlinked)") == 0
    assert memory.database.query("MATCH (:Query)-[s:SIMILAR_TO]->(:Query) RETURN count(s) AS n") == [{"n": 3 * 2}]


def call_in_child(pickled: bytes, file: Path) -> None:
    reward = pickle.loads(pickled)
    calls = [call_on(ROWS[start : start + 4]) for start in (0, 4, 8)]

    async def groups() -> list[list[float | None]]:
        # as AsyncGRPO does: several groups at once; no trainer_state, log_extra or log_metric
        return await asyncio.gather(*(reward(prompts=[""] * 4, completion_ids=[[0]] * 4, **call) for call in calls))

    values = asyncio.run(groups())
    reward.reward.close()
    file.write_text(json.dumps(values))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_async_reward_works_in_a_spawned_process_with_an_attempt_of_its_own(memory: Memory, tmp_path: Path) -> None:
    inner = MemoryReward(memory, run="r", scorer=ConsensusShare(), kind="soft")
    expected = [inner([""] * 4, **call_on(ROWS[start : start + 4])) for start in (0, 4, 8)]
    reward = AsyncMemoryReward(inner)
    assert is_async_callable(reward)
    assert get_callable_name(reward) == "memory_reward"
    worker = multiprocessing.get_context("spawn").Process(
        target=call_in_child, args=(pickle.dumps(reward), tmp_path / "values.json")
    )
    worker.start()
    worker.join(500)
    inner.close()
    assert worker.exitcode == 0
    assert json.loads((tmp_path / "values.json").read_text()) == expected
    found = memory.database.query(
        "MATCH (t:Thinking) RETURN t.attempt AS attempt, count(t.reward) AS n ORDER BY attempt"
    )
    assert found == [{"attempt": 1, "n": 12}, {"attempt": 2, "n": 12}]
    assert inner.calls == 3


def test_rewards_are_written_where_queries_cannot_be_linked(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    embed = memory._embedder.embed
    monkeypatch.setattr(
        memory._embedder, "embed", lambda _: (_ for _ in ()).throw(RuntimeError("the hub is out of reach"))
    )
    reward = MemoryReward(memory, run="r", scorer=MajorityVote())
    for _ in range(3):
        assert None not in reward([""] * len(ROWS), **call_on(ROWS))
    reward.close()
    assert "new queries wait for their similarity edges: the hub is out of reach" in caplog.text
    assert count(memory, "(n:Thinking {reward_source: 'majority_vote'})") == 3 * len(ROWS)
    assert count(memory, "(n:Unlinked)") == 3
    monkeypatch.setattr(memory._embedder, "embed", embed)
    later = MemoryReward(memory, run="r2", scorer=MajorityVote())
    later([""] * 4, **call_on(ROWS[:4]))
    later.close()
    assert count(memory, "(n:Unlinked)") == 0
