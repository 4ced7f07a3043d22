"""What does a fit of the reward model cost, and a prediction, by the number of labelled rollouts that it learns from?

All sets go into one memory. Of its queries, drawn again for each seed, as many are labelled as it takes, and the others stay
in the graph without labels. A reward call's 128 rollouts are scored then. Rollouts: `rollout_files.py`. Example:

    python benchmarks/fit.py ROLLOUTS --labelled 5000 20000 --seeds 3
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say
from rollout_files import JudgedMemory, add_rollout_options, files_of, judged_memory, name_of

from memgraph import RewardModel
from memgraph.snapshot.snapshot import Snapshot

_CALL = 128  # rollouts


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the smallest set, 500 labelled rollouts, once", seeds=2)
    add_rollout_options(parser)
    add_row_options(parser)
    parser.add_argument(
        "--labelled", type=int, nargs="*", default=[5_000, 10_000, 20_000], help="rollouts to learn from"
    )
    options = parser.parse_args(argv)
    if options.quick:
        options.labelled, options.seeds = [500], 1
    files = files_of(options)
    sets = "+".join(map(name_of, files))
    rows = Rows(options, ("sets", "asked", "seed"))
    wanted = rows.missing((sets, labelled, seed) for labelled in options.labelled for seed in range(options.seeds))
    if wanted:
        with judged_memory(*files) as judged:
            for _, labelled, seed in wanted:
                times = time_fit(with_labels(judged, labelled, seed), seed)
                rows.add({"sets": sets, "asked": labelled, "seed": seed, **times})
                say(", ".join(f"{name} {value}" for name, value in rows.all[-1].items()))
    report("fit", options, rows.all, tables)


def with_labels(judged: JudgedMemory, wanted: int, seed: int) -> Snapshot:
    """So many of the rollouts labelled, or a few more, since queries are labelled whole."""
    snapshot = judged.everything
    order = np.random.default_rng(seed).permutation(len(snapshot.query_keys))
    judged_here = np.bincount(snapshot.rollout_query[~np.isnan(judged.truth)], minlength=len(order))
    enough = int(np.searchsorted(np.cumsum(judged_here[order]), wanted)) + 1
    chosen = np.isin(snapshot.rollout_query, order[:enough])
    return snapshot.with_labels(np.where(chosen, judged.truth, np.nan).astype(np.float32))


def time_fit(snapshot: Snapshot, seed: int) -> Row:
    """Seconds of the fit, and of scoring the rollouts of some queries without labels."""
    start = time.perf_counter()
    model = RewardModel.fit(snapshot, seed=seed)
    fitted = time.perf_counter() - start
    unlabelled = np.setdiff1d(np.arange(len(snapshot.query_keys)), snapshot.labelled_queries)
    asked = np.zeros(len(snapshot.query_keys), np.bool_)
    asked[unlabelled[: max(1, _CALL * len(asked) // len(snapshot.rollout_keys))]] = True
    piece = snapshot.with_rollouts(asked[snapshot.rollout_query]).with_targets(asked)
    start = time.perf_counter()
    scored = len(model.predict(piece))
    return {
        "labelled": int(model.metrics["labelled_rollouts"] or 0),
        "queries": int(model.metrics["labelled_queries"] or 0),
        "fit": round(fitted, 2),
        "score": round(time.perf_counter() - start, 3),
        "scored": scored,
    }


def tables(rows: Sequence[Row]) -> str:
    """Markdown: seconds, median over the seeds (least to most)."""
    lines = []
    for sets, asked in dict.fromkeys((row["sets"], row["asked"]) for row in rows):
        group = [row for row in rows if (row["sets"], row["asked"]) == (sets, asked)]
        counts = [f"{np.mean([row[name] for row in group]):.0f}" for name in ("labelled", "queries")]
        lines.append([sets, *counts, *(median_range([row[name] for row in group]) for name in ("fit", "score"))])
    head = ["sets", "labelled rollouts", "of queries", "fit (s)", f"score {_CALL} (s)"]
    return f"Median over {len({row['seed'] for row in rows})} draws (least to most).\n\n{markdown(head, lines)}"


if __name__ == "__main__":
    main()
