"""Every schema version has a stored memory, which opens with the present code and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memgraph.domains import Domains
from memgraph.domains.checks import CHECKS_PROPERTY
from memgraph.domains.checks.behaviour import BEHAVIOUR_VERSION
from memgraph.errors import MigrationError
from memgraph.labels.reread import reread
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.guarded_embedder import bind_space
from memgraph.rollouts.reader import require_reader
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import start_attempt
from memgraph.settings import Settings
from memgraph.snapshot.read import NeighbourhoodLimits
from memgraph.store import migrations
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from tests.conftest import write_rows
from tests.fixtures.make import EightNumbers, clear, load, rollouts
from tests.integration.lives import EDGES, NODES
from tests.integration.test_command_line import memreward
from tests.integration.test_read_only import all_of
from tests.thorough import every

FIXTURES = {file.stem: file for file in sorted((Path(__file__).parents[1] / "fixtures").glob("V*.jsonl"))}
FIRST_WITH_THESE_READERS = "V0009"  # those before are read again when they are migrated
VIEW = LabelView(ledgers=("fixture",))
ADDED = {  # what migrations and reading again give to what was there
    "SIMILAR_TO": {"space"},
    "Query": {"linked_at", "name"},
    "Thinking": {"given", "content_as_given", CHECKS_PROPERTY, "query", "position", "name"},
    "SCORES": {"former"},
    **{kind: {"name"} for kind in ("Prediction", "Label", "Reference", "RewardModel", "EmbeddingSpace")},
    "Ledger": {"answers_apart"},
}
READ = {"text", "answer", "content"}  # of a rollout, by the domain's reader
ANSWERS = {"Answer", "FormerAnswer", "Reader"}
TO_ANSWERS = {"LEADS_TO", "GENERATES", "GENERATED", "READ_AS", "EQUALS"}


def kept(database: Database) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Nodes and relationships but those of answers; where a label's answer is what it was is seen by the labels in force."""
    nodes = [as_label(row) for row in database.query(NODES) if not ANSWERS & set(row["labels"])]
    edges = [row for row in database.query(EDGES) if row["type"] not in TO_ANSWERS]
    answers = {row["key"] for row in database.query("MATCH (a:Answer|FormerAnswer) RETURN a.key AS key")}
    for row in edges:
        row["b"] = "an answer" if row["b"] in answers else row["b"]
    return sorted(
        nodes, key=lambda row: (row["labels"], str(row["properties"].get("key")), str(row["properties"].get("version")))
    ), sorted(edges, key=lambda row: (row["a"], row["type"], row["b"]))


def as_label(row: dict[str, Any]) -> dict[str, Any]:
    """A node; a prediction as the label that it was before V0008, without what it is called, and a label without what it says."""
    row = {**row, "labels": [name for name in row["labels"] if name not in ("Right", "Wrong", "Changed", "Unembedded")]}
    if "Prediction" in row["labels"] or row["properties"].get("kind") in ("gnn", "vote"):
        return {**without(row, {"kind", "scorer"}), "labels": ["Label"]}
    return row


def without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {**row, "properties": {name: value for name, value in row["properties"].items() if name not in names}}


def derived(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
    """Of a rollout, what the reader says, its checks, and its vector where its text is read otherwise."""
    checks = {name for name in old if name.startswith("checks_")}
    vectors = {name for name in old if name.startswith("embedding_") and old["text"] != new["text"]}
    return READ | checks | vectors


@pytest.fixture
def bare(opened: Memory) -> Iterator[Memory]:
    """The session's database without anything; it has its schema and embedding space again afterwards."""
    clear(opened.database.autocommit)
    yield opened
    clear(opened.database.autocommit)
    migrations.migrate(opened.database)
    bind_space(opened.database, opened._embedder)
    require_reader(opened.database, opened.domains)


def test_the_present_schema_has_a_stored_memory() -> None:
    latest = f"V{migrations.discover()[-1].version}"
    assert latest in FIXTURES, (
        f"store one before the release: python tests/fixtures/make.py tests/fixtures/{latest}.jsonl"
    )


@pytest.mark.parametrize("version", every(len(FIXTURES) - 1, FIXTURES))  # always the first and the last
def test_a_stored_memory_of_each_version_opens_and_goes_on(
    bare: Memory, settings: Settings, tmp_path: Path, version: str
) -> None:
    database = bare.database
    load(database.autocommit, FIXTURES[version])
    states = migrations.status(database)
    applied = [state.version for state in states if state.applied_at]
    assert applied[-1] == version.removeprefix("V")
    nodes, edges = kept(database)
    if version < FIRST_WITH_THESE_READERS:
        with pytest.raises(MigrationError, match="memreward migrate"):
            Memory.open(settings, embedder=EightNumbers())
        report = reread(database, Domains())
        assert (report.rollouts, report.unplaced, report.conflicts) == (17, [], [])

    with Memory.open(settings, embedder=EightNumbers()) as memory:
        assert all(state.applied_at for state in migrations.status(database))
        for before, after in zip((nodes, edges), kept(database), strict=True):
            assert len(after) == len(before)
            for old, new in zip(before, after, strict=True):
                kind = old.get("type") or old["labels"][0]
                gained = new["properties"].keys() - old["properties"].keys()
                assert gained <= ADDED.get(kind, set())
                ignored = gained | (derived(old["properties"], new["properties"]) if kind == "Thinking" else set())
                assert without(new, ignored) == without(old, ignored)
        assert database.query("MATCH (l:Ledger) WHERE l.answers_apart <> 0 RETURN l") == []
        assert database.query("MATCH (t:Thinking) WHERE COUNT { (t)-[:LEADS_TO]->(:Answer) } <> 1 RETURN t") == []

        again = memory.import_file(write_rows(tmp_path / "r.jsonl", rollouts()))
        assert (again.new, again.known, again.rejected) == (0, 15, [])
        assert database.query(cypher("read/node_count").replace("{{label}}", "Thinking")) == [{"nodes": 17}]

        snapshot = memory.snapshot(VIEW)
        assert snapshot.query_embeddings.shape == (5, 8)
        assert snapshot.similar.shape[1] == 20, "each of five queries is similar to the four others"
        assert int((snapshot.labels == snapshot.labels).sum()) in (6, 8)
        around = memory.subgraph(snapshot.query_keys[:1], VIEW, limits=NeighbourhoodLimits())
        assert len(around.query_keys) == 5
        ledger = memory.ledger("fixture")
        assert len(ledger.revealed()) == 2
        stale = database.query(cypher("read/stalest_queries"), limit=10)
        assert len(stale) == 5, "each list is searched again when its turn comes"
        votes = database.query("MATCH (p:Prediction)-[:SCORES]->(:Thinking) RETURN count(p) AS n")
        assert votes == [{"n": 15}]
        assert start_attempt(memory.database, "rl") == 2


def test_an_old_memory_is_not_migrated_and_a_new_one_not_begun(bare: Memory, settings: Settings) -> None:
    empty = all_of(bare.database)
    with pytest.raises(MigrationError, match="nothing was ever stored in this memory"):
        Memory.open(settings, read_only=True)
    assert all_of(bare.database) == empty

    load(bare.database.autocommit, FIXTURES["V0007"])
    before = all_of(bare.database)
    with pytest.raises(MigrationError, match=r"is V0007, and this version .* needs V00\d\d.*`memreward migrate`"):
        Memory.open(settings, read_only=True)
    with pytest.raises(MigrationError, match="memreward migrate"):
        memreward("inspect", "label_spending", home=settings.home)
    assert all_of(bare.database) == before


def test_programs_that_were_tried_by_an_earlier_rule_are_tried_again(memory: Memory) -> None:
    query = "Write the Python function f(xs): those in xs that are at most 5. For example f([6, 2]) == [2]."
    programs = [f"def f(xs):\n    return [x for x in xs if x {sign} 5]" for sign in ("<", "<=")]
    memory.add([Rollout(query=query, response=program, domain="code", run="programs") for program in programs])
    found = "MATCH (a:Answer) RETURN a.behaviour AS did, a.behaviour_version AS version ORDER BY a.value"
    tried = memory.database.query(found)
    memory.database.query("MATCH (a:Answer) SET a.behaviour = 'alike', a.behaviour_version = '1'", write=True)

    for statement in next(m for m in migrations.discover() if m.version == "0005").statements:
        memory.database.autocommit(statement)
    memory.add([Rollout(query="1 + 1", response="2", domain="math", run="later")])

    assert [row for row in memory.database.query(found) if row["version"]] == tried
    assert len({row["did"] for row in tried}) == 2
    assert {row["version"] for row in tried} == {BEHAVIOUR_VERSION}
