"""neo4j-admin makes of an archive what restoring it over Bolt makes."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memgraph.cli.common import EXIT_REJECTED
from memgraph.errors import InputError, ServerError
from memgraph.memory import Memory
from memgraph.rollouts.bulk import BulkWriter
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.rollouts.files import Row
from memgraph.rollouts.guarded_embedder import bind_space
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store.archive import (
    MANIFEST,
    Manifest,
    Table,
    admin_command,
    bulk_import,
    export_archive,
    finish_bulk_import,
    import_archive,
)
from memgraph.store.archive.admin_files import EMPTY, write_admin_files
from memgraph.store.archive.columns import Column, ColumnKind
from memgraph.store.archive.manifest import EXTRA_LABELS
from memgraph.store.database import Database
from memgraph.store.keys import file_digest
from memgraph.store.server.local import LocalServer
from tests.conftest import empty, write_rows
from tests.integration.lives import everything, fill, nearest_in_index
from tests.integration.rollouts import sums
from tests.integration.test_archive import forget
from tests.integration.test_command_line import memreward

SCHEMA = "SHOW CONSTRAINTS YIELD name RETURN name ORDER BY name"
INDEXES = "SHOW INDEXES YIELD name, type, state WHERE type <> 'LOOKUP' RETURN name, type, state ORDER BY name"
TYPES = (
    "MATCH (n) WHERE NOT n:__Neo4jMigration UNWIND keys(n) AS name "
    "RETURN n.key AS key, name, valueType(n[name]) AS type ORDER BY key, name"
)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A home of its own, whose server is discarded afterwards."""
    own = settings.model_copy(update={"home": tmp_path / "own", "heap_mb": 512})
    yield own
    LocalServer(own).discard()


@pytest.fixture(scope="module")
def archived(opened: Memory, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """An archive with something of everything, and what its memory held."""
    folder = tmp_path_factory.mktemp("filled")
    empty(opened)
    fill(opened, folder, fit=False)
    opened.add([Rollout(query="Odd?", response="#### 1", domain="math", features={"of it": 1.0})])
    for change in (
        "MATCH (t:Thinking {run: 'rl', sample: 0}) REMOVE t.position",  # superseded
        "MATCH (l:Label) WITH l ORDER BY l.key LIMIT 1 SET l.explanation = ''",
        "MATCH (:Label)-[r:SPENT_IN]->() WITH r LIMIT 1 SET r.note = ''",
    ):
        opened.database.query(change, write=True)
    (folder / "models" / "abc").mkdir(parents=True)
    (folder / "models" / "abc" / "model.json").write_text("{}")
    export_archive(opened.database, folder / "archive", models=folder / "models")
    return folder / "archive", held_by(opened)


def held_by(memory: Memory) -> dict[str, Any]:
    query = memory.database.query
    return {
        "content": everything(memory),
        "types": query(TYPES),
        "schema": [query(SCHEMA), query(INDEXES)],
        "nearest": nearest_in_index(memory),
    }


def broken(archive: Path, copy: Path) -> Path:
    """The same archive with a relationship that lacks an end."""
    shutil.copytree(archive, copy)
    file = copy / "relationships" / "Run.PRODUCED.Thinking.parquet"
    table = parquet.read_table(file)
    gone = pa.array(["gone", *table[":END"].to_pylist()[1:]], pa.large_string())
    parquet.write_table(table.set_column(1, table.schema.field(1), gone), file)
    document = json.loads((copy / MANIFEST).read_text())
    document["relationships"]["Run.PRODUCED.Thinking"]["sha256"] = file_digest(file)
    (copy / MANIFEST).write_text(json.dumps(document))
    return copy


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_the_store_that_neo4j_admin_builds_is_the_one_of_a_restore(
    archived: tuple[Path, dict[str, Any]], embedder: SentenceEmbedder, own: Settings, tmp_path: Path
) -> None:
    archive, held = archived
    with Memory.open(own, embedder=embedder) as memory:
        before = held_by(memory)
        with pytest.raises(ServerError, match=r"neo4j-admin database import full(?s:.*)gone"):
            bulk_import(own, broken(archive, tmp_path / "broken"))
        assert [file.name for file in own.home.iterdir()] == ["neo4j"], "a failure leaves nothing behind"
        assert held_by(memory) == before

    bulk_import(own, archive)
    assert sorted(file.name for file in own.home.iterdir()) == ["models", "neo4j"]
    assert (own.home / "models" / "abc" / "model.json").is_file()
    with Memory.open(own, embedder=embedder) as memory:
        assert held_by(memory) == held
        assert memory.database.query("MATCH (n) WHERE n[$name] IS NOT NULL RETURN n", name=EMPTY) == []
        with pytest.raises(InputError, match=r"holds .* already; a bulk restore goes into an empty one"):
            bulk_import(own, archive)
        assert memory.add([Rollout(query="Tom has 5 apples. How many?", response="#### 8")]).linked == 1


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_server_of_ones_own_gets_files_and_a_command(
    archived: tuple[Path, dict[str, Any]],
    embedder: SentenceEmbedder,
    own: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The managed server of another home stands for it."""
    archive, held = archived
    server, files = LocalServer(own), archive.with_name("archive.neo4j-admin")
    endpoint = server.start()
    monkeypatch.setenv("NEO4J_URI", endpoint.uri)
    monkeypatch.setenv("NEO4J_PASSWORD", endpoint.password.get_secret_value())
    code, out, err = memreward("restore", str(archive), "--bulk", "--json", home=tmp_path / "elsewhere")
    assert code == 0, err
    said = json.loads(out)
    assert said["files"] == str(files)
    name, *arguments = shlex.split(said["command"])
    assert name == "neo4j-admin"
    with pytest.raises(InputError, match="exists already"):
        admin_command(archive, files, "neo4j")
    with pytest.raises(InputError, match="run neo4j-admin with the files"):
        finish_bulk_import(Database(endpoint), archive)

    with server.offline():
        server.admin(*arguments, "--overwrite-destination", folder=files)
    for _ in range(2):
        code, out, err = memreward(
            "restore", str(archive), "--bulk", "--continue", "--json", home=tmp_path / "elsewhere"
        )
        assert code == 0, err
        assert json.loads(out)["left_out"] == {}
    with Memory.open(own, embedder=embedder) as memory:
        assert held_by(memory) == held


def test_rollouts_become_an_archive_without_a_database_and_then_the_same_memory(
    memory: Memory, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    """Two files with what they share, rows that are there already, and rows that contradict."""
    rows = sums(6)
    odd = [
        {"query": rows[0]["query"], "query_id": "other", "response": "#### 1,000", "dataset": "sums", "domain": "math"},
        {
            "query": rows[0]["query"],
            "response": "so #### 1000",
            "dataset": "sums",
            "domain": "math",
            "features": {"f": 1},
        },
        {"query": "f?", "response": "def f(x):\n    return x", "domain": "code", "step": 3, "sample": 12, "run": "rl"},
        {"query": "Is it?", "response": "I do not know", "thinking": "", "answer": "yes", "domain": "qa"},
    ]
    first = write_rows(tmp_path / "first.jsonl", rows[:20] + odd)
    again = {**rows[0], "response": "another #### 7"}
    second = write_rows(tmp_path / "second.jsonl", [*rows[10:], odd[1], odd[0], again])
    for file in (first, second):
        memory.import_file(file, started=datetime(2026, 11, 1, tzinfo=UTC))
    expected = without_times(memory)

    forget(memory)
    code, out, err = memreward(
        "bulk", str(first), str(second), "--started", "2026-11-01", "--out", str(tmp_path / "archive"), "--json"
    )
    assert code == EXIT_REJECTED, err
    assert [file["rejected"] for file in json.loads(out)["files"]] == [0, 1]
    assert sorted(file.name for file in (tmp_path / "archive").iterdir()) == [MANIFEST, "nodes", "relationships"]
    import_archive(memory.database, tmp_path / "archive")
    bind_space(memory.database, memory._embedder)
    memory.import_rows([])
    found = without_times(memory)
    assert [difference(*pair) for pair in zip(found[0], expected[0], strict=True) if pair[0] != pair[1]] == []
    assert found == expected


def difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """In what two nodes differ."""
    first, second = ({"labels": node["labels"], **node["properties"]} for node in (one, other))
    return {n: (first.get(n), second.get(n)) for n in first | second if first.get(n) != second.get(n)}


def without_times(memory: Memory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Without what tells when the space began to serve, and what a process writes when it first embeds."""
    nodes, edges = everything(memory)
    for node in nodes:
        for name in ("created_at", "linked_at", "canary", "precision", "serving_since"):
            node["properties"].pop(name, None)
    return nodes, edges


def test_a_bulk_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[Row]:
        yield Row(1, Rollout(query="1+1?", response="#### 2"), {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), BulkWriter(tmp_path / "archive") as writer:
        writer.write(rows())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="exists already"):
        BulkWriter(tmp_path / "taken")


def test_a_name_that_the_tool_would_read_otherwise_is_refused(tmp_path: Path) -> None:
    column = Column("feature_a:b", ColumnKind.FLOAT)
    (tmp_path / "nodes").mkdir()
    parquet.write_table(
        pa.table(
            [["k"], [[]], [1.0]], pa.schema([Column("key", ColumnKind.TEXT).field, EXTRA_LABELS.field, column.field])
        ),
        tmp_path / "nodes" / "Thinking.parquet",
    )
    manifest = Manifest(1, "", "", [], {"Thinking": Table("nodes/Thinking.parquet", 1, "")}, {}, {})
    with pytest.raises(InputError, match="'feature_a:b' cannot be named to neo4j-admin"):
        write_admin_files(tmp_path, manifest, tmp_path / "out")
