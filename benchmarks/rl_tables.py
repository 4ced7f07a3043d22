"""Tables and pictures of `rl.py`: means over runs, with intervals over runs and problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import machine, versions
from matplotlib.figure import Figure
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rl import Row

Runs = dict[int, dict[str, NDArray[np.float64]]]  # seed → domain → [problems] verdicts
Statistic = Callable[[dict[str, dict[str, NDArray[np.float64]]]], float]
SHARE_OF = {"oracle": 1.0, "vote": 0.0, "random": 0.0}  # arms that labels do not change
_RESAMPLES = 2000
JUDGED_EVERY = 3  # steps
_SMOOTH = 3


def tables(rows: Sequence[Row], before: Sequence[Row] = ()) -> str:
    """Markdown: accuracy in domain and out of it, then what rewards were worth and cost; last the runs of `before`."""
    parts = ["# GRPO with few labels, arm by arm"]
    parts.append(f"{machine()}; {versions()}; code at {', '.join(sorted({row.commit for row in rows}))}")
    parts.append(
        "Greedy accuracy on held-out problems, mean over runs. In brackets: 95 % interval over runs and, within them, "
        "problems (bootstrap; arms are compared in pairs on the same problems). *Closed*: (arm - labelled) / (oracle - "
        "labelled). Comparisons rest on the seeds that the arms have in common: where seeds differ, compare these, not means. By "
        "chance: questions in domain a third or a quarter where three people or four options are named, out of domain about .1 (one "
        "of eight languages or twelve tools); programs and calculations next to nothing."
    )
    for share in sorted({row.share for row in rows} - {0.0, 1.0}):
        parts.append(f"## {share:.0%} of the queries labelled")
        chosen = {
            arm: [row for row in rows if row.arm == arm and row.share == SHARE_OF.get(arm, share)]
            for arm in dict.fromkeys(row.arm for row in rows)
        }
        chosen = {arm: found for arm, found in chosen.items() if found}
        parts += [_accuracy(chosen, "test"), _accuracy(chosen, "ood"), _rewards(chosen)]
    if before:
        parts += _replaced(rows, before)
    return "\n\n".join(part for part in parts if part) + "\n"


def plot_runs(rows: Sequence[Row], file: Path) -> None:
    """Left: accuracy of the sampled training responses by step; right: held-out accuracy by share of labels.

    The latter in percent of oracle's with the same seed, since not all shares have the same seeds; without oracle there is none.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    oracle = _runs([row for row in rows if row.arm == "oracle"], "test")
    for arm in dict.fromkeys(row.arm for row in rows):
        curves = [row.accuracy for row in rows if row.arm == arm and row.share == SHARE_OF.get(arm, 0.2)]
        if curves:
            mean = np.mean([curve[: min(map(len, curves))] for curve in curves], axis=0)
            smooth = np.convolve(mean, np.ones(_SMOOTH) / _SMOOTH, mode="valid")
            left.plot(JUDGED_EVERY * (np.arange(len(smooth)) + _SMOOTH), smooth, label=arm)
        shares = sorted({row.share for row in rows if row.arm == arm})
        found = [_runs([r for r in rows if r.arm == arm and r.share == s], "test") for s in shares]
        points = [
            [_of_oracle({"arm": run, "oracle": oracle[seed]}) for seed, run in runs.items() if seed in oracle]
            for runs in found
        ]
        if not all(points):
            continue
        if arm in SHARE_OF:
            right.axhline(float(np.mean(points[0])), linestyle=":", color=f"C{len(right.lines)}", label=arm)
        else:
            means, spreads = [np.mean(p) for p in points], [np.std(p) for p in points]
            right.errorbar(shares, means, yerr=spreads, marker="o", capsize=3, label=arm)
    left.set(xlabel="GRPO step", ylabel="right training responses", title="20 % of the labels")
    right.set(xlabel="share of queries labelled", ylabel="held-out accuracy, % of oracle's")
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    figure.savefig(file, dpi=150)


def _runs(rows: Sequence[Row], split: str, when: int = 1) -> Runs:
    found: Runs = {}
    for row in rows:
        domains = {name.split("/")[1]: digits[when] for name, digits in row.scores.items() if name.startswith(split)}
        found[row.seed] = {name: np.array(list(digits), np.float64) for name, digits in domains.items()}
    return found


def _over_seeds(runs: Runs) -> list[float]:
    """Accuracy over all problems of each run."""
    return [_micro(domains) for domains in runs.values()]


def _micro(domains: dict[str, NDArray[np.float64]]) -> float:
    return float(np.concatenate(list(domains.values())).mean())


def _accuracy(chosen: dict[str, list[Row]], split: str) -> str:
    runs = {arm: _runs(rows, split) for arm, rows in chosen.items()}
    first = next(iter(runs.values()))
    domains = sorted(next(iter(first.values()), {}))
    if not domains:
        return ""
    arms = dict(runs)
    arms["start"] = {seed: run for rows in chosen.values() for seed, run in _runs(rows, split, when=0).items()}
    head = [
        "arm",
        "seeds",
        *domains,
        "all problems",
        "mean of domains",
        "over the start",
        "% of oracle",
        "closed",
        "over majority",
    ]
    lines = [head, ["---"] * len(head)]
    for arm, found in arms.items():
        per_domain = [float(np.mean([run[name].mean() for run in found.values()])) for name in domains]
        line = [arm, " ".join(map(str, sorted(found))), *(f"{value:.3f}" for value in per_domain)]
        line += [
            f"{np.mean(_over_seeds(found)):.3f}" + (f" ± {np.std(_over_seeds(found)):.3f}" if len(found) > 1 else ""),
            f"{np.mean(per_domain):.3f}",
            _interval(
                {"arm": found, "start": arms["start"]}, lambda r: _micro(r["arm"]) - _micro(r["start"]), "{:+.3f}"
            ),
        ]
        compared = [
            (_of_oracle, "{:.1f}", ("oracle",), ()),
            (_closed, "{:.2f}", ("oracle", "labelled"), ("oracle", "labelled", "start")),
            (_over_majority, "{:+.3f}", ("majority",), ("majority", "start")),
        ]
        for statistic, form, needed, without in compared:
            others = {name: runs[name] for name in needed if name in runs}
            known = len(others) == len(needed) and arm not in without
            line.append(_interval({"arm": found, **others}, statistic, form) if known else "")
        lines.append(line)
    title = "In domain" if split == "test" else "Out of domain"
    problems = len(np.concatenate(list(next(iter(first.values())).values())))
    return f"### {title}, {problems} problems\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _replaced(rows: Sequence[Row], before: Sequence[Row]) -> list[str]:
    """The runs that the tables leave out, one by one, and what an arm comes to if the first run of each seed counts instead.

    `before` is in the order in which the runs were made.
    """
    oracle = _runs([row for row in (*before, *rows) if row.arm == "oracle"], "test")  # the newest of each seed
    head = ["arm", "labels", "seed", "code", "in domain", "% of oracle", "out of domain"]
    lines = [head, ["---"] * len(head)]
    for row in sorted(before, key=lambda row: (row.arm, row.share, row.seed)):
        found, elsewhere = (_runs([row], split)[row.seed] for split in ("test", "ood"))
        known = f"{_of_oracle({'arm': found, 'oracle': oracle[row.seed]}):.1f}" if row.seed in oracle else ""
        place = [row.arm, f"{row.share:.0%}", str(row.seed), row.commit]
        lines.append([*place, f"{_micro(found):.3f}", known, f"{_micro(elsewhere):.3f}"])
    compared = []
    for arm, share in sorted({(row.arm, row.share) for row in before} - {("oracle", 1.0)}):
        shown = [row for row in rows if (row.arm, row.share) == (arm, share)]
        first: dict[int, Row] = {}
        for row in (*before, *shown):
            if (row.arm, row.share) == (arm, share):
                first.setdefault(row.seed, row)
        if len(shown) > 1:
            ways = [_runs(list(chosen), "test") for chosen in (first.values(), shown)]
            instead, now = (_interval({"arm": runs, "oracle": oracle}, _of_oracle, "{:.1f}") for runs in ways)
            compared.append(f"{arm} with {share:.0%} of the labels {instead} instead of {now}")
    said = (
        f"{len(before)} runs are in no table above: a later run with the same arm, labels and seed stands there instead, or their "
        "settings are no longer offered (decisions.md says why)."
    )
    if compared:
        said += f" If the first run of each seed counts, % of oracle is: {'; '.join(compared)}."
    return ["## Runs that others replaced", said, "\n".join(f"| {' | '.join(line)} |" for line in lines)]


def _interval(arms: dict[str, Runs], statistic: Statistic, form: str) -> str:
    """A statistic of arms on their common seeds, with its interval; "undefined" where, say, there is no distance to close."""
    seeds = sorted(set.intersection(*(set(runs) for runs in arms.values())))
    if not seeds:
        return ""
    rng = np.random.default_rng(0)
    values = []
    for resample in range(_RESAMPLES + 1):
        drawn = seeds if resample == 0 else list(rng.choice(seeds, len(seeds)))
        picked: dict[str, dict[str, NDArray[np.float64]]] = {arm: {} for arm in arms}
        for place, seed in enumerate(drawn):
            for domain, verdicts in next(iter(arms.values()))[seed].items():
                rows = np.arange(len(verdicts)) if resample == 0 else rng.integers(0, len(verdicts), len(verdicts))
                for arm, runs in arms.items():
                    picked[arm][f"{place}/{domain}"] = runs[seed][domain][rows]
        values.append(statistic(picked))
    if np.isnan(values[0]):
        return "undefined"
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return f"{form.format(values[0])} ({form.format(low)} to {form.format(high)})"


def _of_oracle(picked: dict[str, dict[str, NDArray[np.float64]]]) -> float:
    """Percentage of oracle's accuracy."""
    oracle = _micro(picked["oracle"])
    return 100 * _micro(picked["arm"]) / oracle if oracle else float("nan")


def _closed(picked: dict[str, dict[str, NDArray[np.float64]]]) -> float:
    """Share of the distance from labelled-only to oracle."""
    distance = _micro(picked["oracle"]) - _micro(picked["labelled"])
    return (_micro(picked["arm"]) - _micro(picked["labelled"])) / distance if distance else float("nan")


def _over_majority(picked: dict[str, dict[str, NDArray[np.float64]]]) -> float:
    """Accuracy above that of majority vote with the same labels."""
    return _micro(picked["arm"]) - _micro(picked["majority"])


def _rewards(chosen: dict[str, list[Row]]) -> str:
    head = ["arm", "queries paid", "rewards by source", "of these right", "none", "seconds a call", "minutes a run"]
    lines = [head, ["---"] * len(head)]
    for arm, rows in chosen.items():
        sources = sorted({source for row in rows for source in row.rewards})
        total = sum(sum(row.rewards.values()) for row in rows)
        share = {source: sum(row.rewards.get(source, 0) for row in rows) / total for source in sources}
        agreed = {s: [row.agreement[s] for row in rows if s in row.agreement] for s in sources}
        lines.append(
            [
                arm,
                f"{np.mean([row.queries_paid for row in rows]):.0f}",
                ", ".join(f"{source} {share[source]:.0%}" for source in sources if source != "none"),
                ", ".join(f"{source} {np.mean(found):.1%}" for source, found in agreed.items() if found),
                f"{share.get('none', 0):.0%}",
                f"{np.mean([row.reward_seconds for row in rows]):.2f}",
                f"{np.mean([row.seconds for row in rows]) / 60:.1f}",
            ]
        )
    return "### Rewards\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)
