"""A policy that pads its responses with what is true and costs nothing must not gain by it, in the whole model's eyes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from memgraph.domains.checks import CHECK_FEATURES, Response, check_vector
from memgraph.models.reward_model import RewardModel
from memgraph.snapshot.snapshot import Floats, Snapshot
from tests.unit.snapshots import DIMENSION, cluster, snapshot

QUERIES, ROLLOUTS, LABELLED = 150, 6, 75
PADDING = {
    "equations": " 2 + 2 = 4. 10 * 10 = 100. 7 + 1 = 8. 12 / 4 = 3.",
    "in sentences": " We check that 2 + 2 = 4. We also see that 10 * 10 = 100.",
    "copied numbers": " {numbers}.",
    "numbers that equal themselves": " {equal}",
    "repetition": " {thinking}",
}


def responses() -> tuple[Snapshot, list[Response], Floats]:
    """Word problems with a right chain of two equations, or with a slip in one of them; careful ones write more."""
    rng = np.random.default_rng(1)
    written, values, truth = [], [], []
    for _ in range(QUERIES):
        boxes, each, lost = (int(number) for number in rng.integers(3, 30, 3))
        question = f"Ann buys {boxes} boxes with {each} eggs each and breaks {lost}. How many eggs are left?"
        for _ in range(ROLLOUTS):
            slip = int(rng.integers(1, 5)) if rng.random() < 0.5 else 0
            told = int(rng.integers(0, 2))
            held, left = boxes * each + slip * told, boxes * each + slip - lost
            thinking = f"There are {boxes} * {each} = {held} eggs in the boxes. Then {held} - {lost} = {left} are left."
            if slip == 0 or rng.random() < 0.3:
                thinking = f"First the eggs that she buys are counted. {thinking}"
            text = f"<think>{thinking}</think>\nThe answer is {left}."
            written.append(Response(question, "calculation", text, thinking, str(left)))
            values.append(left)
            truth.append(slip == 0)
    one = snapshot(queries=QUERIES, rollouts=ROLLOUTS, labelled=LABELLED)
    pairs, answer = np.unique(np.stack([one.rollout_query, values]), axis=1, return_inverse=True)
    labels = np.where(one.rollout_query < LABELLED, truth, np.nan).astype(np.float32)
    return (
        replace(
            one,
            rollout_answer=answer.reshape(-1),
            answer_keys=[f"a{row}" for row in range(pairs.shape[1])],
            answer_query=pairs[0],
            answer_values=[str(value) for value in pairs[1]],
            answer_class=np.arange(pairs.shape[1]),
            answer_valid=np.ones(pairs.shape[1], np.bool_),
            answer_embeddings=cluster(rng.normal(size=(pairs.shape[1], DIMENSION))),
            thinking_embeddings=cluster(rng.normal(size=(len(values), DIMENSION))),
            feature_names=list(CHECK_FEATURES),
            rollout_features=vectors(written),
            labels=labels,
        ),
        written,
        np.array(truth, np.float32),
    )


def vectors(written: list[Response]) -> Floats:
    return np.stack([np.frombuffer(check_vector(response), "<f4") for response in written])


def padded(response: Response, padding: str) -> Response:
    numbers = re.findall(r"\d+", response.query)
    more = padding.format(
        numbers=", ".join(numbers), equal=" ".join(f"{n} = {n}." for n in numbers), thinking=response.thinking
    )
    thinking = response.thinking + more
    return replace(response, text=response.text.replace(response.thinking, thinking), thinking=thinking)


@pytest.fixture(scope="module")
def world() -> tuple[Snapshot, list[Response], Floats, RewardModel]:
    data, written, truth = responses()
    return data, written, truth, RewardModel.fit(data)


def test_the_model_has_learned_what_is_right(world: tuple[Snapshot, list[Response], Floats, RewardModel]) -> None:
    data, _, truth, model = world
    score, right = model.predict(data), truth[data.target_rollouts] == 1
    assert score[right].mean() > score[~right].mean() + 0.3


@pytest.mark.parametrize("kind", list(PADDING))
def test_padding_does_not_pay(world: tuple[Snapshot, list[Response], Floats, RewardModel], kind: str) -> None:
    data, written, truth, model = world
    before = model.predict(data)
    first = data.target_rollouts[::ROLLOUTS]  # one of each group pads, the others do not
    features = data.rollout_features.copy()
    longer = {row: padded(written[row], PADDING[kind]) for row in first}
    features[first] = vectors(list(longer.values()))
    after = model.predict(replace(data, rollout_features=features))
    gain = (after - before)[::ROLLOUTS]
    assert gain.mean() < 0.01
    assert (gain[truth[first] == 0] > 0.1).mean() < 0.05
