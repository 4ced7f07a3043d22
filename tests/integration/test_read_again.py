"""What reading a memory again has made of it. It is read once; each test looks at the outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from memgraph.errors import ModelError
from memgraph.labels.reread import RereadReport
from memgraph.labels.truth import FileTruth
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.settings import Settings
from memgraph.store import keys
from memgraph.store.database import Database
from tests.fixtures.make import EightNumbers
from tests.fixtures.make_old_reader import (
    CAPITAL,
    GIVEN,
    HALF,
    LIST,
    NAME,
    NOTHING,
    PROGRAM,
    SEVEN,
    SIGN,
    SINE,
    TWICE,
    UNIT,
)
from tests.integration.former_memory import (
    ALL,
    ANSWERS,
    FORMER,
    TRUTH,
    classes,
    everything,
    former_memory,
    in_force,
    opened_again,
    read_again,
    rollouts,
)

LABELS = (
    "MATCH (l:Label|Prediction) RETURN l.key AS key, l.score AS score, l.created_at AS at ORDER BY key",
    "MATCH (l:Label|Prediction)-[:SCORES]->(t:Thinking) RETURN l.key AS l, t.key AS t ORDER BY l, t",
    "MATCH (l:Label|Prediction)-[m:MOVED_BY]->(a) RETURN l.key AS l, a.value AS value, m.change AS change ORDER BY l, value",
)
VECTORS = f"""
MATCH (n:Thinking|Answer) RETURN n.key AS key, coalesce(n.value, n.text) AS text,
       n.{EightNumbers.space.vector_property} AS vector, n:Unembedded AS waits
"""


@dataclass(frozen=True)
class Once:
    """A memory that was read again, and what it held before.

    Attributes:
        labels: rows of `LABELS`.
        texts: of rollouts and answers by key.
    """

    database: Database
    report: RereadReport
    labels: list[list[dict[str, Any]]]
    texts: dict[str, str]


@pytest.fixture(scope="module")
def once(opened: Memory) -> Iterator[Once]:
    with former_memory(opened) as database:
        labels = [database.query(text) for text in LABELS]
        texts = {row["key"]: row["text"] for row in database.query(VECTORS)}
        yield Once(database, read_again(database), labels, texts)


def test_answers_that_differ_come_apart_and_equal_ones_together(once: Once) -> None:
    assert classes(once.database, LIST) == [0, 1, 0, 1]
    assert classes(once.database, SIGN) == [0, 1, 1]
    assert classes(once.database, UNIT) == [0, 1, 0, 3]
    assert classes(once.database, CAPITAL) == [0, 1]
    assert classes(once.database, HALF) == [0, 0, 0, 3]
    assert classes(once.database, SINE) == [0, 0, 2]
    assert classes(once.database, NAME) == [0, 1, 2]
    assert classes(once.database, PROGRAM) == [0, 1, 0, 0]
    valid = {query: [row["valid"] for row in rows] for query, rows in rollouts(once.database).items()}
    assert valid[NOTHING] == [True, True, False]
    assert valid[TWICE] == [True, True, True]
    assert once.database.query("MATCH (t:Thinking) WHERE COUNT { (t)-[:LEADS_TO]->() } <> 1 RETURN t") == []
    assert once.database.query("MATCH (a:Answer {valid: true}) WHERE a.written IS NULL RETURN a") == []
    queries = once.database.query("MATCH (q:Query)-[:GENERATED]->(:FormerAnswer) RETURN q:Changed AS looked_at")
    assert queries
    assert all(row["looked_at"] for row in queries), "their scores may be others now"
    assert once.database.query("MATCH (a:Rereading|Unjoined|Unobserved) RETURN a") == []


def test_what_its_source_gave_stays_as_given(once: Once) -> None:
    first, second, third = rollouts(once.database)[GIVEN]
    assert (first["thinking"], first["written"], first["given"]) == ("Whales swim.", "No", "answer thinking")
    assert (second["written"], second["given"]) == ("yes", "")
    assert (third["thinking"], third["written"], third["given"]) == ("", "yes", "thinking")
    apart = [row for row in rollouts(once.database)[TWICE] if row["given"]]
    assert [(row["thinking"], row["given"]) for row in apart] == [("2 and 2", "thinking")]


def test_importing_the_same_files_again_finds_everything_known(once: Once, settings: Settings) -> None:
    before = everything(once.database)
    with opened_again(settings) as memory:
        again = memory.import_file(FORMER / "rollouts.jsonl")
        assert (again.new, again.rejected) == (0, [])
        assert {place.answer_key for place in again.stored} <= {row["answer"] for row in once.database.query(ANSWERS)}
        logged = memory.import_file(FORMER / "completions.jsonl", run="trl", dataset="logged", domain="math")
        assert (logged.new, logged.known, logged.rejected) == (0, 3, [])
    assert everything(once.database)[1] == before[1]


def test_a_field_that_was_given_as_the_former_reader_read_it_is_known(once: Once, settings: Settings) -> None:
    """It looks as if it had been read from the response, so it is read again; its file is known all the same."""
    row = next(row for row in map(json.loads, (FORMER / "rollouts.jsonl").open()) if row["query"] == PROGRAM)
    with opened_again(settings) as memory:
        del row["tests"]
        again = memory.import_rows([{**row, "answer": "4"}])
        assert (again.new, again.known, again.rejected) == (0, 1, [])
        assert again.stored[0].answer_key == rollouts(once.database)[PROGRAM][0]["answer"]
        other = memory.import_rows([{**row, "answer": "5"}])
        assert len(other.rejected) == 1


def test_reward_models_of_the_former_reader_are_refused(once: Once, settings: Settings) -> None:
    key = once.database.query("MATCH (m:RewardModel) RETURN m.key AS key")[0]["key"]
    folder = next((FORMER / "archive" / "models").iterdir())
    with opened_again(settings) as memory:
        with pytest.raises(ModelError, match=r"earlier reader .*fit again"):
            memory.model()
        with pytest.raises(ModelError, match=r"earlier reader .*fit again"):
            memory.model(key)
        with pytest.raises(ModelError, match=r"earlier reader .*fit again"):
            RewardModel.load(folder, readers=memory.domains.versions)


def test_nothing_is_lost_of_labels_predictions_and_history(once: Once) -> None:
    before, after = once.labels, [once.database.query(text) for text in LABELS]
    assert all(row in after[0] for row in before[0])
    assert after[1:] == before[1:]
    assert once.database.query("MATCH (l:Label) WHERE COUNT { (l)-[:SCORES]->() } <> 1 RETURN l") == []
    rewards = once.database.query(
        "MATCH (t:Thinking {run: 'rl'}) RETURN t.reward AS r, t.superseded AS s ORDER BY t.call"
    )
    assert [row["s"] for row in rewards] == [None] * 3 + [True] * 3
    assert {row["r"] for row in rewards} == {0.5}


def test_labels_go_to_what_they_are_about_or_are_listed(once: Once, settings: Settings) -> None:
    report = once.report
    with opened_again(settings) as memory:
        people, truth = in_force(memory, ALL), in_force(memory, TRUTH)
    assert people[SEVEN] == [0.75, 0.75, None], "the correction stays in force"
    assert people[HALF] == [0.5, 0.5, 0.5, None], "two former answers are one now, and their labels differ"
    assert people[LIST] == [1.0, 0.0, None, None], "labels on rollouts stay"
    for query in (SIGN, NAME, UNIT):
        assert set(people[query]) == {None}
    listed = {(one.query, one.author, one.score) for one in report.unplaced if one.kind == "human"}
    assert listed == {(SIGN, "Ann", 0.0), (NAME, "Bo", 1.0), (UNIT, "Ann", 1.0), (UNIT, "Bo", 0.5)}
    sign = next(one for one in report.unplaced if one.query == SIGN)
    assert (sign.former_answer, len(sign.read_as), sign.ledgers) == ("X", 2, ["people"])
    assert [(one.query, one.scores) for one in report.conflicts] == [(HALF, [("Ann", 0.0), ("Ann", 1.0)])]

    assert truth[LIST] == [1.0, 0.0, 1.0, 0.0], "judged again by the stored gold"
    assert truth[UNIT] == [1.0, 0.0, 1.0, 0.0]
    assert (truth[NOTHING][0], truth[NOTHING][2]) == (1.0, 0.0)
    assert truth[PROGRAM] == [1.0, 0.0, 1.0, 1.0], "judged again by the stored tests"
    assert truth[GIVEN] == [1.0, 0.0, 0.0]
    assert truth[SEVEN] == [1.0, 1.0, 0.0], "what the source judged, without a reference"
    assert truth[NAME] == [1.0, 0.0, 0.0], "on rollouts, as the source contradicted itself"
    assert truth[CAPITAL] == [None, None]
    assert {one.query for one in report.unplaced if one.kind == "ground_truth"} == {CAPITAL}
    with opened_again(settings) as memory:  # what the source judged itself, it says again
        source = FileTruth([FORMER / "rollouts.jsonl"], run="import")
        again = memory.ledger("truth").reveal(source, [keys.query_key("former", CAPITAL)])
        assert (again.newly_paid, in_force(memory, TRUTH)[CAPITAL]) == (0, [1.0, 1.0])


def test_what_is_read_otherwise_waits_for_its_vector_and_nothing_else_does(once: Once, settings: Settings) -> None:
    before, read = once.texts, once.database.query(VECTORS)
    waiting = {row["text"] for row in read if row["waits"]}
    assert waiting
    assert all((row["vector"] is None) == row["waits"] for row in read)
    assert all(row["text"] != before[row["key"]] for row in read if row["waits"] and row["key"] in before)
    with opened_again(settings) as memory:
        memory.embed()
    for row in once.database.query(VECTORS):
        assert not row["waits"]
        if row["text"] in waiting:
            assert bytes(row["vector"]) == EightNumbers().embed([row["text"]])[0].tobytes()
