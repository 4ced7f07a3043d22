"""Writes docs/reward_quality.md, its pictures and README's table from the rows of `reward_quality.py` in results/. Example:

python benchmarks/reward_quality_page.py
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from harness import markdown, say
from numpy.typing import NDArray
from pages import DOCS, MEASURED_ON, README, RESULTS, replaced, short, signed
from reward_quality import draw, row_of
from scipy.stats import t as student

from memgraph.evaluation import EvaluationRow
from memgraph.models.scores import DEFAULT_SCORER
from trainer.reward.report import read_records

ROWS, PAGE = RESULTS / "reward_quality.jsonl", DOCS / "reward_quality.md"
SETS = {  # (file, history) → as people read it
    ("gsm8k", ""): "gsm8k",
    ("mmlu_pro_math", ""): "MMLU-Pro maths",
    ("mmlu_pro_qa", ""): "MMLU-Pro questions",
    ("humaneval", ""): "HumanEval",
    ("exams_dev", ""): "exams",
    ("exams_dev", "t0.8"): "exams + history",
    ("aqua_codex_dev", ""): "AQuA",
    ("aqua_codex_dev", "a"): "AQuA + history",
}
MANY_POLICIES = tuple(SETS)[:4]
VOTES = ("majority_vote", "consensus_share", "pooled_votes")
RIVALS = ("pooled_votes", "logistic", "boosting", "geomin", "trapo", DEFAULT_SCORER)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.5)
AUC, WITHIN, ACCURACY, ECE = range(4)

Metrics = NDArray[np.float64]
Trial = tuple[str, str, str, float]
"""(file, history, its labels, share of labels)"""


class Results:
    """[seeds, 4] AUC, within-query AUC, accuracy and ECE of each scorer in each trial."""

    def __init__(self, rows: Iterable[EvaluationRow]) -> None:
        self._metrics: dict[tuple[Trial, str], dict[int, list[float]]] = defaultdict(dict)
        for row in rows:
            if row.auc is not None:
                within = np.nan if row.within_query_auc is None else row.within_query_auc
                trial = (row.file.split(".")[0], "+".join(row.history), row.history_labels, row.labels)
                self._metrics[trial, row.scorer][row.seed] = [row.auc, within, row.accuracy, row.ece]

    def of(self, scorer: str, name: str, history: str, share: float, *, labels: str = "none") -> dict[int, Metrics]:
        """Split → metrics."""
        by_seed = self._metrics.get(((name, history, labels, share), scorer), {})
        return {seed: np.array(values) for seed, values in sorted(by_seed.items())}

    def mean(
        self,
        scorer: str,
        name: str,
        history: str,
        share: float,
        *,
        labels: str = "none",
        splits: int | None = None,
    ) -> Metrics | None:
        """Over the splits, or the first few; None where it was not measured, or could not answer."""
        metrics = list(self.of(scorer, name, history, share, labels=labels).values())[:splits]
        return np.mean(metrics, axis=0) if metrics else None

    def best_votes(self, name: str, history: str, share: float) -> Metrics:
        """Of the votes, each metric by itself the best one's mean."""
        means = [self.mean(scorer, name, history, share) for scorer in VOTES]
        return np.max([mean for mean in means if mean is not None], axis=0)

    def gain(self, metric: int, name: str, history: str, share: float) -> tuple[float, float]:
        """Model less the votes that are best on the mean: mean difference, and its lower 95 % bound, paired by split."""
        model = self.of(DEFAULT_SCORER, name, history, share)
        votes = [self.of(scorer, name, history, share) for scorer in VOTES]
        seeds = [seed for seed in model if all(seed in vote for vote in votes)]
        best = max(votes, key=lambda vote: np.mean([vote[seed][metric] for seed in seeds]))
        gains = np.array([model[seed][metric] - best[seed][metric] for seed in seeds])
        error = student.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
        return float(gains.mean()), float(gains.mean() - error)


def cell(mean: Metrics | None, metrics: Sequence[int] = (AUC, WITHIN, ACCURACY)) -> str:
    """Metrics with slashes between them; a dash for none."""
    return "–" if mean is None else "/".join(short(mean[metric]) for metric in metrics)


def share_names(shares: Sequence[float]) -> list[str]:
    """Shares as heads of columns."""
    return ["no label" if share == 0 else f"{share:.0%}" for share in shares]


def by_set(lines: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Lines that begin with the name of the set."""
    return [[name, *cells] for name, cells in lines.items()]


def by_share(results: Results, shares: Sequence[float]) -> str:
    """The main table."""
    head = ["set", "votes, no label", *share_names(shares)]
    lines = {
        title: [
            cell(results.best_votes(*trial, 0.0)),
            *(cell(results.mean(DEFAULT_SCORER, *trial, share)) for share in shares),
        ]
        for trial, title in SETS.items()
    }
    return markdown(head, by_set(lines))


def gains(results: Results, metric: int) -> str:
    """Differences to the best votes with their lower bounds."""
    lines = {}
    for trial, title in SETS.items():
        differences = [results.gain(metric, *trial, share) for share in SHARES]
        lines[title] = [f"{signed(mean)} ({signed(low)})" for mean, low in differences]
    return markdown(["set", *share_names(SHARES)], by_set(lines))


def below(results: Results) -> str:
    """The trials in which the model is below the votes by more than .003 on the mean, or .010 at the bound."""
    lines = []
    for metric, what in ((AUC, "AUC"), (WITHIN, "within queries"), (ACCURACY, "accuracy")):
        for trial, title in SETS.items():
            for share in SHARES:
                mean, low = results.gain(metric, *trial, share)
                if mean < -0.003 or low < -0.010:
                    lines.append([title, f"{share:.0%}", what, signed(mean), signed(low)])
    trials = 3 * len(SETS) * len(SHARES)
    head = ["set", "labels", "metric", "mean", "bound"]
    table = markdown(head, lines)
    return f"In {len(lines)} of {trials} comparisons the mean is below -.003 or the bound below -.010.\n\n{table}"


def page(results: Results, splits: int) -> str:
    """The whole page."""
    rivals = {
        title: [cell(results.mean(scorer, *trial, 0.2, splits=3)) for scorer in RIVALS] for trial, title in SETS.items()
    }
    errors = {
        title: [cell(results.mean(DEFAULT_SCORER, *trial, share), [ECE]) for share in SHARES]
        for trial, title in SETS.items()
    }
    labelled = [
        f"{SETS[trial]}: {cell(results.mean('equal_answer', *trial, 0.2, labels='all'))} and "
        f"{cell(results.mean(DEFAULT_SCORER, *trial, 0.2, labels='all'))}"
        for trial in (("exams_dev", "t0.8"), ("aqua_codex_dev", "a"))
    ]
    ordered = [results.gain(WITHIN, *trial, 0.2)[0] for trial in MANY_POLICIES]
    unlabelled = np.mean([results.gain(WITHIN, *trial, 0.0)[0] for trial in SETS])
    of_one = [results.gain(WITHIN, *trial, 0.2)[0] for trial in SETS if trial not in MANY_POLICIES]
    low, high = signed(min(of_one)), signed(max(of_one))
    error = np.mean([results.mean(DEFAULT_SCORER, *trial, 0.0)[ECE] for trial in SETS])
    least, most, mean, off = (f"{value:.2f}".lstrip("0") for value in (min(ordered), max(ordered), unlabelled, error))
    return f"""# How good predicted rewards are on real rollouts

The reward model starts from the vote of a query's rollouts and moves away from it as far as labels support. With 20 % of the
labels it orders right and wrong rollouts of a query better than votes on all sets of many policies, by {least} to {most}. On sets of
one policy it differs from them by {low} to {high}. Without any label it is {mean} better within queries on the mean, by what other
families taught of the checks, and its probabilities are off by {off} on the mean (expected calibration error).

![AUC, within-query AUC, accuracy and calibration error of every scorer, 20 % of the labels](reward_quality.png)

AUC / within-query AUC / accuracy, mean of {splits} splits. The prior is learned without the set's whole family. Votes are the
best of `{"`, `".join(VOTES)}`, each figure by itself.

{by_share(results, SHARES)}

## Against the votes

Within-query AUC less that of the best votes, mean over {splits} splits, in brackets the lower 95 % bound, paired by split.

{gains(results, WITHIN)}

{below(results)}

Without a label nothing of a split is random, so its bound is the mean. On exams hardly anything but votes tells right from wrong: what
other families taught of the checks costs some order there, and so does what few labels seem to show.

## Rivals, 20 % of the labels

The first three splits. TraPO answers only where there is a history.

{markdown(["set", *RIVALS], by_set(rivals))}

A random reward has .50/.50. A linear probe on the embeddings has {cell(results.mean("linear_probe", "humaneval", "", 0.2))} on
HumanEval and {cell(results.mean("linear_probe", "mmlu_pro_math", "", 0.2))} on MMLU-Pro maths. The paper's network with messages
from the memory has {cell(results.mean("paper_gnn_corrected", "humaneval", "", 0.2))} on HumanEval.

Where the history is labelled, most answers have been seen. The label of an equal answer, and the model, have for
{"; ".join(labelled)}.

## Calibration

Expected calibration error of the model, mean of {splits} splits.

{markdown(["set", *share_names(SHARES)], by_set(errors))}

[reward_quality_labels.png](reward_quality_labels.png) draws the metrics by share of labels,
[reward_quality_curves.png](reward_quality_curves.png) ROC and calibration.

`benchmarks/reward_quality.py ROLLOUTS --prior FILE` makes the rows in `benchmarks/results/reward_quality.jsonl`,
`benchmarks/reward_quality_page.py` this page. {MEASURED_ON}.
"""


def readme(text: str, results: Results, splits: int) -> str:
    """README with its table, and what it says of the set on which votes are all there is to know."""
    passage = f"Mean of {splits} splits. What is learned on\nother sets leaves the whole family out "
    passage += "([docs/reward_quality.md](docs/reward_quality.md)).\n\n"
    passage += by_share(results, (0.0, 0.05, 0.2, 0.5))
    text = replaced(text, r"Mean of \w+ splits\. What is learned on.*?\n\n\|.*?(?=\n\n)", passage)
    model, votes = results.mean(DEFAULT_SCORER, "exams_dev", "", 0.2), results.best_votes("exams_dev", "", 0.2)
    ordered = [short(metrics[WITHIN]) for metrics in (model, votes)]
    return replaced(text, r"\(exams: \S+ against [.\d]+\)", f"(exams: {' against '.join(ordered)})")


def read() -> tuple[list[EvaluationRow], Results, int]:
    """The rows, what they give, and how many splits all trials have."""
    rows = [row_of(row) for row in read_records(ROWS)]
    results = Results(rows)
    return rows, results, min(len(results.of(DEFAULT_SCORER, *trial, share)) for trial in SETS for share in SHARES)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args(argv)
    rows, results, splits = read()
    PAGE.write_text(page(results, splits), encoding="utf-8")
    draw([row for row in rows if not row.history], PAGE)
    README.write_text(readme(README.read_text(encoding="utf-8"), results, splits), encoding="utf-8")
    say(f"{PAGE} and README's table are written")


if __name__ == "__main__":
    main()
