"""Pictures of results, for people who would rather look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from memgraph.evaluation import EvaluationRow

_METRICS = {"auc": "AUC", "within_query_auc": "within-query AUC", "accuracy": "accuracy", "ece": "ECE"}


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
        line[0].set_ylabel(name, fontsize=8)
        for panel, (field, title) in zip(line, _METRICS.items(), strict=True):
            for number, scorer in enumerate(_scorers(rows)):
                group = [row for row in rows if (row.file, row.scorer) == (name, scorer)]
                shares = sorted({row.labels for row in group})
                values = [
                    [value for row in group if row.labels == share and (value := getattr(row, field)) is not None]
                    for share in shares
                ]
                known = [(share, found) for share, found in zip(shares, values, strict=True) if found]
                if known:
                    panel.errorbar(
                        [share for share, _ in known],
                        [np.mean(found) for _, found in known],
                        yerr=[np.std(found) for _, found in known],
                        marker="o",
                        markersize=3,
                        capsize=2,
                        color=f"C{number % 10}",
                        linestyle="-" if number < 10 else "--",
                        label=scorer,
                    )
            panel.set_title(title, fontsize=9)
            panel.set_xscale("log")
            panel.set_xticks(
                sorted({row.labels for row in rows}), [f"{s:.0%}" for s in sorted({r.labels for r in rows})]
            )
            panel.minorticks_off()
            panel.grid(alpha=0.3)
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


def _grid(rows: Sequence[EvaluationRow], columns: int) -> tuple[Figure, Any]:
    """A figure, and [files, columns] panels."""
    lines = max(1, len(_files(rows)))
    figure = Figure(figsize=(3.6 * columns, 0.8 + 2.4 * lines), layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False)
