"""Every label is paid for once, serves what it was paid for, and nothing else is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from neo4j import Record, Result

from memgraph.domains.verifiers import judge
from memgraph.errors import LedgerError
from memgraph.labels.budget import Spending
from memgraph.labels.judgements import Judgement
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView, Purpose
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from tests.conftest import write_rows
from tests.integration.rollouts import sums

MONITORED = LabelView(ledgers=("l",), purposes=(Purpose.MONITOR,))


@pytest.fixture
def source(memory: Memory, tmp_path: Path) -> FileTruth:
    file = write_rows(tmp_path / "r.jsonl", sums(50))
    memory.import_file(file)
    return FileTruth([file], run="import")


def spending(memory: Memory, ledger: str = "l") -> dict[str, int]:
    rows = memory.database.query(
        "MATCH (:Ledger {name: $name})-[r:REVEALED]->() "
        "RETURN CASE WHEN r.free THEN 'free' ELSE r.purpose END AS what, count(*) AS queries",
        name=ledger,
    )
    return {row["what"]: row["queries"] for row in rows}


def poisoned(source: FileTruth, honest: set[str], folder: Path) -> FileTruth:
    """The same file with the truth turned round, but for some queries."""
    rows = sums(50)
    texts = {row["query"] for row in rows for key in [_key(row["query"])] if key in honest}
    for row in rows:
        if row["query"] not in texts:
            row.update(correct=not row["correct"], gold="13")
    return FileTruth([write_rows(folder / "p.jsonl", rows)], run="import")


def _key(text: str) -> str:
    from memgraph.store.keys import query_key

    return query_key("sums", text)


@pytest.mark.parametrize("acquisition", ["random", "informative"])
def test_a_budget_is_spent_to_the_query_and_a_second_call_spends_nothing(
    memory: Memory, source: FileTruth, acquisition: str
) -> None:
    def spend(budget: float) -> Spending:
        return memory.reveal(source, ledger="l", budget=budget, acquisition=acquisition, monitor=0.2)  # type: ignore[arg-type]

    first = spend(0.4)
    assert (first.limit, first.revealed.newly_paid, len(first.training), len(first.monitored)) == (20, 20, 16, 4)
    chosen = {"calibrate": 16} if acquisition == "random" else {"calibrate": 4, "train": 12}
    assert spending(memory) == {**chosen, "monitor": 4}
    again = spend(0.4)
    assert again.revealed.newly_paid == again.revealed.labels == 0
    assert (again.training, again.monitored) == (first.training, first.monitored)
    more = spend(0.6)
    assert more.revealed.newly_paid == 10
    assert more.training > first.training
    assert more.monitored > first.monitored
    with pytest.raises(LedgerError, match="30 queries and 0 single answers are spent"):
        memory.ledger("l").reveal(source, set(source.query_keys()) - more.training - more.monitored)


def test_a_budget_for_all_queries_leaves_nothing_to_choose(memory: Memory, source: FileTruth) -> None:
    memory.reveal(source, ledger="l", budget=1.0, acquisition="informative", monitor=0.2)
    assert spending(memory) == {"calibrate": 40, "monitor": 10}


def test_random_draws_are_nested_and_the_monitor_takes_none_of_them(memory: Memory, source: FileTruth) -> None:
    plain = memory.reveal(source, ledger="a", budget=20)
    watched = memory.reveal(source, ledger="b", budget=20, monitor=5)
    assert watched.training < plain.training
    assert len(watched.monitored) == 5
    assert not watched.monitored & plain.training


def test_what_other_ledgers_have_paid_for_is_known_at_no_cost_and_judged_once(
    memory: Memory, source: FileTruth
) -> None:
    first = memory.reveal(source, ledger="first", budget=10, monitor=2)
    second = memory.reveal(source, ledger="second", budget=10, reuse=["first"])
    assert second.reused == 8
    assert second.revealed.newly_paid == 10
    assert first.training < second.training
    assert spending(memory, "second") == {"calibrate": 10, "free": 8}
    assert len(memory.ledger("second").revealed()) == 10

    view = LabelView(ledgers=("second",))
    snapshot = memory.snapshot(view)
    assert {snapshot.query_keys[row] for row in snapshot.labelled_queries} == second.training
    labels = memory.database.query("MATCH (l:Label)-[:SCORES]->(a:Answer) RETURN a.key AS a, count(l) AS n")
    assert {row["n"] for row in labels} == {1}

    stranger = memory.reveal(source, ledger="third", budget=10)
    assert stranger.reused == 0
    assert {
        snapshot.query_keys[row] for row in memory.snapshot(LabelView(ledgers=("third",))).labelled_queries
    } == stranger.training


def test_later_answers_to_a_reused_query_are_judged_at_no_cost(memory: Memory, source: FileTruth) -> None:
    memory.reveal(source, ledger="first", budget=5)
    spent = memory.reveal(source, ledger="second", budget=0, reuse=["first"])
    assert (spent.reused, spent.revealed.newly_paid) == (5, 0)
    key = min(spent.training)
    text = memory.database.query("MATCH (q:Query {key: $key}) RETURN q.text AS text", key=key)[0]["text"]
    new = memory.add([Rollout(query=text, response="#### 777", dataset="sums", domain="math", rollout_id="late")])
    assert memory.ledger("second").reveal(source, [key], judge=judge).newly_paid == 0
    snapshot = memory.snapshot(LabelView(ledgers=("second",)), query_keys=[key])
    assert snapshot.labels[snapshot.rollout_keys.index(new.stored[0].key)] == 0


def test_judging_one_more_answer_reads_as_many_rows_however_many_queries_are_paid(
    memory: Memory, source: FileTruth, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Record] = []
    rows_of = Result.__iter__

    def counted(result: Result) -> Iterator[Record]:
        for record in rows_of(result):
            read.append(record)
            yield record

    monkeypatch.setattr(Result, "__iter__", counted)
    key, *others = source.query_keys()
    rows = []
    for paid in ([key], others):
        memory.ledger("l").reveal(source, paid)
        read.clear()
        ledger = memory.ledger("l")
        ledger.reveal(source, [key])
        rows.append((ledger.spent(), len(read)))
    assert [spent for spent, _ in rows] == [1, 50]
    assert rows[0][1] == rows[1][1] > 0


def test_labels_of_watched_queries_are_invisible_to_training_whatever_they_say(
    memory: Memory, source: FileTruth, tmp_path: Path
) -> None:
    spent = memory.reveal(source, ledger="l", budget=0.5, monitor=0.3)
    visible = memory.snapshot(LabelView(ledgers=("l",)))
    assert {visible.query_keys[row] for row in visible.labelled_queries} == spent.training
    watched = memory.snapshot(MONITORED)
    assert {watched.query_keys[row] for row in watched.labelled_queries} == spent.monitored
    memory.ledger("l").reveal(source, spent.monitored)  # asking again for training does not make them training queries
    np.testing.assert_array_equal(memory.snapshot(LabelView(ledgers=("l",))).labels, visible.labels)

    other = poisoned(source, set(spent.training), tmp_path)
    again = memory.reveal(other, ledger="m", budget=0.5, monitor=0.3)
    assert (again.training, again.monitored) == (spent.training, spent.monitored)
    honest, deceived = (memory.fit(LabelView(ledgers=(name,))) for name in ("l", "m"))
    assert deceived.fingerprint() == honest.fingerprint()


def test_nothing_near_a_watched_query_is_trained_on_whichever_was_known_first(memory: Memory, tmp_path: Path) -> None:
    twins = [{**row, "query": f"{row['query']}{end}", "query_id": row["query_id"] + end, "rollout_id": row["rollout_id"] + end}
             for row in sums(12) for end in ("", "!")]  # fmt: skip
    file = write_rows(tmp_path / "twins.jsonl", twins)
    memory.import_file(file)
    source = FileTruth([file], run="import")
    clusters = memory.clusters(source.query_keys())
    assert [len(cluster) for cluster in clusters] == [2] * 12
    known = {cluster[0] for cluster in clusters[:8]}
    memory.ledger("l", budget=20).reveal(source, known)
    spent = memory.reveal(source, ledger="l", budget=20, monitor=8)
    assert len(spent.monitored) == 8
    assert spent.training >= known
    assert not any(spent.monitored & set(cluster) and spent.training & set(cluster) for cluster in clusters)


def test_poisoned_hidden_labels_change_nothing_in_what_is_chosen(
    memory: Memory, source: FileTruth, tmp_path: Path
) -> None:
    def spend(ledger: str, truth: FileTruth) -> Spending:
        return memory.reveal(truth, ledger=ledger, budget=0.4, acquisition="informative", monitor=0.1)

    honest = spend("l", source)
    deceived = spend("m", poisoned(source, set(honest.training), tmp_path))
    assert (deceived.training, deceived.monitored) == (honest.training, honest.monitored)


def test_calibration_rests_on_the_labels_drawn_at_random_alone(memory: Memory, source: FileTruth) -> None:
    memory.reveal(source, ledger="l", budget=0.6, acquisition="informative")
    view = LabelView(ledgers=("l",))
    snapshot = memory.snapshot(view)
    drawn = memory.drawn_at_random(snapshot, view)
    assert drawn is not None
    at_random = {snapshot.query_keys[row] for row in snapshot.rollout_query[drawn]}
    purposes = memory.ledger("l").purposes()
    assert at_random == {key for key, purpose in purposes.items() if purpose is Purpose.CALIBRATE}
    assert len(at_random) == 8
    assert memory.drawn_at_random(snapshot, LabelView(ledgers=("l",), purposes=(Purpose.TRAIN,))) is None


def test_answers_that_people_judged_one_by_one_use_up_the_budget_too(memory: Memory, source: FileTruth) -> None:
    snapshot = memory.snapshot(LabelView(ledgers=()))
    ledger = memory.ledger("l", budget=5)
    ledger.accept(
        [
            Judgement(snapshot.query_keys[snapshot.answer_query[row]], {snapshot.answer_keys[row]: 1.0}, "ann")
            for row in range(2)
        ]
    )
    assert memory.reveal(source, ledger="l", budget=5).revealed.newly_paid == 3
    assert ledger.spent() == 5


def test_at_most_so_many_rollouts_of_a_query_are_read_the_newest_first(memory: Memory, source: FileTruth) -> None:
    text = sums(1)[0]["query"]
    new = memory.add(Rollout(query=text, response=f"#### {n}", dataset="sums", domain="math") for n in range(3))
    snapshot = memory.snapshot(LabelView(ledgers=()), query_keys=[new.stored[0].query_key], rollouts=3)
    assert set(snapshot.rollout_keys) == {place.key for place in new.stored}
