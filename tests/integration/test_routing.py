"""Addresses that route, as those of clusters and of Aura do. One server answers here: a cluster was not tried."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from neo4j.exceptions import ClientError

from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.settings import Settings
from memgraph.store.archive import export_archive
from tests.conftest import count, write_rows
from tests.integration.rollouts import sums


@pytest.fixture
def routed(memory: Memory, settings: Settings, embedder: SentenceEmbedder) -> Iterator[Memory]:
    """The session's memory once more, by an address whose driver asks where to read and where to write."""
    endpoint = memory.database.endpoint
    address = endpoint.uri.replace("bolt://", "neo4j://")
    assert address.startswith("neo4j://")
    own = {"uri": address, "user": endpoint.user, "password": endpoint.password, "database": endpoint.database}
    with Memory.open(settings.model_copy(update=own), embedder=embedder) as again:
        yield again


def test_a_memory_is_filled_scored_and_read_by_a_routing_address(
    routed: Memory, memory: Memory, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(20))
    stored = routed.import_file(file)
    assert (stored.new, stored.linked) == (80, 20)
    assert len(routed.reveal(file, budget=0.5).training) == 10
    routed.fit()
    assert routed.score().scored == 40
    for reader in (routed, memory):  # what was written is read: here by its bookmark, there from the same server
        assert count(reader, "(:Thinking)<-[:SCORES]-(n:Prediction)") == 40
        assert len(reader.snapshot(LabelView()).rollout_keys) == 80
    nodes = export_archive(routed.database, tmp_path / "archive").nodes
    assert nodes["Query"].rows == 20


def test_rows_are_streamed_by_a_session_that_reads(routed: Memory) -> None:
    with pytest.raises(ClientError, match=r"(?i)access mode"):
        list(routed.database.stream("CREATE (n:Stray) RETURN n"))
    assert count(routed, "(n:Stray)") == 0
    routed.database.autocommit("CREATE (n:Stray) DELETE n")
