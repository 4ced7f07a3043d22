"""What a fit of the reward model and a prediction cost, by the number of labelled rollouts that it learns from.

All files of a folder go into one memory; of its queries, drawn anew for each repeat, as many are labelled as it takes, and
the others stay in the graph without labels. A reward call's 128 rollouts are scored then. Needs the same folder as
reward_quality.py does, or one that tiny_rollouts.py makes.

python benchmarks/fit.py ROLLOUTS [--labelled N …] [--repeats N] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine, versions
from rollout_files import Judged, files_of, judged_memory

from memgraph import RewardModel
from memgraph.snapshot.snapshot import Snapshot

Row = dict[str, Any]
_CALL = 128  # rollouts


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=Path, help="folder with NAME.jsonl.gz and NAME.minilm.npz")
    parser.add_argument("--sets", nargs="*", help="names; by default all in the folder")
    parser.add_argument(
        "--labelled", type=int, nargs="*", default=[5_000, 10_000, 20_000], help="rollouts to learn from"
    )
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="the smallest set, 500 labelled rollouts, once")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    files = files_of(options.rollouts, options.sets)
    if options.quick:
        files, options.labelled, options.repeats = files[:1], [500], 1
    rows: list[Row] = []
    with judged_memory(*files, say=say) as judged:
        for labelled in options.labelled:
            for repeat in range(options.repeats):
                rows.append({"asked": labelled, **time_fit(with_labels(judged, labelled, repeat), repeat)})
                say(", ".join(f"{name} {value}" for name, value in rows[-1].items()))
    if options.json:
        print(json.dumps({"benchmark": "fit", "machine": machine(), "versions": versions(), "rows": rows}, indent=2))
        return
    print(
        f"{machine()}; {versions()}\n{'labelled':>9}{'queries':>9}{'fit':>24}{'score 128':>24}  seconds: mean (min to max)"
    )
    for labelled in options.labelled:
        group = [row for row in rows if row["asked"] == labelled]
        found, queries = (round(statistics.mean(row[name] for row in group)) for name in ("labelled", "queries"))
        print(f"{found:9}{queries:9}{spread(group, 'fit'):>24}{spread(group, 'score'):>24}")


def with_labels(judged: Judged, wanted: int, seed: int) -> Snapshot:
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
    # a call reads what stands around its queries, not the whole memory
    near = snapshot.similar[0][asked[snapshot.similar[1]]]
    around = asked | np.isin(np.arange(len(asked)), near)
    piece = snapshot.with_rollouts(around[snapshot.rollout_query]).with_targets(asked)
    start = time.perf_counter()
    scored = len(model.predict(piece))
    return {
        "labelled": int(model.metrics["labelled_rollouts"] or 0),
        "queries": int(model.metrics["labelled_queries"] or 0),
        "fit": round(fitted, 2),
        "score": round(time.perf_counter() - start, 3),
        "scored": scored,
    }


def spread(rows: list[Row], name: str) -> str:
    """Mean (least to most)."""
    values = [row[name] for row in rows]
    return f"{statistics.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def say(message: str) -> None:
    """Progress, beside the results."""
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
