"""Every score is kept, each can be explained, and past states can be read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from memgraph.errors import InputError
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import Purpose
from memgraph.memory import Memory
from memgraph.models.scorers import RewardModelScorer
from memgraph.rollouts.rollout import Rollout
from memgraph.scoring.explain import Explanation, explain
from memgraph.scoring.history import rewards_at, scores_of, time_of_step
from memgraph.settings import Settings
from memgraph.store.cypher import cypher
from memgraph.store.named_queries import run_inspection
from tests.conftest import write_rows
from tests.integration.clusters import START, VIEW, World
from tests.integration.rollouts import call_on, sums
from tests.integration.test_command_line import memreward
from tests.integration.test_read_only import all_of
from trainer.reward.memory_reward import MemoryReward


@pytest.fixture
def world(made_up: Memory, tmp_path: Path) -> World:
    found = World(made_up, tmp_path)
    found.relabel()
    return found


def explained(world: World, rollout: str, *, as_of: datetime | None = None) -> Explanation:
    return explain(world.memory, world.model, VIEW, rollout, as_of=as_of)


def influenced(world: World) -> str:
    """A rollout whose score labels on two other answers to its query have moved, one after the other."""
    query = world.several_answers()[0]
    for _ in range(2):
        world.judge_one(query, right=False)
        world.relabel()
    snapshot = world.memory.snapshot(VIEW, query_keys=[query])
    (rollout, *_) = [
        key for key, label in zip(snapshot.rollout_keys, snapshot.labels.tolist(), strict=True) if np.isnan(label)
    ]
    return rollout


def test_leave_one_out_says_what_each_label_and_each_vote_moved(world: World) -> None:
    rollout = influenced(world)
    before = all_of(world.memory.database)
    found = explained(world, rollout)
    assert all_of(world.memory.database) == before, "to ask why writes nothing"
    assert world.memory.explain(rollout, VIEW, model=world.model, keep=True) == found
    kept = run_inspection(world.memory.database, "why_reward", {"rollout": rollout})
    assert [one.change for one in found.influences if one.kind == "judged answer"] == pytest.approx(
        [row["change"] for row in kept if row["kind"] == "judged answer"]
    )
    assert found.score == pytest.approx(world.stored()[rollout], abs=1e-6)
    assert {one.kind for one in found.influences} == {"judged answer", "group answer", "check"}
    assert [abs(one.change) for one in found.influences] == sorted(
        (abs(one.change) for one in found.influences), reverse=True
    )

    own = world.memory.database.query(
        "MATCH (:Thinking {key: $key})-[:LEADS_TO]->(a)-[:EQUALS*0..1]->(b) RETURN b.key AS key", key=rollout
    )
    assert all(one.change >= 0 for one in found.influences if one.kind == "group answer" and {"key": one.key} in own)

    snapshot = world.memory.subgraph([found.query], VIEW)
    place = np.flatnonzero(snapshot.target_rollouts == snapshot.rollout_keys.index(rollout))[0]
    strongest = next(one for one in found.influences if one.kind == "judged answer")
    rows = snapshot.rollout_answer == snapshot.answer_keys.index(strongest.key)
    assert (strongest.rollouts, strongest.label) == (rows.sum(), 0.0)
    hidden = snapshot.with_labels(np.where(rows, np.nan, snapshot.labels).astype(np.float32))
    assert strongest.change == pytest.approx(found.score - world.model.predict(hidden)[place], abs=1e-6)
    assert strongest.change > 0, "another answer is wrong"
    nothing = snapshot.with_labels(np.full_like(snapshot.labels, np.nan))
    assert found.without_labels == pytest.approx(float(world.model.predict(nothing)[place]), abs=1e-6)


def test_the_history_of_a_rollout_and_the_labels_of_each_time_explain_each_score(world: World) -> None:
    rollout = influenced(world)
    history = scores_of(world.memory, rollout)
    assert [score.reason for score in history] == ["first score by this model", "labels changed", "labels changed"]
    assert {score.model for score in history} == {world.model.key}
    for score in history:
        assert explained(world, rollout, as_of=score.at).score == pytest.approx(score.score, abs=1e-6)
    with pytest.raises(InputError, match=r"has given the rollout .* no score until"):
        explained(world, rollout, as_of=datetime(2020, 1, 1, tzinfo=UTC))


def test_rewards_as_of_a_past_time_are_those_that_were_in_force(world: World) -> None:
    then = world.memory.database.query("RETURN datetime() AS now")[0]["now"].to_native()
    before = world.stored()
    world.memory.ledger("l").reveal(world.source, world.keys[1:3])
    world.relabel()
    past = {one.rollout: one for one in rewards_at(world.memory, world.keys, VIEW, then)}
    assert {rollout: past[rollout].reward for rollout in before} == before
    assert {one.source for one in past.values()} == {"label", "prediction"}
    now = {one.rollout: one for one in rewards_at(world.memory, world.keys, VIEW, datetime.now(UTC))}
    newly = [one for one in now.values() if one.query in world.keys[1:3]]
    assert {one.source for one in newly} == {"label"}
    assert {past[one.rollout].source for one in newly} == {"prediction"}

    naive = then.astimezone(UTC).replace(tzinfo=None)
    assert {one.rollout: one for one in rewards_at(world.memory, world.keys, VIEW, naive)} == past
    for as_of in (then, naive):
        bounded = {one.rollout: one.source for one in world.memory.rewards(replace(VIEW, as_of=as_of))}
        assert {bounded[one.rollout] for one in newly} <= {"prediction", "none"}
        assert {rollout for rollout, source in bounded.items() if source == "label"} == {
            rollout for rollout, one in past.items() if one.source == "label"
        }

    text = world.memory.database.query("MATCH (q:Query {key: $key}) RETURN q.text AS t", key=world.keys[1])[0]["t"]
    for at, known in ((then.isoformat(), past), (None, now)):
        rows = run_inspection(world.memory.database, "rewards_as_of", {"query": text, "at": at})
        assert {row["rollout"]: row["reward"] for row in rows} == {
            one.rollout: one.reward for one in known.values() if one.query == world.keys[1]
        }


def test_the_state_as_of_a_step_is_that_before_the_next_one(memory: Memory) -> None:
    for step in (0, 1):
        memory.add([Rollout(query="Two?", response=f"#### {step}", run="r", attempt=1, call=step, step=step, sample=0)])
    end = time_of_step(memory, "r", 0)
    (query,) = memory.snapshot(VIEW).query_keys
    assert len(rewards_at(memory, [query], VIEW, end)) == 1
    assert len(rewards_at(memory, [query], VIEW, time_of_step(memory, "r", 1))) == 2
    rows = run_inspection(memory.database, "rewards_as_of", {"query": "Two?", "training": "r", "step": 0})
    assert [row["step"] for row in rows] == [0]
    with pytest.raises(InputError, match="no rollouts of step 7; its steps: 0 to 1"):
        time_of_step(memory, "r", 7)


def test_where_votes_say_nothing_it_names_the_checks_that_decided(
    memory: Memory, settings: Settings, tmp_path: Path
) -> None:
    rows = [
        {
            "query": f"What is {n} plus {n + 3}? (task {n})", "domain": "math", "dataset": "sums",
            "rollout_id": f"{n}-{sample}", "correct": not wrong,
            "response": f"<think>{n} + {n + 3} = {2 * n + 3 + wrong}</think> #### {2 * n + 3 + wrong}",
        }
        for n in range(10, 50) for sample, wrong in enumerate((0, 0, 1, 1))
    ]  # fmt: skip
    file = write_rows(tmp_path / "r.jsonl", rows)
    memory.import_file(file)
    source = FileTruth([file], run="import")
    keys = list(source.query_keys())
    memory.ledger("l").reveal(source, keys[:29])
    memory.ledger("l").reveal(source, keys[29:30], purpose=Purpose.MONITOR)
    model = memory.fit(VIEW)
    memory.score(model, VIEW)
    snapshot = memory.subgraph(keys[29:31], VIEW)
    for row in snapshot.target_rollouts.tolist():
        rollout = snapshot.rollout_keys[row]
        right = int(snapshot.answer_values[snapshot.rollout_answer[row]]) % 2 == 1
        found = memory.explain(rollout, VIEW, model=model, keep=True)
        checks = {one.key: one for one in found.influences if one.kind == "check"}
        assert set(checks) == {"form", "arithmetic", "conclusion"}
        assert (checks["arithmetic"].change > 0.3) == (found.score > 0.9) == right
        assert (checks["arithmetic"].change < -0.05) == (found.score < 0.1) == (not right)
        assert checks["arithmetic"].text.startswith("arithmetic: ")
        strong = ("holds 1 (group 0, ", "reached 1 (group 0.5, ", "leading 0.69 (group 0.35, ")
        assert any(finding in checks["arithmetic"].text for finding in strong) == right
        assert 0.1 < found.without_checks < 0.9
        features = snapshot.rollout_features.copy()
        features[row, [name.startswith("check_arithmetic") for name in snapshot.feature_names]] = np.nan
        usual = model.predict(replace(snapshot, rollout_features=features))
        place = np.flatnonzero(snapshot.target_rollouts == row)[0]
        assert checks["arithmetic"].change == pytest.approx(found.score - usual[place], abs=1e-5)
        kept = run_inspection(memory.database, "why_reward", {"rollout": rollout})
        assert {(row["what"], row["change"]) for row in kept if row["kind"] == "check"} == {
            (one.key, one.change) for one in found.influences if one.kind == "check"
        }

    rollout = snapshot.rollout_keys[np.flatnonzero(snapshot.rollout_query == snapshot.query_keys.index(keys[29]))[0]]
    given = [{"key": rollout, "reward": None, "source": "none", "reason": "all equal"}]
    memory.database.query(cypher("write/rewards"), write=True, rows=given)
    code, out, _ = memreward("why", rollout, home=settings.home)  # the only ledger is read
    assert code == 0
    assert "the training import was given no reward: all equal" in out
    assert "paid to monitor" in out
    assert "a prediction" in out
    memory.ledger("other")
    with pytest.raises(InputError, match=r"several ledgers.*choose one by --ledger: l, other"):
        memreward("why", rollout, home=settings.home)
    with pytest.raises(InputError, match="there is no ledger 'nobody'"):
        memreward("why", rollout, "--ledger", "nobody", home=settings.home)


def test_a_reward_call_is_explained_by_what_it_read(world: World) -> None:
    rows = sums(START + 4)[START * 4 :]
    model = RewardModelScorer(world.model)
    reward = MemoryReward(world.memory, run="r", scorer=model, model=world.model.key, view=VIEW)
    sevens = [row | {"response": "<think>7</think> #### 7"} for row in rows[4:8]]
    for number, again in enumerate((rows[4:8], sevens, sevens)):  # later steps all agree on something else
        reward([""] * 4, trainer_state=SimpleNamespace(global_step=number), **call_on(again))
    reward.close()
    found = world.memory.database.query(
        "MATCH (t:Thinking {run: 'r', call: 0})<-[:SCORES]-(p:Prediction {reason: 'reward call'}) "
        "RETURN t.key AS rollout, p.score AS score"
    )
    assert found
    for row in found:
        told = world.memory.explain(row["rollout"], VIEW, model=world.model)
        assert told.score == pytest.approx(row["score"], abs=1e-6)
        assert "7" not in [one.text for one in told.influences]
    world.memory.database.query(
        "MATCH (t:Thinking {key: $key}) SET t.superseded = true", write=True, key=found[0]["rollout"]
    )
    with pytest.raises(InputError, match="counts no more"):
        world.memory.explain(found[0]["rollout"], VIEW, model=world.model)


def test_why_and_relabel_on_the_command_line(world: World, settings: Settings) -> None:
    def call(*arguments: str) -> dict:
        code, out, err = memreward(*arguments, "--json", home=settings.home)
        assert code == 0, err
        return json.loads(out)

    world.memory.ledger("l").reveal(world.source, world.keys[1:3])
    told = call("relabel", "--ledger", "l", "--preview")
    done = call("relabel", "--ledger", "l")
    assert told["preview"]
    assert {**done, "preview": True, "seconds": 0, "seconds_looking": 0} == {**told, "seconds": 0, "seconds_looking": 0}
    assert done["changed"] > 0

    rollout = min(world.rescored())
    queries = call("why", "Tom has", "--ledger", "l")["queries"]
    assert {query["key"] for query in queries} == set(world.keys)
    assert call("why", "Nobody") == {"rollouts": [], "more": False}
    found = call("why", rollout[:16], "--ledger", "l")
    rows = run_inspection(world.memory.database, "why_reward", {"rollout": rollout})
    assert all(row["change"] is None for row in rows), "it only reads, unless it is told to keep what it finds"
    assert call("why", rollout[:16], "--ledger", "l", "--keep") == found
    assert found["rollout"] == rollout
    assert found["scores"][-1]["model"] == world.model.key
    assert (found["reward"]["source"], found["reward"]["reward"]) == ("prediction", found["scores"][-1]["score"])
    rows = run_inspection(world.memory.database, "why_reward", {"rollout": rollout})
    shown = {(row["kind"], round(row["change"], 9)) for row in rows if row["change"] is not None}
    assert shown == {(one["kind"], round(one["change"], 9)) for one in found["explanation"]["influences"]}
    code, out, _ = memreward("why", rollout, "--ledger", "l", home=settings.home)
    assert code == 0
    assert "leave-one-out" in out
    assert memreward("why", rollout, "--step", "1", home=settings.home)[0] == 2
    with pytest.raises(InputError, match="begins with 'Nobody'"):
        memreward("why", "Nobody", home=settings.home)
