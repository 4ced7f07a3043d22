from __future__ import annotations

import multiprocessing
import re
import shutil
from pathlib import Path

import pytest

from memgraph.errors import MigrationError
from memgraph.memory import Memory
from memgraph.settings import Settings
from memgraph.store import migrations
from memgraph.store.cypher import cypher, cypher_template, data_folder
from tests.integration.migrating import migrate_bare

QUERIES = sorted(str(file.relative_to(data_folder("cypher")))[:-7] for file in data_folder("cypher").rglob("*.cypher"))


def without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("//"))


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_says_what_it_is_and_the_server_can_plan_it(opened: Memory, name: str) -> None:
    text = cypher(name)
    assert text.startswith("//"), "a header comment says what it answers"
    if "{{" in text:
        names = {"label": "Query", "start": "Query", "type": "SIMILAR_TO", "end": "Query", "kth": "kth_score"}
        text = cypher_template(name, index=opened.space.index, property=opened.space.vector_property, **names)
    for statement in migrations.statements_of(text):
        body = without_comments(statement)
        version = "CYPHER 25 " if body.lstrip().startswith("CYPHER 25") else ""
        opened.database.autocommit(
            f"{version}EXPLAIN {body.replace('CYPHER 25', '', 1)}", **dict.fromkeys(re.findall(r"\$(\w+)", body))
        )


@pytest.mark.parametrize(
    "name",
    [
        "read/rollouts",
        "read/scores",
        "read/run_rollouts",
        "read/predictions_at",
        "read/answers_for_people",
        "write/reuse_labels",
        "write/compact_predictions",
    ],
)
def test_what_is_asked_of_every_rollout_gives_the_planner_no_index_over_labels(name: str) -> None:
    # While the index was sampled empty, the planner would read all labels for each rollout: 10 times slower at 400 queries.
    body = without_comments(cypher(name))
    assert "SCORES" in body
    assert ":Label" not in body


def test_index_names_come_from_our_own_template_only() -> None:
    with pytest.raises(Exception, match="cannot name a index"):
        cypher_template("schema/vector_index", index="x; MATCH (n) DETACH DELETE n", property="p")


def test_migrating_again_changes_nothing_and_the_vector_index_is_online(memory: Memory) -> None:
    before = migrations.status(memory.database)
    assert all(state.applied_at for state in before)
    assert migrations.migrate(memory.database) == before
    indexes = memory.database.query("SHOW INDEXES YIELD name, state, type WHERE type = 'VECTOR' RETURN name, state")
    assert {"name": memory.space.index, "state": "ONLINE"} in indexes
    constrained = memory.database.query(
        "SHOW CONSTRAINTS YIELD labelsOrTypes AS l, properties AS p RETURN l[0] AS l, p"
    )
    for label in (
        "Run",
        "Query",
        "Thinking",
        "Answer",
        "Label",
        "Reference",
        "Ledger",
        "RewardModel",
        "EmbeddingSpace",
    ):
        assert {"l": label, "p": ["key"]} in constrained


def test_an_applied_migration_that_changed_is_refused(memory: Memory, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(data_folder("migrations"), folder)
    file = folder / "V0001__keys.cypher"
    file.write_text(file.read_text().replace("run_key", "other_key"))
    with pytest.raises(MigrationError, match=r"V0001__keys\.cypher has checksum .* immutable"):
        migrations.status(memory.database, folder)


def test_a_database_of_a_newer_package_is_refused(memory: Memory, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(data_folder("migrations"), folder)
    sorted(folder.iterdir())[-1].unlink()
    with pytest.raises(MigrationError, match="newer than this package"):
        migrations.status(memory.database, folder)


@pytest.mark.parametrize("name", ["0001_keys.cypher", "V1_keys.cypher"])
def test_a_misnamed_migration_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("RETURN 1;\n")
    with pytest.raises(MigrationError, match=re.escape(name)):
        migrations.discover(tmp_path)


def test_concurrent_migrators_take_turns(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(data_folder("migrations"), folder)
    (folder / "V9001__test_only.cypher").write_text("CREATE (:OnceOnly);\n")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=migrate_bare, args=(settings, folder)) for _ in range(3)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(240)
            assert worker.exitcode == 0
        assert memory.database.query("MATCH (n:OnceOnly) RETURN count(n) AS n")[0]["n"] == 1
        assert not memory.database.query("MATCH (l:__Neo4jMigrationsLock) RETURN l")
    finally:
        memory.database.query("MATCH (m:__Neo4jMigration {version: '9001'}) DETACH DELETE m", write=True)
