"""Vectors of rollouts and answers are made when something reads them, those of queries when they are linked."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from memgraph.errors import EmbeddingSpaceError
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.rollouts.files import rows_of
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store.named_queries import run_inspection
from memgraph.store.spaces import Precision, precision_of
from tests.conftest import count, write_rows
from tests.integration.rollouts import sums, thinking_texts

VIEW = LabelView()
ROLLOUTS = [
    Rollout(query=row["query"], response=row["response"], rollout_id=row["rollout_id"], domain="math")
    for row in sums(9)
]


@pytest.fixture
def embedded(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the memory embeds."""
    texts: list[str] = []
    embed = memory._embedder.embed
    monkeypatch.setattr(memory._embedder, "embed", lambda given: texts.extend(given) or embed(given))
    return texts


def waiting(memory: Memory) -> int:
    return count(memory, "(n:Unembedded)")


def vectors_are_of_their_texts(memory: Memory, snapshot: Snapshot) -> None:
    embedder = memory._embedder
    np.testing.assert_array_equal(snapshot.query_embeddings, embedder.embed(snapshot.query_texts))
    np.testing.assert_array_equal(snapshot.thinking_embeddings, embedder.embed(thinking_texts(memory, snapshot)))
    np.testing.assert_array_equal(snapshot.answer_embeddings, embedder.embed(snapshot.answer_values))


def test_an_import_embeds_new_queries_alone(memory: Memory, embedded: list[str], tmp_path: Path) -> None:
    report = memory.add(ROLLOUTS)
    assert (report.new, report.linked) == (36, 9)
    assert sorted(embedded) == sorted({rollout.query for rollout in ROLLOUTS})
    assert waiting(memory) == count(memory, "(n:Thinking|Answer)") > 36
    memory.add([Rollout(query=ROLLOUTS[0].query, response="I say 7. #### 7", domain="math")])
    assert len(embedded) == 9  # the query is known
    assert {row["problem"] for row in run_inspection(memory.database, "invalid_records", {})} == set()


def test_what_waits_is_told_from_what_is_invalid(memory: Memory) -> None:
    memory.add([Rollout(query="How many?", response="#### 7", domain="math")], link=False)
    row = LabelRow(1.0, author="Ann", query="How many?", answer="7")
    assert not memory.label([row]).rejected
    memory.database.query("MATCH (a:Answer), (l:Label) SET a:Unobserved, l:Unplaced", write=True)
    found = run_inspection(memory.database, "invalid_records", {})
    assert sorted((row["problem"].partition(" (")[0], row["records"]) for row in found) == [
        ("label whose answer was read again as several, so that it counts nowhere", 1),
        ("program that waits to be run in the sandbox", 1),
        ("query that waits for its similar queries", 1),
    ]


def test_a_fit_and_a_pass_over_the_memory_embed_nothing(memory: Memory, embedded: list[str], tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(12))
    memory.import_file(file)
    memory.reveal(file, budget=0.5)
    del embedded[:]
    memory.fit()
    memory.score()
    memory.relabel()
    assert embedded == []
    assert waiting(memory) == count(memory, "(n:Thinking|Answer)")


def test_whoever_reads_vectors_finds_them(memory: Memory, embedded: list[str]) -> None:
    memory.add(ROLLOUTS)
    keys = [row["key"] for row in memory.database.query("MATCH (q:Query) RETURN q.key AS key ORDER BY key")]
    bare = memory.subgraph(keys, VIEW, vectors=False)
    assert bare.thinking_embeddings.shape == (36, 0)
    before = waiting(memory)
    some = memory.subgraph(keys[:2], VIEW, neighbours=False)
    vectors_are_of_their_texts(memory, some)
    assert waiting(memory) == before - len(some.rollout_keys) - len(some.answer_keys) > 0
    vectors_are_of_their_texts(memory, memory.snapshot(VIEW))
    assert waiting(memory) == 0
    del embedded[:]
    memory.snapshot(VIEW)
    assert embedded == []


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


def test_links_that_wait_are_made_for_some_queries_or_all(memory: Memory, tmp_path: Path) -> None:
    first = memory.add(ROLLOUTS[:8], link=False).stored
    assert count(memory, "(n:Unlinked)") == 2
    assert memory.link([first[0].query_key]) == 1
    assert count(memory, "(n:Unlinked)") == 1
    memory.add(ROLLOUTS[8:], link=False)
    assert memory.import_file(write_rows(tmp_path / "r.jsonl", sums(1))).linked == 9  # one of them its own
    assert count(memory, "(n:Unlinked)") == 0
    assert memory.link() == 0


def test_a_memory_that_is_only_read_says_what_is_missing(memory: Memory, settings: Settings) -> None:
    memory.add(ROLLOUTS)
    with Memory.open(settings, read_only=True) as reader:
        assert len(reader.snapshot(VIEW, vectors=False).rollout_keys) == 36
        with pytest.raises(EmbeddingSpaceError, match=r"36 nodes have no vector.*Memory\.embed"):
            reader.snapshot(VIEW)
        memory.embed()
        vectors_are_of_their_texts(memory, reader.snapshot(VIEW))


def test_several_embed_and_link_at_once(memory: Memory) -> None:
    memory.add(ROLLOUTS, link=False)
    copies = [pickle.loads(pickle.dumps(memory)) for _ in range(3)]
    failed: list[Exception] = []

    def work(copy: Memory) -> None:
        try:
            copy.link()
            copy.embed()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(copy,)) for copy in (*copies, copies[0])]  # one from two threads
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert count(memory, "(n:Unembedded|Unlinked)") == 0
    vectors_are_of_their_texts(memory, memory.snapshot(VIEW))
    for copy in copies:
        copy.close()


def test_an_answers_own_vector_comes_before_one_that_was_given(memory: Memory) -> None:
    given = np.eye(memory.space.dimension, dtype=np.float32)[0]
    embeddings = GivenEmbeddings(memory.space.dimension, {}, {}, {"a": given})
    row = {"query": "1 + 1?", "response": "#### 2", "domain": "math"}
    memory.ingest(rows_of([(1, {**row, "rollout_id": "a"})], source="rows", run="r"), embeddings=embeddings)
    np.testing.assert_array_equal(memory.snapshot(VIEW).answer_embeddings, given[None, :])
    memory.import_rows([{**row, "rollout_id": "b"}])  # states the same without a vector for it
    vectors_are_of_their_texts(memory, memory.snapshot(VIEW))


def test_a_vector_that_came_meanwhile_stays(memory: Memory) -> None:
    memory.add(ROLLOUTS[:1], link=False)
    given = np.eye(memory.space.dimension, dtype=np.float32)[0]
    name: Any = memory.space.vector_property
    for label, value in (("Thinking", given.tobytes()), ("Query", given.tolist())):
        memory.database.query(f"MATCH (n:{label}) SET n.{name} = $value", write=True, value=value)
    memory.link()
    snapshot = memory.snapshot(VIEW)
    np.testing.assert_array_equal(snapshot.thinking_embeddings, given[None, :])
    np.testing.assert_array_equal(snapshot.query_embeddings, given[None, :])
    assert waiting(memory) == 0


def test_vectors_of_both_precisions_are_of_one_space(settings: Settings, tmp_path: Path) -> None:
    texts = [rollout.query for rollout in ROLLOUTS[::4]] + [rollout.response or "" for rollout in ROLLOUTS]
    exact, fast = (
        SentenceEmbedder(settings.embedding_model, device="cpu", cache=tmp_path, precision=precision)
        for precision in ("float32", "bfloat16")
    )
    one, other = exact.embed(texts), fast.embed(texts)
    assert exact.space == fast.space
    assert not np.array_equal(one, other), "neither reads what the other one cached"
    assert ((one * other).sum(axis=1) > 0.999).all()
    for vectors in (one, other):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(other, fast.embed(texts))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_memory_goes_on_in_its_precision(memory: Memory, settings: Settings, precision: Precision) -> None:
    def opened(way: Precision | Literal["auto"]) -> SentenceEmbedder:
        embedder = SentenceEmbedder(settings.embedding_model, device="cpu", precision=way)
        with Memory.open(settings, embedder=embedder) as again:
            again.add([Rollout(query=f"How many are {way}?", response="#### 7", domain="math")])
        return embedder

    memory.database.query("MATCH (s:EmbeddingSpace) REMOVE s.canary, s.precision", write=True)
    opened(precision)
    assert precision_of(memory.database, memory.space) == precision
    assert opened("auto").precision == precision
    other: Precision = "float32" if precision == "bfloat16" else "bfloat16"
    assert opened(other).precision == other
    assert precision_of(memory.database, memory.space) == precision


def test_memories_from_before_precisions_are_float32(memory: Memory) -> None:
    memory.add(ROLLOUTS)
    memory.database.query("MATCH (s:EmbeddingSpace) REMOVE s.precision", write=True)
    assert precision_of(memory.database, memory.space) == "float32"
