from pathlib import Path

import numpy as np
import pytest

from memgraph.evaluation import EvaluationRow
from memgraph.inspection.plots import plot_curves, plot_evaluation, plot_label_curve
from memgraph.models.metrics import evaluate_scores, evaluation_curves


def test_metrics_of_a_case_worked_out_by_hand() -> None:
    truth = [1, 0, 1, 0, 1, 1]
    probability = [0.9, 0.2, 0.6, 0.6, 0.3, np.nan]
    found = evaluate_scores(probability, truth, [0, 0, 1, 1, 1, 2])
    assert found.coverage == pytest.approx(5 / 6)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.auc == pytest.approx((2 + 1.5 + 1) / 6)  # .9 beats both, .6 beats .2 and ties .6, .3 beats .2
    assert found.within_query_auc == pytest.approx((1 + (0.5 + 0) / 2) / 2)
    assert evaluate_scores(probability, truth, ["b", "b", "a", "a", "a", "c"]) == found


def test_what_is_not_defined_is_none() -> None:
    assert evaluate_scores([0.5, 0.5], [1, 1], [0, 0]).auc is None
    assert evaluate_scores([0.5, 0.5], [1, 0], [0, 1]).within_query_auc is None
    nothing = evaluate_scores([np.nan], [1], [0])
    assert (nothing.accuracy, nothing.ece, nothing.coverage) == (None, None, 0.0)


def test_a_calibrated_scorer_has_a_small_error_and_an_overconfident_one_a_large() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(20_000)
    truth = rng.random(20_000) < probability
    query = np.arange(20_000)
    calibrated = evaluate_scores(probability, truth, query).ece
    overconfident = evaluate_scores((probability > 0.5).astype(float), truth, query).ece
    assert calibrated is not None
    assert overconfident is not None
    assert calibrated < 0.02
    assert overconfident > 0.2


def test_curves_show_calibration_and_what_abstention_buys() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(5_000)
    truth = rng.random(5_000) < probability
    curves = evaluation_curves(np.append(probability, np.nan), np.append(truth, False))
    assert len(curves.predicted) == len(curves.observed) == 15
    np.testing.assert_allclose(curves.predicted, curves.observed, atol=0.08)
    assert len(curves.accuracy_at_coverage) == 10
    assert curves.accuracy_at_coverage[0] > curves.accuracy_at_coverage[4] > curves.accuracy_at_coverage[9]
    assert curves.accuracy_at_coverage[9] == pytest.approx(((probability >= 0.5) == truth).mean(), abs=1e-3)
    assert evaluation_curves([np.nan], [1]).predicted == []


@pytest.mark.parametrize("files", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_results_are_drawn(tmp_path: Path, files: int) -> None:
    curves = evaluation_curves([0.1, 0.9, 0.4], [0, 1, 1])
    rows = [
        EvaluationRow(file, share, seed, scorer, 3, 0.9, 0.8, None, 0.1, 1.0, 0.5, curves)
        for file in ("a.jsonl", "b.jsonl")[:files]
        for share in (0.05, 0.2)
        for seed in (0, 1)
        for scorer in ("gnn", "majority_vote")
    ]
    for draw in (plot_evaluation, plot_label_curve, plot_curves):
        picture = tmp_path / f"{draw.__name__}.png"
        draw(rows, picture)
        assert picture.read_bytes().startswith(b"\x89PNG")
