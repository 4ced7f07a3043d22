"""What a reward call costs, stage by stage, as the memory grows: 128 new rollouts of 16 queries, on made-up vectors.

python benchmarks/reward_call.py [--quick] [--queries N …] [--calls N] [--json]

A server of its own is started in a temporary home and filled to each size in turn; at each, one call warms up and
`--calls` calls are timed. A fifth of the queries is labelled, four of the sixteen in a call. Vectors come from hashes,
so no embedding model is timed; what embedding 128 rollouts costs is measured beside it, with the default model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine, versions

from memgraph import LabelView, Memory
from memgraph.domains.verifiers import judge
from memgraph.evaluation import temporary_memory
from memgraph.labels.draw import draw
from memgraph.labels.truth import FileTruth
from memgraph.models.scorers import RewardModelScorer
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.settings import Settings
from memgraph.store import keys
from memgraph.store.spaces import EmbeddingSpace, Vectors
from trainer.reward.memory_reward import Judged, MemoryReward

DIMENSION = 384
GROUP, QUERIES_A_CALL, LABELLED_A_CALL = 8, 16, 4
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


def time_calls(memory: Memory, scratch: Path, size: int, calls: int, *, first: bool) -> list[dict[str, Any]]:
    """Rows of the table for one size: seconds of each stage in each timed call."""
    view = LabelView(ledgers=("benchmark",))
    model = memory.fit(view) if first else memory.model()
    revealed = memory.ledger("benchmark").revealed()
    files = sorted(scratch.glob("*.jsonl"))
    judged = Judged("benchmark", frozenset(revealed), FileTruth(files, run="import"), judge, len(revealed))
    reward = MemoryReward(
        memory,
        run=f"calls at {size}",
        judged=judged,
        scorer=RewardModelScorer(model),
        kind="soft",
        num_generations=GROUP,
    )
    rng = np.random.default_rng(size)
    paid = [query for query in range(size) if keys.query_key("made-up", text_of(query)) in revealed]
    unpaid = sorted(set(range(size)) - set(paid))
    stages: dict[str, list[float]] = {}
    for call in range(calls + 1):
        chosen = [
            *rng.choice(paid, LABELLED_A_CALL, replace=False),
            *rng.choice(unpaid, QUERIES_A_CALL - LABELLED_A_CALL, replace=False),
        ]
        rows = [row for query in chosen for row in make_rows(int(query), 1, rng)]
        start = time.perf_counter()
        reward([""] * len(rows), **columns(rows))
        total = time.perf_counter() - start
        assert reward.last is not None
        assert reward.last.failure is None, reward.last.failure
        if call:  # the first call warms up
            for stage, seconds in [*reward.last.seconds.items(), ("whole call", total)]:
                stages.setdefault(stage, []).append(seconds)
        start = time.perf_counter()
        reward.flush()
        if call:
            stages.setdefault("write-back, after the call", []).append(time.perf_counter() - start)
    reward.close()
    return [{"queries": size, "stage": stage, "seconds": values} for stage, values in stages.items()]


def time_embedding() -> list[float]:
    """Seconds to embed the thinkings of 128 rollouts with the default model, after one warm-up."""
    embedder = SentenceEmbedder(Settings.load().embedding_model)
    times = []
    for repeat in range(3):
        rows = make_rows(10**6 * (repeat + 1), QUERIES_A_CALL, np.random.default_rng(repeat))
        start = time.perf_counter()
        embedder.embed([row["response"] for row in rows])
        times.append(time.perf_counter() - start)
    return times[1:]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 and 200 queries, two calls each: about two minutes")
    parser.add_argument("--queries", type=int, nargs="*", default=[1000, 5000], help="sizes of the memory, rising")
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    if options.quick:
        options.queries, options.calls = [100, 200], 2
    rows = []
    with tempfile.TemporaryDirectory() as folder, temporary_memory(HashedVectors()) as memory:
        have = 0
        for size in options.queries:
            print(f"filling the memory to {size} queries × {GROUP} rollouts", file=sys.stderr)
            grow(memory, Path(folder), have, size)
            have = size
            rows += time_calls(memory, Path(folder), size, options.calls, first=not rows)
    rows.append({"queries": None, "stage": "embedding 128 thinkings (default model)", "seconds": time_embedding()})
    if options.json:
        found = [{**row, "seconds": [round(value, 4) for value in row["seconds"]]} for row in rows]
        print(
            json.dumps(
                {"benchmark": "reward_call", "machine": machine(), "versions": versions(), "rows": found}, indent=2
            )
        )
        return
    print(f"{machine()}; {versions()}\n{GROUP * QUERIES_A_CALL} new rollouts of {QUERIES_A_CALL} queries a call")
    print(f"{'stored queries':>15}  {'stage':42}{'min':>9}{'median':>9}{'max':>9}  seconds")
    for row in rows:
        values = row["seconds"]
        figures = f"{min(values):9.3f}{statistics.median(values):9.3f}{max(values):9.3f}"
        print(f"{row['queries'] or '':>15}  {row['stage']:42}{figures}")


if __name__ == "__main__":
    main()
