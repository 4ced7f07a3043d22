"""What tests a prediction, what may have hacked a reward, what taught nothing, and what a budget has left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from memgraph.labels.rows import LabelRow
from memgraph.labels.view import Purpose
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.store.forget import forget
from memgraph.store.named_queries import inspection_queries, run_inspection
from tests.conftest import write_rows
from tests.integration.rollouts import sums

NOISE = "the group's predictions differ by less than their noise"
UNCOUNTED = {  # pictures and examples, lists of the newest or most valuable few, and what is seldom cut
    *(
        "experience_paths",
        "group_paths",
        "neighbourhoods",
        "next_labels",
        "reward_models",
        "rollouts_by_run",
        "labelled_queries",
    ),
}


def ask(memory: Memory, name: str, **parameters: Any) -> list[dict[str, Any]]:
    return run_inspection(memory.database, name, parameters)


def predict(memory: Memory, scores: dict[str, float], model: str, key: str = "p") -> None:
    rows = [{"key": f"{key}-{rollout}", "target": rollout, "score": score} for rollout, score in scores.items()]
    write_prediction_rows(memory, rows, scorer="reward_model", model=model)


@pytest.fixture
def watched(memory: Memory, tmp_path: Path) -> tuple[Memory, Path]:
    """Ten queries of four rollouts: two paid to monitor, three to train, then predictions of two models, then one paid more."""
    file = write_rows(tmp_path / "r.jsonl", sums(10))
    memory.import_file(file)
    memory.reveal(file, budget=5, monitor=2)
    rollouts = list(memory.rollouts())
    queries = sorted({row.query_key for row in rollouts})
    purposes = memory.ledger("default").purposes()
    silent = next(key for key in queries if key not in purposes)
    predict(memory, {row.key: 0.9 for row in rollouts if row.query_key != silent}, "first")
    memory.reveal(file, budget=6, monitor=2)
    return memory, file


def truth_of(memory: Memory, queries: set[str]) -> list[bool]:
    rows = memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->(t)-[:LEADS_TO]->()-[:EQUALS*0..2]-()<-[:SCORES]-(l:Label) "
        "WHERE q.key IN $queries RETURN t.key AS key, max(l.score) >= 0.5 AS right",
        queries=sorted(queries),
    )
    return [row["right"] for row in rows]


def test_a_label_tests_a_prediction_that_could_not_have_learned_from_it(watched: tuple[Memory, Path]) -> None:
    memory, _ = watched
    purposes = memory.ledger("default").purposes()
    monitored = {key for key, purpose in purposes.items() if purpose is Purpose.MONITOR}
    predicted = {
        row["query"]
        for row in memory.database.query("MATCH (t:Thinking)<-[:SCORES]-(:Prediction) RETURN t.query AS query")
    }
    rows = ask(memory, "calibration")
    by_test = {held_out: [row for row in rows if row["held_out"] is held_out] for held_out in (True, False)}
    assert sum(row["rollouts"] for row in by_test[False]) == 12, "the three of the first reveal that are trained on"
    assert {row["queries"] for row in by_test[False]} == {3}
    (later,) = set(purposes) - monitored - {row["query"] for row in trained_before(memory)}
    tested = monitored | ({later} & predicted)
    right = truth_of(memory, tested)
    assert sum(row["rollouts"] for row in by_test[True]) == len(right)
    assert {row["queries"] for row in by_test[True]} == {len(tested)}
    assert sum(row["agreeing"] for row in by_test[True]) == sum(right)
    (model,) = ask(memory, "predictions_against_truth")
    assert (model["checked"], model["queries"]) == (len(right), len(tested))
    assert model["accuracy"] == pytest.approx(sum(right) / len(right))
    came = {row["query"]: row["label_came"] for row in ask(memory, "wrong_predictions")}
    texts = {row.query: row.query_key for row in memory.rollouts()}
    for text, label_came in came.items():
        key = texts[text]
        assert label_came == ("monitor" if key in monitored else "later" if key == later else "before")
    assert "monitor" in came.values()
    assert "before" in came.values()


def trained_before(memory: Memory) -> list[dict[str, Any]]:
    """Queries whose labels were there before the first prediction, and not kept from models."""
    return memory.database.query(
        "MATCH (p:Prediction) WITH min(p.created_at) AS began MATCH (l:Label) "
        "WHERE l.created_at < began AND l.purpose <> 'monitor' RETURN DISTINCT l.query AS query"
    )


def test_a_label_that_another_ledger_paid_to_train_on_tests_nothing(watched: tuple[Memory, Path]) -> None:
    memory, file = watched
    memory.database.query("MATCH (p:Prediction) DETACH DELETE p", write=True)
    memory.reveal(file, ledger="all")  # the watched queries, too, to train on
    predict(memory, {row.key: 0.9 for row in memory.rollouts()}, "after")
    assert {row["held_out"] for row in ask(memory, "calibration")} == {False}
    (row,) = ask(memory, "predictions_against_truth")
    assert (row["predicted"], row["checked"], row["accuracy"]) == (40, 0, None)
    (row,) = ask(memory, "predictions_against_truth", ledger="default")
    assert (row["checked"], row["queries"]) == (8, 2), "by the labels of that ledger alone"
    assert "monitor" not in {row["label_came"] for row in ask(memory, "wrong_predictions")}


def test_each_model_has_a_row_also_where_nothing_tests_it(watched: tuple[Memory, Path]) -> None:
    memory, _ = watched
    unlabelled = [
        row
        for row in memory.rollouts()
        if row.label is None and row.query_key not in memory.ledger("default").purposes()
    ]
    predict(memory, {row.key: 0.5 for row in unlabelled}, "second", "q")
    first, second = ask(memory, "predictions_against_truth")
    assert (first["model"], second["model"]) == ("first", "second"), "the one that predicted last at the end"
    assert (second["predicted"], second["checked"], second["queries"]) == (len(unlabelled), 0, 0)
    assert [second[name] for name in ("accuracy", "vote_accuracy", "brier", "first_checked", "first_step")] == [
        None
    ] * 5
    predict(memory, {row.key: 0.1 for row in unlabelled}, "first", "r")
    again = ask(memory, "predictions_against_truth", model="first")
    assert [row["checked"] for row in again] == [first["checked"]], "a rollout that is scored twice counts once"
    assert again[0]["predicted"] >= first["predicted"]


def groups(memory: Memory) -> dict[str, list[str]]:
    """Four groups of four alike rollouts, all predicted at .95: no reward, the model's, a label's, and an import."""
    kinds = ("none", "reward_model", "label", "imported")
    stored = {
        kind: [
            place.key
            for place in memory.add(
                Rollout(
                    f"how much is {kind}?", "<think>so</think> #### 2", domain="math", sample=sample, step=number,
                    run="imports" if kind == "imported" else "trained",
                )
                for sample in range(4)
            ).stored
        ]
        for number, kind in enumerate(kinds)
    }  # fmt: skip
    for kind, rollouts in stored.items():
        predict(memory, dict.fromkeys(rollouts, 0.95), "model", kind)
        if kind != "imported":
            reward, reason = (None, NOISE) if kind == "none" else (0.95, None)
            rows = [{"key": key, "reward": reward, "source": kind, "reason": reason} for key in rollouts]
            record_rewards(memory.database, rows)
    return stored


def test_what_got_no_reward_from_the_model_hacked_none(memory: Memory) -> None:
    stored = groups(memory)
    rows = ask(memory, "suspects")
    assert {row["rollout"]: row["training_reward"] for row in rows} == {
        **dict.fromkeys(stored["reward_model"], 0.95),
        **dict.fromkeys(stored["imported"]),
    }
    assert {tuple(row["why"]) for row in rows} == {("repeated", "one answer")}
    reasons = ("in_all", "in_all_long", "in_all_repeated", "in_all_one_answer")
    assert {tuple(row[name] for name in reasons) for row in rows} == {(8, 0, 8, 8)}


def test_groups_without_any_reward_taught_nothing_either(memory: Memory) -> None:
    groups(memory)
    rows = ask(memory, "groups_without_variance")
    assert {row["query"]: (row["rollouts"], row["rewarded"], row["reward"], row["reasons"]) for row in rows} == {
        "how much is none?": (4, 0, None, [NOISE]),
        "how much is reward_model?": (4, 4, 0.95, []),
        "how much is label?": (4, 4, 0.95, []),
    }
    reasons = {(row["source"], row["reason"]): row["rollouts"] for row in ask(memory, "reward_sources", parts=1)}
    assert reasons == {("no reward", NOISE): 4, ("reward_model", None): 4, ("label", None): 4}


def test_a_limit_says_how_many_there_are_in_all(memory: Memory) -> None:
    stored = memory.add(
        Rollout("1 + 1?", "<think>so</think> #### 2", domain="math", sample=sample) for sample in range(120)
    ).stored
    predict(memory, {place.key: 0.9 for place in stored}, "model")
    for name, shown in (("suspects", 100), ("query_group", 40), ("rewards_as_of", 40)):
        rows = ask(memory, name)
        assert (len(rows), {row["in_all"] for row in rows}) == (shown, {120}), name
    assert not memory.label([LabelRow(0.0, author="Ann", rollout_key=stored[0].key)]).rejected
    rows = ask(memory, "wrong_predictions")
    assert (len(rows), {row["in_all"] for row in rows}) == (40, {120})


@pytest.mark.parametrize("query", inspection_queries(), ids=lambda query: query.name)
def test_rows_that_a_constant_cuts_are_counted(query: Any) -> None:
    cut = re.search(r"^ORDER BY .*LIMIT \d{2,}$|^WITH .*LIMIT \d{2,}$|\[\.\.\d{2,}\]", query.text, re.MULTILINE)
    assert not cut or "in_all" in query.text or query.name in UNCOUNTED


def test_what_is_left_is_what_the_ledger_may_still_spend(watched: tuple[Memory, Path]) -> None:
    memory, _ = watched
    memory.ledger("default", budget=9)
    said = next(row.key for row in memory.rollouts() if row.query_key not in memory.ledger("default").purposes())
    assert not memory.label([LabelRow(1.0, author="Ann", rollout_key=said)]).rejected
    (row,) = ask(memory, "label_spending")
    assert (row["calibrate"], row["train"], row["monitor"], row["queries_paid"], row["answers_paid"]) == (4, 0, 2, 6, 1)
    assert row["left"] == 9 - memory.ledger("default").spent() == 2
    assert row["evaluations"] == 0
    forget(memory.database, query=next(iter(memory.ledger("default").revealed())))
    (row,) = ask(memory, "label_spending")
    assert (row["queries_paid"], row["forgotten"]) == (5, 1)
    assert row["left"] == 9 - memory.ledger("default").spent() == 2, "forgetting gives nothing back"
    memory.ledger("open")
    assert [row["left"] for row in ask(memory, "label_spending", ledger="open")] == [None]
