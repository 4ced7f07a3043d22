"""Does a second run need fewer labels when it starts from the memory of a first one? On real rollouts of several policies.

The policies of a file are split in two. The first run is what one part said, 20 % of its queries labelled; the second run is
what the other part said, with a growing share of its own queries labelled. Two splits of the policies:

    stronger   the weaker half ran first, the stronger half runs now: what training does to a policy
    random     halves drawn at random

and two sorts of second run:

    other   its queries are not those of the first run
    same    the same queries again: answers that are judged already are known at no cost

Arms, all scored on the second run's rollouts of queries that no arm has labels for, at any share:

    vote         majority of the second run's group: no labels at all
    cold         the reward model, from the second run's rollouts and labels alone
    warm         from the rollouts and labels of both runs
    warm_now     the same, but calibrated on the second run's labels alone

Rollouts: `rollout_files.py`, with the `policy` of each. Rows are written to --out as they come, so a call that was stopped goes
on where it was. Example:

    python benchmarks/across_runs.py ROLLOUTS --seeds 3 --out rows.jsonl --table table.md
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from harness import Row, Rows, add_row_options, markdown, mean_se, parser_of, report, say
from rollout_files import JudgedMemory, add_rollout_options, files_of, judged_memory, name_of

from memgraph import LabelView, RewardModel
from memgraph.errors import ModelError
from memgraph.labels.draw import draw
from memgraph.models.metrics import evaluate_scores
from memgraph.models.votes import MajorityVote
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot

_KEY = ("file", "shift", "sort", "seed", "labels", "arm")
_FIRST_SHARE = 0.2
_SHIFTS, _SORTS = ("stronger", "random"), ("other", "same")
_ARMS = ("vote", "cold", "warm", "warm_now")
_METRICS = ("auc", "within_query_auc", "accuracy", "ece")
_FEWEST_TO_CALIBRATE = 20


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the smallest set, one shift, other queries, two shares, one split", seeds=3)
    add_rollout_options(parser)
    add_row_options(parser, "across_runs.jsonl")
    parser.add_argument(
        "--labels", type=float, nargs="*", default=[0.0, 0.025, 0.05, 0.1, 0.2], help="shares of queries"
    )
    parser.add_argument("--shifts", nargs="*", default=list(_SHIFTS), choices=_SHIFTS)
    parser.add_argument("--sorts", nargs="*", default=list(_SORTS), choices=_SORTS)
    parser.add_argument("--arms", nargs="*", default=list(_ARMS), choices=_ARMS)
    options = parser.parse_args(argv)
    if options.quick:
        options.seeds, options.labels, options.shifts, options.sorts = 1, [0.0, 0.1], ["stronger"], ["other"]
    rows = Rows(options, _KEY)
    for file in files_of(options):
        for row in rows_of(file, options, rows):
            rows.add(row)
    report("across_runs", options, rows.all, tables)


def rows_of(file: Path, options: argparse.Namespace, rows: Rows) -> Iterator[Row]:
    """Rows of one file that are not there yet."""
    trials = product([file.name], options.shifts, options.sorts, range(options.seeds), options.labels, options.arms)
    missing = rows.missing(trials)
    if not missing:
        return
    with judged_memory(file) as judged:
        for shift, sort, seed in dict.fromkeys(what[1:4] for what in sorted(missing, key=lambda what: what[3])):
            for case in cases(judged, shift, sort, seed, options.labels):
                for arm in options.arms:
                    what = (file.name, shift, sort, seed, case.share, arm)
                    if what in missing:
                        yield dict(zip(_KEY, what, strict=True)) | measure(case, arm, seed)
                        say(f"{' '.join(map(str, what))} done")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Two runs in one memory, the second one with so many labels.

    Attributes:
        share: of the second run's queries that it pays for.
        snapshot: the rollouts of both runs, each run in its own groups, with all that both have paid for.
        second: [rollouts] whether the second run sampled it.
        now: [rollouts] whether the second run sampled it and pays for its query.
        scored: [queries] whether the arms are measured on it.
        truth: [rollouts], for metrics only.
        paid_then, paid_now, known: queries that the first run paid for, that the second one does, and of these those that
            the first run had paid for.
    """

    share: float
    snapshot: Snapshot
    second: Bools
    now: Bools
    scored: Bools
    truth: Floats
    paid_then: int
    paid_now: int
    known: int


def cases(judged: JudgedMemory, shift: str, sort: str, seed: int, shares: Sequence[float]) -> Iterator[Case]:
    """One for each share; draws are nested, so that the scored queries are those that the largest share leaves."""
    memory, everything, truth = judged.memory, judged.everything, judged.truth
    second_policies = _second_policies(everything, truth, shift, seed)
    second = np.array([policy in second_policies for policy in everything.rollout_policies], np.bool_)
    clusters = memory.clusters(everything.query_keys)
    queries = set(everything.query_keys)
    half = set(draw(clusters, 0.5, seed + 1000))
    asked_now, asked_then = (queries, queries) if sort == "same" else (half, queries - half)
    asked = [np.array([key in part for key in everything.query_keys], np.bool_) for part in (asked_then, asked_now)]
    kept = np.where(second, asked[1][everything.rollout_query], asked[0][everything.rollout_query])
    groups = 2 * everything.rollout_group + second
    runs = replace(everything, rollout_group=groups).with_rollouts(kept)
    second, truth = second[kept], truth[kept]

    def pay(part: set[str], share: float, ledger: str, order: int) -> set[str]:
        within = [[key for key in cluster if key in part] for cluster in clusters]
        drawn = draw([cluster for cluster in within if cluster], share, order)
        memory.ledger(ledger).reveal(judged.source, drawn)
        return set(drawn)

    name = f"{shift} {sort} {seed}"
    then = pay(asked_then, _FIRST_SHARE, f"first {name}", seed + 2000)
    paid = {share: pay(asked_now, share, f"second {name} {share}", seed) for share in shares}
    closed = then.union(*paid.values())
    scored = np.array([key in asked_now and key not in closed for key in runs.query_keys], np.bool_)
    for share in shares:
        labels = memory.labels_in_force(runs, LabelView(ledgers=(f"first {name}", f"second {name} {share}")))
        of_now = np.array([key in paid[share] for key in runs.query_keys], np.bool_)
        now = second & of_now[runs.rollout_query]
        counts = len(then), len(paid[share]), len(paid[share] & then)
        yield Case(share, runs.with_labels(labels), second, now, scored, truth, *counts)


def measure(case: Case, arm: str, seed: int) -> Row:
    """Metrics of one arm on the second run's rollouts of the scored queries; null where there is nothing to fit on."""
    start = time.perf_counter()
    snapshot, truth, second, now = case.snapshot, case.truth, case.second, case.now
    if arm in ("cold", "vote"):
        labels = np.where(now, snapshot.labels, np.nan).astype(np.float32)
        snapshot, truth, now = snapshot.with_labels(labels).with_rollouts(second), truth[second], now[second]
        second = second[second]
    targets = snapshot.with_targets(case.scored)
    rows = targets.target_rollouts
    try:
        scores = _vote(targets) if arm == "vote" else _fitted(snapshot, arm, second, now, seed).predict(targets)
    except ModelError:  # no labels, or all of one class
        scores = np.full(len(rows), np.nan, np.float32)
    where = second[rows] & ~np.isnan(truth[rows])
    metrics = asdict(evaluate_scores(scores[where], truth[rows][where], snapshot.rollout_query[rows][where]))
    known = 0 if arm in ("cold", "vote") else case.known
    return {
        "paid_then": 0 if arm in ("cold", "vote") else case.paid_then,
        "paid_now": 0 if arm == "vote" else case.paid_now - known,
        "rollouts": int(where.sum()),
        **{name: metrics[name] for name in _METRICS},
        "seconds": round(time.perf_counter() - start, 1),
    }


def _vote(snapshot: Snapshot) -> Floats:
    return MajorityVote().score(snapshot).probability


def _fitted(snapshot: Snapshot, arm: str, second: Bools, now: Bools, seed: int) -> RewardModel:
    labels = snapshot.labels[now]
    enough = (~np.isnan(labels)).sum() >= _FEWEST_TO_CALIBRATE and len(np.unique(labels[~np.isnan(labels)])) > 1
    at_random = now & ~np.isnan(snapshot.labels) if enough and arm not in ("cold", "warm") else None
    return RewardModel.fit(snapshot, seed=seed, at_random=at_random)


def _second_policies(snapshot: Snapshot, truth: Floats, shift: str, seed: int) -> set[str]:
    """The stronger half of the policies, by truth (which only the experiment's design may look at), or a random half."""
    policies = sorted(set(snapshot.rollout_policies))
    of = np.array(snapshot.rollout_policies)
    if shift == "stronger":
        ordered = sorted(policies, key=lambda policy: float(np.nanmean(truth[of == policy])))
    else:
        ordered = [policies[place] for place in np.random.default_rng(seed).permutation(len(policies))]
    return set(ordered[len(ordered) // 2 :])


def tables(rows: Sequence[Row]) -> str:
    """Markdown: means over the splits and paired differences of the arms that ran, and how many labels a warm start saves."""
    parts = []
    ran = {row["arm"] for row in rows}
    others = [arm for arm in _ARMS[3:] if arm in ran]
    sets: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        sets[row["file"], row["shift"], row["sort"]].append(row)
    for metric in ("within_query_auc", "auc", "accuracy", "ece"):
        head = ["file", "second run", "queries", "labels", "splits", "vote", "cold", "warm less cold"]
        head += [f"{arm} less warm" for arm in others]
        lines = []
        for (file, shift, sort), group in sorted(sets.items()):
            for share in sorted({row["labels"] for row in group}):
                values = {(row["arm"], row["seed"]): row[metric] for row in group if row["labels"] == share}
                seeds = sorted({seed for _, seed in values})
                cells = [name_of(Path(file)), shift, sort, f"{share:.1%}", str(len(seeds))]
                cells += [_difference(values, arm, None, seeds) for arm in ("vote", "cold")]
                warm = "vote" if all(values.get(("cold", seed)) is None for seed in seeds) else "cold"
                cells.append(_difference(values, "warm", warm, seeds) + (" (than vote)" if warm == "vote" else ""))
                cells += [_difference(values, arm, "warm", seeds) for arm in others]
                lines.append(cells)
        parts.append(f"**{metric}**\n\n{markdown(head, lines)}")
    parts.append(f"**What a warm start is worth in labels**\n\n{_worth(sets)}")
    return "\n\n".join(parts)


def _difference(metrics: dict[tuple[str, int], float | None], arm: str, other: str | None, seeds: Sequence[int]) -> str:
    """Mean over splits of an arm, or of its difference from another, ± standard error."""
    pairs = [(metrics.get((arm, seed)), 0.0 if other is None else metrics.get((other, seed))) for seed in seeds]
    values = np.array([value - reference for value, reference in pairs if value is not None and reference is not None])
    if not len(values):
        return "–"
    return f"{values.mean():.3f}" if other is None else mean_se(values)


def _worth(sets: dict[tuple[str, str, str], list[Row]]) -> str:
    """By within-query AUC, mean over splits: with how many labels a cold start is as good as a warm one with fewer.

    Between its measured points a cold start's quality is taken to grow evenly; it starts from the vote, which needs no labels.
    """
    head = ["file", "second run", "queries", "splits", "warm pays for", "as good as cold with", "labels saved"]
    lines = []
    for (file, shift, sort), group in sorted(sets.items()):
        splits = len({row["seed"] for row in group})
        vote, cold, warm = (_curve(group, arm, splits) for arm in ("vote", "cold", "warm"))
        rising: list[tuple[float, float]] = []
        for labels, reached in [*vote[:1], *cold]:
            if not rising or reached > rising[-1][1]:
                rising.append((labels, reached))
        if not cold or not rising:
            continue
        paid, quality = zip(*rising, strict=True)
        for labels, reached in warm:
            worth = float(np.interp(reached, quality, paid))
            more = "more than " if reached > quality[-1] else ""
            cells = [name_of(Path(file)), shift, sort, str(splits), f"{labels:.0f}"]
            lines.append([*cells, f"{more}{worth:.0f}", f"{more}{worth - labels:+.0f}"])
    return markdown(head, lines)


def _curve(group: Sequence[Row], arm: str, splits: int) -> list[tuple[float, float]]:
    """(queries paid for, within-query AUC) of an arm, means over splits, where it has a result in every one."""
    rows: dict[float, list[Row]] = defaultdict(list)
    for row in group:
        if row["arm"] == arm and row["within_query_auc"] is not None:
            rows[row["labels"]].append(row)
    means = [
        (
            float(np.mean([row["paid_now"] for row in at_share])),
            float(np.mean([row["within_query_auc"] for row in at_share])),
        )
        for at_share in rows.values()
        if len(at_share) == splits
    ]
    return sorted(means)


if __name__ == "__main__":
    main()
