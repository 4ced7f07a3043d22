"""How good are predicted rewards on real rollouts? Every scorer, several shares of labels, several splits.

Needs a folder of rollouts (JSONL.gz with `correct`) with their vectors beside them as NAME.minilm.npz. Each row is
written to --out as it comes; a run that was stopped goes on where it was. Example:

    python benchmarks/reward_quality.py ROLLOUTS --labels 0.2 --seeds 5 --out rows.jsonl --table docs/reward_quality.md

With --now and --history one run is scored, after others; rows of other trials in --out are left alone. With --snapshots
each set is read once for all calls.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from machine import machine, versions
from rollout_files import files_of, vectors_of

from memgraph.evaluation import EvaluationRow, evaluate_files, summarise
from memgraph.inspection.plots import plot_curves, plot_evaluation, plot_label_curve
from memgraph.models.metrics import Curves
from memgraph.models.prior import SHIPPED
from memgraph.models.scorers import SCORERS
from memgraph.models.scores import DEFAULT_SCORER
from memgraph.snapshot.splits import Experience
from trainer.reward.report import append_records, read_records

_SHARE = 0.2  # of the labels, at which everything is shown in detail


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=Path, help="folder with NAME.jsonl.gz and NAME.minilm.npz")
    parser.add_argument("--sets", nargs="*", help="names; by default all in the folder")
    parser.add_argument(
        "--labels", type=float, nargs="*", default=[0.05, 0.1, 0.2, 0.5], help="shares of queries labelled"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scorers", nargs="*", default=list(SCORERS), choices=list(SCORERS))
    parser.add_argument("--now", metavar="RUN[:N]", help="score this run only, of each query the first N rollouts")
    parser.add_argument("--history", nargs="*", default=[], help="with --now: runs that were in the memory before")
    parser.add_argument("--history-labels", choices=["none", "all"], default="none", help="those that are known")
    parser.add_argument("--prior", default=SHIPPED, help="what the reward model starts from: a file, or none")
    parser.add_argument("--snapshots", type=Path, help="folder that keeps what is read of each set")
    parser.add_argument("--out", type=Path, default=Path("reward_quality.jsonl"), help="rows, appended as they come")
    parser.add_argument("--table", type=Path, help="Markdown tables to write; pictures of the same name beside them")
    parser.add_argument("--quick", action="store_true", help="20 %% labels, one split")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    if options.quick:
        options.labels, options.seeds = [0.2], 1
    if options.now is None and options.history:
        parser.error("--history needs --now")
    if options.history_labels == "all" and not options.history:
        parser.error("--history-labels all needs --history")
    experience = None if options.now is None else Experience.of(options.now, options.history, options.history_labels)
    files = files_of(options.rollouts, options.sets)
    rows = [row for row in map(row_of, read_records(options.out)) if belongs(row, experience, options.prior)]
    fresh = evaluate_files(
        files,
        shares=options.labels,
        seeds=options.seeds,
        scorers=options.scorers,
        embeddings=[vectors_of(file) for file in files],
        experience=experience,
        snapshots=options.snapshots,
        prior=options.prior,
        done={(row.file, row.labels, row.seed, row.scorer) for row in rows},
        say=lambda message: print(message, file=sys.stderr),
    )
    for row in fresh:
        rows.append(row)
        append_records(options.out, asdict(row))
        print(f"{row.file} {row.labels} {row.seed} {row.scorer}: AUC {row.auc}", file=sys.stderr)
    if options.json:
        found = {"machine": machine(), "versions": versions(), "rows": [asdict(row) for row in rows]}
        print(json.dumps({"benchmark": "reward_quality", **found}, indent=2))
    if options.table is not None:
        options.table.write_text(tables(rows), encoding="utf-8")
        folder, name = options.table.parent, options.table.stem
        plot_evaluation([row for row in rows if row.labels == _SHARE], folder / f"{name}.png")
        plot_label_curve(rows, folder / f"{name}_labels.png")
        plot_curves([row for row in rows if row.labels == _SHARE], folder / f"{name}_curves.png")
    elif not options.json:
        print(tables(rows))


def row_of(found: dict[str, Any]) -> EvaluationRow:
    """A row as it was written, also by versions before experience."""
    changed = {"curves": Curves(**found["curves"]), "history": tuple(found.get("history", ()))}
    return EvaluationRow(**{**found, **changed})


def experience_of(row: EvaluationRow) -> Experience | None:
    """What was scored after what, None where everything was scored."""
    return None if row.now is None else Experience(row.now, row.samples, row.history, row.history_labels)


def belongs(row: EvaluationRow, experience: Experience | None, prior: str) -> bool:
    """Whether a row is of this trial: of the same history, and of this prior where it has one."""
    return experience_of(row) == experience and row.prior in (None, Path(prior).name)


def tables(rows: list[EvaluationRow]) -> str:
    """Markdown: means ± standard deviations over the splits."""
    parts = [f"{machine()}; {versions()}; default scorer: {DEFAULT_SCORER}"]
    for title, lines in summarise(rows):
        seeds = len({row.seed for row in rows})
        head = ["scorer", "AUC", "within-query AUC", "accuracy", "ECE", "coverage", "seconds"]
        table = [head, ["---"] * len(head), *lines]
        parts.append(f"**{title}**, {seeds} splits\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in table))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
