"""What a report says of a training that its own labels contradict."""

from __future__ import annotations

from typing import Any

from memgraph.inspection.report_sections import against_labels


def part(number: int, source: str, mean: float | None, rollouts: int = 12) -> dict[str, Any]:
    first, last = 2 * number + 1, 2 * number + 2
    return {"first": first, "last": last, "source": source, "mean_reward": mean, "rollouts": rollouts}


def run(*means: tuple[float, float], rollouts: int = 12) -> list[dict[str, Any]]:
    """Parts of two steps, with the mean reward of labels and of predictions, and rollouts without a reward."""
    return [
        part(number, source, mean, rollouts)
        for number, (label, predicted) in enumerate(means)
        for source, mean in (("label", label), ("no reward", None), ("reward_model", predicted))
    ]


def test_predictions_that_stay_high_while_labels_say_wrong_are_told_of() -> None:
    said = against_labels(
        run((0.3, 0.3), (0.3, 0.4), (0.2, 0.4), (0.2, 0.4), (0.1, 0.4), (0.0, 0.4), (0.0, 0.4), (0.0, 0.3))
    )
    assert "predictions gave 0.35 on the mean and labels 0.00" in said


def test_a_fall_that_was_made_good_is_not() -> None:
    assert not against_labels(
        run((0.0, 0.4), (0.0, 0.4), (0.0, 0.4), (0.3, 0.3), (0.3, 0.3), (0.3, 0.3), (0.3, 0.4), (0.3, 0.4))
    )


def test_labels_that_are_learned_by_heart_are_not() -> None:
    assert not against_labels(run(*[(0.9, 0.4)] * 8))


def test_few_labels_say_nothing() -> None:
    assert not against_labels(run(*[(0.0, 0.4)] * 8, rollouts=9))
    assert not against_labels([part(number, "reward_model", 0.4) for number in range(8)])
