"""Does embedding in bfloat16 pay on this machine, and does it find the same neighbours? Both precisions of the embedding model.

Takes the texts of a file of rollouts. The ways take turns, round by round, so that a busy machine is busy for all of them. Each
round embeds other responses, and a first one warms up. Then all queries are embedded in both ways: the smallest cosine of a text's
two vectors, and which of its seven nearest queries by float32 are among the seven by bfloat16. Example:

    OMP_NUM_THREADS=1 python benchmarks/embedding.py rollouts.jsonl --seeds 5
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say

from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.rollouts.files import Reject, read_rows
from memgraph.settings import Settings
from memgraph.store.spaces import Vectors

EXAMPLE = Path(__file__).parents[1] / "examples" / "data" / "rollouts.jsonl"
WAYS: dict[str, dict[str, Any]] = {
    "float32, 64 texts at a time": {"precision": "float32", "batch_size": 64},
    "float32": {"precision": "float32"},
    "bfloat16": {"precision": "bfloat16"},
}
AGREEMENT = "bfloat16 against float32"
NEIGHBOURS = 7


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="32 texts, two rounds", seeds=5)
    add_row_options(parser)
    parser.add_argument("rollouts", type=Path, nargs="?", default=EXAMPLE, help="a file of rollouts")
    parser.add_argument("--texts", type=int, default=128, help="responses in a round")
    options = parser.parse_args(argv)
    if options.quick:
        options.texts, options.seeds = 32, min(options.seeds, 2)
    rows = Rows(options, ("file", "way", "texts", "seed"))
    name = options.rollouts.name
    wanted = rows.missing((name, way, options.texts, seed) for seed in range(options.seeds) for way in WAYS)
    compared = rows.missing([(name, AGREEMENT, None, None)])
    if wanted or compared:
        found = [row.rollout for row in read_rows(options.rollouts, run="import") if not isinstance(row, Reject)]
        responses = list(dict.fromkeys(rollout.response for rollout in found if rollout.response))
        for row in speeds(name, responses, options.texts, sorted({seed for *_, seed in wanted})) if wanted else ():
            rows.add(row)
            say(f"round {row['seed']}, {row['way']}: {row['seconds']} s")
        if compared:
            unseeded = {"file": name, "way": AGREEMENT, "texts": None, "seed": None}
            rows.add(unseeded | agreement(list(dict.fromkeys(one.query for one in found))))
    report("embedding", options, rows.all, tables, threads=torch.get_num_threads())


def embedder_of(way: dict[str, Any]) -> SentenceEmbedder:
    """The default model, without a cache."""
    return SentenceEmbedder(Settings.load().embedding_model, **way)


def speeds(file: str, responses: Sequence[str], texts: int, seeds: Sequence[int]) -> Iterator[Row]:
    """Seconds of each way in each round."""
    embedders = {name: embedder_of(way) for name, way in WAYS.items()}
    for seed in (None, *seeds):  # the first one warms up
        drawn = np.random.default_rng(seed or 0).choice(len(responses), min(texts, len(responses)), replace=False)
        for way in WAYS:
            fresh = [f"{seed} {responses[place]}" for place in drawn]  # a text is embedded once only
            start = time.perf_counter()
            embedders[way].embed(fresh)
            if seed is not None:
                seconds = round(time.perf_counter() - start, 4)
                yield {"file": file, "way": way, "texts": texts, "seed": seed, "seconds": seconds}


def agreement(queries: Sequence[str]) -> Row:
    """Smallest cosine of a query's two vectors, and the mean recall of its nearest queries."""
    exact, fast = (embedder_of(WAYS[name]).embed(queries) for name in ("float32", "bfloat16"))
    k = min(NEIGHBOURS, len(queries) - 1)
    hits = [len(set(one) & set(other)) for one, other in zip(nearest(exact, k), nearest(fast, k), strict=True)]
    cosine = float((exact * fast).sum(axis=1).min())
    return {"queries": len(queries), "least_cosine": round(cosine, 5), "recall": round(float(np.mean(hits)) / k, 4)}


def nearest(vectors: Vectors, k: int) -> list[list[int]]:
    """The k nearest others of each, by cosine."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :k].tolist()


def tables(rows: Sequence[Row]) -> str:
    """Markdown: seconds, median over the rounds (least to most), and how far both precisions agree."""
    lines, agreed = [], []
    for file in dict.fromkeys(row["file"] for row in rows):
        own = [row for row in rows if row["file"] == file]
        seconds = {way: [row["seconds"] for row in own if row["way"] == way] for way in WAYS}
        first = next(iter(seconds.values()))
        for way, values in seconds.items():
            ratio = np.median(np.divide(first, values))
            lines.append([file, way, str(len(values)), median_range(values, ".2f"), f"{ratio:.2f}"])
        agreed += [
            [file, str(row["queries"]), f"{row['least_cosine']:.5f}", f"{row['recall']:.4f}"]
            for row in own
            if row["way"] == AGREEMENT
        ]
    head = ["file", "way", "rounds", "seconds", "times as fast as the first"]
    beside = ["file", "queries", "least cosine", f"recall of the {NEIGHBOURS} nearest"]
    return f"{markdown(head, lines)}\n\n{markdown(beside, agreed)}"


if __name__ == "__main__":
    main()
