"""How small can the calibration error be? The reward model's, beside that of a perfectly calibrated scorer.

With few rollouts even perfect probabilities show an error. So truth is drawn 200 times from the reward model's own
probabilities, rollouts of one query with the same answer being right or wrong together, and the error is taken of that.
20 % of the queries are labelled. Needs the same folder as reward_quality.py. Example:

    python benchmarks/calibration.py ROLLOUTS --sets humaneval
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine, versions
from rollout_files import files_of, vectors_of

from memgraph.evaluation import read_judged
from memgraph.models.metrics import calibration_error
from memgraph.models.scorers import RewardModelScorer
from memgraph.snapshot.splits import Split, splits

_SHARE, _DRAWS = 0.2, 200


def errors(split: Split) -> dict[str, Any]:
    """Calibration error of the reward model, and quantiles of that of a perfectly calibrated scorer."""
    snapshot, known = split.snapshot, ~np.isnan(split.truth)
    scorer = RewardModelScorer()
    scorer.fit(snapshot, seed=split.seed)
    probability = scorer.score(snapshot).probability[known].astype(np.float64)
    _, group = np.unique(snapshot.rollout_class[snapshot.target_rollouts][known], return_inverse=True)
    mean = np.bincount(group, probability) / np.bincount(group)
    rng = np.random.default_rng(split.seed)
    # one number for all rollouts with an answer: right together as often as their mean probability says
    drawn = [calibration_error(mean[group], (rng.random(len(mean)) < mean)[group]) for _ in range(_DRAWS)]
    low, median, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    return {
        "seed": split.seed,
        "rollouts": len(probability),
        "answers": len(mean),
        "ece": calibration_error(probability, split.truth[known] >= 0.5),
        "perfect_low": low,
        "perfect_median": median,
        "perfect_high": high,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=Path, help="folder with NAME.jsonl.gz and NAME.minilm.npz")
    parser.add_argument("--sets", nargs="*", default=["humaneval"], help="names (default humaneval)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one split")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    rows = []
    for file in files_of(options.rollouts, options.sets):
        name = file.name.removesuffix(".jsonl.gz")
        judged = read_judged(file, embeddings=vectors_of(file), say=lambda message: print(message, file=sys.stderr))
        wanted = [(_SHARE, seed) for seed in range(1 if options.quick else options.seeds)]
        rows += [{"set": name, **errors(split)} for split in splits(judged, wanted)]
    if options.json:
        print(json.dumps({"benchmark": "calibration", "machine": machine(), "versions": versions(), "rows": rows}))
        return
    print(f"{machine()}; {versions()}")
    for row in rows:
        print(
            f"{row['set']}, split {row['seed']}: ECE {row['ece']:.3f}; perfectly calibrated {row['perfect_median']:.3f} "
            f"({row['perfect_low']:.3f} to {row['perfect_high']:.3f}), {row['rollouts']} rollouts, {row['answers']} answers"
        )


if __name__ == "__main__":
    main()
