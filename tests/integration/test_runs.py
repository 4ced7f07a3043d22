"""Several runs in one memory: compared on the same queries, and pruned of what nobody judged."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from memgraph.errors import InputError
from memgraph.labels.queue import pending
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelView, Purpose
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards, supersede
from memgraph.scoring.compare_runs import compare_runs
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.settings import Settings
from memgraph.store.named_queries import run_inspection
from memgraph.store.prune import Pruned, prune
from tests.integration.test_command_line import memreward


@pytest.fixture
def runs(memory: Memory) -> Memory:
    """Runs "old" and "new" on the queries A and B, and each on one of its own; 7 is right, 8 wrong, 9 not judged."""
    answers = {
        "old": {"A": ["7", "8", "9"], "B": ["8", "8"], "only old": ["7"]},
        "new": {"A": ["7", "7", "7"], "B": ["8", "7"], "only new": ["7"]},
    }
    for run, queries in answers.items():
        stored = memory.add(
            Rollout(
                query=query, response=f"#### {answer}", answer=answer, domain="math", run=run, policy=run, attempt=1, call=1, step=step,
                sample=sample,
            )
            for step, (query, given) in enumerate(queries.items(), start=1)
            for sample, answer in enumerate(given)
        ).stored  # fmt: skip
        for number in range(4):
            rows = [
                {"key": f"{run}{n}-{number}", "target": place.key, "score": number / 10}
                for n, place in enumerate(stored)
            ]
            write_prediction_rows(memory, rows, scorer="reward_model", model="model")
        record_rewards(
            memory.database,
            [{"key": place.key, "reward": 1.0, "source": "reward_model", "reason": None} for place in stored],
        )
    rows = [
        LabelRow(score, author="Ann", query=query, answer=answer)
        for query in "AB"
        for answer, score in (("7", 1.0), ("8", 0.0))
    ]
    assert not memory.label(rows, ledger="l").rejected
    return memory


def count(memory: Memory) -> dict[str, int]:
    rows = memory.database.query(
        "MATCH (n) WHERE n:Thinking OR n:Answer OR n:Label OR n:Prediction OR n:Query "
        "RETURN CASE WHEN n.kind IS NULL THEN head(labels(n)) ELSE n.kind END AS what, count(*) AS n"
    )
    return {row["what"]: row["n"] for row in rows}


def test_two_runs_are_compared_on_the_queries_that_both_sampled(runs: Memory) -> None:
    found = compare_runs(runs.database, "old", "new", LabelView())
    assert (found.queries, found.only_first, found.only_second, found.rollouts) == (2, 1, 1, (5, 5))
    assert found.same_answers == pytest.approx(0.8)  # 7 to B is new
    measures = {one.name: one for one in found.measures}
    label = measures["label"]
    assert (label.first, label.second, label.better, label.worse) == (0.25, 0.75, 2, 0)  # A: 1/2 → 1, B: 0 → 1/2
    assert (label.difference, label.error) == (0.5, 0.0)
    assert measures["reward"].difference == 0
    assert measures["predicted"].first == pytest.approx(0.3)
    assert {change.text for change in found.changes} == {"A", "B"}
    assert runs.compare("old", "new") == found, "by the labels of every ledger"
    assert runs.compare("old", "new", changes=1).changes == found.changes[:1]
    later = compare_runs(runs.database, "old", "new", LabelView(ledgers=()), step=2)
    assert (later.queries, [one.name for one in later.measures]) == (1, ["reward", "predicted"])
    with pytest.raises(InputError, match="no rollouts; known runs: new, old"):
        compare_runs(runs.database, "old", "newer", LabelView())


def test_labels_that_only_watched_are_compared_apart(runs: Memory, settings: Settings) -> None:
    runs.add(
        Rollout(query=query, response=f"#### {answer}", answer=answer, domain="math", run=run, sample=0)
        for run, answer in (("old", "8"), ("new", "7"))
        for query in ("watched", "B and watched", "nobody judged")
    )
    rows = [LabelRow(float(answer == "7"), author="Ann", query="watched", answer=answer) for answer in "78"]
    assert not runs.label(rows, ledger="l", purpose=Purpose.MONITOR).rejected
    found = runs.compare("old", "new")
    measures = {one.name: one for one in found.measures}
    assert (measures["label"].queries, measures["label"].difference) == (2, 0.5), "as without them"
    watched = measures["monitor"]
    assert (watched.queries, watched.first, watched.second, watched.error) == (1, 0, 1, None)
    assert (found.queries, found.unjudged) == (5, 2)
    assert "monitor" not in [one.name for one in runs.compare("old", "new", LabelView(ledgers=("another",))).measures]
    also = LabelRow(1.0, author="Bob", query="watched", answer="7")
    assert not runs.label([also], ledger="l").rejected
    measures = {one.name: one.queries for one in runs.compare("old", "new").measures}
    assert measures == {"label": 2, "reward": 2, "predicted": 2}, "a query that was learned from watches no more"
    shown = memreward("compare", "old", "new", home=settings.home)[1]
    assert "\n3 of the 5 queries count in no such line: not labelled in both runs\n" in shown


def test_next_labels_name_near_duplicates_once_and_say_what_is_left(memory: Memory) -> None:
    asked = {"How old is Ada?": "7788", "how old is ada?": "778", "How old is Bob?": "7"}
    memory.add(
        Rollout(query=query, response=f"#### {answer}", answer=answer, domain="math", run="one", sample=sample)
        for query, answers in asked.items()
        for sample, answer in enumerate(answers)
    )
    rows = run_inspection(memory.database, "next_labels", {})
    found = sorted((row["query"].lower(), row["answer"], row["rollouts"], row["left"]) for row in rows)
    assert found == [
        ("how old is ada?", "7", 2, None), ("how old is ada?", "8", 2, None), ("how old is bob?", "7", 1, None),
    ]  # fmt: skip
    judged = [LabelRow(1.0, author="Ann", query="How old is Bob?", answer="7")]
    assert not memory.label(judged, ledger="people", budget=5).rejected
    assert [row["left"] for row in run_inspection(memory.database, "next_labels", {})] == [4, 4]
    assert not memory.label(judged, ledger="other", budget=9).rejected
    assert {row["left"] for row in run_inspection(memory.database, "next_labels", {})} == {None}, "of which ledger?"
    assert {row["left"] for row in run_inspection(memory.database, "next_labels", {"ledger": "other"})} == {8}


def test_pruning_drops_what_nobody_judged_and_says_before_what_it_would_drop(runs: Memory) -> None:
    before = count(runs)
    assert before["human"] == 4
    preview = prune(runs.database, runs=["old"], preview=True)
    assert preview == Pruned(rollouts=2, predictions=8, answers=None, labelled=4)
    assert count(runs) == before
    # the answer 9, and the 7 to the query that only this run sampled, go with their rollouts
    assert prune(runs.database, runs=["old"]) == Pruned(rollouts=2, predictions=8, answers=2, labelled=4)
    assert count(runs) == {
        **before, "Thinking": before["Thinking"] - 2, "Prediction": before["Prediction"] - 8, "Answer": before["Answer"] - 2,
    }  # fmt: skip
    assert prune(runs.database, runs=["old"]) == Pruned(0, 0, 0, 4)


def test_rollouts_of_discarded_steps_and_of_a_time_can_be_pruned(runs: Memory) -> None:
    supersede(runs.database, "old", 3)
    assert prune(runs.database, superseded=True).rollouts == 1
    assert prune(runs.database, before=datetime(2020, 1, 1, tzinfo=UTC)).rollouts == 0
    now = datetime.now(UTC)
    assert prune(runs.database, before=now.replace(tzinfo=None), preview=True).rollouts == 2, "UTC is meant"
    assert prune(runs.database, before=now).rollouts == 2
    with pytest.raises(InputError, match="no run 'x' in this memory; known: new, old"):
        prune(runs.database, runs=["x"])
    with pytest.raises(InputError, match="nothing was named"):
        prune(runs.database)


def test_a_preview_compacts_what_an_equal_answers_label_keeps(runs: Memory) -> None:
    equal = Rollout(query="A", response="#### x=7", answer="x=7", domain="math", run="old", attempt=1, call=2, sample=0)
    (place,) = runs.add([equal]).stored
    rows = [{"key": f"equal-{number}", "target": place.key, "score": number / 10} for number in range(4)]
    write_prediction_rows(runs, rows, scorer="reward_model", model="model")
    preview = prune(runs.database, runs=["old"], compact=True, preview=True)
    assert (preview.rollouts, preview.labelled) == (2, 5)
    done = prune(runs.database, runs=["old"], compact=True)
    assert (done.rollouts, done.predictions) == (preview.rollouts, preview.predictions)


def test_what_is_discarded_counts_in_no_list_for_people(runs: Memory) -> None:
    def lists(run: str | None = None) -> list[tuple[str, str]]:
        found = pending(runs.database, ledger="l", runs=[] if run is None else [run])
        texts = [(one.query, one.answer) for one in found]
        rows = run_inspection(runs.database, "next_labels", {"ledger": "l", "run": run})
        assert sorted((row["query"], row["answer"]) for row in rows) == sorted(texts)
        return sorted(texts)

    row = LabelRow(1.0, author="Ann", query="only old", answer="7")
    assert lists() == [("A", "9"), ("only new", "7"), ("only old", "7")]
    supersede(runs.database, "old", 3)
    assert lists() == [("A", "9"), ("only new", "7")]
    assert lists("old") == [("A", "9")]
    assert not runs.label([row], ledger="l").rejected
    assert not run_inspection(runs.database, "query_group", {"query": "only old"})
    assert not run_inspection(runs.database, "trajectory", {"query": "only old"})
    assert [row["rollouts"] for row in run_inspection(runs.database, "reward_sources", {"run": "old"})] == [3, 2]
    for name in ("wrong_predictions", "calibration"):
        rows = run_inspection(runs.database, name, {"model": "mod", "run": "old"})
        before = [*rows]
        runs.database.query("MATCH (t:Thinking {superseded: true}) REMOVE t.superseded", write=True)
        assert run_inspection(runs.database, name, {"model": "mod", "run": "old"}) != before
        supersede(runs.database, "old", 3)


def test_of_superseded_predictions_the_first_and_the_newest_stay(runs: Memory) -> None:
    rollouts = count(runs)["Thinking"]
    assert prune(runs.database, compact=True, preview=True).predictions == 2 * rollouts
    assert prune(runs.database, compact=True).predictions == 2 * rollouts
    scores = runs.database.query(
        "MATCH (t:Thinking)<-[:SCORES]-(p:Prediction {scorer: 'reward_model'}) WITH t, p ORDER BY p.created_at "
        "WITH t, collect(p.score) AS scores RETURN DISTINCT scores"
    )
    assert scores == [{"scores": [0.0, 0.3]}]
    assert count(runs)["human"] == 4
    assert prune(runs.database, compact=True).predictions == 0


def test_both_have_a_command(runs: Memory, settings: Settings) -> None:
    def call(*arguments: str) -> Any:
        code, out, _ = memreward(*arguments, "--json", home=settings.home)
        assert code == 0
        return json.loads(out)

    assert call("compare", "old", "new") == json.loads(json.dumps(asdict(runs.compare("old", "new"))))
    assert call("compare", "old", "new", "--ledger", "l")["queries"] == 2
    assert call("compare", "old", "new", "--ledger", "other")["measures"][0]["name"] == "reward"
    assert memreward("compare", "old", "new", home=settings.home)[0] == 0
    assert memreward("prune", home=settings.home)[0] == 2
    found = call("prune", "--run", "old", "--predictions", "--preview")
    assert found == {"preview": True, "rollouts": 2, "predictions": 8 + 2 * 10, "answers": None, "labelled": 4}
    assert call("prune", "--run", "old", "--predictions")["predictions"] == found["predictions"]
