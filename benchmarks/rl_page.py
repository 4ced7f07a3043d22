"""Writes docs/rl.md, the page of the former model with its picture, and README's sentence on RL from the rows in results/. Example:

python benchmarks/rl_page.py
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from harness import markdown, say
from pages import DOCS, MEASURED_ON, README, RESULTS, replaced_sentence, short
from rl_tables import (
    FinishedRun,
    Verdicts,
    commits,
    interval,
    of_oracle,
    over,
    over_seeds,
    plot_runs,
    superseded,
    tables,
    verdicts_of,
)

from trainer.reward.report import read_records

PAGE = DOCS / "rl.md"
FORMER_PAGE = DOCS / "experiments/grpo_with_former_model.md"
PRESENT, FORMER, REPLACED = (RESULTS / f"{name}.jsonl" for name in ("rl_2026-12-01-refits", "rl", "rl_before"))
EARLIER = {  # what the model had not yet → runs with it, and what that has changed since
    "fitted every 50 steps": (
        RESULTS / "rl_2026-12-01.jsonl",
        "A fit every five steps in place of 50, on half as many rollouts a query, with the prior by its evidence,",
    ),
    "before the vote was a probability": (RESULTS / "rl_2026-11-30.jsonl", "The vote as a probability"),
    "before it had trees": (RESULTS / "rl_2026-11-29.jsonl", "Boosted trees beside the first regression"),
}
SHARE = 0.2
SENTENCE = r"GRPO of a tiny policy .*?\(docs/rl\.md\)\)\."
_NUMBERS = ("no seed", "one seed", "two seeds", "three seeds", "four seeds", "five seeds", "six seeds")


Earlier = Mapping[str, Sequence[FinishedRun]]


def rows_of(file: Path) -> list[FinishedRun]:
    """Rows of a file."""
    return [FinishedRun.of(row) for row in read_records(file)]


def earlier_runs() -> Earlier:
    """Runs with earlier forms of the present model, by what it had not yet."""
    return {when: rows_of(file) for when, (file, _) in EARLIER.items()}


def chosen(rows: Sequence[FinishedRun], arm: str, seeds: Sequence[int]) -> list[FinishedRun]:
    """Runs of an arm with 20 % of the labels, oracle with all, of these seeds."""
    return [row for row in rows if row.arm == arm and row.share in (SHARE, 1.0) and row.seed in seeds]


def seeds_of(present: Sequence[FinishedRun]) -> list[int]:
    """Seeds that the present model's memory has run with."""
    return sorted({row.seed for row in present if row.arm == "memory" and row.share == SHARE})


def counted(seeds: Sequence[int]) -> str:
    """How many seeds, in words."""
    return _NUMBERS[len(seeds)] if len(seeds) < len(_NUMBERS) else f"{len(seeds)} seeds"


def named(seeds: Sequence[int]) -> str:
    """Which seeds: "Seed 26", "Seeds 26, 27 and 28"."""
    *others, last = map(str, seeds)
    return f"Seeds {', '.join(others)} and {last}" if others else f"Seed {last}"


def of_best(verdicts: Verdicts, oracle: Verdicts) -> str:
    """% of oracle with its interval."""
    return interval({"arm": verdicts, "oracle": oracle}, of_oracle, "{:.1f}")


def in_prose(percentage: str) -> str:
    """With the sign: "94.1 % (89.2 to 99.3)"."""
    return percentage.replace(" (", " % (")


def predicted(rows: Sequence[FinishedRun]) -> str:
    """Share of the predicted rewards that are on the right side of ½, mean over runs; nothing where none was predicted."""
    shares = [value for row in rows for source, value in row.agreement.items() if source != "label"]
    return f"{np.mean(shares):.0%}".replace("%", " %") if shares else ""


def sentence(present: Sequence[FinishedRun], former: Sequence[FinishedRun]) -> str:
    """README's."""
    seeds = seeds_of(present)
    memory = verdicts_of(chosen(present, "memory", seeds), "test")
    labelled, oracle = (verdicts_of(chosen(former, arm, seeds), "test") for arm in ("labelled", "oracle"))
    reached = in_prose(of_best(memory, oracle)).removesuffix(")")
    alone = of_best(labelled, oracle).partition(" ")[0]
    return (
        f"GRPO of a tiny policy with 20 % of the labels reached {reached}, {counted(seeds)}) "
        f"of what all labels give, the labelled queries alone {alone} % ([docs/rl.md](docs/rl.md))."
    )


def table(present: Sequence[FinishedRun], earlier: Earlier, former: Sequence[FinishedRun]) -> str:
    """The arms on the present model's seeds, in domain. Arms without a reward model have run once, with the former code."""
    seeds = seeds_of(present)
    oracle = chosen(former, "oracle", seeds)
    arms = {
        "majority": chosen(former, "majority", seeds),
        "labelled": chosen(former, "labelled", seeds),
        "memory": chosen(present, "memory", seeds),
        "memory, without experience (`moment`)": chosen(present, "moment", seeds),
    }
    for when, rows in earlier.items():
        arms |= {
            f"memory, {when}": chosen(rows, "memory", seeds),
            f"without experience, {when}": chosen(rows, "moment", seeds),
        }
    arms |= {"memory, the model before that": chosen(former, "memory", seeds), "oracle": oracle}
    best = verdicts_of(oracle, "test")
    lines = [line("start", verdicts_of(oracle, "test", when=0), best, "")]
    for arm, rows in arms.items():
        if rows:
            lines.append(line(arm, verdicts_of(rows, "test"), best, predicted(rows)))
    return markdown(["arm", "seeds", "accuracy", "% of oracle", "predicted rewards that are right"], lines)


def line(arm: str, verdicts: Verdicts, oracle: Verdicts, right: str) -> list[str]:
    """Cells of one arm."""
    values = over_seeds(verdicts)
    spread = f" ± {short(float(np.std(values)))}" if len(values) > 1 else ""
    seeds = " ".join(map(str, sorted(verdicts)))
    return [arm, seeds, f"{short(float(np.mean(values)))}{spread}", of_best(verdicts, oracle), right]


def changes(present: Sequence[FinishedRun], earlier: Earlier) -> str:
    """What each part of the model changed, and experience, each on the seeds that have run with and without."""
    told, later = [], present
    for (_, what), rows in zip(EARLIER.values(), earlier.values(), strict=True):
        seeds = sorted(set(seeds_of(later)) & set(seeds_of(rows)))
        with_it, without = (verdicts_of(chosen(runs, "memory", seeds), "test") for runs in (later, rows))
        changed = interval({"arm": with_it, "before": without}, over("before"), "{:+.3f}")
        told.append(f"{what} changed accuracy by {changed}.")
        later = rows
    for when, rows in {"": present, **{f" {when}": rows for when, rows in earlier.items()}}.items():
        memory, moment = (verdicts_of(chosen(rows, arm, seeds_of(rows)), "test") for arm in ("memory", "moment"))
        if moment:
            change = interval({"arm": memory, "moment": moment}, over("moment"), "{:+.3f}")
            told.append(f"Experience of the same query{when} changed it by {change}.")
    return "\n".join(told)


def page(present: Sequence[FinishedRun], earlier: Earlier, former: Sequence[FinishedRun]) -> str:
    """docs/rl.md, on the present model."""
    seeds = seeds_of(present)
    oracle, start = (verdicts_of(chosen(former, "oracle", seeds), "test", when=when) for when in (1, 0))
    memory = verdicts_of(chosen(present, "memory", seeds), "test")
    labelled = verdicts_of(chosen(former, "labelled", seeds), "test")
    gained = interval({"arm": memory, "start": start}, over("start"), "{:+.3f}")
    beside = interval({"arm": memory, "labelled": labelled}, over("labelled"), "{:+.3f}")
    problems = sum(map(len, next(iter(oracle.values())).values()))
    return f"""# GRPO with few labels, arm by arm

With 20 % of the labels, accuracy grows by {gained}. It reaches {in_prose(of_best(memory, oracle))}
of what all labels give. Training on the labelled queries alone reaches {in_prose(of_best(labelled, oracle))}.
The difference is {beside}. The model reads no words, and the tiny world's facts are in words.

{named(seeds)}, 20 % of the queries labelled, drawn at random, greedy accuracy on {problems} held-out problems in domain. In
brackets: 95 % interval over seeds and, within them, problems (bootstrap, arms compared on the same problems).

{table(present, earlier, former)}

{changes(present, earlier)}

`benchmarks/rl.py --arms memory --shares 0.2 --first-seed {seeds[0]} --seeds {len(seeds)} --out
benchmarks/results/{PRESENT.name}` makes the rows of the present model, `benchmarks/rl_page.py` this page. The other
arms are runs of the same seeds with the former model
([experiments/{FORMER_PAGE.name}](experiments/{FORMER_PAGE.name})), which has all shares of labels.

{MEASURED_ON}, beside other jobs. Code at {commits(present)}.
"""


def former_page(former: Sequence[FinishedRun], before: Sequence[FinishedRun]) -> str:
    """The page on the reward model before 29 November 2026."""
    return f"""# GRPO with few labels, with the former model

Every arm with the reward model before 29 November 2026, which [former_reward_model.md](former_reward_model.md) describes. The present
one stands in [rl.md](../rl.md).

![Accuracy of training responses by step, and held-out accuracy by share of labels]({FORMER_PAGE.stem}.png)

{tables(former)}

{superseded(former, before)}

{MEASURED_ON}, beside other jobs. Code of the rows before the last table at {commits(former)}.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    present, former, before = map(rows_of, (PRESENT, FORMER, REPLACED))
    PAGE.write_text(page(present, earlier_runs(), former), encoding="utf-8")
    FORMER_PAGE.write_text(former_page(former, before), encoding="utf-8")
    plot_runs(former, FORMER_PAGE.with_suffix(".png"))
    text = README.read_text(encoding="utf-8")
    README.write_text(replaced_sentence(text, SENTENCE, sentence(present, former)), encoding="utf-8")
    say(f"{PAGE}, {FORMER_PAGE} and README's sentence are written")


if __name__ == "__main__":
    main()
