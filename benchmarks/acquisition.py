"""Does it pay to choose what to label? Label curves on real rollouts: drawn at random against `memgraph.models.acquisition`.

Both arms spend the same number of labels through the ledger and fit the default reward model; a pair is one split (seed) of
one file at one share. Three populations are measured, because an arm that pays for hard queries leaves easy ones behind:

    unlabelled   what each arm has left to predict: what RL sees predicted
    common       queries that neither arm has labelled: whether the model itself is better
    all          every rollout, labels standing for themselves: the reward that RL gets for the budget

Beside the metrics of rewards stands what a policy that follows them would say (`followed`): the share of right answers where
each answer of a query is given by exp(its mean reward / 0.05) times more often, over queries that have right and wrong ones.

Rollouts: `rollout_files.py`. Pairs are written to --out as they come, so a call that was stopped goes on where it was. Example:

    python benchmarks/acquisition.py ROLLOUTS --seeds 5 --out rows.jsonl --table table.md
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import get_args

import numpy as np
from harness import Row, Rows, add_row_options, markdown, mean_se, parser_of, report, say
from rollout_files import add_rollout_options, files_of, judged_memory, name_of

from memgraph import LabelView, Memory, RewardModel
from memgraph.labels.budget import Acquisition
from memgraph.labels.truth import FileTruth
from memgraph.models.metrics import evaluate_scores
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot

_METRICS = ("auc", "within_query_auc", "accuracy", "ece", "followed")
_PULL = 0.05


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the smallest set, 10 % labels, two splits", seeds=5)
    add_rollout_options(parser)
    add_row_options(parser, "acquisition.jsonl")
    parser.add_argument("--labels", type=float, nargs="*", default=[0.05, 0.1, 0.2], help="shares of queries labelled")
    options = parser.parse_args(argv)
    if options.quick:
        options.labels, options.seeds = [0.1], min(options.seeds, 2)
    rows = Rows(options, ("file", "labels", "seed", "acquisition", "population"))
    done = {what[:3] for what in rows.done}
    for file in files_of(options):
        wanted = [(share, seed) for seed in range(options.seeds) for share in options.labels]
        for pair in pairs(file, [what for what in wanted if (file.name, *what) not in done]):
            rows.add(*pair)
    report("acquisition", options, rows.all, tables)


def pairs(file: Path, wanted: Sequence[tuple[float, int]]) -> Iterator[list[Row]]:
    """Rows of both arms for each (share, seed) of one file."""
    if not wanted:
        return
    with judged_memory(file) as judged:
        memory, source, everything, truth = judged.memory, judged.source, judged.everything, judged.truth
        for share, seed in wanted:
            arms = {arm: _arm(memory, source, everything, arm, share, seed) for arm in get_args(Acquisition)}
            common = np.logical_and.reduce([np.isnan(labels) for labels, _, _ in arms.values()])
            pair = []
            for arm, (labels, probability, seconds) in arms.items():
                rest = np.isnan(labels)
                reward = np.where(rest, probability, labels)
                every = np.ones_like(common)
                for population, scores, where in (
                    ("unlabelled", probability, rest),
                    ("common", probability, common),
                    ("all", reward, every),
                ):
                    metrics = _metrics(everything, truth, scores, where)
                    what = {"file": file.name, "labels": share, "seed": seed, "acquisition": arm}
                    pair.append({**what, "population": population, **metrics, "seconds": seconds})
            say(
                f"{file.name} {share:.0%} seed {seed}: "
                + ", ".join(f"{r['acquisition']} {r['auc']:.4f}" for r in pair[1::3])
            )
            yield pair


def _arm(
    memory: Memory, source: FileTruth, everything: Snapshot, arm: Acquisition, share: float, seed: int
) -> tuple[Floats, Floats, float]:
    """[rollouts] labels that the arm paid for, [rollouts] probability by its model, and seconds it took."""
    start = time.perf_counter()
    name = f"{arm} {share} {seed}"
    view = LabelView(ledgers=(name,))
    memory.reveal(source, ledger=name, budget=share, seed=seed, acquisition=arm)
    snapshot = everything.with_labels(memory.labels_in_force(everything, view))
    model = RewardModel.fit(snapshot, seed=seed, at_random=memory.drawn_at_random(snapshot, view))
    unlabelled = _unlabelled(snapshot)
    probability = np.full(len(snapshot.rollout_keys), np.nan, np.float32)
    probability[unlabelled.target_rollouts] = model.predict(unlabelled)
    return snapshot.labels, probability, round(time.perf_counter() - start, 1)


def _unlabelled(snapshot: Snapshot) -> Snapshot:
    """With the unlabelled queries as targets."""
    targets = np.ones(len(snapshot.query_keys), np.bool_)
    targets[snapshot.labelled_queries] = False
    return replace(snapshot, query_targets=targets)


def _metrics(snapshot: Snapshot, truth: Floats, scores: Floats, where: Bools) -> Row:
    where = where & ~np.isnan(truth)
    measured = evaluate_scores(scores[where], truth[where], snapshot.rollout_query[where])
    metrics = {name: value for name, value in asdict(measured).items() if name in _METRICS}
    return {"rollouts": int(where.sum()), **metrics, "followed": _followed(snapshot, truth, scores, where)}


def _followed(snapshot: Snapshot, truth: Floats, scores: Floats, where: Bools) -> float | None:
    answer, query = snapshot.rollout_answer[where], snapshot.rollout_query[where]
    count = np.maximum(1, np.bincount(answer))
    share = (np.bincount(answer, scores[where]) / count)[answer]
    best = np.full(len(snapshot.query_keys), -np.inf)
    np.maximum.at(best, query, share)
    weight, right = np.exp((share - best[query]) / _PULL), truth[where] >= 0.5
    total, good, n, hits = (np.bincount(query, w) for w in (weight, weight * right, np.ones(len(query)), right))
    both = (hits > 0) & (hits < n)
    return float((good[both] / total[both]).mean()) if both.any() else None


def tables(rows: Sequence[Row]) -> str:
    """Markdown: means over the splits, and paired differences, informative less random, with their standard errors."""
    groups: dict[tuple[str, float, str], dict[tuple[str, int], Row]] = defaultdict(dict)
    for row in rows:
        groups[row["file"], row["labels"], row["population"]][row["acquisition"], row["seed"]] = row
    head = ["file", "labels", "population", "splits"]
    for metric in _METRICS:
        head += [f"{metric}, random", "difference"]
    lines = []
    for (file, share, population), group in sorted(groups.items()):
        seeds = sorted({seed for _, seed in group})
        cells = [name_of(Path(file)), f"{share:.0%}", population, str(len(seeds))]
        for metric in _METRICS:
            if any(row.get(metric) is None for row in group.values()):  # rows from before it was measured
                cells += ["", ""]
                continue
            random = np.array([group["random", seed][metric] for seed in seeds], float)
            gain = np.array([group["informative", seed][metric] for seed in seeds], float) - random
            cells += [f"{random.mean():.3f}", mean_se(gain)]
        lines.append(cells)
    return f"Difference: informative less random, paired by split, ± standard error.\n\n{markdown(head, lines)}"


if __name__ == "__main__":
    main()
