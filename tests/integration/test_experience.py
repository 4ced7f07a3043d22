"""What a reward call reads of its queries besides its own group, against a real memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pytest
from neo4j import ManagedTransaction

from memgraph.errors import InputError
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.consensus import EXPERIENCE
from memgraph.models.features import rollout_features
from memgraph.models.scores import Scores
from memgraph.models.votes import MajorityVote
from memgraph.rollouts.experience import LOOKED_AT
from memgraph.rollouts.preparation import RolloutPlace
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import supersede
from memgraph.snapshot.read import Group, NeighbourhoodLimits
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store import migrations
from memgraph.store.cypher import cypher
from memgraph.store.keys import query_key
from tests.integration.rollouts import call_on, sums
from trainer.reward.memory_reward import MemoryReward

VIEW = LabelView(ledgers=("l",))
ROWS = sums(2)
QUERY = ROWS[0]["query"]
KEY = query_key("sums", QUERY)


class Watching(MajorityVote):
    """Keeps what it was asked to score."""

    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def score(self, snapshot: Snapshot) -> Scores:
        self.seen.append(snapshot)
        return super().score(snapshot)


class Interrupted(MemoryReward):
    """Another training's call falls between the start of this one's and its writing."""

    def __init__(self, *args: Any, other: MemoryReward, **options: Any) -> None:
        super().__init__(*args, **options)
        self.other = other

    def _store(self, *args: Any) -> list[RolloutPlace]:
        self.other([""] * 8, **call_on(ROWS))
        return super()._store(*args)


def group_rows(run: str, attempt: int, call: int, *, size: int = 3, wrong: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "query": QUERY, "dataset": "sums", "domain": "math", "run": run, "attempt": attempt, "step": call,
            "call": call, "sample": number, "response": f"#### {number + wrong}",
        }
        for number in range(size)
    ]  # fmt: skip


def places(memory: Memory, snapshot: Snapshot) -> list[tuple[str, int, int, int]]:
    """Run, attempt, call and sample of the rollouts that nobody asked for, in the order of experience."""
    rows = memory.database.query(
        "UNWIND $keys AS key MATCH (t:Thinking {key: key}) RETURN t.run AS run, t.attempt AS attempt, t.call AS call, "
        "t.sample AS sample",
        keys=[snapshot.rollout_keys[row] for row in np.argsort(snapshot.rollout_order)],
    )
    asked = snapshot.rollout_asked[np.argsort(snapshot.rollout_order)]
    return [tuple(row.values()) for row, own in zip(rows, asked, strict=True) if not own]  # type: ignore[misc]


def read(memory: Memory, group: Group, most: int = 32, **options: Any) -> Snapshot:
    return memory.subgraph([KEY], VIEW, group=group, limits=NeighbourhoodLimits(experience=most), **options)


def test_two_trainings_read_each_other_as_of_the_start_of_a_call(memory: Memory) -> None:
    watching = Watching()
    other = MemoryReward(memory, run="other", scorer=MajorityVote())
    reward = Interrupted(memory, run="this", scorer=watching, other=other)
    for _ in range(3):
        reward([""] * 8, **call_on(ROWS))
    reward.close()
    other.close()
    for call, snapshot in enumerate(watching.seen):
        found = places(memory, snapshot)
        earlier = {(run, number) for run in ("this", "other") for number in range(call)}
        assert {(run, number) for run, _, number, _ in found} == earlier, "and not what was written since it began"
        assert len(found) == 8 * len(earlier)
        assert int(snapshot.rollout_asked.sum()) == 8
        assert set(snapshot.target_rollouts.tolist()) == set(np.flatnonzero(snapshot.rollout_asked).tolist())
        runs = [run for run, *_ in found]
        assert runs == sorted(runs, key=["this", "other"].index), "this run began first, whoever wrote first"


def test_the_order_is_that_of_experience_and_not_of_writing(memory: Memory) -> None:
    old, new = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1)
    written = [(new, "new", 1, 0), (old, "old", 2, 0), (old, "old", 1, 10), (old, "old", 1, 9), (new, "new", 1, 3)]
    for started, run, attempt, call in written:
        report = memory.import_rows(group_rows(run, attempt, call), started=started)
        assert (report.new, report.rejected) == (3, [])
    memory.import_rows(group_rows("asked", 1, 0))
    found = places(memory, read(memory, Group("asked", 1, 0)))
    groups = [("old", 1, 9), ("old", 1, 10), ("old", 2, 0), ("new", 1, 0), ("new", 1, 3)]
    assert found == [(*group, sample) for group in groups for sample in range(3)]
    few = places(memory, read(memory, Group("asked", 1, 0), 3))
    assert few == [("new", 1, 0, 2), ("new", 1, 3, 1), ("new", 1, 3, 2)]
    inside = places(memory, read(memory, Group("old", 1, 10), 2))
    assert inside == [("asked", 1, 0, 1), ("asked", 1, 0, 2)], "newer groups than the one asked for are experience too"


def test_what_is_superseded_is_no_experience(memory: Memory) -> None:
    for call in range(3):
        memory.import_rows(group_rows("r", 1, call))
    supersede(memory.database, "r", 1)
    memory.import_rows(group_rows("asked", 1, 0))
    assert {call for _, _, call, _ in places(memory, read(memory, Group("asked", 1, 0)))} == {0}


def test_only_what_was_stored_by_a_time_is_read(memory: Memory) -> None:
    memory.import_rows(group_rows("r", 1, 0))
    between = memory.now()
    memory.import_rows(group_rows("r", 1, 1))
    group = Group("asked", 1, 0)
    memory.import_rows(group_rows("asked", 1, 0))
    assert {call for _, _, call, _ in places(memory, read(memory, group, as_of=between))} == {0}
    assert {call for _, _, call, _ in places(memory, read(memory, group))} == {0, 1}
    view = LabelView(ledgers=("l",), as_of=between)
    assert {call for _, _, call, _ in places(memory, memory.subgraph([KEY], view, group=group))} == {0}


def test_without_experience_a_snapshot_is_what_is_read_without_it(memory: Memory) -> None:
    memory.add([Rollout(**{k: row[k] for k in ("query", "response", "dataset", "domain")}) for row in sums(6)])
    for call in range(4):
        rows = group_rows("r", 1, call, wrong=call)
        memory.import_rows([{**row, "features": {"only_then": 1.0}} for row in rows])
    answer = memory.database.query("MATCH (t:Thinking {run: 'r', call: 3})-[:LEADS_TO]->(a) RETURN a.key AS key")[0][
        "key"
    ]
    memory.label([LabelRow(answer_key=answer, score=1.0, author="someone")], ledger="l", budget=9)
    memory.import_rows(group_rows("asked", 1, 0))
    wide, plain = (read(memory, Group("asked", 1, 0), most) for most in (32, 0))
    assert len(wide.rollout_keys) == len(plain.rollout_keys) + 16
    assert not np.isnan(wide.labels[~wide.rollout_asked]).all()
    assert_same(wide.without_experience(), plain)
    found = [rollout_features(one, ("form",)) for one in (wide, plain)]
    (names, features), (kept, expected) = found
    groups_only = [name for name in kept if name not in EXPERIENCE]
    rows = features[wide.rollout_asked][:, [names.index(name) for name in groups_only]]
    np.testing.assert_array_equal(rows, expected[:, [kept.index(name) for name in groups_only]])


def assert_same(one: Snapshot, other: Snapshot) -> None:
    """Equal to the bit, whatever the numbers that groups and classes go by."""
    for field in fields(one):
        found, expected = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("rollout_group", "answer_class"):
            found, expected = np.unique(found, return_inverse=True)[1], np.unique(expected, return_inverse=True)[1]
            pairs = set(zip(found.tolist(), expected.tolist(), strict=True))
            assert len(pairs) == len(set(found.tolist())) == len(set(expected.tolist()))
        elif isinstance(found, np.ndarray):
            np.testing.assert_array_equal(found, expected, err_msg=field.name)
        else:
            assert found == expected, field.name


def profiled(asked: dict[str, Any], tx: ManagedTransaction) -> dict[str, Any]:
    found = tx.run(f"PROFILE {cypher('read/experience')}", asked).consume().profile
    assert found is not None
    return found


def test_what_reading_costs_does_not_grow_with_the_history(memory: Memory) -> None:
    def hits(plan: dict[str, Any]) -> int:
        return int(plan["args"].get("DbHits", 0)) + sum(map(hits, plan.get("children", ())))

    def operators(plan: dict[str, Any]) -> Sequence[str]:
        return [plan["operatorType"], *(name for child in plan.get("children", ()) for name in operators(child))]

    costs = []
    for first, last in ((0, 20), (20, 200)):
        rows = [row for call in range(first, last) for row in group_rows("r", 1, call, size=2)]
        memory.import_rows(rows)
        asked = {"keys": [KEY], "run": "r", "attempt": 1, "call": 5, "as_of": memory.now(), "limit": LOOKED_AT * 4}
        profile = memory.database.execute_read(partial(profiled, asked))
        costs.append(hits(profile))
        names = " ".join(operators(profile))
        assert "NodeIndexSeek" in names, names
        assert "Sort" not in names, names
        assert "Top" not in names, names
    assert costs[0] == costs[1]


def test_stored_rollouts_get_the_position_that_they_are_written_with(memory: Memory) -> None:
    memory.import_rows(group_rows("r", 1, 12))
    memory.add(
        [Rollout(query=QUERY, response=f"#### {n}", dataset="sums", domain="math", run="plain") for n in range(3)]
    )
    stored = "MATCH (t:Thinking) RETURN t.key AS key, t.query AS query, t.position AS position ORDER BY key"
    before = memory.database.query(stored)
    memory.database.query("MATCH (t:Thinking) REMOVE t.position, t.query", write=True)
    for _ in range(2):
        migrations.replay(memory.database, after="6")
        assert memory.database.query(stored) == before
    assert len({row["position"] for row in before}) == 6


def test_a_run_begins_once(memory: Memory) -> None:
    memory.import_rows(group_rows("r", 1, 0), started=datetime(2024, 1, 1))
    assert memory.import_rows(group_rows("r", 1, 1), started=datetime(2024, 1, 1, tzinfo=UTC)).new == 3
    assert memory.import_rows(group_rows("r", 1, 2)).new == 3
    with pytest.raises(InputError, match=r"the run 'r' began at 2024-01-01T00:00:00\+00:00 and cannot begin at 2025"):
        memory.import_rows(group_rows("r", 1, 3), started=datetime(2025, 1, 1))
