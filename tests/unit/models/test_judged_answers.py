"""A label on one answer to a query, and what it says of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memgraph.models.judged_answers import domains_of_one_right_answer, given_judged_answers, labels_of_equal_answers
from memgraph.models.reward_model import RewardModel
from memgraph.snapshot.snapshot import Floats, Snapshot
from tests.unit.snapshots import snapshot

ONE = ("math",)


def four_rollouts(answers: str, labels: list[float], *, asked: str = "1111") -> Snapshot:
    """One query that is asked for, its rollouts' answers one letter each; "-" for a missing one."""
    values = sorted(set(answers))
    return replace(
        snapshot(queries=1, labelled=0),
        rollout_answer=np.array([values.index(answer) for answer in answers]),
        rollout_asked=np.array([flag == "1" for flag in asked]),
        rollout_group=np.array([0 if flag == "1" else 1 for flag in asked]),
        answer_class=np.arange(len(values)),
        answer_query=np.zeros(len(values), np.int64),
        answer_valid=np.array([value != "-" for value in values]),
        labels=np.array(labels, np.float32),
    )


def given(data: Snapshot, probability: list[float], one_right: tuple[str, ...] = ONE) -> list[float]:
    found: Floats = given_judged_answers(data, np.array(probability, np.float32), one_right)
    return [round(float(value), 4) for value in found]


NONE = float("nan")


@pytest.mark.parametrize(
    ("answers", "labels", "before", "after"),
    [
        ("aabc", [NONE] * 4, [0.5, 0.5, 0.3, 0.1], [0.5, 0.5, 0.3, 0.1]),
        (
            "aabc",
            [1, NONE, NONE, NONE],
            [0.5, 0.5, 0.3, 0.1],
            [1, 1, 0.006, 0.002],
        ),  # the others keep 1 % of 1 / (1 - 0.5)
        ("aabc", [0, NONE, NONE, NONE], [0.5, 0.5, 0.3, 0.1], [0, 0, 0.6, 0.2]),
        ("aabc", [NONE, NONE, 0, 0], [0.5, 0.5, 0.3, 0.1], [0.8333, 0.8333, 0, 0]),
        ("aabc", [0.5, NONE, NONE, NONE], [0.5, 0.5, 0.3, 0.1], [0.5, 0.5, 0.3, 0.1]),  # no news
        ("aabc", [0, NONE, NONE, NONE], [0.99, 0.99, 0.3, 0.1], [0, 0, 0.99, 0.99]),  # bounded
        ("a-bb", [1, NONE, NONE, NONE], [0.5, 0.1, 0.3, 0.3], [1, 0.1, 0.006, 0.006]),  # a missing answer equals none
    ],
)
def test_what_one_judged_answer_leaves_to_the_others(
    answers: str, labels: list[float], before: list[float], after: list[float]
) -> None:
    assert given(four_rollouts(answers, labels), before) == pytest.approx(after, abs=1e-3)


def test_where_several_answers_can_be_right_only_equal_ones_are_told() -> None:
    data = four_rollouts("aabc", [1, NONE, NONE, NONE])
    assert given(data, [0.5, 0.5, 0.3, 0.1], ()) == pytest.approx([1, 1, 0.3, 0.1])


def test_experience_counts_without_having_been_scored() -> None:
    right, wrong = (four_rollouts("abbc", [NONE, NONE, NONE, label], asked="1110") for label in (1.0, 0.0))
    assert given(right, [0.5, 0.3, 0.3]) == pytest.approx([0.005, 0.003, 0.003], abs=1e-3)
    assert given(wrong, [0.5, 0.3, 0.3]) == pytest.approx([0.5, 0.3, 0.3])


def test_the_label_of_a_missing_answer_says_nothing() -> None:
    data = four_rollouts("--ab", [0, NONE, NONE, NONE])
    assert np.isnan(labels_of_equal_answers(data)).all()
    assert given(data, [0.1, 0.1, 0.5, 0.3]) == pytest.approx([0.1, 0.1, 0.5, 0.3])


def test_whether_one_answer_is_right_is_learned_from_labels_by_domain() -> None:
    data = snapshot(queries=60, labelled=40)
    assert domains_of_one_right_answer(data) == ONE
    assert RewardModel.fit(data).one_right == ONE
    assert domains_of_one_right_answer(snapshot(queries=60, labelled=4)) == (), "too few to tell"
    several = data.with_labels(np.where(np.isnan(data.labels), np.nan, 1).astype(np.float32))
    assert domains_of_one_right_answer(several) == ()
    mixed = replace(several, query_domains=["code" if query < 20 else "math" for query in range(60)])
    only_code = replace(mixed, labels=np.where(data.rollout_query < 20, mixed.labels, data.labels))
    assert domains_of_one_right_answer(only_code) == ONE


def test_a_model_takes_them_over_and_remembers_whether_it_may() -> None:
    data = snapshot(queries=60, labelled=40)
    model, target = RewardModel.fit(data), 41
    before = dict(zip(data.target_rollouts.tolist(), model.predict(data).tolist(), strict=True))
    rows = np.flatnonzero(data.rollout_query == target)
    assert len(set(data.rollout_answer[rows].tolist())) > 1
    labels = data.labels.copy()
    labels[data.rollout_answer == data.rollout_answer[rows[0]]] = 1.0
    after = dict(zip(data.target_rollouts.tolist(), model.predict(data.with_labels(labels)).tolist(), strict=True))
    moved = {row for row, score in after.items() if score != before[row]}
    assert moved == set(rows.tolist())
    for row in rows.tolist():
        same = data.rollout_answer[row] == data.rollout_answer[rows[0]]
        assert after[row] == 1.0 if same else after[row] < before[row] / 2
