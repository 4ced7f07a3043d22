"""Relabelling: what new labels reach is scored again, and the result is that of scoring everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memgraph.errors import InputError
from memgraph.labels.judgements import Judgement
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.rollouts.rollout import Rollout
from memgraph.scoring import write_back
from memgraph.scoring.scope import Scope
from tests.conftest import write_rows
from tests.integration.clusters import OPEN, QUERIES, START, VIEW, World, vectors
from tests.integration.rollouts import sums


@pytest.fixture
def world(made_up: Memory, tmp_path: Path) -> World:
    return World(made_up, tmp_path)


def test_new_labels_are_followed_as_far_as_they_reach_and_no_farther(world: World) -> None:
    first = world.relabel()
    assert (first.queries, first.affected, first.scored) == (QUERIES, QUERIES, OPEN * 4)
    world.check()
    assert first.unlearned == 0

    world.memory.ledger("l").reveal(world.source, world.keys[1:3])
    report = world.relabel()
    assert (report.affected, report.scored) == (2, 0), "those that are labelled now are not scored"
    assert report.changed == 8, "labels took the place of predictions"

    before, judged = world.stored(), world.several_answers()[0]
    world.judge_one(judged)
    report = world.relabel()
    assert report.affected == 1
    assert 0 < report.scored < 4, "the other answers to the query that was judged"
    assert report.unlearned > 2
    elsewhere = world.memory.relabel(world.model, replace(VIEW, runs=("another",)), preview=True)
    assert elsewhere.unlearned == 0, "its labels are on what other runs said"
    after = world.stored()
    of_query = "MATCH (:Query {key: $key})-[:GENERATES_REASONING]->(t) RETURN t.key AS rollout"
    reached = {row["rollout"] for row in world.memory.database.query(of_query, key=judged)}
    moved = {rollout for rollout, score in after.items() if score != before[rollout]}
    assert len(moved) == report.scored
    assert moved <= reached
    assert all(after[rollout] < before[rollout] for rollout in moved), "another answer is right"
    world.check()

    again = world.relabel()
    assert (again.affected, again.scored, again.changed) == (0, 0, 0)
    count = "MATCH (l:Prediction {scorer: 'reward_model'}) RETURN count(l) AS n"
    written = world.memory.database.query(count)
    world.memory.score(world.model, VIEW)
    assert world.memory.database.query(count) == written, "scoring everything finds nothing to change"


def test_corrections_reused_labels_single_answers_new_rollouts_and_new_queries_are_followed_too(world: World) -> None:
    memory = world.memory
    world.relabel()
    snapshot = memory.snapshot(VIEW)

    def answers(query: str) -> list[str]:
        return [
            snapshot.answer_keys[row]
            for row in np.flatnonzero(snapshot.answer_query == snapshot.query_keys.index(query))
        ]

    def passes() -> None:
        report = world.relabel()
        assert 0 < report.affected < report.queries
        world.check()
        assert world.relabel().affected == 0

    single = world.several_answers()[0]
    memory.ledger("l").accept([Judgement(single, {answers(single)[0]: 1.0}, "ann")])
    passes()
    memory.ledger("l").accept([Judgement(single, {answers(single)[0]: 0.0}, "ann", corrects="own")])
    passes()
    memory.ledger("other").reveal(world.source, [world.keys[4]])
    assert world.relabel().affected == 0, "another ledger's labels count once they are taken over"
    memory.ledger("l").reuse(LabelView(ledgers=("other",)), [world.keys[4]])
    passes()
    text = memory.database.query("MATCH (q:Query {key: $key}) RETURN q.text AS text", key=world.keys[0])[0]["text"]
    memory.add([Rollout(query=text, response="#### 1", dataset="sums", domain="math", rollout_id="late")])
    memory.ledger("l").reveal(world.source, [world.keys[0]])
    passes()


def test_queries_that_come_later_are_scored_and_no_others(world: World, tmp_path: Path) -> None:
    world.relabel()
    rows = sums(START + QUERIES + 9)[-9 * 4 :]
    late = vectors(9, 4, start=START + QUERIES, seed=1)
    world.memory.import_file(write_rows(tmp_path / "late.jsonl", rows), embeddings=late)
    report = world.relabel()
    assert (report.affected, report.queries) == (9, QUERIES + 9)
    world.check()


def test_a_preview_tells_what_would_happen_and_writes_nothing(world: World) -> None:
    world.relabel()
    world.memory.ledger("l").reveal(world.source, world.keys[1:3])
    content = "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(DISTINCT n) AS n, count(r) AS r"
    before = world.memory.database.query(content)
    told = world.relabel(preview=True)
    assert world.memory.database.query(content) == before
    assert told.changed > 0
    same = {"seconds": 0.0, "seconds_looking": 0.0}
    assert replace(world.relabel(), **same) == replace(told, **same)


def test_a_pass_that_was_stopped_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_back, "_QUERIES", 8)

    def stop(done: int, total: int | None = None, doing: str = "") -> None:
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.memory.relabel(world.model, VIEW, progress=stop)
    half = world.stored()
    assert 0 < len(half) < OPEN * 4
    rest = world.relabel()
    assert 0 < rest.scored <= OPEN * 4 - len(half)
    assert rest.affected < QUERIES
    world.check()


def test_a_score_that_returns_to_an_earlier_value_is_in_force_again(world: World) -> None:
    memory, rollout = world.memory, next(iter(world.rescored()))
    world.relabel()
    first = world.stored()[rollout]
    snapshot = memory.subgraph([memory.database.query(
        "MATCH (q:Query)-[:GENERATES_REASONING]->({key: $key}) RETURN q.key AS key", key=rollout)[0]["key"]], VIEW)  # fmt: skip
    query = snapshot.query_keys[int(snapshot.rollout_query[snapshot.rollout_keys.index(rollout)])]
    other = scored_otherwise(world.model)
    reading = list(write_back.dependencies(memory, world.model.key, VIEW, [query]))
    for model, expected in ((other, None), (world.model, first)):
        for _ in range(2):
            write_back.score_piece(memory, model, VIEW, reading)
        assert world.stored()[rollout] == (pytest.approx(expected) if expected is not None else 0.25)
    rows = memory.database.query("MATCH ({key: $key})<-[:SCORES]-(l:Prediction) RETURN count(l) AS n", key=rollout)
    assert rows[0]["n"] == 3, "all of them are kept, each once"


def scored_otherwise(model: RewardModel) -> RewardModel:
    class Quarter(RewardModel):
        def __init__(self) -> None:
            self.__dict__.update(model.__dict__)

        def predict(self, snapshot):
            return np.full(len(snapshot.target_rollouts), 0.25, np.float32)

    return Quarter()


def test_a_model_that_abstains_takes_its_score_back(world: World) -> None:
    world.relabel()
    summary = world.memory.score(world.model, VIEW, confidence=1.0)
    assert (summary.scored, summary.abstained) == (0, OPEN * 4)
    newest = world.memory.database.query(
        "MATCH (t:Thinking)<-[:SCORES]-(l:Prediction {scorer: 'reward_model'}) WITH t, l ORDER BY l.created_at "
        "WITH t, collect(l)[-1] AS l RETURN count(l.score) AS n, collect(DISTINCT l.reason) AS reasons"
    )
    assert newest == [{"n": 0, "reasons": ["scored again"]}]
    world.memory.score(world.model, VIEW)
    world.check()


def test_a_new_model_scores_everything_and_the_old_scores_stay(world: World) -> None:
    world.relabel()
    old = world.model
    world.model = world.memory.fit(VIEW, config=RewardModelConfig(checks=("form",)))
    assert world.relabel().affected == QUERIES
    world.check()
    counted = world.memory.database.query(
        "MATCH (l:Prediction {scorer: 'reward_model'}) RETURN l.model AS model, l.reason AS reason, count(l) AS n"
    )
    assert {(row["model"], row["n"]) for row in counted} == {(old.key, OPEN * 4), (world.model.key, OPEN * 4)}
    assert {row["reason"] for row in counted} == {"first score by this model"}


def test_only_what_is_in_scope_is_scored_and_the_rest_stays_open(world: World, tmp_path: Path) -> None:
    rows = [
        {**row, "run": "later", "rollout_id": f"{row['rollout_id']}-later"} for row in sums(START + QUERIES, seed=9)
    ]
    again = [row for row in rows if row["query_id"] in {f"sum-{START + 1}", f"sum-{START + 2}"}]
    world.memory.import_file(write_rows(tmp_path / "later.jsonl", again))
    scored = "MATCH (:Prediction {scorer: 'reward_model'})-[:SCORES]->(t:Thinking) RETURN DISTINCT t.run AS run, count(DISTINCT t) AS n"
    scope = Scope(runs=("later",), datasets=("sums",))
    summary = world.memory.score(world.model, VIEW, scope=scope)
    assert (summary.queries, summary.scored) == (2, 8)
    assert world.memory.database.query(scored) == [{"run": "later", "n": 8}]
    report = world.memory.relabel(world.model, VIEW, scope=scope)
    assert report.looked_at == 0, "the pass before went through the scope"
    world.relabel()
    world.check()
    for wrong, kind in ((Scope(runs=("latter",)), "run 'latter'"), (Scope(datasets=("sum",)), "data set 'sum'")):
        with pytest.raises(InputError, match=f"there is no {kind} in this memory; known: "):
            world.memory.score(world.model, VIEW, scope=wrong)
