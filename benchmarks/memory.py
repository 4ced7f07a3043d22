"""What does each stage of the memory cost: write, link, label, export, fit, score? On made-up rollouts.

Vectors are random around cluster centres, so that no embedding model is timed. A server of its own is started in a temporary
home. Each seed has queries of its own, and the memory grows by them. Example:

    python benchmarks/memory.py --queries 1000 --seeds 3
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say

from memgraph.evaluation import temporary_memory
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.rollouts.embedding import GivenVectors
from memgraph.rollouts.given import GivenEmbeddings

DIMENSION = 384


def make_rollouts(file: Path, *, queries: int, rollouts: int, seed: int) -> GivenEmbeddings:
    """Write rows with truth to `file`; returns their vectors."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(50, DIMENSION))
    vectors = (centres[rng.integers(0, 50, queries)] + rng.normal(size=(queries, DIMENSION))).astype(np.float32)
    by_query = {f"q{seed}-{q}": vectors[q] for q in range(queries)}
    by_rollout: dict[str, np.ndarray] = {}
    with file.open("w", encoding="utf-8") as lines:
        for q in range(queries):
            for r in range(rollouts):
                name, right = f"r{seed}-{q}-{r}", bool(rng.random() < 0.5)
                by_rollout[name] = (vectors[q] + rng.normal(size=DIMENSION) + right).astype(np.float32)
                value = 0 if right else int(rng.integers(1, 4))
                row = {
                    "query": f"Query {q} of part {seed}",
                    "query_id": f"q{seed}-{q}",
                    "rollout_id": name,
                    "response": f"thinking {r} #### {value}",
                    "domain": "math",
                    "correct": right,
                }
                lines.write(json.dumps(row) + "\n")
    return GivenEmbeddings(DIMENSION, by_query, by_rollout, by_rollout)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="100 queries × 4 rollouts, twice", seeds=3)
    add_row_options(parser)
    parser.add_argument("--queries", type=int, default=1000, help="of each seed, all in one memory")
    parser.add_argument("--rollouts", type=int, default=8, help="of each query")
    options = parser.parse_args(argv)
    if options.quick:
        options.queries, options.rollouts, options.seeds = 100, 4, min(options.seeds, 2)
    rows = Rows(options, ("queries", "rollouts", "seed", "stage"))
    size = (options.queries, options.rollouts)
    done = {what[:3] for what in rows.done}
    seeds = [seed for seed in range(options.seeds) if (*size, seed) not in done]
    if seeds:
        with (
            tempfile.TemporaryDirectory() as scratch,
            temporary_memory(GivenVectors("benchmark", DIMENSION), brief=False) as memory,
        ):
            for seed in seeds:
                file = Path(scratch) / f"{seed}.jsonl"
                given = make_rollouts(file, queries=options.queries, rollouts=options.rollouts, seed=seed)
                timings = time_stages(memory, file, given, f"seed {seed}")
                what = dict(zip(("queries", "rollouts", "seed"), (*size, seed), strict=True))
                rows.add(*({**what, "stage": stage, "seconds": round(value, 4)} for stage, value in timings.items()))
                say(f"seed {seed} done: {options.queries} queries × {options.rollouts} rollouts")
    report("memory", options, rows.all, tables)


def time_stages(memory: Memory, file: Path, given: GivenEmbeddings, ledger: str) -> dict[str, float]:
    """Seconds of each stage on new rollouts."""
    timings: dict[str, float] = {}

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        timings[stage] = time.perf_counter() - start

    with timed("import and link"):
        memory.import_file(file, embeddings=given)
    with timed("import again"):
        memory.import_file(file, embeddings=given)
    source, view = FileTruth([file], run="import"), LabelView(ledgers=(ledger,))
    with timed("label 20 %"):
        memory.reveal(source, ledger=ledger, budget=0.2)
    keys = list(source.query_keys())
    with timed("export all of a seed"):
        snapshot = memory.snapshot(view, query_keys=keys)
    with timed("export 16 queries' neighbourhood"):
        subgraph = memory.subgraph(keys[:16], view)
    with timed("fit"):
        model = RewardModel.fit(snapshot)
    with timed("score 16 queries"):
        model.predict(subgraph)
    return timings


def tables(rows: Sequence[Row]) -> str:
    """Markdown: seconds, median over the seeds (least to most)."""
    parts = []
    for queries, rollouts in dict.fromkeys((row["queries"], row["rollouts"]) for row in rows):
        here = [row for row in rows if (row["queries"], row["rollouts"]) == (queries, rollouts)]
        lines = [
            [stage, median_range([row["seconds"] for row in here if row["stage"] == stage], ".3f")]
            for stage in dict.fromkeys(row["stage"] for row in here)
        ]
        title = f"{queries} queries × {rollouts} rollouts, {len({row['seed'] for row in here})} seeds"
        parts.append(f"{title}\n\n{markdown(['stage', 'seconds: median (least to most)'], lines)}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
