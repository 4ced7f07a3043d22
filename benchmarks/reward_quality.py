"""How good are predicted rewards on real rollouts? Every scorer, several shares of labels, several splits.

Rollouts: `rollout_files.py`. Each row is written to --out as it comes, so a call that was stopped goes on where it was. Example:

    python benchmarks/reward_quality.py ROLLOUTS --labels 0.2 --seeds 5 --out rows.jsonl --table docs/reward_quality.md

With --now and --history one run is scored, after others. Rows of other trials in --out are left alone. With --snapshots each
set is read once for all calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness import Row, Rows, add_row_options, markdown, parser_of, report, say
from rollout_files import add_rollout_options, files_of, vectors_of

from memgraph.evaluation import EvaluationRow, evaluate_files, summarise
from memgraph.inspection.plots import plot_curves, plot_evaluation, plot_label_curve
from memgraph.models.metrics import Curves
from memgraph.models.prior import SHIPPED
from memgraph.models.scorers import SCORERS
from memgraph.models.scores import DEFAULT_SCORER
from memgraph.snapshot.splits import Experience

_SHARE = 0.2  # of the labels, at which everything is shown in detail
_QUICK = ("majority_vote", "pooled_votes", "logistic", DEFAULT_SCORER)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick=f"the smallest set, 20 % labels, one split of {', '.join(_QUICK)}", seeds=5)
    add_rollout_options(parser, snapshots=True)
    add_row_options(parser, "reward_quality.jsonl")
    parser.add_argument(
        "--labels", type=float, nargs="*", default=[0.05, 0.1, 0.2, 0.5], help="shares of queries labelled"
    )
    parser.add_argument("--scorers", nargs="*", default=list(SCORERS), choices=list(SCORERS))
    parser.add_argument("--now", metavar="RUN[:N]", help="score this run only, of each query the first N rollouts")
    parser.add_argument("--history", nargs="*", default=[], help="with --now: runs that were in the memory before")
    parser.add_argument("--history-labels", choices=["none", "all"], default="none", help="those that are known")
    parser.add_argument("--prior", default=SHIPPED, help="what the reward model starts from: a file, or none")
    options = parser.parse_args(argv)
    if options.quick:
        options.labels, options.seeds = [_SHARE], 1
        options.scorers = [name for name in options.scorers if name in _QUICK]
    if options.now is None and options.history:
        parser.error("--history needs --now")
    if options.history_labels == "all" and not options.history:
        parser.error("--history-labels all needs --history")
    experience = None if options.now is None else Experience.of(options.now, options.history, options.history_labels)
    files = files_of(options)
    rows = Rows(
        options,
        ("file", "labels", "seed", "scorer"),
        belongs=lambda row: belongs(row_of(row), experience, options.prior),
    )
    fresh = evaluate_files(
        files,
        shares=options.labels,
        seeds=options.seeds,
        scorers=options.scorers,
        embeddings=[vectors_of(file) for file in files],
        experience=experience,
        snapshots=options.snapshots,
        prior=options.prior,
        done=rows.done,
        say=say,
    )
    for row in fresh:
        rows.add(asdict(row))
        say(f"{row.file} {row.labels} {row.seed} {row.scorer}: AUC {row.auc}")
    report("reward_quality", options, rows.all, tables)
    if options.table is not None:
        draw([row_of(row) for row in rows.all], options.table)


def draw(rows: Sequence[EvaluationRow], page: Path) -> None:
    """Pictures beside a page, with its name: metrics with 20 % of the labels, by share of labels, and their curves."""
    shown = [row for row in rows if row.labels == _SHARE]
    plot_evaluation(shown, page.with_suffix(".png"))
    plot_label_curve(rows, page.with_name(f"{page.stem}_labels.png"))
    plot_curves(shown, page.with_name(f"{page.stem}_curves.png"))


def row_of(row: Row) -> EvaluationRow:
    """A row as it was written, also by versions before experience."""
    changed = {"curves": Curves(**row["curves"]), "history": tuple(row.get("history", ()))}
    return EvaluationRow(**{name: value for name, value in row.items() if name != "quick"} | changed)


def experience_of(row: EvaluationRow) -> Experience | None:
    """What was scored after what, None where everything was scored."""
    return None if row.now is None else Experience(row.now, row.samples, row.history, row.history_labels)


def belongs(row: EvaluationRow, experience: Experience | None, prior: str) -> bool:
    """Whether a row is of this trial: of the same history, and of this prior where it has one."""
    return experience_of(row) == experience and row.prior in (None, Path(prior).name)


def tables(rows: Sequence[Row]) -> str:
    """Markdown: means ± standard deviations over the splits."""
    parts = [f"Default scorer: {DEFAULT_SCORER}"]
    head = ["scorer", "AUC", "within-query AUC", "accuracy", "ECE", "coverage", "seconds"]
    for title, lines in summarise(map(row_of, rows)):
        parts.append(f"**{title}**, {len({row['seed'] for row in rows})} splits\n\n{markdown(head, lines)}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
