"""One real Neo4j for all tests of a process, started by the code that users start theirs with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import thorough

if TYPE_CHECKING:  # loaded by fixtures: the process that hands out the tests needs none of it
    from memgraph.memory import Memory
    from memgraph.rollouts.embedding import SentenceEmbedder
    from memgraph.settings import Settings
    from memgraph.store.server.local import LocalServer
    from memgraph.store.spaces import Vectors

thorough.register()
os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many processes as cores, and small arrays: threads would only wait
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test needs the hub; where it is out of reach, each name takes 46 s


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of its own; the jars come from the user's cache, so that they are fetched once."""
    from memgraph.settings import Settings

    home = tmp_path_factory.mktemp("home")
    return Settings(home=home, heap_mb=1024).model_copy(update={"uri": None, "throwaway": True})


@pytest.fixture(scope="session")
def server(settings: Settings) -> Iterator[LocalServer]:
    from memgraph.store.server.home import SHARED_SETTINGS
    from memgraph.store.server.local import LocalServer

    # a plan made for a nearly empty memory does for these; each test empties it, and a server that plans again loses minutes
    SHARED_SETTINGS["dbms.cypher.min_replan_interval"] = "1h"
    local = LocalServer(settings)
    try:
        local.start()
        yield local
    finally:  # also where starting took too long
        local.discard()


@pytest.fixture(scope="session")
def embedder(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> SentenceEmbedder:
    from memgraph.rollouts.embedding import SentenceEmbedder

    return SentenceEmbedder(settings.embedding_model, cache=tmp_path_factory.mktemp("embeddings"), device="cpu")


@pytest.fixture(scope="session")
def opened(server: LocalServer, settings: Settings, embedder: SentenceEmbedder) -> Iterator[Memory]:
    """The session's memory, with whatever earlier tests left in it."""
    from memgraph.memory import Memory

    with Memory.open(settings, embedder=embedder) as memory:
        yield memory


@pytest.fixture
def memory(opened: Memory) -> Memory:
    """The session's memory, emptied of everything but its schema and embedding space."""
    empty(opened)
    return opened


@pytest.fixture
def made_up(memory: Memory, embedder: SentenceEmbedder) -> Memory:
    """The same memory for made-up vectors, which no model would give."""
    from memgraph.memory import Memory
    from memgraph.rollouts.guarded_embedder import GuardedEmbedder

    class TakesAnyVectors(GuardedEmbedder):
        """Believes the vectors that come with the data: a test may make up its own."""

        def check_given(self, texts: Sequence[str], vectors: Vectors) -> None:
            return

    return Memory(memory.settings, memory.database, TakesAnyVectors(memory.database, embedder))


def empty(memory: Memory) -> None:
    from memgraph.rollouts.reader import require_reader

    memory.database.autocommit(
        "MATCH (n) WHERE NOT n:__Neo4jMigration AND NOT n:EmbeddingSpace AND NOT n:Reader "
        "CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS"
    )
    require_reader(memory.database, memory.domains)  # where a test has put another memory in its place


def count(memory: Memory, pattern: str = "(n)") -> int:
    """How often a pattern occurs; `n` is a node of it."""
    return int(memory.database.query(f"MATCH {pattern} WHERE NOT n:__Neo4jMigration RETURN count(n) AS n")[0]["n"])


def write_rows(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def pytest_report_header() -> str:
    return f"cores: {os.cpu_count()}; one managed Neo4j serves all tests of a process"
