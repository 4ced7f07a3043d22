"""Tables and pictures of `rl.py`: means over runs, with intervals over runs and problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import numpy as np
from harness import markdown, mean_sd
from matplotlib.figure import Figure
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Verdicts = dict[int, dict[str, Floats]]  # seed → domain → [problems] 0 or 1
Statistic = Callable[[Mapping[str, Floats]], Floats]  # arm → [draws] accuracy, to [draws]
SHARE_OF = {"oracle": 1.0, "vote": 0.0, "random": 0.0}  # arms that labels do not change
LABEL = "label"
JUDGED_EVERY = 3  # steps
_RESAMPLES = 2000
_SMOOTH = 3
NOTE = (
    "Greedy accuracy on held-out problems, mean over runs. In brackets: 95 % interval over runs and, within them, "
    "problems (bootstrap; arms are compared in pairs on the same problems). *Closed*: (arm - labelled) / (oracle - "
    "labelled). Comparisons rest on the seeds that the arms have in common: where seeds differ, compare these, not means. By "
    "chance: questions in domain a third or a quarter where three people or four options are named, out of domain about .1 (one "
    "of eight languages or twelve tools); programs and calculations next to nothing."
)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """One row of the results.

    Attributes:
        scores: "split/domain" → the held-out problems' greedy verdicts before and after training, a digit each, in the
            order of their keys: all runs of one seed have the same problems.
        accuracy: at every third step, share of the sampled training responses that were right, whatever reward they got.
        agreement: by source of reward, share of the rewards of these steps that were on the right side of ½.
        advantages: correlation of predicted with true advantages in the first and second half of the run, over every third step.
            None where either has no spread, empty in rows of before.
        rewards: how many, by source.
        reward_seconds: mean time of a reward call.
        commit: of the code that ran.
    """

    arm: str
    share: float
    seed: int
    scores: dict[str, list[str]]
    accuracy: list[float]
    agreement: dict[str, float]
    rewards: dict[str, int]
    reward_seconds: float
    seconds: float
    queries_paid: int
    commit: str
    advantages: list[float | None] = field(default_factory=list)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row, which may say more."""
        return cls(**{one.name: row[one.name] for one in fields(cls) if one.name in row})


def tables(rows: Sequence[FinishedRun]) -> str:
    """Markdown: accuracy in domain and out of it, then what rewards were worth and cost."""
    parts = [NOTE]
    for share in sorted({row.share for row in rows} - {0.0, 1.0}):
        parts.append(f"## {share:.0%} of the queries labelled")
        chosen = {
            arm: [row for row in rows if row.arm == arm and row.share == SHARE_OF.get(arm, share)]
            for arm in dict.fromkeys(row.arm for row in rows)
        }
        chosen = {arm: runs for arm, runs in chosen.items() if runs}
        parts += [_accuracy(chosen, "test"), _accuracy(chosen, "ood"), _rewards(chosen)]
    return "\n\n".join(part for part in parts if part)


def commits(rows: Sequence[FinishedRun]) -> str:
    """Of the code that made the rows."""
    return ", ".join(sorted({row.commit for row in rows}))


def plot_runs(rows: Sequence[FinishedRun], file: Path) -> None:
    """Left: accuracy of the sampled training responses by step; right: held-out accuracy by share of labels.

    The latter in percent of oracle's with the same seed, since not all shares have the same seeds; without oracle there is none.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    oracle = verdicts_of([row for row in rows if row.arm == "oracle"], "test")
    for arm in dict.fromkeys(row.arm for row in rows):
        curves = [row.accuracy for row in rows if row.arm == arm and row.share == SHARE_OF.get(arm, 0.2)]
        if curves:
            mean = np.mean([curve[: min(map(len, curves))] for curve in curves], axis=0)
            smooth = np.convolve(mean, np.ones(_SMOOTH) / _SMOOTH, mode="valid")
            left.plot(JUDGED_EVERY * (np.arange(len(smooth)) + _SMOOTH), smooth, label=arm)
        shares = sorted({row.share for row in rows if row.arm == arm})
        runs_of_share = [verdicts_of([r for r in rows if r.arm == arm and r.share == s], "test") for s in shares]
        points = [
            [100 * _over_problems(run) / _over_problems(oracle[seed]) for seed, run in runs.items() if seed in oracle]
            for runs in runs_of_share
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


def verdicts_of(rows: Sequence[FinishedRun], split: str, when: int = 1) -> Verdicts:
    """Of the newest run of each seed, before (0) or after (1) training."""
    verdicts: Verdicts = {}
    for row in rows:
        domains = {name.split("/")[1]: digits[when] for name, digits in row.scores.items() if name.startswith(split)}
        verdicts[row.seed] = {name: np.array(list(digits), np.float64) for name, digits in domains.items()}
    return verdicts


def over_seeds(verdicts: Verdicts) -> list[float]:
    """Accuracy over all problems of each run."""
    return [_over_problems(domains) for domains in verdicts.values()]


def _over_problems(domains: Mapping[str, Floats]) -> float:
    return float(np.concatenate(list(domains.values())).mean())


def _accuracy(chosen: dict[str, list[FinishedRun]], split: str) -> str:
    runs = {arm: verdicts_of(rows, split) for arm, rows in chosen.items()}
    first = next(iter(runs.values()))
    domains = sorted(next(iter(first.values()), {}))
    if not domains:
        return ""
    arms = dict(runs)
    arms["start"] = {seed: run for rows in chosen.values() for seed, run in verdicts_of(rows, split, when=0).items()}
    measures = ["all problems", "mean of domains", "over the start", "% of oracle", "closed", "over majority"]
    lines = []
    for arm, verdicts in arms.items():
        per_domain = [float(np.mean([run[name].mean() for run in verdicts.values()])) for name in domains]
        line = [arm, " ".join(map(str, sorted(verdicts))), *(f"{value:.3f}" for value in per_domain)]
        line += [mean_sd(over_seeds(verdicts)), f"{np.mean(per_domain):.3f}"]
        line.append(interval({"arm": verdicts, "start": arms["start"]}, over("start"), "{:+.3f}"))
        compared = [
            (of_oracle, "{:.1f}", ("oracle",), ()),
            (closed, "{:.2f}", ("oracle", "labelled"), ("oracle", "labelled", "start")),
            (over("majority"), "{:+.3f}", ("majority",), ("majority", "start")),
        ]
        for statistic, form, needed, without in compared:
            others = {name: runs[name] for name in needed if name in runs}
            comparable = len(others) == len(needed) and arm not in without
            line.append(interval({"arm": verdicts, **others}, statistic, form) if comparable else "")
        lines.append(line)
    title = "In domain" if split == "test" else "Out of domain"
    problems = len(np.concatenate(list(next(iter(first.values())).values())))
    return f"### {title}, {problems} problems\n\n{markdown(['arm', 'seeds', *domains, *measures], lines)}"


def superseded(rows: Sequence[FinishedRun], before: Sequence[FinishedRun]) -> str:
    """The runs that the tables leave out, one by one, and what an arm comes to if the first run of each seed counts instead.

    `before` is in the order in which the runs were made.
    """
    newest = [row for row in (*before, *rows) if row.arm == "oracle"]
    oracle = verdicts_of(newest, "test")
    lines = []
    for row in sorted(before, key=lambda row: (row.arm, row.share, row.seed)):
        verdicts, elsewhere = (verdicts_of([row], split)[row.seed] for split in ("test", "ood"))
        accuracy, best = _over_problems(verdicts), oracle.get(row.seed)
        of_best = "" if best is None else f"{100 * accuracy / _over_problems(best):.1f}"
        place = [row.arm, f"{row.share:.0%}", str(row.seed), row.commit]
        lines.append([*place, f"{accuracy:.3f}", of_best, f"{_over_problems(elsewhere):.3f}"])
    compared = []
    for arm, share in sorted({(row.arm, row.share) for row in before} - {("oracle", 1.0)}):
        shown = [row for row in rows if (row.arm, row.share) == (arm, share)]
        first: dict[int, FinishedRun] = {}
        for row in (*before, *shown):
            if (row.arm, row.share) == (arm, share):
                first.setdefault(row.seed, row)
        if len(shown) > 1:
            ways = [verdicts_of(list(chosen), "test") for chosen in (first.values(), shown)]
            instead, now = (interval({"arm": runs, "oracle": oracle}, of_oracle, "{:.1f}") for runs in ways)
            compared.append(f"{arm} with {share:.0%} of the labels {instead} instead of {now}")
    remark = (
        f"{len(before)} runs are in no table above: a later run with the same arm, labels and seed stands there instead, or their "
        "settings are no longer offered (decisions.md says why)."
    )
    if compared:
        remark += f" If the first run of each seed counts, % of oracle is: {'; '.join(compared)}."
    head = ["arm", "labels", "seed", "code", "in domain", "% of oracle", "out of domain"]
    return f"## Runs that others replaced\n\n{remark}\n\n{markdown(head, lines)}"


def interval(arms: Mapping[str, Verdicts], statistic: Statistic, form: str) -> str:
    """A statistic of arms on their common seeds, with its 95 % interval over seeds and, within them, problems.

    "undefined" where, say, there is no distance to close, and nothing where there is no common seed.
    """
    values = resampled(arms, statistic)
    if values is None:
        return ""
    if np.isnan(values[0]):
        return "undefined"
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return f"{form.format(values[0])} ({form.format(low)} to {form.format(high)})"


def resampled(arms: Mapping[str, Verdicts], statistic: Statistic) -> Floats | None:
    """[1 + resamples] the statistic, then the same of each resample; None where the arms have no common seed."""
    seeds = sorted(set.intersection(*(set(verdicts_of_arm) for verdicts_of_arm in arms.values())))
    if not seeds:
        return None
    first = next(iter(arms.values()))
    times = _times(tuple(tuple(map(len, first[seed].values())) for seed in seeds)).astype(np.float32)
    accuracy, counted = {}, times @ np.ones(times.shape[1], np.float32)
    for arm, verdicts_of_arm in arms.items():
        verdicts = [verdicts_of_arm[seed][domain] for seed in seeds for domain in first[seed]]
        right = times @ np.concatenate(verdicts).astype(np.float32)  # whole numbers, exact in single precision
        accuracy[arm] = right.astype(np.float64) / counted
    return statistic(accuracy)


@lru_cache(maxsize=32)
def _times(sizes: tuple[tuple[int, ...], ...]) -> NDArray[np.uint8]:
    """[1 + resamples, problems of all seeds] how often each problem counts; the first time each of them once.

    A resample draws seeds, and of each drawn seed problems within their domain, all with replacement.

    Args:
        sizes: for each seed the number of problems of each domain.
    """
    rng = np.random.default_rng(0)
    domains = [list(zip(accumulate(of_seed, initial=0), of_seed, strict=False)) for of_seed in sizes]
    starts = list(accumulate(map(sum, sizes), initial=0))
    times = np.ones((1 + _RESAMPLES, starts[-1]), np.uint8)
    for resample in range(1, 1 + _RESAMPLES):
        drawn = [
            (starts[seed] + start, size) for seed in rng.choice(len(sizes), len(sizes)) for start, size in domains[seed]
        ]
        problems = []
        for size, alike in groupby(drawn, key=itemgetter(1)):  # one call for domains of one size: calls cost most
            firsts = np.array([start for start, _ in alike])
            problems.append((firsts[:, None] + rng.integers(0, size, (len(firsts), size))).ravel())
        times[resample] = np.bincount(np.concatenate(problems), minlength=starts[-1])
    return times


def of_oracle(accuracy: Mapping[str, Floats]) -> Floats:
    """Percentage of oracle's accuracy."""
    return 100 * _ratio(accuracy["arm"], accuracy["oracle"])


def closed(accuracy: Mapping[str, Floats]) -> Floats:
    """Share of the distance from labelled-only to oracle."""
    return _ratio(accuracy["arm"] - accuracy["labelled"], accuracy["oracle"] - accuracy["labelled"])


def over(other: str) -> Statistic:
    """Accuracy above that of another arm."""
    return lambda accuracy: accuracy["arm"] - accuracy[other]


def _ratio(part: Floats, whole: Floats) -> Floats:
    """NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)


def _advantages(rows: Sequence[FinishedRun]) -> list[str]:
    """How far predicted advantages follow the true ones, mean over the runs of which it is known."""
    known = [
        [value for value in half if value is not None]
        for half in zip(*(r.advantages for r in rows if r.advantages), strict=True)
    ]
    return [f"advantages {' → '.join(f'{np.mean(values):.2f}' for values in known)}"] if known and all(known) else []


def _rewards(chosen: dict[str, list[FinishedRun]]) -> str:
    head = ["arm", "queries paid", "rewards by source", "of these right", "none", "seconds a call", "minutes a run"]
    lines = []
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
                ", ".join([f"{s} {np.mean(shares):.1%}" for s, shares in agreed.items() if shares] + _advantages(rows)),
                f"{share.get('none', 0):.0%}",
                f"{np.mean([row.reward_seconds for row in rows]):.2f}",
                f"{np.mean([row.seconds for row in rows]) / 60:.1f}",
            ]
        )
    return f"### Rewards\n\n{markdown(head, lines)}"
