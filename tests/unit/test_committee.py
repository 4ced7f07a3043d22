"""The feature model's behaviour at the edge of what was labelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from memgraph.committee import Committee
from tests.unit.snapshots import snapshot


def test_a_feature_that_hardly_varied_among_the_labels_does_not_decide_elsewhere() -> None:
    one = snapshot(queries=60, rollouts=4, labelled=30)
    rng = np.random.default_rng(0)
    total = len(one.rollout_keys)
    labelled = ~np.isnan(one.labels)
    steady = (1 + 1e-7 * rng.normal(size=total)).astype(np.float32)
    rows = np.flatnonzero(labelled)
    inside = replace(one, feature_names=["length"], rollout_features=steady[:, None])
    committee, _ = Committee.fit(inside, rows, one.labels, checks=(), seed=0)
    outside = np.where(labelled, steady, 0).astype(np.float32)
    before = committee.logits(inside, one.labels)
    after = committee.logits(replace(inside, rollout_features=outside[:, None]), one.labels)
    assert np.abs(after - before).max() < 1


def test_a_fit_gives_the_logits_of_unlabelled_rollouts_as_the_committee_does() -> None:
    data = snapshot(queries=60, rollouts=4, labelled=30)
    labelled = ~np.isnan(data.labels)
    committee, logits = Committee.fit(data, np.flatnonzero(labelled), data.labels, checks=(), seed=0)
    again = committee.logits(data, data.labels)
    np.testing.assert_allclose(logits[~labelled], again[~labelled], atol=1e-6)
    assert not np.allclose(logits[labelled], again[labelled], atol=1e-3)  # these are by models that did not see them


def test_some_rollouts_get_the_logits_that_they_get_among_all() -> None:
    data = snapshot(queries=60, rollouts=4, labelled=30)
    said = [
        f"item {row % 7} is {'here' if row % 3 else 'there'}, so {row % 5}" for row in range(len(data.rollout_keys))
    ]
    data = replace(data, thinking_texts=said)
    labelled = ~np.isnan(data.labels)
    committee, _ = Committee.fit(data, np.flatnonzero(labelled), data.labels, checks=(), policies=True, seed=0)
    whole = committee.logits(data, data.labels)
    assert len(np.unique(whole)) > len(whole) / 2
    for asked in (data.query_targets[data.rollout_query], data.rollout_query == 40, np.zeros(len(whole), np.bool_)):
        np.testing.assert_allclose(committee.logits(data, data.labels, asked), whole[asked], atol=1e-5)
