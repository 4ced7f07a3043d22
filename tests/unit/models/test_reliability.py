"""Ways of writing that are believed more than others: learned without a label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from memgraph.models.consensus import FEATURES, consensus_features
from memgraph.models.feature_model import FeatureModel
from memgraph.models.reliability import Reliability
from memgraph.snapshot.snapshot import Floats, Snapshot
from tests.unit.snapshots import snapshot

QUERIES, ROLLOUTS = 120, 6


def two_authors(*, style: bool) -> tuple[Snapshot, Floats]:
    """Half of the rollouts of each query come from a policy that is right in 90 %, half from one that is in 30 %.

    Returns the snapshot without labels, in which a feature tells the authors apart where `style` is set, and [rollouts]
    truth.
    """
    rng = np.random.default_rng(0)
    one = snapshot(queries=QUERIES, rollouts=ROLLOUTS, labelled=0)
    good = np.tile([True, False], QUERIES * ROLLOUTS // 2)
    right = rng.random(len(good)) < np.where(good, 0.9, 0.3)
    value = np.where(right, 0, rng.integers(1, 4, len(good)))
    feature = np.where(good if style else rng.random(len(good)) < 0.5, 5.0, 3.0) + rng.normal(size=len(good)) / 4
    return replace(
        one,
        rollout_answer=4 * one.rollout_query + value,
        answer_keys=[f"a{row}" for row in range(4 * QUERIES)],
        answer_query=np.repeat(np.arange(QUERIES), 4),
        answer_values=[str(row % 4) for row in range(4 * QUERIES)],
        answer_class=np.arange(4 * QUERIES),
        answer_valid=np.ones(4 * QUERIES, np.bool_),
        answer_embeddings=np.ones((4 * QUERIES, 8), np.float32),
        rollout_policies=["careful" if careful else "hasty" for careful in good],
        feature_names=["check_form_length", "check_options_count"],
        rollout_features=np.stack([feature, np.full(len(good), np.nan)], axis=1).astype(np.float32),
    ), right.astype(np.float32)


def share(data: Snapshot) -> Floats:
    return consensus_features(data)[:, FEATURES.index("share")]


def test_a_way_of_writing_that_votes_confirm_is_believed_without_any_label() -> None:
    data, _ = two_authors(style=True)
    own = data.rollout_features
    found = Reliability.fit(data, own, share(data)).features(data, own)[:, 0]
    careful = np.array([policy == "careful" for policy in data.rollout_policies])
    assert found.shape == (QUERIES * ROLLOUTS,)
    assert found[careful].mean() > found[~careful].mean() + 0.1


def test_a_feature_that_says_nothing_is_not_believed() -> None:
    data, _ = two_authors(style=False)
    found = Reliability.fit(data, data.rollout_features, share(data)).features(data, data.rollout_features)
    assert abs(found[:, 0]).mean() < 0.1
    nothing = np.zeros((len(found), 0), np.float32)
    assert not Reliability.fit(data, nothing, share(data)).features(data, nothing)[:, 0].any()


def test_an_excerpt_of_the_memory_says_the_same_as_all_of_it() -> None:
    data, truth = two_authors(style=True)
    data = replace(data, similar=data.similar[:, :0], similar_scores=data.similar_scores[:0])
    labelled = replace(data, labels=np.where(data.rollout_query < 40, truth, np.nan).astype(np.float32))
    model, _ = FeatureModel.fit(labelled, checks=("form",), seed=0)
    kept, answers = data.rollout_query >= 100, data.answer_query >= 100
    excerpt = replace(
        data,
        query_keys=data.query_keys[100:],
        query_domains=data.query_domains[100:],
        query_texts=data.query_texts[100:],
        query_embeddings=data.query_embeddings[100:],
        query_clusters=data.query_clusters[100:],
        query_targets=data.query_targets[100:],
        rollout_keys=[key for key, keep in zip(data.rollout_keys, kept, strict=True) if keep],
        rollout_query=data.rollout_query[kept] - 100,
        rollout_answer=np.searchsorted(np.flatnonzero(answers), data.rollout_answer[kept]),
        answer_keys=[key for key, keep in zip(data.answer_keys, answers, strict=True) if keep],
        answer_query=data.answer_query[answers] - 100,
        answer_values=[value for value, keep in zip(data.answer_values, answers, strict=True) if keep],
        answer_class=data.answer_class[answers],
        answer_valid=data.answer_valid[answers],
        answer_embeddings=data.answer_embeddings[answers],
        rollout_group=data.rollout_group[kept],
        rollout_asked=data.rollout_asked[kept],
        rollout_order=data.rollout_order[kept],
        rollout_policies=[name for name, keep in zip(data.rollout_policies, kept, strict=True) if keep],
        thinking_embeddings=data.thinking_embeddings[kept],
        rollout_features=data.rollout_features[kept],
        labels=np.full(int(kept.sum()), np.nan, np.float32),
    )
    whole = model.logits(data)
    np.testing.assert_allclose(model.logits(excerpt), whole[kept], atol=1e-5)


def test_a_model_is_read_back_to_the_bit_and_a_policys_name_is_no_input(tmp_path: Path) -> None:
    data, truth = two_authors(style=False)
    labelled = replace(data, labels=np.where(data.rollout_query < 40, truth, np.nan).astype(np.float32))
    model, _ = FeatureModel.fit(labelled, checks=("form",), seed=0)
    model.save(tmp_path / "model.npz")
    loaded = FeatureModel.load(tmp_path / "model.npz")
    before = model.logits(labelled)
    np.testing.assert_array_equal(loaded.logits(labelled), before)
    assert loaded.digest() == model.digest()
    renamed = replace(labelled, rollout_policies=labelled.rollout_policies[1:] + labelled.rollout_policies[:1])
    np.testing.assert_array_equal(model.logits(renamed), before)
