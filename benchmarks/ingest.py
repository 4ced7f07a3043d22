"""How many rollouts a second go into the memory, against what a plain driver writes? On made-up rollouts.

Vectors cost nothing. The memory writes those of queries, and leaves those of rollouts until something reads them.

A server of its own is started in a temporary home. Each seed stores rollouts of its own, the ways in turn:

    memory       an import: read, keyed, checked, written once, equal answers joined; without similarity edges
    similarity   the similarity edges of these queries, apart
    floor        UNWIND … CREATE of the same texts and vectors, no constraint, no edge to what is there
    merge a row  one transaction a rollout, as a first attempt would do it (on a tenth of them)

Example:

    OMP_NUM_THREADS=1 python benchmarks/ingest.py --queries 1000 --seeds 3
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from zlib import crc32

import numpy as np
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say

from memgraph import Memory
from memgraph.evaluation import temporary_memory
from memgraph.rollouts import files
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.ingest import Ingest
from memgraph.rollouts.rollout import Rollout
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace, Vectors

DIMENSION, GROUP, TOPICS, BATCH = 384, 8, 50, 512
MEMORY, SIMILARITY, FLOOR, MERGE = "memory", "similarity", "floor", "merge a row"
_CREATE = (
    "UNWIND $rows AS row CREATE (:PlainQuery {text: row.query, vector: row.vector})"
    "-[:PLAIN]->(:PlainThinking {response: row.response, vector: row.vector})-[:PLAIN]->(:PlainAnswer {value: row.answer})"
)
_MERGE = (
    "MERGE (q:MergedQuery {text: $query}) SET q.vector = $vector "
    "MERGE (t:MergedThinking {response: $response}) SET t.vector = $vector "
    "MERGE (a:MergedAnswer {value: $answer}) MERGE (q)-[:PLAIN]->(t) MERGE (t)-[:PLAIN]->(a)"
)


class Prepared:
    """Vectors that are at hand: near each other for texts of one topic, the same for one text."""

    space = EmbeddingSpace("prepared", "1", DIMENSION)

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._topics = rng.normal(size=(TOPICS, DIMENSION)).astype(np.float32)
        self._noise = rng.normal(size=(4099, DIMENSION)).astype(np.float32)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[texts, 384], unit length."""
        numbers = np.array([crc32(text.encode()) for text in texts], np.int64)
        vectors = self._topics[numbers % TOPICS] + self._noise[numbers % len(self._noise)]
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def make_rollouts(seed: int, queries: int) -> list[Rollout]:
    """Eight rollouts of each query, half of them right."""
    rng = np.random.default_rng(seed)
    rollouts = []
    for number in range(seed * queries, (seed + 1) * queries):
        for sample in range(GROUP):
            answer = number if rng.random() < 0.5 else number + int(rng.integers(1, 4))
            steps = " ".join(f"Step {step} adds {value}." for step, value in enumerate(rng.integers(0, 99, 12)))
            rollouts.append(
                Rollout(
                    query=f"How many is {number}?",
                    response=f"<think>{steps} So it is {answer}</think> #### {answer}",
                    rollout_id=f"{number}-{sample}",
                    domain="math",
                    dataset="made-up",
                    run=f"seed {seed}",
                )
            )
    return rollouts


def plain_rows(rollouts: Iterable[Rollout], embedder: Prepared) -> list[Row]:
    """What the plain ways write: texts, and one vector as a list."""
    rollouts = list(rollouts)
    vectors = embedder.embed([rollout.query for rollout in rollouts])
    return [
        {"query": r.query, "response": r.response, "answer": r.response.rsplit(" ", 1)[-1], "vector": vector.tolist()}
        for r, vector in zip(rollouts, vectors, strict=True)
    ]


def time_ways(memory: Memory, embedder: Prepared, rollouts: Sequence[Rollout]) -> dict[str, float]:
    """Rollouts a second of each way."""
    few = rollouts[: max(1, len(rollouts) // 10)]
    ingest = Ingest(memory.database, GuardedEmbedder(memory.database, embedder), neighbours=0, link=False)
    rows = [files.Row(number, rollout, {}) for number, rollout in enumerate(rollouts, start=1)]
    plain, merged = plain_rows(rollouts, embedder), plain_rows(few, embedder)
    seconds = {
        MEMORY: timed(lambda: ingest.run(rows)),
        SIMILARITY: timed(lambda: memory.link()),
        FLOOR: timed(lambda: create(memory.database, plain)),
        MERGE: timed(lambda: [memory.database.query(_MERGE, write=True, **row) for row in merged]),
    }
    return {way: (len(few) if way == MERGE else len(rollouts)) / value for way, value in seconds.items()}


def create(database: Database, rows: Sequence[Row]) -> None:
    """The floor."""
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        database.query(_CREATE, write=True, rows=batch)


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="60 queries, twice", seeds=3)
    add_row_options(parser)
    parser.add_argument("--queries", type=int, default=1000, help="of each seed, all in one memory")
    options = parser.parse_args(argv)
    if options.quick:
        options.queries, options.seeds = 60, min(options.seeds, 2)
    rows = Rows(options, ("queries", "way", "seed"))
    if rows.missing((options.queries, way, seed) for seed in range(options.seeds) for way in (MEMORY, MERGE)):
        embedder = Prepared()
        with temporary_memory(embedder, brief=False) as memory:
            memory.add(make_rollouts(10**3, 8))  # warms the server up
            memory.database.autocommit("CREATE INDEX merged_query IF NOT EXISTS FOR (n:MergedQuery) ON (n.text)")
            memory.database.autocommit(
                "CREATE INDEX merged_thinking IF NOT EXISTS FOR (n:MergedThinking) ON (n.response)"
            )
            memory.database.autocommit("CREATE INDEX merged_answer IF NOT EXISTS FOR (n:MergedAnswer) ON (n.value)")
            for seed in range(options.seeds):
                rates = time_ways(memory, embedder, make_rollouts(seed, options.queries))
                what = {"queries": options.queries, "seed": seed}
                rows.add(*({**what, "way": way, "rollouts_per_second": round(rate, 1)} for way, rate in rates.items()))
                say(f"seed {seed}: " + ", ".join(f"{way} {rate:.0f}/s" for way, rate in rates.items()))
    report("ingest", options, rows.all, tables)


def tables(rows: Sequence[Row]) -> str:
    """Markdown: rollouts a second, and each way over the floor in the same round; median over the seeds (least to most)."""
    floor = {(row["queries"], row["seed"]): row["rollouts_per_second"] for row in rows if row["way"] == FLOOR}
    lines = []
    for way in dict.fromkeys(row["way"] for row in rows):
        here = [row for row in rows if row["way"] == way]
        rates = [row["rollouts_per_second"] for row in here]
        over = [row["rollouts_per_second"] / floor[row["queries"], row["seed"]] for row in here]
        lines.append([way, median_range(rates, ".0f"), median_range(over, ".2f")])
    return markdown(["way", "rollouts a second: median (least to most)", "over the floor"], lines)


if __name__ == "__main__":
    main()
