"""The Cypher queries for people: each says what it answers, pastes into Neo4j Browser, and answers on data."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from memgraph.cli import inspection
from memgraph.errors import InputError
from memgraph.inspection.tables import as_texts, print_rows
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelKind, LabelView
from memgraph.memory import Memory
from memgraph.printable import PrintableConsole
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards
from memgraph.scoring.explain import meant_rollouts
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.settings import Settings
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.named_queries import FORMER_NAMES, inspection_queries, inspection_query, run_inspection
from tests.conftest import empty
from tests.integration.test_command_line import memreward

QUERIES = inspection_queries()
MANY = keys.query_key("default", "How many apples are in the basket?")

PLUMS = "How many plums are in the basket?"


@pytest.fixture(scope="module")
def lived(opened: Memory) -> Memory:
    """A memory after two runs: predictions, then labels of several kinds, a disagreement, a correction, and blemishes."""
    empty(opened)
    memory = opened
    queries = ["How many apples are in the basket?", "How many pears are in the basket?"]
    stored = memory.add(
        Rollout(
            query=query, response=f"#### {answer}", answer=answer, domain="math", run=run, policy=policy, call=step, step=step,
            sample=sample,
        )
        for run, policy, step, answers in (("one", "small", 1, "7778"), ("one", "small", 2, "7788"), ("two", "large", 1, "777 "))
        for query in queries
        for sample, answer in enumerate(answers)
    ).stored  # fmt: skip
    memory.add([Rollout(query=PLUMS, response="#### 5", domain="math", run="one", dataset="fruit", step=1, sample=0)])
    models = [{"key": f"p{n}", "target": place.key, "score": 0.9} for n, place in enumerate(stored)]
    write_prediction_rows(memory, models, scorer="reward_model", model="model")
    rewards = [
        {"key": place.key, "reward": float(place.answer.value == "7"), "source": "reward_model", "reason": None}
        for place in stored
    ]
    record_rewards(memory.database, [*rewards[:-1], {**rewards[-1], "reward": None, "reason": "the scorer abstained"}])

    def label(query: int, answer: str, score: float, kind: LabelKind, author: str, **options: str) -> None:
        row = LabelRow(score, kind, author, query=queries[query], answer=answer, **options)  # type: ignore[arg-type]
        assert not memory.label([row], ledger="l").rejected

    label(0, "7", 1.0, LabelKind.GROUND_TRUTH, "registry")
    label(0, "8", 0.0, LabelKind.GROUND_TRUTH, "registry")
    memory.label(
        [LabelRow(kind=LabelKind.GROUND_TRUTH, query_key=MANY, gold="7")], ledger="l"
    )  # the missing answer is wrong
    label(1, "7", 1.0, LabelKind.HUMAN, "Ann")
    label(1, "7", 0.0, LabelKind.HUMAN, "Bob")
    label(1, "8", 1.0, LabelKind.HUMAN, "Ann")
    label(1, "8", 0.2, LabelKind.HUMAN, "Ann", corrects="own")
    memory.fit(LabelView(ledgers=("l",)))
    memory.database.query("CREATE (:Label {key: 'stray', kind: 'human', score: 2.0})", write=True)
    return memory


def ask(memory: Memory, name: str, **parameters: Any) -> list[dict[str, Any]]:
    return run_inspection(memory.database, name, parameters)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_says_what_it_answers_and_is_one_statement_that_names_its_parameters(query) -> None:
    header, rest = re.match(r"((?:// .*\n)+)((?:.*\n)*)", cypher(f"inspect/{query.name}")).groups()
    assert query.answers[-1] in "?.", "what the list shows ends with its sentence"
    assert "Returns " in header
    assert query.without_rows or query.name == "memory_contents", "why it may give no rows"
    assert query.without_rows in header
    assert set(re.findall(r"\bgiven\.(\w+)", rest)) == set(query.parameters)
    assert all(name in header.partition("Parameters: ")[2] for name in query.parameters)
    assert not re.search(r"[;$]", rest), (
        "several statements, or parameters, would have to be set in Neo4j Browser first"
    )


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_pastes_as_it_is(lived: Memory, query) -> None:
    assert as_texts(lived.database.query(query.text)) == as_texts(ask(lived, query.name))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_each_finds_something_with_its_defaults_and_refuses_other_parameters(lived: Memory, query) -> None:
    assert ask(lived, query.name), f"{query.name} finds something"
    with pytest.raises(InputError, match="has no parameter 'nonsense'"):
        ask(lived, query.name, nonsense=1)


def test_a_former_name_leads_to_the_present_one(settings: Settings) -> None:
    for name, present in FORMER_NAMES.items():
        with pytest.raises(InputError, match=f"no inspection query '{name}' any more; `memreward inspect {present}`"):
            memreward("inspect", name, home=settings.home)
        command, *options = present.split()
        assert not options or options[1].split("=")[0] in inspection_query(command).parameters


NARROWED = [(query, name) for query in QUERIES for name in ("run", "dataset", "ledger") if name in query.parameters]


@pytest.mark.parametrize(("query", "name"), NARROWED, ids=lambda value: getattr(value, "name", value))
def test_what_it_is_narrowed_to_alone_counts(lived: Memory, query, name: str) -> None:
    rows = ask(lived, query.name, **{name: "nothing of that name"})
    assert as_texts(rows) != as_texts(ask(lived, query.name))
    if name != "ledger" and query.name != "memory_contents":
        assert rows == []
    assert not (query.name == "memory_contents" and rows[0]["labels"])


def test_a_data_set_counts_alone(lived: Memory) -> None:
    assert [row["query"] for row in ask(lived, "next_labels", dataset="fruit", run="one")] == [PLUMS]
    assert not ask(lived, "next_labels", dataset="fruit", run="two")
    assert [row["query"] for row in ask(lived, "isolated_queries", dataset="fruit")] == [PLUMS]
    assert {row["query"] for row in ask(lived, "query_group", dataset="fruit")} == {PLUMS}
    (contents,) = ask(lived, "memory_contents", dataset="fruit")
    assert (contents["queries"], contents["rollouts"], contents["labels"], contents["predictions"]) == (1, 1, 0, 0)
    for name in ("calibration", "wrong_predictions", "predictions_against_truth"):
        assert as_texts(ask(lived, name, dataset="default")) == as_texts(ask(lived, name)), "plums have no label"
        one, two = (ask(lived, name, run=run) for run in ("one", "two"))
        assert as_texts(one) != as_texts(two)


def test_the_command_filters_and_says_where_it_cannot(lived: Memory, settings: Settings) -> None:
    options = ("--run", "one", "--dataset", "default", "--ledger", "l")
    code, out, _ = memreward("inspect", "calibration", *options, "--json", home=settings.home)
    assert code == 0
    assert json.loads(out) == ask(lived, "calibration", run="one", dataset="default", ledger="l")
    shown = memreward("inspect", "calibration", *options, "--show")[1]
    assert 'WITH {scorer: null, model: null, run: "one", dataset: "default", ledger: "l"} AS given' in shown
    with pytest.raises(InputError, match="label_spending cannot be filtered by --run and --dataset; it takes --ledger"):
        memreward("inspect", "label_spending", *options, home=settings.home)
    with pytest.raises(InputError, match="invalid_records cannot be filtered by --run; it takes none of --run"):
        memreward("inspect", "invalid_records", "--run", "one", home=settings.home)
    for name, kind in (("run", "run"), ("dataset", "data set"), ("ledger", "ledger")):
        with pytest.raises(InputError, match=f"there is no {kind} 'c' in this memory; known: "):
            memreward("inspect", "calibration", f"--{name}", "c", home=settings.home)


def test_the_beginning_of_a_key_is_enough(lived: Memory, settings: Settings) -> None:
    def rows(name: str, given: str, *options: str) -> list[dict[str, Any]]:
        _, out, _ = memreward("inspect", name, "--param", given, *options, "--json", home=settings.home)
        return json.loads(out)

    for text in (MANY, MANY[:12], "How many apples"):
        assert rows("query_group", f"query={text}") == ask(lived, "query_group", query=MANY)
    assert {row["query"] for row in rows("query_group", "query=How many", "--dataset", "fruit")} == {PLUMS}
    with pytest.raises(InputError, match=r"'How many' means several queries: .* \('How many .*; give the key of one"):
        rows("query_group", "query=How many")
    with pytest.raises(
        InputError, match=r"no query's key or text begins with '00000000'; `memreward inspect isolated_"
    ):
        rows("query_group", "query=00000000")

    rollout = ask(lived, "suspects")[0]["rollout"]
    assert rows("why_reward", f"rollout={rollout[:12]}")[0]["rollout"] == rollout
    with pytest.raises(InputError, match="'How many apples' means several rollouts: "):
        rows("why_reward", "rollout=How many apples")
    (model,) = ask(lived, "reward_models")
    assert rows("wrong_predictions", f"model={model['model'][:8]}") == [], (
        "it was fitted last and has predicted nothing"
    )
    with pytest.raises(InputError, match="no reward model's key begins with 'mod'; `memreward inspect reward_models`"):
        rows("wrong_predictions", "model=mod")


def test_without_rows_it_says_the_likely_reason(lived: Memory, settings: Settings) -> None:
    _, out, _ = memreward("inspect", "calibration", "--dataset", "fruit", home=settings.home)
    assert out.startswith("no rows: nothing was predicted yet, or nothing that was predicted is labelled (`memreward ")
    assert memreward("inspect", "calibration", "--dataset", "fruit", "--json", home=settings.home)[1] == "[]\n"
    for name, kind in (("run", "run"), ("dataset", "data set"), ("ledger", "ledger")):
        with pytest.raises(InputError, match=f"there is no {kind} 'c' in this memory; known: "):
            memreward("inspect", "calibration", "--param", f"{name}=c", home=settings.home)


def test_a_group_shows_rewards_sources_labels_and_predictions(lived: Memory) -> None:
    rows = ask(lived, "query_group", query="How many pears", run="one")
    assert [(row["step"], row["answer"]) for row in rows[:4]] == [(2, a) for a in [row["answer"] for row in rows[:4]]]
    assert len(rows) == 8
    shown = {row["answer"]: row for row in rows}
    assert shown["7"]["labels"] == ["human 1.0 by Ann", "human 0.0 by Bob"]
    assert shown["8"]["labels"] == ["human 0.2 by Ann"]
    assert (shown["7"]["training_reward"], shown["7"]["source"], shown["7"]["predicted"]) == (1, "reward_model", 0.9)
    assert shown["8"]["training_reward"] == 0
    meant = meant_rollouts(lived, "How many pears")
    assert {row["training_reward"] for row in meant} == {0, 1, None}
    assert {row["predicted"] for row in meant} == {0.9}
    assert {row["rollout"] for row in rows} <= {row["rollout"][:12] for row in meant}
    (plums,) = meant_rollouts(lived, PLUMS)
    assert (plums["training_reward"], plums["predicted"]) == (None, None)
    assert len(ask(lived, "query_group", query=MANY)) == 12


def test_spending_is_told_by_ledger_purpose_and_kind(lived: Memory) -> None:
    def told(**given: str) -> dict[str, tuple[Any, ...]]:
        rows = ask(lived, "label_spending_by_purpose", **given)
        assert {(row["ledger"], row["purpose"], row["run"], row["step"]) for row in rows} == {
            ("l", "train", None, None)
        }
        return {row["kind"]: tuple(row[name] for name in ("authors", "labels", "queries", "rollouts")) for row in rows}

    assert told() == {"ground_truth": (["registry"], 3, 1, 12), "human": (["Ann", "Bob"], 4, 1, 11)}, (
        "who is judged twice counts once"
    )
    assert told(run="two") == {"ground_truth": (["registry"], 2, 1, 4), "human": (["Ann", "Bob"], 2, 1, 3)}
    shares = {row["kind"]: row["share_right"] for row in ask(lived, "label_spending_by_purpose")}
    assert shares == {"ground_truth": pytest.approx(8 / 12), "human": pytest.approx(8 / 11)}, (
        "of rollouts, not of labels"
    )


def test_spending_is_told_by_run_step_and_author(lived: Memory) -> None:
    rows = ask(lived, "label_spending_by_purpose", ledger="l", steps=True)
    assert {(row["run"], row["step"]) for row in rows} == {
        ("one", 1),
        ("two", 1),
    }  # only the second gave no answer at all
    found = {(row["kind"], *row["authors"]): (row["labels"], row["queries"], row["rollouts"]) for row in rows}
    assert found[("human", "Ann")] == (3, 1, 8 + 3)
    assert found[("human", "Bob")] == (1, 1, 8)
    assert found[("ground_truth", "registry")] == (2, 1, 11)
    narrowed = ask(lived, "label_spending_by_purpose", run="two", steps=True)
    assert {(row["run"], row["step"]) for row in narrowed} == {("two", 1)}, "where they first judged that run"
    (ledger,) = ask(lived, "label_spending")
    assert (ledger["queries_paid"], ledger["answers_paid"]) == (1, 2)


def test_labelled_queries_say_who_paid_and_how_many_rollouts_are_right(lived: Memory) -> None:
    pears, apples = ask(lived, "labelled_queries")
    assert (apples["key"], apples["ledger"], apples["paid_for"], apples["purpose"]) == (MANY, "l", "query", "train")
    assert (apples["rollouts"], apples["labelled"], apples["right"]) == (12, 12, 8)
    assert (pears["paid_for"], pears["rollouts"], pears["labelled"], pears["right"]) == ("answers", 12, 11, 8)
    assert pears["since"] > apples["since"]
    assert [row["rollouts"] for row in ask(lived, "labelled_queries", run="two")] == [4, 4]
    assert ask(lived, "labelled_queries", labelled=True) == [pears, apples]


def test_queries_without_labels_are_listed_too(lived: Memory) -> None:
    def without(**given: str) -> list[tuple[str, int, int]]:
        rows = ask(lived, "labelled_queries", labelled=False, **given)
        assert {(row["ledger"], row["paid_for"], row["since"]) for row in rows} <= {(None, None, None)}
        return sorted((row["query"].split()[2], row["rollouts"], row["labelled"]) for row in rows)

    assert without() == without(ledger="l") == without(run="one") == [("plums", 1, 0)]
    assert without(run="two") == without(dataset="default") == []
    assert without(ledger="another", run="one") == [("apples", 8, 0), ("pears", 8, 0), ("plums", 1, 0)]


def test_predictions_are_held_against_what_was_learned_later(lived: Memory) -> None:
    (row,) = ask(lived, "predictions_against_truth")
    # all 24 but the pears without an answer; truth: apples 8 right, 4 wrong; pears 8 × 0.5 (right at 0.5) and 3 × 0.2
    assert (row["predicted"], row["first_step"], row["last_step"]) == (24, 1, 2)
    assert (row["checked"], row["queries"], row["first_checked"], row["last_checked"]) == (23, 2, 1, 2)
    assert row["accuracy"] == pytest.approx(16 / 23)
    assert row["vote_accuracy"] == pytest.approx((4 + 2 + 4 + 4 + 2 + 3) / 23), "in two groups two answers tie"
    assert row["brier"] == pytest.approx((8 * 0.01 + 4 * 0.81 + 8 * 0.16 + 3 * 0.49) / 23)
    worst = ask(lived, "wrong_predictions", model="mod")[0]
    assert (worst["predicted"], worst["label"], worst["says"]) == (0.9, 0.0, "ground_truth")
    assert not ask(lived, "predictions_against_truth", model="another")


def test_wrong_predictions_begin_with_the_farthest_off_of_each_query(lived: Memory) -> None:
    rows = ask(lived, "wrong_predictions")
    apples, pears = (
        [row["place"] for row in rows if row["query"] == f"How many {fruit} are in the basket?"]
        for fruit in ("apples", "pears")
    )
    assert (apples, pears) == ([1, 2, 3, 4], [1, 2, 3]), "in force, 8 is wrong for both: 0.0 and 0.2"
    assert [row["place"] for row in rows] == [1, 1, 2, 2, 3, 3, 4]
    assert [row["label"] for row in rows] == [0.0, 0.2] * 3 + [0.0]
    assert {row["label_came"] for row in rows} == {"later"}
    pear = next(row for row in rows if "pears" in row["query"])
    assert (pear["says"], pear["authors"], pear["answer"], pear["policy"]) == ("human", ["Ann"], "8", "small")
    assert not ask(lived, "wrong_predictions", model="another")


def test_a_query_is_followed_over_runs_and_steps(lived: Memory) -> None:
    rows = ask(lived, "trajectory", query=MANY)
    assert [(row["run"], row["step"], row["mean_reward"]) for row in rows] == [
        ("one", 1, 0.75),
        ("one", 2, 0.5),
        ("two", 1, 0.75),
    ]
    assert [row["answers"] for row in rows] == [2, 2, 2]
    assert [(row["rewarded"], row["spread"]) for row in rows] == [
        (4, pytest.approx(3**0.5 / 4)), (4, 0.5), (4, pytest.approx(3**0.5 / 4)),
    ]  # fmt: skip
    assert [row["sources"] for row in rows] == [["reward_model"]] * 3
    assert [(row["labelled"], row["right"]) for row in rows] == [(4, 0.75), (4, 0.5), (4, 0.75)]
    assert [row["predicted"] for row in rows] == [pytest.approx(0.9)] * 3
    assert [row["run"] for row in ask(lived, "trajectory", query=MANY, run="two")] == ["two"]
    pears = ask(lived, "trajectory", query="How many pears")
    assert [(row["rollouts"], row["rewarded"]) for row in pears] == [(4, 4), (4, 4), (4, 3)], "the scorer abstained"


def test_rewards_are_told_by_source_step_by_step(lived: Memory) -> None:
    rows = ask(lived, "reward_sources")
    assert {(row["run"], row["first"], row["last"], row["source"]): row["rollouts"] for row in rows} == {
        ("one", 1, 1, "reward_model"): 8, ("one", 2, 2, "reward_model"): 8, ("two", 1, 1, "reward_model"): 7,
        ("two", 1, 1, "no reward"): 1,
    }  # fmt: skip
    assert {(row["source"], row["reason"]) for row in rows} == {
        ("reward_model", None), ("no reward", "the scorer abstained"),
    }  # fmt: skip
    assert [row["mean_reward"] for row in ask(lived, "reward_sources", run="one")] == [0.75, 0.5]
    (whole,) = ask(lived, "reward_sources", run="one", parts=1)
    assert (whole["first"], whole["last"], whole["rollouts"], whole["mean_reward"]) == (1, 2, 16, 0.625)
    assert [row["unanswered"] for row in ask(lived, "reward_sources", run="two")] == [1, 1]


def test_groups_without_variance_are_those_that_teach_nothing(lived: Memory) -> None:
    rows = ask(lived, "groups_without_variance")
    assert [(row["run"], row["rollouts"], row["rewarded"], row["reward"], row["reasons"]) for row in rows] == [
        ("two", 4, 3, 1.0, ["the scorer abstained"])
    ]
    assert not ask(lived, "groups_without_variance", run="one")


def test_disagreements_end_with_a_correction(lived: Memory) -> None:
    (row,) = ask(lived, "disagreements")
    assert (row["answer"], row["kind"], row["said"], row["rollouts"]) == ("7", "human", ["Ann 1.0", "Bob 0.0"], 8)
    assert not ask(lived, "disagreements", ledger="another")


def test_invalid_records_are_counted_by_problem(lived: Memory) -> None:
    found = {row["problem"]: row["records"] for row in ask(lived, "invalid_records")}
    assert found == {
        "rollout whose response gives no answer (counts as wrong)": 2,
        "rollout that got no reward: the scorer abstained": 1,
        "label or prediction that does not score exactly one thing": 1,
        "label or prediction whose score is not between 0 and 1": 1,
        "label that no ledger paid for": 1,
    }


def test_paths_are_a_graph_that_browser_draws(lived: Memory) -> None:
    paths = [row["path"] for row in ask(lived, "group_paths", query=MANY)]
    edges = {edge.type for path in paths for edge in path.relationships}
    assert {"GENERATES_REASONING", "LEADS_TO", "SCORES", "SIMILAR_TO"} <= edges
    assert sum("Thinking" in path.nodes[1].labels for path in paths) == 12
    assert not any(edge.start_node == edge.end_node for path in paths for edge in path.relationships)
    assert len(ask(lived, "group_paths", query=MANY, run="two")) < len(paths)
    rows = ask(lived, "experience_paths", query=MANY)
    assert [(row["run"], row["step"]) for row in rows] == [("one", 1)] * 4 + [("one", 2)] * 4 + [("two", 1)] * 4
    assert all(
        {"Run", "Thinking", "Answer", "Query"}
        == {
            name
            for node in row["path"].nodes
            for name in node.labels
            if name not in ("Unjoined", "Unembedded", "Changed")
        }
        for row in rows
    )


def test_calibration_is_by_domain_and_tenth(lived: Memory) -> None:
    (row,) = ask(lived, "calibration", model="mod")
    assert (row["domain"], row["held_out"], row["queries"], row["tenth"], row["rollouts"]) == ("math", True, 2, 9, 23)
    assert (row["predicted"], row["right"], row["agreeing"]) == (pytest.approx(0.9), 16, 16)
    assert (row["gap"], row["ece"]) == (pytest.approx(0.9 - 16 / 23), pytest.approx(0.9 - 16 / 23))
    assert row["brier"] == pytest.approx((8 * 0.01 + 4 * 0.81 + 8 * 0.16 + 3 * 0.49) / 23)
    assert ask(lived, "calibration", scorer="reward_model") == [row]
    assert row["ece"] == pytest.approx(0.9 - 16 / 23), "of the only row"
    assert not ask(lived, "calibration", scorer="pooled_votes")
    assert not ask(lived, "calibration", model="another")


def test_suspects_say_why(lived: Memory) -> None:
    rows = ask(lived, "suspects")
    assert {reason for row in rows for reason in row["why"]} == {"repeated"}
    assert len(rows) == 2 * (3 + 2 + 2 + 3)
    assert not ask(lived, "suspects", predicted=0.95)


def test_isolated_queries_come_first_and_have_their_data_set(lived: Memory) -> None:
    rows = ask(lived, "isolated_queries")
    assert [row["nearest"] for row in rows] == sorted(row["nearest"] for row in rows)
    assert {row["query"]: row["dataset"] for row in rows}[PLUMS] == "fruit"
    assert not ask(lived, "isolated_queries", below=0.1)
    neighbours = ask(lived, "similar_queries", query=MANY)
    assert {(row["neighbour"], row["dataset"]) for row in neighbours} == {
        ("How many pears are in the basket?", "default"), (PLUMS, "fruit"),
    }  # fmt: skip
    known = {
        row["neighbour"]: tuple(row[name] for name in ("rollouts", "labelled", "right", "predicted"))
        for row in neighbours
    }
    assert known["How many pears are in the basket?"] == (
        12,
        11,
        pytest.approx((8 * 0.5 + 3 * 0.2) / 11),
        pytest.approx(0.9),
    )
    assert known[PLUMS] == (1, 0, None, None)
    drawn = {
        row["text"]: tuple(row[name] for name in ("rollouts", "labelled", "right", "predicted"))
        for row in ask(lived, "neighbourhoods")
    }
    assert known.items() <= drawn.items()
    assert drawn["How many apples are in the basket?"] == (12, 12, pytest.approx(8 / 12), None), (
        "all labelled, by labels alone"
    )


def test_next_labels_are_unjudged_answers(lived: Memory) -> None:
    (row,) = ask(lived, "next_labels")
    assert (row["query"], row["answer"], row["rollouts"], row["predicted"], row["value"]) == (PLUMS, "5", 1, None, 1)
    assert (row["scored"], row["left"]) == (0, None), "the ledger has no budget"
    assert len(ask(lived, "next_labels", ledger="another")) == 5
    assert {(row["rollouts"], row["scored"]) for row in ask(lived, "next_labels", ledger="another")} >= {(8, 8), (1, 0)}


def test_runs_are_compared_and_followed(lived: Memory) -> None:
    one, plums, two = sorted(ask(lived, "rollouts_by_run"), key=lambda row: (row["run"], row["dataset"]))
    assert [(row["run"], row["dataset"], row["rollouts"], row["labelled"]) for row in (one, plums, two)] == [
        ("one", "default", 16, 16), ("one", "fruit", 1, 0), ("two", "default", 8, 7),
    ]  # fmt: skip
    assert [row["unanswered"] for row in (one, plums, two)] == [0, 0, 2]
    assert (one["right"], plums["right"]) == (pytest.approx(10 / 16), None)
    assert (one["mean_reward"], plums["mean_reward"]) == (pytest.approx(10 / 16), None)
    rows = ask(lived, "policy_drift", run="one")
    assert [(row["step"], row["groups"], row["rollouts"]) for row in rows] == [(1, 3, 9), (2, 2, 8)]
    assert rows[0]["agreement"] == pytest.approx((0.75 + 0.75 + 1) / 3)
    assert rows[1]["agreement"] == 0.5
    shares = {(row["run"], row["step"]): row["share"] for row in ask(lived, "without_answer")}
    assert shares == {("one", 1): 0, ("one", 2): 0, ("two", 1): 0.25}


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_in_a_narrow_terminal_no_heading_and_no_key_is_cut(lived: Memory, query, width: int) -> None:
    rows = as_texts(ask(lived, query.name))
    console = PrintableConsole(file=io.StringIO(), width=width)
    print_rows(console, rows)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, shown.splitlines())) <= width
    words = set(re.findall(r"[^\s│┃]+", shown))
    for name, value in ((name, value) for row in rows for name, value in row.items()):
        assert name in words or f"{name}:" in words
        if isinstance(value, str) and re.fullmatch("[0-9a-f]{12,64}", value):
            assert value in words


def test_figures_of_models_are_columns(lived: Memory) -> None:
    (row,) = ask(lived, "reward_models")
    held_out = {name: value for name, value in lived.model(ledger="l").metrics.items() if name != "coverage"}
    assert {name: row[name] for name in held_out} == pytest.approx(held_out)
    assert isinstance(row["labelled_queries"], int)


def test_what_may_be_meant_is_listed_queries_first(lived: Memory, settings: Settings) -> None:
    def why(text: str, *options: str) -> str:
        return memreward("why", text, *options, home=settings.home)[1]

    shown = why("How many")
    assert all(f"How many {fruit} are in the basket?" in shown for fruit in ("apples", "pears", "plums"))
    assert MANY in shown
    assert shown.endswith("give the key of one query or rollout, or enough of its beginning\n")
    document = json.loads(why("How many", "--json"))
    assert {row["text"].split()[2]: row["rollouts"] for row in document["queries"]} == {
        "apples": 12,
        "pears": 12,
        "plums": 1,
    }
    assert not document["more"]
    document = json.loads(why("How many apples", "--json"))
    assert (len(document["rollouts"]), document["more"]) == (12, False)


def test_what_is_not_listed_any_more_is_said(
    lived: Memory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "_LISTED", 2)
    for text, kind in (("How many", "queries"), ("How many apples", "rollouts")):
        shown = memreward("why", text, home=settings.home)[1]
        assert "there are more; these are the first 2\n" in shown
        document = json.loads(memreward("why", text, "--json", home=settings.home)[1])
        assert (len(document[kind]), document["more"]) == (2, True)


def test_rows_come_as_csv_and_nothing_is_cut(lived: Memory, settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "suspects.csv"
    assert memreward("inspect", "suspects", "--csv", str(file), home=settings.home)[1] == f"20 rows written to {file}\n"
    with file.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    rows = ask(lived, "suspects")
    assert [(row["query"], row["rollout"], json.loads(row["why"])) for row in found] == [
        (row["query"], row["rollout"], row["why"]) for row in rows
    ]
    paths = json.loads(memreward("inspect", "group_paths", "--json", home=settings.home)[1])
    assert any(path["path"].startswith("(Query: How many ") for path in paths)
    long = "x" * 200
    console = Console(file=io.StringIO(), width=60)
    print_rows(console, [{"a": long, "b": n} for n in range(2)], wide=True)
    print_rows(console, [{"a": long + str(n), "b": n} for n in range(2)], wide=True)
    assert console.file.getvalue().count(long) == 3  # type: ignore[attr-defined]
    narrow = Console(file=io.StringIO(), width=600)
    print_rows(narrow, [{"a": long + str(n)} for n in range(2)])
    assert long[:81] not in narrow.file.getvalue()  # type: ignore[attr-defined]
