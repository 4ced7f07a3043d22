"""Pictures of a memory and of results, by matplotlib (extra `plots`).

`calibration`, `rewards`, `trajectory` and `label_curve` draw one picture each, into `ax` or a figure of their own, and return its
`Axes`. The first three take a `Memory`, or the rows that `memreward inspect` gives for the query that their text names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from memgraph.extras import installed
from memgraph.inspection.filters import Filters, with_whole_keys
from memgraph.inspection.summed import STEP_PARTS, mean_of, over_domains
from memgraph.printable import cut, shown
from memgraph.store.meant import require_known
from memgraph.store.named_queries import run_inspection
from memgraph.store.store import Store

with installed():
    from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from memgraph.evaluation import EvaluationRow

Rows = Iterable[Mapping[str, Any]]

_METRICS = {"auc": "AUC", "within_query_auc": "within-query AUC", "accuracy": "accuracy", "ece": "ECE"}


def calibration(source: Store | Rows, ax: Axes | None = None, **filters: Unpack[Filters]) -> Axes:
    """Share of right rollouts over the predicted probability, by tenths, on the diagonal where predictions hold.

    Rollouts whose label the model could not have learned from are a line of their own: only they tell of new rollouts.

    Args:
        source: a memory, or rows of the query `calibration`.
        filters: a run, a data set and a ledger of a memory that count alone.

    Raises:
        InputError: for a run, data set or ledger that there is not.
    """
    rows, ax = over_domains(_rows(source, "calibration", filters)), _axes(ax)
    ax.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for held_out, label in ((True, "labels kept from the model"), (False, "labels it may have learned from")):
        tenths = [row for row in rows if row["held_out"] is held_out]
        if tenths:
            counts = np.array([row["rollouts"] for row in tenths])
            predicted, right = [row["predicted"] for row in tenths], [row["right"] for row in tenths] / counts
            (line,) = ax.plot(predicted, right, label=f"{label} ({counts.sum():,} rollouts)")
            ax.scatter(predicted, right, s=10 + 90 * counts / counts.max(), color=line.get_color())
    ax.set(
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
        xlabel="predicted",
        ylabel="share right",
        title="How far predictions hold",
    )
    return _finished(ax)


def rewards(source: Store | Rows, ax: Axes | None = None, **filters: Unpack[Filters]) -> Axes:
    """Of a training run, over its steps, the share of rollouts that each source rewarded, and the mean reward (dashed).

    Args:
        source: a memory, whose steps are summed up in parts, or rows of the query `reward_sources`.
        filters: a run (else the newest one with rewards) and a data set of a memory that count alone.

    Raises:
        InputError: for a run or data set that there is not.
    """
    rows, ax = _rows(source, "reward_sources", filters, parts=STEP_PARTS), _axes(ax)
    rows = [row for row in rows if row["run"] == rows[0]["run"]]
    parts = sorted({(row["first"], row["last"]) for row in rows})
    steps = [(first + last) / 2 for first, last in parts]
    by_part = [[row for row in rows if (row["first"], row["last"]) == part] for part in parts]
    totals = [sum(row["rollouts"] for row in part) for part in by_part]
    for source_name in sorted({row["source"] for row in rows}):
        counts = [sum(row["rollouts"] for row in part if row["source"] == source_name) for part in by_part]
        ax.plot(steps, np.divide(counts, totals), marker="o", markersize=3, label=_text(source_name))
    means = [mean_of("mean_reward", part) for part in by_part]
    ax.plot(steps, means, color="black", linestyle="--", label="mean reward")
    title = f"Where rewards of {_text(rows[0]['run'])} came from" if rows else "No run has rewards"
    ax.set(ylim=(-0.02, 1.02), xlabel="step", ylabel="share of rollouts", title=title)
    return _finished(ax)


def trajectory(
    source: Store | Rows, ax: Axes | None = None, *, query: str | None = None, **filters: Unpack[Filters]
) -> Axes:
    """Of one query, over the steps of each run, the share of right rollouts by labels (points) and by prediction (dashed).

    Args:
        source: a memory, or rows of the query `trajectory`.
        query: its key, or how its text begins; None for the one with rollouts at the most steps.
        filters: a run, a data set and a ledger of a memory that count alone.

    Raises:
        InputError: for a run, data set or ledger that there is not.
    """
    rows, ax = _rows(source, "trajectory", filters, query=query), _axes(ax)
    for number, run in enumerate(dict.fromkeys(row["run"] for row in rows)):
        mine = [row for row in rows if row["run"] == run]
        name, steps = _text(run), [row["step"] or 0 for row in mine]
        for said, style in (("right", "o-"), ("predicted", "--")):
            values = [np.nan if row[said] is None else row[said] for row in mine]
            ax.plot(steps, values, style, color=f"C{number % 10}", label=f"{name}, {said}")
    title = _text(rows[0]["query"]) if rows else "No such query"
    ax.set(ylim=(-0.02, 1.02), xlabel="step", ylabel="share of rollouts", title=title)
    return _finished(ax)


def label_curve(rows: Iterable[EvaluationRow], ax: Axes | None = None, *, metric: str = "within_query_auc") -> Axes:
    """Each scorer's metric over the share of labels; bars are ±1 standard deviation over files and splits.

    Args:
        rows: of an evaluation (`memgraph.evaluation.evaluate_files`).
        metric: a field of these.
    """
    rows, ax = list(rows), _axes(ax)
    shares = sorted({row.labels for row in rows})
    for number, scorer in enumerate(_scorers(rows)):
        points = [
            (share, np.mean(values), np.std(values))
            for share in shares
            if (
                values := [
                    v
                    for row in rows
                    if (row.scorer, row.labels) == (scorer, share) and (v := getattr(row, metric)) is not None
                ]
            )
        ]
        if points:
            x, mean, deviation = zip(*points, strict=True)
            color, style = f"C{number % 10}", "-" if number < 10 else "--"
            ax.errorbar(
                x, mean, deviation, marker="o", markersize=3, capsize=2, color=color, linestyle=style, label=scorer
            )
    ax.set_xscale("log")
    ax.set_xticks(shares, [f"{share:.0%}" for share in shares])
    ax.minorticks_off()
    ax.set(xlabel="labelled queries", ylabel=_METRICS.get(metric, metric))
    ax.grid(alpha=0.3)
    return ax


def plot_evaluation(rows: Sequence[EvaluationRow], file: Path) -> None:
    """Each scorer's metrics, one line of panels for each file and share of labels; bars are ±1 standard deviation.

    Args:
        file: picture to write; its ending chooses the format (png, svg, pdf).
    """
    settings = list(dict.fromkeys((row.file, row.labels) for row in rows))
    scorers = list(dict.fromkeys(row.scorer for row in rows))
    figure = Figure(
        figsize=(3.2 * len(_METRICS), 0.6 + (0.9 + 0.32 * len(scorers)) * len(settings)), layout="constrained"
    )
    panels = figure.subplots(len(settings), len(_METRICS), sharey=True, squeeze=False)
    for line, (name, share) in zip(panels, settings, strict=True):
        line[0].set_ylabel(f"{name}\n{share:.0%} labelled", fontsize=8)
        for panel, (field, title) in zip(line, _METRICS.items(), strict=True):
            for position, scorer in enumerate(scorers):
                group = [row for row in rows if (row.file, row.labels, row.scorer) == (name, share, scorer)]
                values = [value for row in group if (value := getattr(row, field)) is not None]
                if values:
                    panel.errorbar(np.mean(values), position, xerr=np.std(values), fmt="o", capsize=3)
            panel.set_title(title, fontsize=9)
            panel.set_yticks(range(len(scorers)), scorers, fontsize=8)
            panel.set_ylim(len(scorers) - 0.5, -0.5)
            panel.grid(axis="x", alpha=0.3)
    figure.savefig(file, dpi=150)


def plot_label_curve(rows: Sequence[EvaluationRow], file: Path) -> None:
    """Each scorer's metrics over the share of labels, a line of panels for each file; bars are ±1 standard deviation."""
    figure, panels = _grid(rows, len(_METRICS))
    for line, name in zip(panels, _files(rows), strict=True):
        for panel, (metric, title) in zip(line, _METRICS.items(), strict=True):
            label_curve([row for row in rows if row.file == name], panel, metric=metric)
            panel.set_title(title, fontsize=9)
            panel.set(xlabel="", ylabel="")
        line[0].set_ylabel(name, fontsize=8)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(file, dpi=120)


def plot_curves(rows: Sequence[EvaluationRow], file: Path) -> None:
    """Calibration and accuracy over coverage, a line of panels for each file; a scorer's splits share a colour."""
    figure, panels = _grid(rows, 2)
    for line, name in zip(panels, _files(rows), strict=True):
        line[0].set_ylabel(f"{name}\nshare right", fontsize=8)
        line[0].plot([0, 1], [0, 1], color="grey", linewidth=0.8)
        line[0].set_title("calibration (predicted against observed)", fontsize=9)
        line[1].set_title("accuracy over coverage", fontsize=9)
        for number, scorer in enumerate(_scorers(rows)):
            for split, row in enumerate(row for row in rows if (row.file, row.scorer) == (name, scorer)):
                style = {"color": f"C{number % 10}", "linewidth": 1, "linestyle": "-" if number < 10 else "--"}
                label = scorer if split == 0 else None
                line[0].plot(row.curves.predicted, row.curves.observed, **style, label=label)
                accuracy = row.curves.accuracy_at_coverage
                line[1].plot(np.linspace(1 / max(1, len(accuracy)), 1, len(accuracy)), accuracy, **style)
        for panel in line:
            panel.grid(alpha=0.3)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(file, dpi=120)


def _files(rows: Sequence[EvaluationRow]) -> list[str]:
    return list(dict.fromkeys(row.file for row in rows))


def _scorers(rows: Sequence[EvaluationRow]) -> list[str]:
    return list(dict.fromkeys(row.scorer for row in rows))


def _values(rows: Iterable[EvaluationRow], scorer: str, share: float, metric: str) -> list[float]:
    found = (getattr(row, metric) for row in rows if (row.scorer, row.labels) == (scorer, share))
    return [value for value in found if value is not None]


def _grid(rows: Sequence[EvaluationRow], columns: int) -> tuple[Figure, Any]:
    """A figure, and [files, columns] panels."""
    lines = max(1, len(_files(rows)))
    figure = Figure(figsize=(3.6 * columns, 0.8 + 2.4 * lines), layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False)


def _rows(source: Store | Rows, name: str, filters: Filters, **parameters: Any) -> list[Mapping[str, Any]]:
    """Rows of a named query: given, or asked of a memory."""
    if not hasattr(source, "database"):
        return list(source)
    require_known(source.database, filters)
    return list(run_inspection(source.database, name, with_whole_keys(source.database, {**filters, **parameters})))


def _text(text: str) -> str:
    """A text from rollouts for a title or a legend: a line of it, and no formula."""
    return cut(shown(text)).replace("$", r"\$")


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _finished(ax: Axes) -> Axes:
    ax.grid(alpha=0.3)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=8)
    return ax
