"""What other memories taught: how checks weigh, beside the vote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memgraph.errors import InputError
from memgraph.models.prior import Prior, query_hash
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import snapshot


def memory(weight: float, seed: int) -> Snapshot:
    """Rollouts that are right as often as their votes and a check say."""
    rng = np.random.default_rng(seed)
    data = snapshot(queries=200, rollouts=8, labelled=0, seed=seed)
    hint = rng.normal(size=len(data.labels)).astype(np.float32)
    votes = rng.integers(1, 8, len(data.query_keys))
    first = np.arange(len(data.labels)) % 8 < votes[data.rollout_query]  # these agree, each of the others stands alone
    answer = np.where(first, data.rollout_query, 200 + np.arange(len(data.labels)))
    keys, rollout_answer = np.unique(answer, return_inverse=True)
    share = np.where(first, votes[data.rollout_query], 1) / 8
    right = rng.random(len(hint)) < 1 / (1 + np.exp(2.4 - 5.5 * share - weight * hint))
    return replace(
        data,
        rollout_answer=rollout_answer.reshape(-1),
        answer_keys=[str(key) for key in keys],
        answer_query=np.array([data.rollout_query[np.flatnonzero(answer == key)[0]] for key in keys]),
        answer_values=[str(key) for key in keys],
        answer_class=np.arange(len(keys)),
        answer_valid=np.ones(len(keys), np.bool_),
        answer_embeddings=np.ones((len(keys), data.answer_embeddings.shape[1]), np.float32),
        feature_names=["check_form_length"],
        rollout_features=hint[:, None],
        labels=right.astype(np.float32),
    )


def test_it_is_half_the_mean_of_what_checks_weigh_and_comes_back_from_its_file(tmp_path: Path) -> None:
    families = {"one": [memory(1.5, 1)], "two": [memory(0.5, 2)]}
    prior = Prior.learn(families, ("form",))
    assert set(prior.weights) == {"check_form_length", "check_form_length_deviation"}
    assert 0.25 < sum(prior.weights.values()) < 0.75
    prior.save(tmp_path / "prior.json")
    again = Prior.of(str(tmp_path / "prior.json"))
    assert again.weights == pytest.approx(prior.weights, abs=1e-5)
    assert again.queries == prior.queries
    assert again.has_seen(["something else", families["one"][0].query_texts[0].upper()])
    assert not again.has_seen(["something else"])


def test_one_ships_and_holds_no_text() -> None:
    shipped = Prior.of("shipped")
    assert all(name.startswith("check_") for name in shipped.weights)
    assert len(shipped.queries) > 1000
    assert all(len(one) == len(query_hash("")) for one in shipped.queries)
    assert Prior.of("none").weights == {}


def test_a_file_that_is_none_is_refused_and_no_family_too(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("[]")
    for name in ("no.json", "nowhere.json"):
        with pytest.raises(InputError, match=r"learn_prior\.py"):
            Prior.of(str(tmp_path / name))
    with pytest.raises(InputError, match="one family at least"):
        Prior.learn({}, ())
