"""Correctness of learning: what may move a score, and what may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memgraph.domains.verifiers import judge
from memgraph.errors import LedgerError
from memgraph.labels.truth import FileTruth, Truth
from memgraph.labels.view import LabelView, Purpose
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.models.scorers import RewardModelScorer
from memgraph.rollouts.rollout import Rollout
from memgraph.scoring.predictions import write_predictions
from memgraph.snapshot.read import NeighbourhoodLimits
from memgraph.store.server.home import ServerHome
from tests.conftest import write_rows
from tests.integration.rollouts import sums

VIEW = LabelView(ledgers=("l",))


def imported(memory: Memory, file: Path) -> FileTruth:
    memory.import_file(file)
    return FileTruth([file], run="import")


def test_poisoned_hidden_labels_change_nothing(memory: Memory, tmp_path: Path) -> None:
    rows = sums(40)
    source = imported(memory, write_rows(tmp_path / "r.jsonl", rows))
    memory.reveal(source, ledger="l", budget=0.2, seed=1)
    honest = RewardModel.fit(memory.snapshot(VIEW), seed=0)
    paid = memory.ledger("l").revealed()

    labelled_texts = {
        row["text"]
        for row in memory.database.query(
            "MATCH (q:Query) WHERE q.key IN $keys RETURN q.text AS text", keys=sorted(paid)
        )
    }
    for row in rows:
        if row["query"] not in labelled_texts:
            row.update(correct=not row["correct"], gold="13")
    poisoned = FileTruth([write_rows(tmp_path / "p.jsonl", rows)], run="import")
    memory.reveal(poisoned, ledger="l2", budget=0.2, seed=1)
    assert memory.ledger("l2").revealed() == paid
    again = memory.snapshot(LabelView(ledgers=("l2",)))
    np.testing.assert_array_equal(again.labels, memory.snapshot(VIEW).labels)
    deceived = RewardModel.fit(again, seed=0)
    assert deceived.fingerprint() == honest.fingerprint()
    np.testing.assert_array_equal(deceived.predict(again), honest.predict(memory.snapshot(VIEW)))


def test_queries_around_can_be_read_with_their_labels_and_leave_the_scores_as_they_are(
    memory: Memory, tmp_path: Path
) -> None:
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(40)))
    memory.reveal(source, ledger="l", budget=0.5)
    model = RewardModel.fit(memory.snapshot(VIEW), seed=0)
    targets = [key for key in source.query_keys() if key not in memory.ledger("l").revealed()]
    wide, alone = (memory.subgraph(targets, VIEW, neighbours=around) for around in (True, False))
    assert not np.isnan(wide.labels).all(), "the neighbourhood of an unlabelled query holds labelled rollouts"
    assert len(alone.rollout_keys) == len(alone.target_rollouts)
    np.testing.assert_array_equal(model.predict(wide), model.predict(alone))


def test_nothing_hidden_is_in_the_graph_or_the_logs(memory: Memory, settings, tmp_path: Path) -> None:
    secret = "OBSCURE-TRUTH-77"
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(10, secret=secret)))
    stored = str(memory.database.query("MATCH (n) RETURN properties(n) AS p"))
    assert secret not in stored
    chosen = source.query_keys()[0]
    memory.ledger("l", budget=1).reveal(source, [chosen])
    references = memory.database.query("MATCH (q:Query)-[:HAS_REFERENCE]->(r) RETURN q.key AS key, r.value AS value")
    assert [row["key"] for row in references] == [chosen]
    nodes = memory.database.query("MATCH (n) RETURN labels(n) AS labels, properties(n) AS p")
    telling = [(*row["labels"], name) for row in nodes for name, value in row["p"].items() if secret in str(value)]
    assert sorted(telling) == [("Reference", "name"), ("Reference", "value")], "one node, by its value and its caption"
    assert str([row["p"] for row in nodes]).count(secret) == 2
    for log in ServerHome.of(settings).folder.glob("logs/*"):
        assert secret not in log.read_text(errors="replace")


def test_the_ledger_refuses_more_than_its_budget_and_counts_each_query_once(memory: Memory, tmp_path: Path) -> None:
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(10)))
    keys = list(source.query_keys())
    ledger = memory.ledger("l", budget=3)
    assert ledger.reveal(source, keys[:3]).newly_paid == 3
    assert ledger.reveal(source, keys[:3]).newly_paid == 0
    with pytest.raises(LedgerError, match="budget of 3, 3 queries and 0 single answers are spent and 1 more"):
        ledger.reveal(source, keys[2:4])
    assert ledger.revealed() == set(keys[:3])
    assert ledger.evaluate(source, keys)
    with pytest.raises(LedgerError, match="evaluation"):
        ledger.reveal(source, keys[:1], purpose=Purpose.EVALUATE)
    with pytest.raises(ValueError, match="never readable"):
        LabelView(purposes=(Purpose.EVALUATE,))


def test_a_revealed_query_judges_later_answers_too(memory: Memory, tmp_path: Path) -> None:
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(3)))
    key = source.query_keys()[0]
    text = memory.database.query("MATCH (q:Query {key: $key}) RETURN q.text AS text", key=key)[0]["text"]
    truth = source.truth(key)
    assert truth is not None
    assert truth.reference is not None
    ledger = memory.ledger("l", budget=1)
    ledger.reveal(source, [key], judge=judge)
    late = [
        Rollout(query=text, response=f"#### {value}", dataset="sums", domain="math", rollout_id=f"late {value}")
        for value in ("777", f"{truth.reference.value}.0")
    ] + [Rollout(query=text, response="no answer", dataset="sums", domain="math", rollout_id="late none")]
    stored = memory.add(late).stored
    assert ledger.reveal(source, [key], judge=judge).newly_paid == 0
    snapshot = memory.snapshot(VIEW, query_keys=[key])
    labels = dict(zip(snapshot.rollout_keys, snapshot.labels.tolist(), strict=True))
    assert [labels[place.key] for place in stored] == [0.0, 1.0, 0.0]


def test_rollouts_that_the_source_judges_differently_keep_their_own_label(memory: Memory, tmp_path: Path) -> None:
    rows = [
        {"query": "2+2?", "response": "#### 4", "rollout_id": "a", "correct": True, "domain": "math"},
        {"query": "2+2?", "response": "it is #### 4", "rollout_id": "b", "correct": False, "domain": "math"},
    ]
    source = imported(memory, write_rows(tmp_path / "r.jsonl", rows))
    report = memory.ledger("l").reveal(source, source.query_keys())
    assert len(report.conflicts) == 1
    assert sorted(memory.snapshot(VIEW).labels.tolist()) == [0.0, 1.0]


def test_labels_of_one_ledger_are_invisible_to_another(memory: Memory, tmp_path: Path) -> None:
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(10)))
    memory.ledger("oracle").reveal(source, source.query_keys())
    memory.ledger("l").reveal(source, source.query_keys()[:2])
    assert len(memory.snapshot(VIEW).labelled_queries) == 2
    assert len(memory.snapshot(LabelView(ledgers=())).labelled_queries) == 0
    assert len(memory.snapshot(LabelView(ledgers=("oracle",))).labelled_queries) == 10


def test_what_another_ledger_labels_does_not_decide_what_this_one_sees(memory: Memory, tmp_path: Path) -> None:
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(10, rollouts=8)))
    memory.ledger("l").reveal(source, source.query_keys()[:4])
    targets = source.query_keys()[4:6]
    few = NeighbourhoodLimits(rollouts=3)
    before = memory.subgraph(targets, VIEW, limits=few)
    model = RewardModel.fit(memory.snapshot(VIEW), seed=0)
    scores = model.predict(before)

    oracle = memory.ledger("oracle")
    for key in source.query_keys():  # one answer of each, so that some rollouts would come first
        truth = source.truth(key)
        assert truth is not None
        wrong = {rollout: score for rollout, score in truth.rollouts.items() if score == 0}
        oracle.reveal(Partial(wrong), [key])
    after = memory.subgraph(targets, VIEW, limits=few)
    assert after.rollout_keys == before.rollout_keys
    np.testing.assert_array_equal(after.labels, before.labels)
    np.testing.assert_array_equal(model.predict(after), scores)
    assert RewardModel.fit(memory.snapshot(VIEW), seed=0).fingerprint() == model.fingerprint()
    assert memory.subgraph(targets, LabelView(ledgers=("oracle",)), limits=few).rollout_keys != before.rollout_keys


class Partial:
    """A source that judges some rollouts only."""

    def __init__(self, rollouts: dict[str, float]) -> None:
        self._rollouts = rollouts

    def query_keys(self) -> list[str]:
        return []

    def truth(self, query_key: str) -> Truth:
        return Truth(None, self._rollouts)


def test_predictions_are_kept_with_their_model_and_are_no_labels(memory: Memory, tmp_path: Path) -> None:
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(20)))
    memory.reveal(source, ledger="l", budget=0.5)
    model = memory.fit(VIEW)
    assert memory.model(ledger="l").fingerprint() == model.fingerprint()
    snapshot = memory.snapshot(VIEW)
    scores = RewardModelScorer(model).score(snapshot)
    for _ in range(2):
        write_predictions(memory, snapshot, scores, model=model.key)
    counted = memory.database.query(
        "MATCH (l:Prediction {scorer: 'reward_model', model: $m}) RETURN count(l) AS n", m=model.key
    )
    assert counted[0]["n"] == 80
    np.testing.assert_array_equal(memory.snapshot(VIEW).labels, snapshot.labels)
    everyone = memory.snapshot(LabelView())
    assert np.isnan(everyone.labels).sum() == np.isnan(snapshot.labels).sum()


def test_the_model_that_scored_last_is_in_force(memory: Memory, tmp_path: Path) -> None:
    """Two ledgers take turns; a pass that is repeated writes nothing."""
    source = imported(memory, write_rows(tmp_path / "r.jsonl", sums(20)))
    views = [LabelView(ledgers=(name,)) for name in ("one", "other")]
    for number, view in enumerate(views):
        memory.ledger(view.ledgers[0], budget=5).reveal(source, source.query_keys()[5 * number : 5 * number + 5])
    models = [memory.fit(view) for view in views]
    for turn in (0, 1, 0, 0, 1):
        memory.score(models[turn], views[turn])
        predicted = [reward for reward in memory.rewards(views[turn]) if reward.model is not None]
        assert {reward.model for reward in predicted} == {models[turn].key}
    count = "MATCH (p:Prediction) RETURN count(p) AS n"
    assert len(predicted) == 60
    assert memory.database.query(count)[0]["n"] == 2 * 60 + 2 * 40  # what the other one knows, it predicted once
