"""What a pass looks at is what has changed: nothing that is stale is left out, whoever has changed it, and when."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from neo4j import ManagedTransaction

from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.rollouts import ingest
from memgraph.rollouts.classes import join
from memgraph.rollouts.files import Row
from memgraph.rollouts.ingest import Ingest
from memgraph.rollouts.program_runs import run_programs
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import start_attempt, supersede
from memgraph.scoring import changes, write_back
from memgraph.scoring.changes import changed_queries, number_changes
from memgraph.scoring.scope import EVERYTHING, Scope
from memgraph.scoring.stale import dependencies
from memgraph.store.cypher import cypher, data_folder
from memgraph.store.database import Database
from memgraph.store.forget import forget
from memgraph.store.prune import prune
from tests.integration.clusters import QUERIES, VIEW, World
from tests.integration.test_schema import without_comments
from tests.thorough import every

STEPS = 40
MODULE = "#### f\n```python\ndef f(xs):\n    return {}\n```"
SORT = "Write the Python function f(xs): xs in order. For example f([2, 1]) == [1, 2]."
READ = "GENERATES_REASONING|GENERATES|LEADS_TO|EQUALS|SCORES|CORRECTS|SPENT_IN|superseded|Unobserved"
TOUCH_NO_INPUT = {  # write some of these words, but nothing that a score reads
    "write/answers": "with the rollouts that gave them, which mark their query",
    "write/compact_predictions": "predictions are no inputs",
    "write/influences": "what moved a prediction is no input",
    "write/observation_attempts": "the program goes on waiting",
    "write/predictions": "predictions are no inputs",
    "write/reread_begin": "what a ledger has spent",
    "write/reread_end": "what a ledger has spent",
}


@pytest.fixture
def world(made_up: Memory, tmp_path: Path) -> World:
    return World(made_up, tmp_path)


@dataclass
class Walk:
    """Random things happen to a memory that three scorers share."""

    world: World
    rng: random.Random
    scorers: list[tuple[RewardModel, LabelView]]
    happened: list[str] = field(default_factory=list)
    made: int = 0

    @property
    def memory(self) -> Memory:
        return self.world.memory

    def one(self, statement: str) -> str | None:
        """Some key that a statement returns."""
        keys = [row["key"] for row in self.memory.database.query(statement + " RETURN n.key AS key ORDER BY key")]
        return self.rng.choice(keys) if keys else None

    def add(self, **where: Any) -> None:
        self.made += 1
        query = self.one("MATCH (n:Query {domain: 'math'})")
        text = self.memory.database.query("MATCH (q:Query {key: $key}) RETURN q.text AS text", key=query)[0]["text"]
        answer = self.rng.choice(["2+2", "4", "x=4", "60"])
        rollout = Rollout(text, f"{self.made} #### {answer}", dataset="sums", domain="math", **{"run": "later"} | where)
        self.memory.add([rollout])

    def add_query(self) -> None:
        self.made += 1
        self.memory.add([Rollout(f"How much is {self.made} and 7?", "#### 9", domain="math", run="later")])

    def add_program(self) -> None:
        self.made += 1
        program = MODULE.format(self.rng.choice(["sorted(xs)", f"xs[:{self.made}]"]))
        self.memory.add([Rollout(SORT, program, domain="code", run="programs")])

    def add_programs_that_wait(self) -> None:
        self.made += 1
        program = MODULE.format(f"sorted(xs)[:{self.made}]")
        rows = [Row(1, Rollout(SORT, program, domain="code", run="programs"), {})]
        Ingest(self.memory.database, self.memory._embedder, neighbours=7, run_programs=False).run(rows)

    def run_programs(self) -> None:
        run_programs(self.memory.database, self.memory.domains)

    def sample(self) -> None:
        attempt = start_attempt(self.memory.database, "rl")
        self.add(run="rl", attempt=attempt, call=0, step=0, sample=0)

    def go_back(self) -> None:
        supersede(self.memory.database, "rl", 0)

    def reveal(self) -> None:
        ledger = self.memory.ledger(self.rng.choice(["l", "other"]))
        self.memory.ledger(ledger.name).reveal(self.world.source, self.rng.sample(self.world.keys, 2))

    def reuse(self) -> None:
        self.memory.ledger("l").reuse(LabelView(ledgers=("other",)), self.rng.sample(self.world.keys, 4))

    def judge(self) -> None:
        rollout = self.one("MATCH (n:Thinking)")
        row = LabelRow(
            self.rng.choice([0.0, 1.0]), author=self.rng.choice(["ann", "bob"]), rollout_key=rollout, corrects="own"
        )
        self.memory.label([row], ledger=self.rng.choice(["l", "other"]))

    def judge_apart(self) -> None:
        answer = self.one("MATCH (n:Answer) WHERE COUNT { (n)<-[:LEADS_TO]-() } > 1")
        if answer is not None:
            found = "MATCH (:Answer {key: $key})<-[:LEADS_TO]-(t) RETURN t.key AS key ORDER BY key LIMIT 2"
            rollouts = [row["key"] for row in self.memory.database.query(found, key=answer)]
            self.memory.label(
                [LabelRow(float(n), author="eve", rollout_key=key) for n, key in enumerate(rollouts)], ledger="l"
            )

    def forget_run(self) -> None:
        forget(self.memory.database, run=self.rng.choice(["later", "rl", "programs"]))

    def forget_query(self) -> None:
        forget(self.memory.database, query=self.one("MATCH (n:Query {domain: 'math'})"))

    def prune(self) -> None:
        here = self.one("MATCH (n:Thinking {run: 'later'})") is not None
        prune(self.memory.database, superseded=True, runs=["later"] if here else None, compact=True)

    def relabel(self) -> None:
        model, view = self.rng.choice(self.scorers)
        self.memory.relabel(model, view)
        assert self.affected(model, view, EVERYTHING.queries(self.memory)) == set()

    def relabel_scope(self) -> None:
        model, view = self.rng.choice(self.scorers)
        if self.one("MATCH (n:Thinking {run: 'later'})") is not None:
            self.memory.relabel(model, view, scope=self.rng.choice([Scope(runs=("later",)), Scope(datasets=("sums",))]))

    def stop_half_way(self) -> None:
        def stop(done: int, total: int | None = None, doing: str = "") -> None:
            raise KeyboardInterrupt

        model, view = self.rng.choice(self.scorers)
        with pytest.raises(KeyboardInterrupt):
            self.memory.relabel(model, view, progress=stop)

    def score(self) -> None:
        self.memory.score(*self.rng.choice(self.scorers))

    def affected(self, model: RewardModel, view: LabelView, keys: list[str]) -> set[str]:
        assert model.key is not None
        return {one.key for one in dependencies(self.memory, model.key, view, keys) if one.affected}

    def check(self) -> None:
        """Looking at what has changed finds what looking at everything finds, for every scorer."""
        everything = EVERYTHING.queries(self.memory)
        for model, view in self.scorers:
            assert model.key is not None
            changed = changed_queries(self.memory, model.key, view, EVERYTHING)
            assert self.affected(model, view, changed) == self.affected(model, view, everything), self.happened


@pytest.mark.parametrize("seed", every(10, range(10)))
def test_what_changed_holds_all_that_is_stale(world: World, seed: int) -> None:
    walk = Walk(world, random.Random(seed), [])
    second = under_another_key(world, "second")
    walk.scorers = [(world.model, VIEW), (second, VIEW), (world.model, LabelView(ledgers=("other",), runs=("import",)))]
    for model, view in walk.scorers[:2]:
        world.memory.relabel(model, view)
    things: list[Callable[[], None]] = [
        walk.add, walk.add, walk.add_query, walk.add_program, walk.add_programs_that_wait, walk.run_programs, walk.sample,
        walk.sample, walk.go_back, walk.reveal, walk.reuse, walk.judge, walk.judge, walk.judge_apart, walk.forget_run,
        walk.forget_query, walk.prune,
    ]  # fmt: skip
    passes = [walk.relabel, walk.relabel, walk.relabel, walk.relabel_scope, walk.stop_half_way, walk.score]
    for step in range(STEPS):
        thing = walk.rng.choice(passes if step % 2 else things)
        walk.happened.append(thing.__name__)
        thing()
        walk.check()
    for model, view in walk.scorers:
        world.memory.relabel(model, view)
        assert walk.affected(model, view, EVERYTHING.queries(world.memory)) == set(), walk.happened


def under_another_key(world: World, key: str) -> RewardModel:
    """The same model, registered once more."""
    rows = world.memory.database.query(
        "MATCH (m:RewardModel {key: $key}) RETURN properties(m) AS p", key=world.model.key
    )
    world.memory.database.query(
        cypher("write/reward_model"), write=True, key=key, properties={**rows[0]["p"], "key": key}
    )

    class Other(RewardModel):
        def __init__(self) -> None:
            self.__dict__.update({**world.model.__dict__, "key": key})

    return Other()


def test_a_pass_looks_at_what_changed_since_this_scorer_went_through(world: World) -> None:
    memory, second = world.memory, under_another_key(world, "second")
    assert world.relabel().looked_at == QUERIES
    assert world.relabel().looked_at == 0
    memory.ledger("l").reveal(world.source, world.keys[1:3])
    assert world.relabel(preview=True).looked_at == 2
    report = memory.relabel(second, VIEW)
    assert (report.looked_at, report.affected) == (QUERIES, QUERIES), "it never did"
    assert world.relabel().looked_at == 2, "a pass of one scorer tells nothing of another"
    memory.ledger("other").reveal(world.source, world.keys[4:5])
    report = memory.relabel(second, VIEW)
    assert (report.looked_at, report.affected) == (1, 0), "another ledger's label changes nothing under this view"
    assert memory.relabel(second, LabelView(ledgers=("other",))).looked_at == QUERIES


def test_a_pass_over_a_scope_says_nothing_of_the_rest(world: World) -> None:
    memory, sums = world.memory, Scope(datasets=("sums",))
    memory.add([Rollout("1 + 1?", "#### 2", domain="math", run="later")])
    assert memory.relabel(world.model, VIEW, scope=sums).looked_at == QUERIES
    assert memory.relabel(world.model, VIEW, scope=sums).looked_at == 0
    assert world.relabel().looked_at == QUERIES + 1
    world.memory.ledger("l").reveal(world.source, world.keys[1:2])
    assert world.relabel().looked_at == 1
    assert memory.relabel(world.model, VIEW, scope=sums).looked_at == 0, "the pass over everything went through it"


def number_during(database: Database, change: Callable[[ManagedTransaction], None], *, seconds: float) -> bool:
    """Number the changes while a transaction that has made one is still open; returns whether that waited for it."""
    made, go_on = threading.Event(), threading.Event()

    def held(tx: ManagedTransaction) -> None:
        change(tx)
        made.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor() as pool:
        changing = pool.submit(database.execute_write, held)
        assert made.wait(60)
        numbering = pool.submit(number_changes, database)
        time.sleep(seconds)
        waited = not numbering.done()
        go_on.set()
        changing.result()
        assert numbering.result() >= 1
    return waited


def test_a_change_that_is_under_way_when_a_pass_begins_is_not_lost(world: World) -> None:
    """Of a query that is marked already, too: its mark is there to be taken while the next change is written."""
    memory, (first, second) = world.memory, world.keys[1:3]
    world.relabel()
    memory.ledger("l").reveal(world.source, [first])
    label = {"kind": "ground_truth", "score": 0.0, "purpose": "train", "query": first}
    answer = "MATCH (:Query {key: $key})-[:GENERATES]->(a) RETURN a.key AS key ORDER BY key LIMIT 1"
    rows = [
        {"key": f"late {key}", "target": memory.database.query(answer, key=key)[0]["key"], "properties": label, "corrects": []}
        for key in (first, second)
    ]  # fmt: skip
    ledger = memory.database.query("MATCH (l:Ledger {name: 'l'}) RETURN l.key AS key")[0]["key"]

    def write(tx: ManagedTransaction) -> None:
        tx.run(cypher("write/label_answers"), ledger=ledger, rows=rows).consume()

    assert number_during(memory.database, write, seconds=2), "it waits for the query that was marked before"
    report = world.relabel()
    assert (report.looked_at, report.affected) == (2, 2)
    world.check()


def test_a_pass_that_writes_what_it_had_read_before_another_one_is_made_up_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, predict = world.memory, write_back.predict

    def overtaken(*given: Any, **named: Any) -> dict[str, float | None]:
        scores = predict(*given, **named)
        monkeypatch.setattr(write_back, "predict", predict)
        memory.ledger("l").reveal(world.source, world.keys[1:2])
        assert world.relabel().looked_at == QUERIES
        return scores

    monkeypatch.setattr(write_back, "predict", overtaken)
    memory.score(world.model, VIEW)
    assert world.keys[1] in {row["key"] for row in memory.database.query("MATCH (q:Changed) RETURN q.key AS key")}, (
        "scores from before its label were written after those that know it"
    )
    assert world.relabel().affected == 1
    world.check()
    assert world.relabel().looked_at == 0


def test_answers_that_are_joined_later_and_programs_that_are_run_later_are_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = world.memory
    monkeypatch.setattr(ingest, "join", lambda *_, **__: 0)
    monkeypatch.setattr(ingest, "run_programs", lambda *_, **__: 0)
    fours = [Rollout("Two and two?", f"#### {four}", domain="math", run="unread") for four in ("2+2", "4")]
    places = memory.add([*fours, Rollout(SORT, MODULE.format("sorted(xs)"), domain="code", run="unread")]).stored
    memory.label([LabelRow(1.0, author="ann", rollout_key=places[0].key)], ledger="l")
    memory.add([Rollout("Three and one?", f"#### {four}", domain="math", run="unread") for four in ("3+1", "4")])
    world.relabel()
    assert join(memory.database, memory.domains) == 2
    assert world.relabel().affected == 2, "one label is for both now, and without any they vote together"
    assert run_programs(memory.database, memory.domains) == 1
    assert world.relabel().affected == 1
    world.check()


def test_a_query_that_is_forgotten_while_a_pass_begins_is_passed_over(world: World) -> None:
    def forget_one(tx: ManagedTransaction) -> None:
        tx.run("MATCH (q:Query {key: $key}) DETACH DELETE q", key=world.keys[0]).consume()

    number_during(world.memory.database, forget_one, seconds=1)
    assert world.relabel().looked_at == QUERIES - 1


def test_many_changes_are_numbered_in_several_transactions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_QUERIES", 10)
    world.relabel()
    numbers = "MATCH (q:Query) RETURN q.changed AS n, count(*) AS queries ORDER BY n"
    assert [row["queries"] for row in world.memory.database.query(numbers)] == [10, 10, 7]
    assert world.relabel().looked_at == 0


def test_what_changed_is_found_by_the_index(world: World) -> None:
    parameters = {"since": 1, "datasets": None, "runs": None}
    plan = world.memory.database.execute_read(
        lambda tx: tx.run("EXPLAIN " + cypher("read/changed_queries"), parameters).consume().plan
    )
    assert "RANGE INDEX q:Query(changed)" in str(plan)


@pytest.mark.parametrize("name", sorted(f"write/{file.stem}" for file in (data_folder("cypher") / "write").iterdir()))
def test_whatever_writes_what_a_score_reads_marks_the_query(name: str) -> None:
    body = without_comments(cypher(name))
    writes = re.search(READ, body) and re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE)\b", body)
    if writes and name not in TOUCH_NO_INPUT:
        assert "SET q:Changed" in body or "{{" in body, f"or say in TOUCH_NO_INPUT why {name} changes no score"
