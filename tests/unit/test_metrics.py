import numpy as np
import pytest

from memgraph.metrics import evaluate_scores


def test_metrics_of_a_case_worked_out_by_hand() -> None:
    truth = [1, 0, 1, 0, 1, 1]
    probability = [0.9, 0.2, 0.6, 0.6, 0.3, np.nan]
    found = evaluate_scores(probability, truth, [0, 0, 1, 1, 1, 2])
    assert found.coverage == pytest.approx(5 / 6)
    assert found.accuracy == pytest.approx(3 / 5)
    assert found.auc == pytest.approx((2 + 1.5 + 1) / 6)  # .9 beats both, .6 beats .2 and ties .6, .3 beats .2
    assert found.within_query_auc == pytest.approx((1 + (0.5 + 0) / 2) / 2)


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
