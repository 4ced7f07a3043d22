"""Pictures of results, for people who would rather look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
