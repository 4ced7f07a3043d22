"""The vote moved by labels, with a committee beside it where labels show that it helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memgraph.models.feature_model import FEWEST_QUERIES, FeatureModel
from memgraph.snapshot import Snapshot
from tests.unit.snapshots import snapshot, unit


def fit(data: Snapshot, seed: int = 0) -> tuple[FeatureModel, np.ndarray]:
    return FeatureModel.fit(data, np.flatnonzero(~np.isnan(data.labels)), data.labels, checks=(), seed=seed)


def test_few_labelled_queries_have_no_committee() -> None:
    model, logits = fit(snapshot(queries=60, labelled=FEWEST_QUERIES - 1))
    assert (model.committee, model.trust) == (None, 0.0)
    assert np.isfinite(logits).all()


def test_a_committee_that_helps_is_trusted_and_kept() -> None:
    data = snapshot(queries=120, labelled=100)
    rng = np.random.default_rng(0)
    right, total = data.labels == 1, len(data.labels)
    size = np.where(right, rng.uniform(0, 0.5, total), rng.uniform(0.5, 1, total))  # no line tells them apart
    hint = (size * rng.choice([-1, 1], total)).astype(np.float32)
    data = replace(
        data,
        feature_names=["hint"],
        rollout_features=hint[:, None],
        thinking_embeddings=unit(rng.normal(size=data.thinking_embeddings.shape)),
    )
    model, logits = fit(data)
    assert model.trust > 0
    again = FeatureModel.loads(model.dumps())
    np.testing.assert_array_equal(again.logits(data, data.labels), model.logits(data, data.labels))
    assert again.digest() == model.digest()
    unlabelled = np.isnan(data.labels)
    np.testing.assert_allclose(logits[unlabelled], model.logits(data, data.labels)[unlabelled], atol=1e-5)


def test_experience_moves_the_scores_of_its_query() -> None:
    data = snapshot(queries=40, rollouts=8, labelled=20)
    model, _ = fit(data)
    apart = replace(data, rollout_group=2 * data.rollout_query + (np.arange(len(data.rollout_keys)) % 8 >= 4))
    first = np.arange(len(data.rollout_keys)) % 8 < 4
    alone = apart.with_rollouts(first)
    remembered = model.logits(apart, np.full_like(apart.labels, np.nan))[first]
    forgotten = model.logits(alone, np.full_like(alone.labels, np.nan))
    assert np.abs(remembered - forgotten).max() > 0.1
