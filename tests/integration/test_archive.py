"""A memory leaves as Parquet and comes back the same."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from memgraph.errors import InputError
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.guarded_embedder import bind_space
from memgraph.rollouts.reader import require_reader
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store.archive import MANIFEST, Manifest, export_archive, import_archive
from tests.conftest import empty
from tests.integration.lives import everything, fill, nearest_in_index
from tests.integration.test_command_line import memreward

DOCUMENT = Path(__file__).parents[2] / "docs" / "archive.md"


@dataclass(frozen=True)
class Archived:
    """A memory as it was, and as an archive."""

    folder: Path
    manifest: Manifest
    content: tuple[list[dict[str, Any]], list[dict[str, Any]]]
    index: list[list[str]]


@pytest.fixture(scope="module")
def archived(opened: Memory, tmp_path_factory: pytest.TempPathFactory) -> Archived:
    """Made once: filling a memory with something of everything takes its time."""
    folder = tmp_path_factory.mktemp("filled")
    empty(opened)
    fill(opened, folder)
    content, index = everything(opened), nearest_in_index(opened)
    manifest = export_archive(opened.database, folder / "archive", models=opened.settings.home / "models")
    return Archived(folder / "archive", manifest, content, index)


@pytest.fixture
def bare(memory: Memory) -> Iterator[Memory]:
    """The session's memory without embedding space and index; it has its own again afterwards."""
    forget(memory)
    yield memory
    forget(memory)
    bind_space(memory.database, memory._embedder)
    require_reader(memory.database, memory.domains)


def forget(memory: Memory) -> None:
    empty(memory)
    memory.database.autocommit("MATCH (s:EmbeddingSpace|Reader) DELETE s")
    memory.database.autocommit(f"DROP INDEX {memory.space.index} IF EXISTS")


def test_a_memory_comes_back_to_the_bit_with_its_index_and_models(
    archived: Archived, bare: Memory, settings: Settings, tmp_path: Path
) -> None:
    assert archived.manifest.left_out == {}
    assert archived.manifest.rows == sum(map(len, archived.content))
    assert import_archive(bare.database, archived.folder, models=tmp_path / "models") == archived.manifest
    assert everything(bare) == archived.content
    assert nearest_in_index(bare) == archived.index

    again = export_archive(bare.database, tmp_path / "again")
    for table in again.nodes.values():
        first, second = (parquet.read_table(folder / table.file) for folder in (archived.folder, tmp_path / "again"))
        assert first.equals(second, check_metadata=True), table.file

    moved = Memory(settings.model_copy(update={"home": tmp_path}), bare.database, bare._embedder)
    bare.database.query("MATCH (m:RewardModel) SET m.folder = '/gone'", write=True)
    model = moved.model(ledger="l")
    assert model.folder != Path("/gone")
    assert len(model.fingerprint()) == 64


def test_vectors_of_an_archive_are_float32_for_whoever_reads_it(archived: Archived, bare: Memory) -> None:
    import_archive(bare.database, archived.folder)
    snapshot = bare.snapshot(LabelView())
    for label, keys, vectors in (
        ("Query", snapshot.query_keys, snapshot.query_embeddings),
        ("Thinking", snapshot.rollout_keys, snapshot.thinking_embeddings),
        ("Answer", snapshot.answer_keys, snapshot.answer_embeddings),
    ):
        table = parquet.read_table(archived.folder / "nodes" / f"{label}.parquet")
        column = table[bare.space.vector_property].combine_chunks().values.to_numpy()
        found = dict(zip(table["key"].to_pylist(), column.reshape(-1, bare.space.dimension), strict=True))
        stored = np.stack([found[key] for key in keys])
        np.testing.assert_array_equal(stored.view(np.uint32), vectors.view(np.uint32))


def test_every_column_is_documented(archived: Archived) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for table in (*archived.manifest.nodes.values(), *archived.manifest.relationships.values()):
        assert f"`{table.file}`" in text, table.file
        section = text.partition(f"`{table.file}`")[2].partition("\n| `")[0]
        for name in parquet.read_schema(archived.folder / table.file).names:
            shown = re.sub(r"^(feature_|checks_|embedding_|kth_score_)(?!rank).*", r"\1…", name)
            assert f"`{shown}`" in section, f"{shown} of {table.file}"


def test_an_import_that_was_cut_short_is_continued_and_a_filled_memory_is_left_alone(
    archived: Archived, bare: Memory
) -> None:
    import_archive(bare.database, archived.folder)
    with pytest.raises(InputError, match=r"holds .*25 Query.*--continue"):
        import_archive(bare.database, archived.folder)
    assert everything(bare) == archived.content

    bare.database.autocommit("MATCH (n:Label|Answer) WHERE n.key < '8' DETACH DELETE n")
    bare.database.autocommit("MATCH (:Query)-[r:SIMILAR_TO]->() WHERE r.rank > 3 DELETE r")
    assert everything(bare) != archived.content
    for _ in range(2):
        import_archive(bare.database, archived.folder, go_on=True)
        assert everything(bare) == archived.content


def test_an_archive_of_an_older_schema_is_brought_to_the_present(
    archived: Archived, bare: Memory, tmp_path: Path
) -> None:
    import_archive(bare.database, archived.folder)
    bare.database.query("MATCH (:Query)-[r:SIMILAR_TO]->() REMOVE r.space", write=True)  # as before V0004
    export_archive(bare.database, tmp_path / "old")
    forget(bare)
    file = tmp_path / "old" / MANIFEST
    manifest = json.loads(file.read_text())
    file.write_text(json.dumps({**manifest, "migrations": manifest["migrations"][:3]}))
    import_archive(bare.database, tmp_path / "old")
    assert everything(bare) == archived.content


def test_the_memory_goes_on_where_it_was(archived: Archived, bare: Memory, tmp_path: Path) -> None:
    """What waits for upkeep still waits after the way there and back, and new rollouts find their neighbours."""
    import_archive(bare.database, archived.folder)
    bare.database.query("MATCH (q:Query) WITH q ORDER BY q.key LIMIT 2 SET q:Unlinked", write=True)
    export_archive(bare.database, tmp_path / "archive")
    forget(bare)
    import_archive(bare.database, tmp_path / "archive")
    assert bare.link() == 2
    new = bare.add([Rollout(query="Tom has 5 apples and gets 3 more. How many?", response="#### 8", domain="math")])
    assert new.linked == 1
    assert bare.ledger("l").spent() == 12


def test_a_damaged_archive_is_refused_before_anything_is_written(
    archived: Archived, bare: Memory, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(archived.folder, folder)
    file = folder / "nodes" / "Answer.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(InputError, match=r"Answer\.parquet is not what was exported"):
        import_archive(bare.database, folder)
    file.unlink()
    with pytest.raises(InputError, match=r"lacks nodes/Answer\.parquet"):
        import_archive(bare.database, folder)
    file.write_bytes(whole)
    manifest = json.loads((folder / MANIFEST).read_text())
    nodes, one = manifest["nodes"], manifest["nodes"]["Run"]
    for change, message in (
        ({"format": 2}, "has format 2"),
        ({"migrations": [*manifest["migrations"], "9999"]}, "schema version 9999, which is newer"),
        ({"nodes": {**nodes, "A:B": one}}, "'A:B' cannot name a label"),
        ({"nodes": {**nodes, "Other": one}}, "'Other', which this memory does not know"),
        ({"nodes": {**nodes, "Run": {**one, "file": "../../rollouts.jsonl"}}}, "lacks ../../rollouts.jsonl"),
        ({"nodes": None}, "cannot be read"),
    ):
        (folder / MANIFEST).write_text(json.dumps({**manifest, **change}))
        with pytest.raises(InputError, match=message):
            import_archive(bare.database, folder)
    assert bare.database.query("MATCH (n) WHERE NOT n:__Neo4jMigration RETURN count(n) AS n") == [{"n": 0}]


def test_what_an_archive_cannot_keep_is_an_error_and_leaves_nothing_behind(memory: Memory, tmp_path: Path) -> None:
    memory.add([Rollout(query="1+1?", response="#### 2")])
    memory.database.query("CREATE (:Note {text: 'mine'})", write=True)
    memory.database.query("MATCH (t:Thinking) SET t.place = point({x: 1, y: 2})", write=True)
    with pytest.raises(InputError, match="'place' holds POINT"):
        export_archive(memory.database, tmp_path / "archive")
    assert not (tmp_path / "archive").exists()
    memory.database.query("MATCH (t:Thinking) REMOVE t.place", write=True)
    assert export_archive(memory.database, tmp_path / "archive").left_out == {"Note": 1}
    with pytest.raises(InputError, match="exists already"):
        export_archive(memory.database, tmp_path / "archive")


def test_on_the_command_line(archived: Archived, bare: Memory, settings: Settings, tmp_path: Path) -> None:
    code, _, err = memreward("import", str(archived.folder), home=settings.home)
    assert code == 2
    assert "memreward restore" in " ".join(err.replace("│", "").split())
    code, out, err = memreward("restore", str(archived.folder), "--json", home=settings.home)
    assert code == 0, err
    assert json.loads(out)["relationships"]["Query.SIMILAR_TO.Query"]["rows"] > 100
    assert everything(bare) == archived.content
    code, out, err = memreward("export", str(tmp_path / "archive"), "--json", home=settings.home)
    assert code == 0, err
    assert json.loads(out)["nodes"]["Query"]["rows"] == 25
    with pytest.raises(InputError, match="--continue"):
        memreward("restore", str(archived.folder), home=settings.home)
    assert memreward("restore", str(archived.folder), "--continue", home=settings.home)[0] == 0
