"""A memory that is opened to be read only writes and migrates nothing, and says so."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from memgraph.errors import ReadOnlyError
from memgraph.labels.view import DEFAULT_VIEW
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store import migrations
from memgraph.store.database import Database
from tests.integration.lives import EDGES, NODES
from tests.integration.rollouts import import_two_runs
from tests.integration.test_command_line import memreward

MIGRATIONS = "MATCH (n:__Neo4jMigration|__Neo4jMigrationsLock) RETURN properties(n) AS n ORDER BY n.version"
SCHEMA = (
    "SHOW INDEXES YIELD name, type, properties RETURN name, type, properties ORDER BY name",
    "SHOW CONSTRAINTS YIELD name, type, properties RETURN name, type, properties ORDER BY name",
)


def all_of(database: Database) -> list[Any]:
    """Every node and relationship with all properties, and the schema."""
    return [database.query(statement) for statement in (NODES, EDGES, MIGRATIONS, *SCHEMA)]


@pytest.fixture
def filled(memory: Memory, tmp_path: Path) -> Path:
    return import_two_runs(memory, tmp_path, queries=6, budget=3)


def test_reading_changes_nothing_and_writing_is_refused(
    filled: Path, memory: Memory, settings: Settings, tmp_path: Path
) -> None:
    before = all_of(memory.database)
    rollout = memory.database.query("MATCH (:Prediction)-[:SCORES]->(t:Thinking) RETURN t.key AS key LIMIT 1")[0]["key"]
    other_model = settings.model_copy(update={"embedding_model": "some/other-model"})  # nothing is embedded
    with Memory.open(other_model, read_only=True) as reading:
        assert reading.space == memory.space
        assert len(reading.rewards()) == 24
        assert reading.explain(rollout).rollout == rollout
        assert reading.compare("a", "b").queries == 6
        assert reading.queue(tmp_path / "sheet.csv") > 0
        assert reading.relabel(preview=True).queries == 6
        assert reading.snapshot(DEFAULT_VIEW, vectors=False).query_keys
        assert pickle.loads(pickle.dumps(reading)).rewards() == reading.rewards()
        models = sorted(settings.home.glob("models/*"))
        for write in (
            lambda: reading.add([Rollout("1 + 1?", "2")]),
            lambda: reading.import_file(filled),
            lambda: reading.reveal(filled, budget=4),
            lambda: reading.label(tmp_path / "sheet.csv"),
            lambda: reading.ledger("new"),
            lambda: reading.fit(),
            lambda: reading.score(),
            lambda: reading.relabel(),
            lambda: migrations.unlock(reading.database),
            lambda: reading.database.autocommit("CREATE INDEX new FOR (n:New) ON (n.new)"),
            lambda: reading.database.query("CREATE (:New)"),  # in a transaction that claims to read: the server refuses
            lambda: list(reading.database.stream("CREATE (n:New) RETURN n")),
            lambda: reading._embedder.embed(["text"]),
        ):
            with pytest.raises(ReadOnlyError, match="read only"):
                write()
        assert sorted(settings.home.glob("models/*")) == models
    assert all_of(memory.database) == before


def test_commands_that_look_change_nothing(filled: Path, memory: Memory, settings: Settings, tmp_path: Path) -> None:
    before = all_of(memory.database)
    rollout = memory.database.query("MATCH (:Prediction)-[:SCORES]->(t:Thinking) RETURN t.key AS key LIMIT 1")[0]["key"]
    for words in (
        ("inspect", "label_spending"),
        ("why", rollout),
        ("compare", "a", "b"),
        ("queue", str(tmp_path / "q.csv")),
    ):
        code, out, err = memreward(*words, "--json", home=settings.home)
        assert code == 0, err
        assert json.loads(out)
    assert all_of(memory.database) == before
