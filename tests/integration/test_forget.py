"""Rollouts are forgotten for good: nothing of them stays, nothing is left hanging, and what was paid stays paid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memgraph.errors import InputError
from memgraph.labels.rows import LabelRow
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store import keys
from memgraph.store.forget import Forgotten, forget
from memgraph.store.meant import meant_key
from memgraph.store.named_queries import run_inspection
from tests.conftest import count
from tests.integration.lives import EDGES, NODES
from tests.integration.rollouts import import_two_runs
from tests.integration.test_command_line import memreward

ORPHANS = (
    "MATCH (n:Answer) WHERE NOT EXISTS { (n)<-[:LEADS_TO]-() } OR NOT EXISTS { (n)<-[:GENERATES]-(:Query) } RETURN n.key",
    "MATCH (n:Label|Prediction) WHERE COUNT { (n)-[:SCORES]->() } <> 1 RETURN n.key",
    "MATCH (n:Query) WHERE NOT EXISTS { (n)-[:GENERATES_REASONING]->() } RETURN n.key",
    "MATCH (n:Reference) WHERE NOT EXISTS { (n)<-[:HAS_REFERENCE]-() } RETURN n.key",
    "MATCH (n:Thinking) WHERE COUNT { (n)-[:LEADS_TO]->() } <> 1 OR COUNT { (n)<-[:GENERATES_REASONING]-() } <> 1 RETURN n.key",
    "MATCH (n:Run) WHERE NOT EXISTS { (n)-[:PRODUCED]->() } RETURN n.key",
)


def is_whole(memory: Memory) -> bool:
    return all(memory.database.query(statement) == [] for statement in ORPHANS)


def everything(memory: Memory) -> list[Any]:
    return [memory.database.query(statement) for statement in (NODES, EDGES)]


def two_runs(memory: Memory, folder: Path) -> Path:
    """Eight queries of the runs a and b, of which three are paid for, and one that only c has."""
    file = import_two_runs(memory, folder, queries=8, budget=3)
    memory.add(
        [Rollout("1 + 1?", "#### 2", domain="math", run="c"), Rollout("1 + 1?", "#### 3", domain="math", run="c")]
    )
    return file


def test_a_run_goes_with_all_that_only_it_had(memory: Memory, tmp_path: Path) -> None:
    file = two_runs(memory, tmp_path)
    spent = memory.ledger("default").spent()
    before = {row.key: row for row in memory.rollouts()}
    cost = forget(memory.database, run="a", preview=True)
    assert len(before) == len(list(memory.rollouts())) == 34
    assert (cost.rollouts, cost.queries, cost.paid) == (16, 0, {})
    labels, predictions = count(memory, "(n:Label)"), count(memory, "(n:Prediction)")
    assert forget(memory.database, run="a") == cost
    assert (count(memory, "(n:Label)"), count(memory, "(n:Prediction)")) == (
        labels - cost.labels,
        predictions - cost.predictions,
    )
    assert is_whole(memory)
    after = {row.key: row for row in memory.rollouts()}
    assert after == {key: row for key, row in before.items() if row.run != "a"}, "labels of the others stay"
    assert memory.ledger("default").spent() == spent
    stays = everything(memory)
    assert forget(memory.database, run="a") == Forgotten(0, 0, 0, 0, {})
    assert everything(memory) == stays

    cost = forget(memory.database, run="b", preview=True)
    assert (cost.rollouts, cost.queries, cost.paid) == (16, 8, {"default": 3})
    assert forget(memory.database, run="b") == cost
    assert is_whole(memory)
    assert (count(memory, "(n:Label)"), count(memory, "(n:Prediction)"), count(memory, "(n:Reference)")) == (0, 0, 0)
    assert {row.run for row in memory.rollouts()} == {"c"}
    assert memory.ledger("default").spent() == spent == 3, "no budget comes back"
    (told,) = run_inspection(memory.database, "label_spending", {})
    assert (told["queries_paid"], told["forgotten"]) == (0, 3)
    assert memory.import_file(file).new == 32, "it can be imported again"


def test_a_query_goes_by_key_or_text(memory: Memory, tmp_path: Path) -> None:
    two_runs(memory, tmp_path)
    key = keys.query_key("default", "1 + 1?")
    assert meant_key(memory.database, "query", "1 + 1?") == meant_key(memory.database, "query", "1 +") == key
    assert meant_key(memory.database, "query", key) == meant_key(memory.database, "query", key[:20]) == key
    assert meant_key(memory.database, "query", "no such") is None
    with pytest.raises(InputError, match=r"means several queries: .*; give the key of one"):
        meant_key(memory.database, "query", "Tom has")
    with pytest.raises(InputError, match="a run, or a query"):
        forget(memory.database)
    assert forget(memory.database, run="a", query=key) == Forgotten(0, 0, 0, 0, {})
    assert forget(memory.database, query=key) == Forgotten(2, 0, 0, 1, {})
    assert is_whole(memory)
    assert forget(memory.database, query=key) == Forgotten(0, 0, 0, 0, {})


def test_judged_answers_that_others_give_keep_their_labels(memory: Memory) -> None:
    """0.5 and 1/2 are equal; the spelling that was judged goes, and the judgement stays with the other one."""
    memory.add(
        Rollout("Half?", f"#### {answer}", answer=answer, domain="math", run=run)
        for run, answers in (("a", ("1/2", "7", "9")), ("b", ("0.5", "9")))
        for answer in answers
    )

    def judge(answer: str, score: float, author: str = "Ann", **words: Any) -> None:
        row = LabelRow(score, author=author, query="Half?", answer=answer, **words)
        assert not memory.label([row], ledger="people").rejected

    judge("1/2", 1.0)
    judge("7", 0.0)
    judge("9", 1.0)
    judge("9", 0.5, corrects="own")
    for row in memory.database.query(
        "MATCH (l:Label) WHERE l.score = 1 AND NOT (l)<-[:CORRECTS]-() RETURN l.key AS key"
    ):
        move = "MATCH (l:Label {key: $key})-[s:SCORES]->() MATCH (a:Answer {written: '1/2'}) DELETE s CREATE (l)-[:SCORES]->(a)"
        memory.database.query(move, write=True, key=row["key"])
    spent = memory.ledger("people").spent()
    assert spent == 3
    cost = forget(memory.database, run="a", preview=True)
    assert cost == Forgotten(3, 0, 1, 0, {})
    assert forget(memory.database, run="a") == cost
    assert is_whole(memory)
    left = {row.answer: (row.score, row.corrected) for row in memory.labels() if not row.corrected}
    assert left == {"0.5": (1.0, False), "9": (0.5, False)}
    assert memory.ledger("people").spent() == spent
    cost = forget(memory.database, query=keys.query_key("default", "Half?"), preview=True)
    assert cost == Forgotten(2, 0, 3, 1, {})
    assert forget(memory.database, query=keys.query_key("default", "Half?")) == cost
    assert is_whole(memory)
    assert memory.ledger("people").spent() == spent


def test_the_command_asks_and_says_what_it_costs(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    two_runs(memory, tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        return memreward("forget", *words, home=settings.home)

    stays = everything(memory)
    assert call()[0] == 2
    assert call("--run", "c", "--json")[0] == 2
    code, out, _ = call("--run", "c", "--preview")
    assert (code, out) == (0, "2 rollouts, 0 labels and 0 predictions, and 1 queries that no other rollout has\n")
    assert json.loads(call("--run", "b", "--preview", "--json")[1])["forgotten"]["rollouts"] == 16
    code, _, err = call("--run", "c")  # nobody says yes
    assert (code, "Remove them for good?" in err) == (1, True)
    assert everything(memory) == stays
    assert call("--query", "1 + 1?", "--yes")[1].endswith("2 rollouts are forgotten\n")
    for words in (("--query", "1 + 1?"), ("--run", "c")):
        assert call(*words, "--yes") == (0, "nothing of that is in this memory\n", "")
    assert is_whole(memory)
