"""Rewards under harder conditions, and what each part of the reward model is worth.

    answered      rollouts without an answer are left out, in fitting and in scoring
    new policies  two policies have no labels at all; the metrics are over their rollouts
    noisy labels  a tenth of the labels is flipped
    look-alikes   the metrics are over queries with a labelled neighbour of cosine ≥ .9 and another right answer
    transfer      fitted on the labelled queries of one set, the metrics are over all rollouts of another one
    without …     the reward model without labels as inputs, edges of similarity, form, all checks, what other sets taught

What the model learned of other sets should leave these sets' family out (`--prior`, made by learn_prior.py). 20 % of the
queries are labelled. Needs the same folder as reward_quality.py; rows are appended to --out as they come, and
a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine, versions
from rollout_files import files_of, vectors_of

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import ModelError
from memgraph.evaluation import read_judged
from memgraph.models.metrics import evaluate_scores
from memgraph.models.prior import SHIPPED
from memgraph.models.reward_model import RewardModelConfig
from memgraph.models.scorers import SCORERS, RewardModelScorer
from memgraph.models.scores import DEFAULT_SCORER, Scorer
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot
from memgraph.snapshot.splits import Split, splits
from trainer.reward.report import append_records, read_records

SCORERS_HERE = ("majority_vote", "consensus_share", "logistic", "boosting", DEFAULT_SCORER)
ABLATIONS: dict[str, dict[str, Any]] = {  # what changes in the model's configuration
    "labels as inputs": {"label_inputs": False},
    "form": {"checks": tuple(check for check in ALL_CHECKS if check != "form")},
    "checks": {"checks": ()},
    "prior": {"prior": "none"},
}
_SHARE, _FLIPPED, _ALIKE = 0.2, 0.1, 0.9

Case = tuple[Snapshot, Snapshot, Floats, Bools]
"""(to fit on, to score, [target rollouts] truth, [target rollouts] over which the metrics are)"""


def cases(split: Split) -> Iterator[tuple[str, Case]]:
    """The conditions that need one set only."""
    snapshot, truth = split.snapshot, split.truth
    rng = np.random.default_rng(split.seed)
    rows, known = snapshot.target_rollouts, ~np.isnan(truth)
    yield "plain", (snapshot, snapshot, truth, known)

    answered = snapshot.answer_valid[snapshot.rollout_answer]
    fewer = snapshot.with_rollouts(answered)
    yield "answered", (fewer, fewer, truth[answered[rows]], known[answered[rows]])

    policies = np.array(snapshot.rollout_policies)
    new = np.isin(policies, rng.choice(np.unique(policies), 2, replace=False))
    unseen = replace(snapshot, labels=np.where(new, np.nan, snapshot.labels).astype(np.float32))
    yield "new policies", (unseen, unseen, truth, known & new[rows])

    flipped = rng.random(len(snapshot.labels)) < _FLIPPED
    noisy = replace(snapshot, labels=np.where(flipped, 1 - snapshot.labels, snapshot.labels).astype(np.float32))
    yield "noisy labels", (noisy, noisy, truth, known)

    yield "look-alikes", (snapshot, snapshot, truth, known & look_alikes(split)[snapshot.rollout_query[rows]])


def look_alikes(split: Split) -> Bools:
    """[queries] with a similar labelled query that has none of its right answers."""
    snapshot = split.snapshot
    right: dict[int, set[str]] = defaultdict(set)
    judged = snapshot.labels.copy()
    judged[snapshot.target_rollouts] = split.truth
    for row in np.flatnonzero(judged >= 0.5):
        answer = snapshot.rollout_answer[row]
        right[int(snapshot.rollout_query[row])].add(snapshot.answer_values[answer])
    found = np.zeros(len(snapshot.query_keys), np.bool_)
    near = snapshot.similar[:, snapshot.similar_scores >= _ALIKE]
    for one, other in np.concatenate([near, near[::-1]], axis=1).T.tolist():
        labelled = not snapshot.query_targets[one] and snapshot.query_targets[other]
        if labelled and right[one] and right[other] and not right[one] & right[other]:
            found[other] = True
    return found


def without_similarity(snapshot: Snapshot) -> Snapshot:
    """Without edges between queries."""
    return replace(snapshot, similar=np.zeros((2, 0), np.int64), similar_scores=np.zeros(0, np.float32))


def measure(make: Callable[[], Scorer], case: Case, seed: int) -> dict[str, Any]:
    """Metrics of a scorer in a case; None where it cannot answer."""
    to_fit, scored, truth, counted = case
    try:
        probability = fitted(make, to_fit, seed).score(scored).probability
    except ModelError:
        probability = np.full(len(truth), np.nan, np.float32)
    query = scored.rollout_query[scored.target_rollouts]
    found = evaluate_scores(probability[counted], truth[counted], query[counted])
    return {**asdict(found), "rollouts": int(counted.sum())}


@lru_cache(maxsize=64)
def fitted(make: Callable[[], Scorer], snapshot: Snapshot, seed: int) -> Scorer:
    """A scorer fitted on a snapshot; cases that differ in what is scored share it."""
    scorer = make()
    scorer.fit(snapshot, seed=seed)
    return scorer


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=Path, help="folder with NAME.jsonl.gz and NAME.minilm.npz")
    parser.add_argument("--sets", nargs="*", help="names; by default all in the folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--prior", default=SHIPPED, help="what the reward model starts from: a file, or none")
    parser.add_argument("--snapshots", type=Path, help="folder that keeps what is read of each set")
    parser.add_argument("--out", type=Path, default=Path("reward_robustness.jsonl"), help="rows, appended as they come")
    parser.add_argument("--table", type=Path, help="Markdown tables to write")
    parser.add_argument("--quick", action="store_true", help="the smallest set, one split, no transfer")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    files = files_of(options.rollouts, options.sets)
    if options.quick:
        files, options.seeds = files[:1], 1
    scorers = {name: SCORERS[name] for name in SCORERS_HERE} | {DEFAULT_SCORER: with_config(prior=options.prior)}
    rows = read_records(options.out)
    done = {(row["set"], row["case"], row["scorer"], row["seed"]) for row in rows}

    def add(name: str, kind: str, scorer: str, seed: int, make: Callable[[], Scorer], case: Case) -> None:
        if (name, kind, scorer, seed) in done:
            return
        rows.append({"set": name, "case": kind, "scorer": scorer, "seed": seed, **measure(make, case, seed)})
        append_records(options.out, rows[-1])
        print(f"{name} {kind} {scorer} {seed}: AUC {rows[-1]['auc']}", file=sys.stderr)

    loaded: dict[str, list[Split]] = {}
    for file in files:
        name = file.name.removesuffix(".jsonl.gz")
        loaded[name] = load(file, options.seeds, options.snapshots)
        for split in loaded[name]:
            for kind, case in cases(split):
                for scorer, make in scorers.items():
                    add(name, kind, scorer, split.seed, make, case)
            plain = (split.snapshot, split.snapshot, split.truth, ~np.isnan(split.truth))
            for part, changed in ABLATIONS.items():
                make = with_config(**{"prior": options.prior, **changed})
                add(name, f"without {part}", DEFAULT_SCORER, split.seed, make, plain)
            apart = without_similarity(split.snapshot)
            case = (apart, apart, split.truth, ~np.isnan(split.truth))
            add(name, "without similarity edges", DEFAULT_SCORER, split.seed, scorers[DEFAULT_SCORER], case)
    for source, split, target in ((a, split, b) for a in loaded for split in loaded[a] for b in loaded if a != b):
        other = loaded[target][split.seed]
        scored = replace(other.snapshot, labels=np.full_like(other.snapshot.labels, np.nan))
        case = (split.snapshot, scored, other.truth, ~np.isnan(other.truth))
        for scorer in ("majority_vote", "logistic", DEFAULT_SCORER):
            add(target, f"transfer from {source}", scorer, split.seed, scorers[scorer], case)
    if options.json:
        found = {"machine": machine(), "versions": versions(), "rows": rows}
        print(json.dumps({"benchmark": "reward_robustness", **found}, indent=2))
    if options.table is not None:
        options.table.write_text(tables(rows), encoding="utf-8")
    elif not options.json:
        print(tables(rows))


def with_config(**changed: Any) -> Callable[[], Scorer]:
    """Makes reward models of a configuration."""
    return partial(RewardModelScorer, config=RewardModelConfig(**changed))


def load(file: Path, seeds: int, snapshots: Path | None) -> list[Split]:
    """Read a set and take its splits."""
    judged = read_judged(
        file,
        embeddings=vectors_of(file),
        snapshots=snapshots,
        say=lambda message: print(message, file=sys.stderr),
    )
    return list(splits(judged, [(_SHARE, seed) for seed in range(seeds)]))


def tables(rows: list[dict[str, Any]]) -> str:
    """Markdown: means ± standard deviations over the splits."""
    parts = [f"{machine()}; {versions()}; {_SHARE:.0%} of the queries labelled"]
    for name in dict.fromkeys(row["set"] for row in rows):
        head = ["case", "scorer", "rollouts", "AUC", "within-query AUC", "accuracy", "ECE"]
        lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
        here = [row for row in rows if row["set"] == name]
        for kind, scorer in dict.fromkeys((row["case"], row["scorer"]) for row in here):
            group = [row for row in here if (row["case"], row["scorer"]) == (kind, scorer)]
            cells = [spread([row[field] for row in group]) for field in ("auc", "within_query_auc", "accuracy", "ece")]
            counted = f"{np.mean([row['rollouts'] for row in group]):.0f}"
            lines.append("| " + " | ".join([kind, scorer, counted, *cells]) + " |")
        parts.append(f"**{name}**, {len({row['seed'] for row in here})} splits\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def spread(values: list[float | None]) -> str:
    """Mean ± standard deviation of what is known."""
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f} ± {np.std(known):.3f}" if known else "–"


if __name__ == "__main__":
    main()
