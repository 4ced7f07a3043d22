"""What each stage of the memory costs: write, link, label, export, fit, score, on made-up rollouts.

python benchmarks/memory.py [--quick] [--queries N] [--rollouts N] [--repeats N] [--json]

Vectors are random around cluster centres, so that no embedding model is timed; a server of its own is started in a
temporary home. Every stage runs `--repeats` times on new queries; the table shows minimum, median and maximum.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine, versions

from memgraph.evaluation import temporary_memory
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.models.reward_model import RewardModel
from memgraph.rollouts.embedding import GivenVectors
from memgraph.rollouts.given import GivenEmbeddings

DIMENSION = 384


def make_rollouts(file: Path, *, queries: int, rollouts: int, part: int) -> GivenEmbeddings:
    """Write rows with truth to `file`; returns their vectors."""
    rng = np.random.default_rng(part)
    centres = np.random.default_rng(0).normal(size=(50, DIMENSION))
    vectors = (centres[rng.integers(0, 50, queries)] + rng.normal(size=(queries, DIMENSION))).astype(np.float32)
    by_query = {f"q{part}-{q}": vectors[q] for q in range(queries)}
    by_rollout: dict[str, np.ndarray] = {}
    with file.open("w", encoding="utf-8") as lines:
        for q in range(queries):
            for r in range(rollouts):
                name, right = f"r{part}-{q}-{r}", bool(rng.random() < 0.5)
                by_rollout[name] = (vectors[q] + rng.normal(size=DIMENSION) + right).astype(np.float32)
                value = 0 if right else int(rng.integers(1, 4))
                row = {
                    "query": f"Query {q} of part {part}",
                    "query_id": f"q{part}-{q}",
                    "rollout_id": name,
                    "response": f"thinking {r} #### {value}",
                    "domain": "math",
                    "correct": right,
                }
                lines.write(json.dumps(row) + "\n")
    return GivenEmbeddings(DIMENSION, by_query, by_rollout, by_rollout)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 queries × 4 rollouts, twice: under a minute")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rollouts", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    if options.quick:
        options.queries, options.rollouts, options.repeats = 100, 4, 2
    timings: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        timings[stage].append(time.perf_counter() - start)

    note = f"{options.queries} queries × {options.rollouts} rollouts a repeat"
    print(f"timing {note}, {options.repeats} repeats", file=sys.stderr)
    with (
        tempfile.TemporaryDirectory() as scratch,
        timed("start, work and stop"),
        temporary_memory(GivenVectors("benchmark", DIMENSION)) as memory,
    ):
        for part in range(options.repeats):
            file = Path(scratch) / f"{part}.jsonl"
            given = make_rollouts(file, queries=options.queries, rollouts=options.rollouts, part=part)
            with timed("import and link"):
                memory.import_file(file, embeddings=given)
            with timed("import again"):
                memory.import_file(file, embeddings=given)
            source, view = FileTruth([file], run="import"), LabelView(ledgers=(f"part {part}",))
            with timed("label 20 %"):
                memory.reveal(source, ledger=f"part {part}", budget=0.2)
            keys = list(source.query_keys())
            with timed("export all of a part"):
                snapshot = memory.snapshot(view, query_keys=keys)
            with timed("export 16 queries' neighbourhood"):
                subgraph = memory.subgraph(keys[:16], view)
            with timed("fit"):
                model = RewardModel.fit(snapshot)
            with timed("score 16 queries"):
                model.predict(subgraph)
            print(f"repeat {part + 1} of {options.repeats} done", file=sys.stderr)
    rows = [
        {"stage": stage, "seconds": [round(value, 4) for value in values], "what": note}
        for stage, values in timings.items()
    ]
    if options.json:
        print(json.dumps({"benchmark": "memory", "machine": machine(), "versions": versions(), "rows": rows}, indent=2))
        return
    print(f"{machine()}; {versions()}\n{note}")
    print(f"{'stage':36}{'min':>9}{'median':>9}{'max':>9}  seconds")
    for stage, values in timings.items():
        print(f"{stage:36}{min(values):9.3f}{statistics.median(values):9.3f}{max(values):9.3f}")


if __name__ == "__main__":
    main()
