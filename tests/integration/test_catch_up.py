"""What is stored without vectors and similarity edges gets them later, whoever comes first."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraph.errors import EmbeddingSpaceError
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store.named_queries import run_inspection
from tests.conftest import count, write_rows
from tests.integration.rollouts import sums, thinking_texts
from tests.integration.test_ingest import dump

VIEW = LabelView()
ROLLOUTS = [
    Rollout(query=row["query"], response=row["response"], rollout_id=row["rollout_id"], domain="math")
    for row in sums(9)
]


def graph(memory: Memory) -> Any:
    nodes, edges = dump(memory)
    for row in (*nodes, *edges):
        row["properties"].pop("linked_at", None)
    return nodes, edges


def empty(memory: Memory) -> None:
    memory.database.query(
        "MATCH (n) WHERE NOT n:__Neo4jMigration AND NOT n:EmbeddingSpace AND NOT n:Reader DETACH DELETE n", write=True
    )


def vectors_are_of_their_texts(memory: Memory, snapshot: Snapshot) -> None:
    embedder = memory._embedder
    np.testing.assert_array_equal(snapshot.query_embeddings, embedder.embed(snapshot.query_texts))
    np.testing.assert_array_equal(snapshot.thinking_embeddings, embedder.embed(thinking_texts(memory, snapshot)))
    np.testing.assert_array_equal(snapshot.answer_embeddings, embedder.embed(snapshot.answer_values))


def test_the_graph_is_the_same_as_if_nothing_had_waited(memory: Memory) -> None:
    report = memory.add(ROLLOUTS, embed=False)
    waiting = count(memory, "(n:Unembedded)")
    assert (report.new, report.linked) == (36, 0)
    assert waiting == count(memory, "(n:Query|Thinking|Answer)") > 36
    assert count(memory, "(n:Query)-[:SIMILAR_TO]->()") == 0
    done = memory.catch_up()
    assert (done.embedded, done.linked) == (waiting, 9)
    assert count(memory, "(n:Unembedded|Unlinked)") == 0
    later = graph(memory)
    again = memory.catch_up()
    assert (again.embedded, again.linked) == (0, 0)
    empty(memory)
    memory.add(ROLLOUTS)
    assert later == graph(memory)


def test_only_what_was_asked_for_is_embedded(memory: Memory) -> None:
    first = memory.add(ROLLOUTS[:4], embed=False).stored
    memory.add(ROLLOUTS[4:8], embed=False)
    waiting = count(memory, "(n:Unembedded)")
    nodes = {key for place in first for key in place.node_keys}
    done = memory.catch_up(nodes)
    assert (done.embedded, done.linked) == (len(nodes), 1)
    assert count(memory, "(n:Unembedded)") == waiting - len(nodes) > 0


def test_whoever_reads_vectors_finds_them(memory: Memory) -> None:
    memory.add(ROLLOUTS, embed=False)
    keys = [row["key"] for row in memory.database.query("MATCH (q:Query) RETURN q.key AS key")]
    bare = memory.subgraph(keys, VIEW, vectors=False)
    assert [len(bare.thinking_embeddings), bare.thinking_embeddings.shape[1]] == [36, 0]
    assert count(memory, "(n:Unembedded)") > 0  # nobody asked for vectors
    full = memory.subgraph(keys, VIEW)
    vectors_are_of_their_texts(memory, full)
    assert count(memory, "(n:Unembedded)") == 0
    memory.add([Rollout(query="And 5 + 6?", response="#### 11")], embed=False)
    vectors_are_of_their_texts(memory, memory.snapshot(VIEW))


def test_without_vectors_all_else_is_the_same(memory: Memory) -> None:
    memory.add(ROLLOUTS)
    full, bare = memory.snapshot(VIEW), memory.snapshot(VIEW, vectors=False)
    for name in Snapshot.__dataclass_fields__:
        one, other = getattr(full, name), getattr(bare, name)
        if name.endswith("embeddings"):
            assert one.shape[1] == memory.space.dimension
            assert other.shape == (len(one), 0)
        else:
            np.testing.assert_array_equal(one, other)


def test_the_next_import_finishes_what_was_left(memory: Memory, tmp_path: Path) -> None:
    memory.add(ROLLOUTS, embed=False)
    report = memory.import_file(write_rows(tmp_path / "r.jsonl", sums(1)))
    assert (report.new, report.linked) == (4, 10)  # in a data set of its own
    assert count(memory, "(n:Unembedded|Unlinked)") == 0
    vectors_are_of_their_texts(memory, memory.snapshot(VIEW))


def test_a_memory_that_is_only_read_says_what_is_missing(memory: Memory, settings: Settings) -> None:
    memory.add(ROLLOUTS, embed=False)
    with Memory.open(settings, read_only=True) as reader:
        assert len(reader.snapshot(VIEW, vectors=False).rollout_keys) == 36
        with pytest.raises(EmbeddingSpaceError, match=r"9 nodes have no vector.*Memory\.catch_up"):
            reader.snapshot(VIEW)


def test_what_waits_is_listed(memory: Memory) -> None:
    memory.add(ROLLOUTS[:1], embed=False)
    rows = run_inspection(memory.database, "invalid_records", {})
    assert {row["problem"] for row in rows if "vector" in row["problem"]} == {
        "query, rollout or answer that waits for its vector (import again)"
    }


def test_several_catch_up_at_once(memory: Memory) -> None:
    memory.add(ROLLOUTS, embed=False)
    copies = [pickle.loads(pickle.dumps(memory)) for _ in range(3)]
    threads = [threading.Thread(target=copy.catch_up) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(memory, "(n:Unembedded|Unlinked)") == 0
    vectors_are_of_their_texts(memory, memory.snapshot(VIEW))
    for copy in copies:
        copy.close()


def test_a_vector_that_came_meanwhile_stays(memory: Memory) -> None:
    memory.add(ROLLOUTS[:1], embed=False)
    given = np.eye(memory.space.dimension, dtype=np.float32)[0]
    memory.database.query(
        f"MATCH (t:Thinking) SET t.{memory.space.vector_property} = $given", write=True, given=given.tobytes()
    )
    memory.catch_up()
    np.testing.assert_array_equal(memory.snapshot(VIEW).thinking_embeddings, given[None, :])
