"""What pictures of a memory show, and that they are drawn whatever rollouts hold."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memgraph.errors import InputError
from memgraph.evaluation import EvaluationRow
from memgraph.inspection import plots
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelKind
from memgraph.memory import Memory
from memgraph.models.metrics import evaluation_curves
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.store.named_queries import run_inspection
from tests.conftest import empty

mpl.use("Agg")
QUERY = "How many $x$ are in $\\frac{the basket?"
NAN = float("nan")


@pytest.fixture(scope="module")
def lived(opened: Memory) -> Memory:
    """Three steps of four rollouts each, with 1, 2 and 4 right ones; predictions of 0.7 for right ones and 0.2 for others."""
    empty(opened)
    stored = opened.add(
        Rollout(QUERY, f"#### {7 + (sample >= right)}", domain="math", run="r$1$", dataset="d", step=step, call=step, sample=sample)
        for step, right in ((1, 1), (2, 2), (3, 4))
        for sample in range(4)
    ).stored  # fmt: skip
    is_right = [place.answer.value == "7" for place in stored]
    predicted = [
        {"key": f"p{n}", "target": place.key, "score": 0.7 if right else 0.2}
        for n, (place, right) in enumerate(zip(stored, is_right, strict=True))
    ]
    write_prediction_rows(opened, predicted, scorer="reward_model", model="model")
    sources = ["label", "label", "reward_$m$", "none"]
    record_rewards(
        opened.database,
        [
            {
                "key": place.key,
                "reward": None if n % 4 == 3 else float(right),
                "source": sources[n % 4],
                "reason": "why",
            }
            for n, (place, right) in enumerate(zip(stored, is_right, strict=True))
        ],
    )
    said = [
        LabelRow(float(answer == "7"), LabelKind.HUMAN, "Ann", query=QUERY, answer=answer, dataset="d")
        for answer in ("7", "8")
    ]
    assert opened.label(said, ledger="people").labels == 2
    return opened


def lines(ax: Axes) -> dict[str, list[list[float]]]:
    """Label → x and y of each line that has one."""
    return {
        str(line.get_label()): [list(map(float, line.get_xdata())), list(map(float, line.get_ydata()))]
        for line in ax.get_lines()
        if not str(line.get_label()).startswith("_")
    }


def drawn(ax: Axes) -> Axes:
    ax.figure.savefig(io.BytesIO())
    return ax


def test_calibration_compares_predicted_and_observed_shares(lived: Memory) -> None:
    ax = drawn(plots.calibration(lived))
    assert lines(ax) == {"labels kept from the model (12 rollouts)": [[pytest.approx(0.2), pytest.approx(0.7)], [0, 1]]}
    assert ax.get_xlabel() == "predicted"
    again = plots.calibration(run_inspection(lived.database, "calibration", {}))
    assert lines(again) == lines(ax)
    assert lines(plots.calibration(lived, run="r$1$", dataset="d", ledger="people")) == lines(ax)
    with pytest.raises(InputError, match="no ledger 'nobody'"):
        plots.calibration(lived, ledger="nobody")


def test_rewards_show_the_share_of_each_source_and_their_mean(lived: Memory) -> None:
    ax = drawn(plots.rewards(lived))
    found = lines(ax)
    assert found["label"] == [[1, 2, 3], [0.5, 0.5, 0.5]]
    assert found[r"reward_\$m\$"] == [[1, 2, 3], [0.25] * 3]
    assert found["no reward"] == [[1, 2, 3], [0.25] * 3]
    assert found["mean reward"] == [[1, 2, 3], [pytest.approx(1 / 3), pytest.approx(2 / 3), 1]]


def test_a_querys_trajectory_is_what_was_right_and_what_was_predicted(lived: Memory) -> None:
    ax = drawn(plots.trajectory(lived, query=QUERY[:8]))
    right, predicted = lines(ax).values()
    assert right == [[1, 2, 3], [0.25, 0.5, 1]]
    assert predicted == [[1, 2, 3], [pytest.approx(0.325), pytest.approx(0.45), pytest.approx(0.7)]]
    lived.ledger("empty")
    unlabelled, _ = lines(plots.trajectory(lived, ledger="empty")).values()
    assert np.isnan(unlabelled[1]).all()


def test_label_curves_are_means_of_splits() -> None:
    curves = evaluation_curves([0.1, 0.9], [0, 1])
    rows = [
        EvaluationRow("a.jsonl", share, seed, scorer, 3, 0.9, share + seed / 10, None, 0.1, 1.0, 0.5, curves)
        for share in (0.05, 0.2)
        for seed in (0, 1)
        for scorer in ("reward_model", "majority_vote")
    ]
    ax = drawn(plots.label_curve(rows, metric="auc"))
    curve = ax.containers[0].lines[0]
    assert [container.get_label() for container in ax.containers] == ["reward_model", "majority_vote"]
    np.testing.assert_allclose(curve.get_xydata(), [[0.05, 0.1], [0.2, 0.25]])
    assert ax.get_ylabel() == "AUC"


def test_pictures_go_where_they_are_wanted_and_nothing_is_a_picture_too(memory: Memory) -> None:
    panels = Figure().subplots(1, 3)
    for draw, ax in zip((plots.calibration, plots.rewards, plots.trajectory), panels, strict=True):
        assert draw(memory, ax) is ax
        assert lines(ax) in ({}, {"mean reward": [[], []]})
    drawn(panels[0])
