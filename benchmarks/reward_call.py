"""What does a reward call cost, stage by stage, as the memory grows? 128 new rollouts of 16 queries, on made-up vectors.

A server of its own is started in a temporary home and filled to each size in turn. At each, one call warms up and a call for
each seed is timed. Half of its queries are new, and four of the sixteen are labelled, as a fifth of the stored ones are. Then one
of the stored ones has a thousand rollouts, and calls that ask for it are timed.
Vectors come from hashes, so no embedding model is timed. Two costs are measured beside it: of embedding 128 rollouts with the
default model, and of the published way, which stores and judges nothing. It compares all queries with each other, makes the
whole graph again and asks the paper's network about all of it. Example:

    OMP_NUM_THREADS=1 python benchmarks/reward_call.py --queries 1000 5000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say

from memgraph import LabelView, Memory
from memgraph.domains.verifiers import judge
from memgraph.evaluation import temporary_memory
from memgraph.labels.draw import draw
from memgraph.labels.truth import FileTruth
from memgraph.models.paper_gnn import PaperGNN, predict_paper_gnn
from memgraph.models.scorers import RewardModelScorer
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.settings import Settings
from memgraph.store import keys
from memgraph.store.spaces import EmbeddingSpace, Vectors
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.truth import Judged

DIMENSION = 384
GROUP, QUERIES_A_CALL, NEW_A_CALL, LABELLED_A_CALL = 8, 16, 8, 4
NEIGHBOURS = 7
CROWD = 1000  # rollouts of one query
WHOLE, EMBEDDING = "whole call", "embedding the reasonings (default model)"
CROWDED = f"{WHOLE}, one query with {CROWD:,} rollouts"
PUBLISHED = "the published way (all cosines, network over the whole graph)"
_NEW = 10**6  # number of the first query that is not among the stored ones
_LARGEST_MATRIX = 20_000  # queries: their cosines take 1.6 GB
WORDS = [f"word{number}" for number in range(40)]


class HashedVectors:
    """Vectors that cost nothing: the same for equal texts, near each other for queries of one topic."""

    space = EmbeddingSpace("hashed", "1", DIMENSION)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[texts, 384], unit length."""
        vectors = np.stack(
            [_direction(text) + _direction(text.split(":")[0]) for text in texts] or [np.zeros(DIMENSION)]
        )
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)[: len(texts)]


def _direction(text: str) -> Any:
    return np.random.default_rng(int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)).normal(size=DIMENSION)


def text_of(query: int) -> str:
    """Text of a made-up query."""
    return f"topic {query % 60}: how many is {query}?"


def make_rows(first: int, count: int, rng: np.random.Generator, *, rollouts: int = GROUP) -> list[dict[str, Any]]:
    """Rollouts with truth, as `memreward import` takes them."""
    rows = []
    for query in range(first, first + count):
        for sample in range(rollouts):
            right = bool(rng.random() < 0.5)
            value = query if right else query + int(rng.integers(1, 4))
            words = " ".join(rng.choice(WORDS, size=40))
            rows.append(
                {
                    "query": text_of(query),
                    "query_id": f"q{query}",
                    "rollout_id": f"r{query}-{sample}",
                    "dataset": "made-up",
                    "domain": "math",
                    "response": f"<think>{words}</think> #### {value}",
                    "gold": str(query),
                    "correct": right,
                }
            )
    return rows


def columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Of a reward call on such rows."""
    return {
        "completions": [row["response"] for row in rows],
        "query_key": [keys.query_key(row["dataset"], row["query"]) for row in rows],
        **{name: [row[name] for row in rows] for name in ("query", "query_id", "dataset", "domain")},
    }


def grow(memory: Memory, scratch: Path, have: int, want: int) -> None:
    """Fill the memory to a number of queries, a fifth of them labelled."""
    file = scratch / f"{want}.jsonl"
    rng = np.random.default_rng(want)
    file.write_text("".join(json.dumps(row) + "\n" for row in make_rows(have, want - have, rng)), encoding="utf-8")
    memory.import_file(file)
    source = FileTruth([file], run="import")
    chosen = draw([[key] for key in source.query_keys()], 0.2, seed=0)
    ledger = memory.ledger("benchmark", budget=len(memory.ledger("benchmark").revealed()) + len(chosen))
    ledger.reveal(source, chosen, judge=judge)


def crowd(memory: Memory, size: int) -> int:
    """Give one query that has no label a thousand rollouts; returns its number."""
    revealed = memory.ledger("benchmark").revealed()
    query = next(query for query in range(size) if keys.query_key("made-up", text_of(query)) not in revealed)
    memory.import_rows(make_rows(query, 1, np.random.default_rng(size), rollouts=CROWD))
    return query


def time_calls(
    memory: Memory, scratch: Path, size: int, calls: int, *, first: bool = False, crowded: int | None = None
) -> Iterator[Row]:
    """Seconds of each stage of each timed call at one size; a call before them warms up.

    Args:
        crowded: number of a query that every call asks for; then only whole calls are told.
    """
    view = LabelView(ledgers=("benchmark",))
    revealed = memory.ledger("benchmark").revealed()
    files = sorted(scratch.glob("*.jsonl"))
    judged = Judged("benchmark", frozenset(revealed), FileTruth(files, run="import"), judge, len(revealed))
    reward = MemoryReward(
        memory,
        run=f"calls at {size}" if crowded is None else f"crowded calls at {size}",
        judged=judged,
        scorer=RewardModelScorer(memory.fit(view) if first else memory.model()),
        kind="soft",
        num_generations=GROUP,
    )
    rng = np.random.default_rng(size)
    paid = [query for query in range(size) if keys.query_key("made-up", text_of(query)) in revealed]
    unpaid = sorted(set(range(size)) - set(paid))
    for call in range(-1, calls):
        new = _NEW + NEW_A_CALL * (100 * size + call + (50 if crowded is not None else 0))
        known = rng.choice(unpaid, QUERIES_A_CALL - NEW_A_CALL - LABELLED_A_CALL, replace=False)
        if crowded is not None:
            known = [crowded, *known[known != crowded]][: len(known)]
        chosen = [*rng.choice(paid, LABELLED_A_CALL, replace=False), *known, *range(new, new + NEW_A_CALL)]
        rows = [row for query in chosen for row in make_rows(int(query), 1, rng)]
        start = time.perf_counter()
        reward([""] * len(rows), **columns(rows))
        total = time.perf_counter() - start
        assert reward.last is not None
        assert reward.last.failure is None, reward.last.failure
        start = time.perf_counter()
        reward.flush()
        whole = {**reward.last.seconds, WHOLE: total, "write-back, after the call": time.perf_counter() - start}
        stages = whole if crowded is None else {CROWDED: total}
        if call >= 0:
            for stage, seconds in stages.items():
                yield {"queries": size, "stage": stage, "seed": call, "seconds": round(seconds, 4)}
    reward.close()


def time_published(memory: Memory, size: int, seeds: Sequence[int]) -> Iterator[Row]:
    """Seconds to build the graph of the whole memory from vectors that are at hand, and to ask the paper's network."""
    snapshot = memory.snapshot(LabelView())
    network = PaperGNN(DIMENSION).eval()
    for seed in (-1, *seeds):
        start = time.perf_counter()
        cosines = snapshot.query_embeddings @ snapshot.query_embeddings.T
        np.fill_diagonal(cosines, -1)
        nearest = np.argpartition(cosines, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        similar = np.stack([nearest.ravel(), np.repeat(np.arange(len(nearest)), NEIGHBOURS)])
        predict_paper_gnn(network, replace(snapshot, similar=similar), "published")
        if seed >= 0:
            seconds = round(time.perf_counter() - start, 4)
            yield {"queries": size, "stage": PUBLISHED, "seed": seed, "seconds": seconds}


def time_embedding(seeds: Sequence[int]) -> Iterator[Row]:
    """Seconds to embed the reasonings of a call's rollouts with the default model, after one warm-up."""
    embedder = SentenceEmbedder(Settings.load().embedding_model, precision=Settings.load().embedding_precision)
    for seed in (-1, *seeds):
        rows = make_rows(10**6 * (seed + 2), QUERIES_A_CALL, np.random.default_rng(seed + 1))
        start = time.perf_counter()
        embedder.embed([row["response"] for row in rows])
        if seed >= 0:
            yield {"queries": None, "stage": EMBEDDING, "seed": seed, "seconds": round(time.perf_counter() - start, 4)}


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="100 queries, two calls", seeds=5)
    add_row_options(parser)
    parser.add_argument("--calls", dest="seeds", type=int, default=argparse.SUPPRESS, help="the same as --seeds")
    parser.add_argument("--queries", type=int, nargs="*", default=[1000, 5000], help="sizes of the memory, rising")
    options = parser.parse_args(argv)
    if options.quick:
        options.queries, options.seeds = [100], min(options.seeds, 2)
    rows = Rows(options, ("queries", "stage", "seed"))
    wanted = rows.missing((size, WHOLE, seed) for size in options.queries for seed in range(options.seeds))
    sizes = sorted({size for size, _, _ in wanted})
    if sizes:
        with tempfile.TemporaryDirectory() as folder, temporary_memory(HashedVectors(), brief=False) as memory:
            for have, size in pairwise([0, *sizes]):
                say(f"filling the memory to {size} queries × {GROUP} rollouts")
                grow(memory, Path(folder), have, size)
                for row in time_calls(memory, Path(folder), size, options.seeds, first=have == 0):
                    rows.add(row)
                for row in time_calls(memory, Path(folder), size, options.seeds, crowded=crowd(memory, size)):
                    rows.add(row)
                if size <= _LARGEST_MATRIX:
                    rows.add(*time_published(memory, size, range(min(2, options.seeds))))
    seeds = [seed for _, _, seed in rows.missing((None, EMBEDDING, seed) for seed in range(options.seeds))]
    if seeds:
        rows.add(*time_embedding(seeds))
    report("reward_call", options, rows.all, tables)


def tables(rows: Sequence[Row]) -> str:
    """Markdown: seconds by stage and size, median over the calls (least to most)."""
    sizes = sorted({row["queries"] for row in rows if row["queries"] is not None})
    lines = []
    for stage in dict.fromkeys(row["stage"] for row in rows):
        seconds = {
            size: [row["seconds"] for row in rows if (row["stage"], row["queries"]) == (stage, size)] for size in sizes
        }
        seconds[None] = [row["seconds"] for row in rows if (row["stage"], row["queries"]) == (stage, None)]
        cells = [
            median_range(seconds[size] or seconds[None], ".3f") if seconds[size] or seconds[None] else "–"
            for size in sizes
        ]
        lines.append([stage, *cells])
    calls = f"{GROUP * QUERIES_A_CALL} new rollouts of {QUERIES_A_CALL} queries a call, {len({row['seed'] for row in rows})} calls"
    head = ["stage, seconds: median (least to most)", *(f"{size:,} stored queries" for size in sizes)]
    return f"{calls}\n\n{markdown(head, lines)}"


if __name__ == "__main__":
    main()
