"""Benchmarks in this process, on rollouts that are made here, with one server for all of them."""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraph import evaluation
from memgraph.memory import Memory
from memgraph.rollouts.embedding import Embedder, SentenceEmbedder
from memgraph.rollouts.guarded_embedder import bind_space
from memgraph.rollouts.reader import require_reader
from memgraph.settings import Settings
from memgraph.store.spaces import spaces
from tests.integration.rollouts import sums

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
QUERIES, ROLLOUTS, DIMENSION = {"small": 24, "larger": 30}, 8, 8
Document = dict[str, Any]
Run = Callable[..., Document]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Calls a benchmark with --json, and reads the one document that it prints."""

    def called(name: str, *arguments: object) -> Document:
        capsys.readouterr()
        importlib.import_module(name).main([*map(str, arguments), "--json"])
        return json.loads(capsys.readouterr().out)

    return called


@pytest.fixture
def run_on_server(
    run: Run, opened: Memory, settings: Settings, embedder: SentenceEmbedder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """The same for benchmarks that fill memories: they are on the session's server, one after another."""

    @contextmanager
    def emptied(
        given: Embedder | None = None, *, brief: bool = True, say: Callable[[str], None] = lambda _: None
    ) -> Iterator[Memory]:
        forget(opened)
        with Memory.open(settings, embedder=given or embedder, say=say) as memory:
            yield memory

    def called(name: str, *arguments: object) -> Document:
        importlib.import_module(name)
        for holder in (evaluation, *(sys.modules.get(other) for other in (name, "rollout_files"))):
            if hasattr(holder, "temporary_memory"):
                monkeypatch.setattr(holder, "temporary_memory", emptied)
        return run(name, *arguments)

    yield called
    forget(opened)
    bind_space(opened.database, embedder)
    require_reader(opened.database, opened.domains)


def forget(memory: Memory) -> None:
    """Make the session's database as new: without nodes, embedding spaces and their indexes."""
    for space, _ in spaces(memory.database):
        memory.database.autocommit(f"DROP INDEX {space.index} IF EXISTS")
    memory.database.autocommit(
        "MATCH (n) WHERE NOT n:__Neo4jMigration CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS"
    )


@pytest.fixture(scope="session")
def rollouts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two small sets of four policies, with vectors that tell right from wrong."""
    folder = tmp_path_factory.mktemp("rollouts")
    for seed, (name, queries) in enumerate(QUERIES.items()):
        write_set(folder, name, queries, seed)
    return folder


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where benchmarks keep what they have read of these sets."""
    return tmp_path_factory.mktemp("snapshots")


def write_set(folder: Path, name: str, queries: int, seed: int) -> None:
    rows = sums(60, rollouts=ROLLOUTS, seed=seed)[-queries * ROLLOUTS :]  # the last are the hard ones
    for number, row in enumerate(rows):
        row["dataset"], row["policy"] = name, f"policy {number % 4}"
        del row["gold"]
    rng = np.random.default_rng(seed)
    right = np.array([row["correct"] for row in rows], float)
    vectors = rng.normal(size=(len(rows), DIMENSION)) + right[:, None]
    query_ids = list(dict.fromkeys(row["query_id"] for row in rows))
    arrays = {
        "query": rng.normal(size=(len(query_ids), DIMENSION)),
        "query_id": np.array(query_ids),
        "thinking": vectors,
        "answer": vectors,
        "rollout_id": np.array([row["rollout_id"] for row in rows]),
    }
    np.savez(folder / f"{name}.minilm.npz", **arrays)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def lines_of(file: Path) -> list[Document]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def check(document: Document, name: str, *, identity: tuple[str, ...], figures: tuple[str, ...]) -> list[Document]:
    """What every document has; returns its rows."""
    assert document["benchmark"] == name
    assert {"cores", "memory_gb", "load", "gpu"} <= document["machine"].keys()
    assert {"python", "torch", "neo4j", "memreward-graph"} <= document["versions"].keys()
    rows: list[Document] = document["rows"]
    assert rows
    for row in rows:
        assert {*identity, *figures} <= row.keys()
    assert len({tuple(row[field] for field in identity) for row in rows}) == len(rows)
    return rows


def check_twice(
    call: Callable[[], Document], out: Path, name: str, *, identity: tuple[str, ...], figures: tuple[str, ...]
) -> list[Document]:
    """The first call keeps its rows, and the second one has them again without measuring."""
    rows = check(call(), name, identity=identity, figures=figures)
    assert lines_of(out) == rows
    assert call()["rows"] == rows
    assert lines_of(out) == rows
    return rows
