"""A memory that an earlier reader read is refused, read again, and loses nothing that it knew."""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memgraph.domains import Domains, NormalAnswer, Reading
from memgraph.domains.checks import CHECKS_PROPERTY
from memgraph.domains.choices import Choices
from memgraph.errors import LedgerError, MigrationError, ModelError
from memgraph.labels import reread
from memgraph.labels.rows import LabelRow, read_labels_file
from memgraph.labels.submit import label_rows
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelKind, LabelView
from memgraph.memory import Memory
from memgraph.models.reward_model import RewardModel
from memgraph.rollouts.guarded_embedder import bind_space
from memgraph.rollouts.program_runs import run_programs
from memgraph.rollouts.reader import require_reader
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store import keys, lease, migrations
from memgraph.store.archive import MANIFEST, export_archive, import_archive
from memgraph.store.archive.manifest import read_manifest
from memgraph.store.database import Database
from tests.fixtures.make import EightNumbers, clear, load
from tests.fixtures.make_old_reader import (
    CAPITAL,
    GIVEN,
    HALF,
    LIST,
    NAME,
    NOTHING,
    PROGRAM,
    SEVEN,
    SIGN,
    SINE,
    TWICE,
    UNIT,
)
from tests.integration.lives import EDGES, NODES
from tests.integration.test_command_line import memreward

FORMER = Path(__file__).parents[1] / "fixtures" / "former_reader"
ALL = LabelView(ledgers=("people",), kinds=(LabelKind.HUMAN,))
TRUTH = LabelView(ledgers=("truth",))
ANSWERS = """
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
RETURN q.text AS query, t.rollout_id AS id, t.response AS response, t.text AS thinking, t.answer AS written, a.key AS answer,
       coalesce([(a)-[:EQUALS]->(s) | s.key][0], a.key) AS same, a.valid AS valid, t.given AS given ORDER BY query, t.key
"""


@pytest.fixture
def former(opened: Memory) -> Iterator[Database]:
    """The session's database with the memory of former times; it has its schema and embedding space again afterwards."""
    clear(opened.database.autocommit)
    load(opened.database.autocommit, FORMER / "memory.jsonl")
    yield opened.database
    clear(opened.database.autocommit)
    migrations.migrate(opened.database)
    bind_space(opened.database, opened._embedder)
    require_reader(opened.database, opened.domains)


def read_again(database: Database, domains: Domains | None = None, **options: Any) -> reread.RereadReport:
    migrations.migrate(database)
    domains = domains or Domains()
    report = reread.reread(database, domains, **options)
    run_programs(database, domains)
    return report


def everything(database: Database) -> tuple[list[Any], list[Any]]:
    nodes = [{**row, "labels": sorted(row["labels"])} for row in database.query(NODES)]
    return nodes, sorted(database.query(EDGES), key=repr)


def rollouts(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Query → its imported rollouts, in the order of their source."""
    found = defaultdict(list)
    for row in sorted(database.query(ANSWERS), key=lambda row: row["id"] or ""):
        if row["id"] is not None:
            found[row["query"]].append(row)
    return found


def classes(database: Database, query: str) -> list[int]:
    """Which of a query's rollouts share an answer."""
    same = [row["same"] for row in rollouts(database)[query]]
    return [same.index(one) for one in same]


def in_force(memory: Memory, view: LabelView) -> dict[str, list[float | None]]:
    """Query → label in force on each imported rollout."""
    snapshot = memory.snapshot(view)
    label = dict(zip(snapshot.rollout_keys, snapshot.labels.tolist(), strict=True))
    key_of = keys.imported_rollout_key
    return {
        query: [None if (x := label[key_of("former", row["id"])]) != x else x for row in rows]
        for query, rows in rollouts(memory.database).items()
        if query != TWICE
    }


def opened_again(settings: Settings, **options: Any) -> Memory:
    return Memory.open(settings, embedder=EightNumbers(), **options)


def test_a_memory_of_another_reader_is_refused_with_the_remedy(former: Database, settings: Settings) -> None:
    with pytest.raises(MigrationError, match=r"math \(version 1, now .*memreward migrate"):
        opened_again(settings)
    with pytest.raises(MigrationError, match="memreward migrate"):
        opened_again(settings)  # being refused changes nothing


def test_the_plan_says_how_much_there_is_to_do(former: Database) -> None:
    migrations.migrate(former)
    before = everything(former)
    plan = reread.plan(former, Domains())
    assert set(plan.domains) == {"math", "qa", "code"}
    assert plan.rollouts == former.query("MATCH (t:Thinking) RETURN count(t) AS n")[0]["n"]
    assert 0 < plan.seconds < 60
    assert 0 < plan.megabytes < 5
    assert everything(former)[1] == before[1]


def test_answers_that_differ_come_apart_and_equal_ones_together(former: Database) -> None:
    read_again(former)
    assert classes(former, LIST) == [0, 1, 0, 1]
    assert classes(former, SIGN) == [0, 1, 1]
    assert classes(former, UNIT) == [0, 1, 0, 3]
    assert classes(former, CAPITAL) == [0, 1]
    assert classes(former, HALF) == [0, 0, 0, 3]
    assert classes(former, SINE) == [0, 0, 2]
    assert classes(former, NAME) == [0, 1, 2]
    assert classes(former, PROGRAM) == [0, 1, 0, 0]
    valid = {query: [row["valid"] for row in rows] for query, rows in rollouts(former).items()}
    assert valid[NOTHING] == [True, True, False]
    assert valid[TWICE] == [True, True, True]
    assert former.query("MATCH (t:Thinking) WHERE COUNT { (t)-[:LEADS_TO]->() } <> 1 RETURN t") == []
    assert former.query("MATCH (a:Answer {valid: true}) WHERE a.written IS NULL RETURN a") == []
    queries = former.query("MATCH (q:Query)-[:GENERATED]->(:FormerAnswer) RETURN q:Changed AS looked_at")
    assert queries
    assert all(row["looked_at"] for row in queries), "their scores may be others now"
    assert former.query("MATCH (a:Rereading|Unjoined|Unobserved) RETURN a") == []


def test_what_its_source_gave_stays_as_given(former: Database) -> None:
    read_again(former)
    first, second, third = rollouts(former)[GIVEN]
    assert (first["thinking"], first["written"], first["given"]) == ("Whales swim.", "No", "answer thinking")
    assert (second["written"], second["given"]) == ("yes", "")
    assert (third["thinking"], third["written"], third["given"]) == ("", "yes", "thinking")
    apart = [row for row in rollouts(former)[TWICE] if row["given"]]
    assert [(row["thinking"], row["given"]) for row in apart] == [("2 and 2", "thinking")]


def test_what_is_read_otherwise_waits_for_its_vector_and_nothing_else_does(
    former: Database, settings: Settings
) -> None:
    own = EightNumbers.space.vector_property
    vectors = f"""
    MATCH (n:Thinking|Answer) RETURN n.key AS key, coalesce(n.value, n.text) AS text, n.{own} AS vector, n:Unembedded AS waits
    """
    before = {row["key"]: row["text"] for row in former.query(vectors)}
    read_again(former)
    read = former.query(vectors)
    waiting = {row["text"] for row in read if row["waits"]}
    assert waiting
    assert all((row["vector"] is None) == row["waits"] for row in read)
    assert all(row["text"] != before[row["key"]] for row in read if row["waits"] and row["key"] in before)
    with opened_again(settings) as memory:
        memory.embed()
    for row in former.query(vectors):
        assert not row["waits"]
        if row["text"] in waiting:
            assert bytes(row["vector"]) == EightNumbers().embed([row["text"]])[0].tobytes()


def test_importing_the_same_files_again_finds_everything_known(former: Database, settings: Settings) -> None:
    read_again(former)
    before = everything(former)
    with opened_again(settings) as memory:
        again = memory.import_file(FORMER / "rollouts.jsonl")
        assert (again.new, again.rejected) == (0, [])
        assert {place.answer_key for place in again.stored} <= {row["answer"] for row in former.query(ANSWERS)}
        logged = memory.import_file(FORMER / "completions.jsonl", run="trl", dataset="logged", domain="math")
        assert (logged.new, logged.known, logged.rejected) == (0, 3, [])
    assert everything(former)[1] == before[1]


def test_a_field_that_was_given_as_the_former_reader_read_it_is_known(former: Database, settings: Settings) -> None:
    """It looks as if it had been read from the response, so it is read again; its file is known all the same."""
    row = next(row for row in map(json.loads, (FORMER / "rollouts.jsonl").open()) if row["query"] == PROGRAM)
    read_again(former)
    with opened_again(settings) as memory:
        del row["tests"]
        again = memory.import_rows([{**row, "answer": "4"}])
        assert (again.new, again.known, again.rejected) == (0, 1, [])
        assert again.stored[0].answer_key == rollouts(former)[PROGRAM][0]["answer"]
        other = memory.import_rows([{**row, "answer": "5"}])
        assert len(other.rejected) == 1


def test_labels_go_to_what_they_are_about_or_are_listed(former: Database, settings: Settings) -> None:
    report = read_again(former)
    with opened_again(settings) as memory:
        people, truth = in_force(memory, ALL), in_force(memory, TRUTH)
    assert people[SEVEN] == [0.75, 0.75, None], "the correction stays in force"
    assert people[HALF] == [0.5, 0.5, 0.5, None], "two former answers are one now, and their labels differ"
    assert people[LIST] == [1.0, 0.0, None, None], "labels on rollouts stay"
    for query in (SIGN, NAME, UNIT):
        assert set(people[query]) == {None}
    listed = {(one.query, one.author, one.score) for one in report.unplaced if one.kind == "human"}
    assert listed == {(SIGN, "Ann", 0.0), (NAME, "Bo", 1.0), (UNIT, "Ann", 1.0), (UNIT, "Bo", 0.5)}
    sign = next(one for one in report.unplaced if one.query == SIGN)
    assert (sign.former_answer, len(sign.read_as), sign.ledgers) == ("X", 2, ["people"])
    assert [(one.query, one.scores) for one in report.conflicts] == [(HALF, [("Ann", 0.0), ("Ann", 1.0)])]

    assert truth[LIST] == [1.0, 0.0, 1.0, 0.0], "judged again by the stored gold"
    assert truth[UNIT] == [1.0, 0.0, 1.0, 0.0]
    assert (truth[NOTHING][0], truth[NOTHING][2]) == (1.0, 0.0)
    assert truth[PROGRAM] == [1.0, 0.0, 1.0, 1.0], "judged again by the stored tests"
    assert truth[GIVEN] == [1.0, 0.0, 0.0]
    assert truth[SEVEN] == [1.0, 1.0, 0.0], "what the source judged, without a reference"
    assert truth[NAME] == [1.0, 0.0, 0.0], "on rollouts, as the source contradicted itself"
    assert truth[CAPITAL] == [None, None]
    assert {one.query for one in report.unplaced if one.kind == "ground_truth"} == {CAPITAL}
    with opened_again(settings) as memory:  # what the source judged itself, it says again
        source = FileTruth([FORMER / "rollouts.jsonl"], run="import")
        again = memory.ledger("truth").reveal(source, [keys.query_key("former", CAPITAL)])
        assert (again.newly_paid, in_force(memory, TRUTH)[CAPITAL]) == (0, [1.0, 1.0])


def test_nothing_is_lost_of_labels_predictions_and_history(former: Database) -> None:
    counted = "MATCH (l:Label|Prediction) RETURN l.key AS key, l.score AS score, l.created_at AS at ORDER BY key"
    on_rollouts = "MATCH (l:Label|Prediction)-[:SCORES]->(t:Thinking) RETURN l.key AS l, t.key AS t ORDER BY l, t"
    moved = "MATCH (l:Label|Prediction)-[m:MOVED_BY]->(a) RETURN l.key AS l, a.value AS value, m.change AS change ORDER BY l, value"
    before = [former.query(text) for text in (counted, on_rollouts, moved)]
    read_again(former)
    after = [former.query(text) for text in (counted, on_rollouts, moved)]
    assert all(row in after[0] for row in before[0])
    assert after[1:] == before[1:]
    assert former.query("MATCH (l:Label) WHERE COUNT { (l)-[:SCORES]->() } <> 1 RETURN l") == []
    rewards = former.query("MATCH (t:Thinking {run: 'rl'}) RETURN t.reward AS r, t.superseded AS s ORDER BY t.call")
    assert [row["s"] for row in rewards] == [None] * 3 + [True] * 3
    assert {row["r"] for row in rewards} == {0.5}


def test_what_ledgers_have_spent_stays_spent(former: Database, settings: Settings) -> None:
    before = former.query("MATCH (l:Ledger) RETURN l.name AS name, l.budget AS budget ORDER BY name")
    read_again(former)
    with opened_again(settings) as memory:
        assert {row["name"]: row["budget"] for row in before} == {"people": 12, "reusing": 2, "truth": 8}
        assert former.query("MATCH (l:Ledger) RETURN l.name AS name, l.budget AS budget ORDER BY name") == before
        spent = {name: memory.ledger(name).spent() for name in ("truth", "reusing", "people")}
        assert spent == {"truth": 8, "reusing": 1, "people": 7}
        row = next(row for row in rollouts(former)[SINE] if row["written"])
        with pytest.raises(LedgerError, match="budget of 8, 8 queries and 0 single answers"):
            memory.label([LabelRow(1.0, author="Di", answer_key=row["answer"])], ledger="truth")
        more = [
            LabelRow(1.0, author="Di", answer_key=key) for key in sorted({r["answer"] for r in rollouts(former)[SINE]})
        ]
        assert memory.label(more, ledger="people").answers == 2
        assert memory.ledger("people").spent() == 9
        again = memory.label(
            [LabelRow(0.5, author="Ed", answer_key=rollouts(former)[SEVEN][0]["answer"])], ledger="people"
        )
        assert (again.labels, again.answers) == (1, 0), "an answer that was paid for before is paid for"
        free = in_force(memory, LabelView(ledgers=("reusing",)))
        assert free[UNIT] == [1.0, 0.0, 1.0, 0.0]


def test_a_sheet_that_was_sent_out_before_still_lands(former: Database, settings: Settings, tmp_path: Path) -> None:
    read_again(former)
    with (FORMER / "sheet.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    sheet = tmp_path / "sheet.csv"
    with sheet.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "score": "1", "author": "Di"} for row in rows)
    with opened_again(settings) as memory:
        report = label_rows(
            former, memory.domains, memory.ledger("sheet"), read_labels_file(sheet, kind=LabelKind.HUMAN), file="sheet"
        )
        reasons = {rows[reject.row - 1]["query"] for reject in report.rejected}
        assert reasons == {LIST, SIGN, UNIT, CAPITAL, NAME, PROGRAM}
        assert all("was read again since, as" in reject.reason for reject in report.rejected)
        found = in_force(memory, LabelView(ledgers=("sheet",), kinds=(LabelKind.HUMAN,)))
    assert found[SEVEN] == [1.0, 1.0, 1.0]
    assert found[HALF] == [1.0] * 4


def test_reward_models_of_the_former_reader_are_refused(former: Database, settings: Settings) -> None:
    read_again(former)
    key = former.query("MATCH (m:RewardModel) RETURN m.key AS key")[0]["key"]
    folder = next((FORMER / "archive" / "models").iterdir())
    with opened_again(settings) as memory:
        with pytest.raises(ModelError, match=r"earlier reader .*fit again"):
            memory.model()
        with pytest.raises(ModelError, match=r"earlier reader .*fit again"):
            memory.model(key)
        with pytest.raises(ModelError, match=r"earlier reader .*fit again"):
            RewardModel.load(folder, readers=memory.domains.versions)


class Killed(BaseException):
    """What nothing in the program catches."""


def test_killed_at_any_step_and_again_it_ends_the_same(former: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reread, "_ROLLOUTS", 5)
    monkeypatch.setattr(reread, "_QUERIES", 3)
    report = read_again(former)
    whole = everything(former)
    clear(former.autocommit)
    load(former.autocommit, FORMER / "memory.jsonl")
    migrations.migrate(former)
    steps = [0, 0]
    execute = Database.execute_write

    def killed(self: Database, work: Callable[..., Any]) -> Any:
        found = execute(self, work)
        steps[0] += 1
        if steps[0] > steps[1]:
            raise Killed
        return found

    for allowed in range(4, 200, 2):
        steps[:] = [0, allowed]
        monkeypatch.setattr(Database, "execute_write", killed)
        try:
            again = read_again(former)
            break
        except Killed:
            monkeypatch.setattr(Database, "execute_write", execute)
            lease.release(former)
            with pytest.raises(MigrationError):
                require_reader(former, Domains())
    monkeypatch.setattr(Database, "execute_write", execute)
    assert allowed > 10, "it was interrupted several times"
    assert everything(former) == whole
    assert (again.unplaced, again.conflicts) == (report.unplaced, report.conflicts)


def test_reading_again_twice_changes_nothing(former: Database) -> None:
    read_again(former)
    before = everything(former)
    again = read_again(former)
    assert (again.domains, again.rollouts) == ({}, 0)
    assert everything(former) == before


def test_what_a_process_of_the_former_version_still_writes_is_found_by_the_next_call(
    former: Database, settings: Settings
) -> None:
    read_again(former)
    before = classes(former, LIST)
    query, run = keys.query_key("former", LIST), keys.key_of("run", "import")
    former.query(
        "MATCH (q:Query {key: $query}), (r:Run {key: $run}) MERGE (a:Answer {key: $answer}) "
        "ON CREATE SET a.value = '123', a.valid = true MERGE (q)-[:GENERATES]->(a) "
        "CREATE (t:Thinking {key: 'late', text: 'late', response: '#### 1,2,3', answer: '1,2,3', run: 'import', content: ''}) "
        "CREATE (q)-[:GENERATES_REASONING]->(t), (t)-[:LEADS_TO]->(a), (r)-[:PRODUCED]->(t)",
        write=True,
        query=query,
        run=run,
        answer=keys.answer_key(query, "1", "123"),
    )
    assert set(read_again(former).domains) == {"math"}
    assert classes(former, LIST) == before
    late = former.query("MATCH (:Thinking {key: 'late'})-[:LEADS_TO]->(a:Answer) RETURN a.key AS answer")
    assert [row["answer"] for row in late] == [rollouts(former)[LIST][0]["answer"]]
    assert read_again(former).domains == {}


def test_only_one_process_reads_again_at_a_time(former: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_PATIENCE", 0.1)
    migrations.migrate(former)
    with lease.Lease(former), pytest.raises(MigrationError, match=r"reading this memory again.*--unlock"):
        read_again(former)
    gone = former.query("MERGE (r:Reader {key: 'reader'}) SET r.held_by = $by, r.held_until = datetime() + duration('PT1H')",
                        write=True, by=lease.Lease(former)._holder.replace(" ", " 9", 1))  # fmt: skip
    assert gone == []
    assert read_again(former).rollouts > 0, "a process of this machine that has ended holds nothing"


def test_one_that_was_taken_over_stops(former: Database) -> None:
    migrations.migrate(former)
    with lease.Lease(former) as mine:
        lease.release(former)
        with lease.Lease(former), pytest.raises(MigrationError, match="took over"):
            mine.check()


def test_an_archive_of_the_former_reader_is_read_again(former: Database, settings: Settings, tmp_path: Path) -> None:
    read_again(former)
    expected = {query: [row["written"] for row in rows] for query, rows in rollouts(former).items()}
    clear(former.autocommit)
    archive = tmp_path / "archive"
    shutil.copytree(FORMER / "archive", archive)
    import_archive(former, archive)
    with pytest.raises(MigrationError, match="memreward migrate"):
        opened_again(settings)
    read_again(former)
    assert {query: [row["written"] for row in rows] for query, rows in rollouts(former).items()} == expected
    before = everything(former)
    import_archive(former, archive, go_on=True)
    assert everything(former) == before, "what was taken out of use does not come back"

    export_archive(former, tmp_path / "present")
    assert read_manifest(tmp_path / "present").readers == Domains().versions
    clear(former.autocommit)
    import_archive(former, tmp_path / "present")
    assert everything(former)[0] == before[0]
    opened_again(settings).close()
    assert json.loads((tmp_path / "present" / MANIFEST).read_text())["readers"]["math"] != "1"


class Shouted(Choices):
    """A domain of one's own, whose second version does not hear how loud an answer is."""

    name = "shouts"

    def __init__(self, version: str) -> None:
        self.version = version  # type: ignore[misc]

    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        return Reading(
            "thinking was opened" if thinking_opened else "", response.strip("!") if self.version == "2" else response
        )

    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        return NormalAnswer(answer or "", bool(answer))


def test_a_new_version_of_ones_own_domain_has_only_its_answers_read_again(memory: Memory, settings: Settings) -> None:
    database = memory.database
    database.query("MATCH (r:Reader) DELETE r", write=True)
    require_reader(database, Domains([Shouted("1")]))

    def opened(version: str) -> Memory:
        return Memory.open(settings, embedder=memory._embedder, domains=[Shouted(version)])

    try:
        with opened("1") as first:
            first.add(
                Rollout("Ready?", response, rollout_id=str(n), domain="shouts", answer=answer, thinking_opened=n == 0)
                for n, (response, answer) in enumerate([("Yes!", None), ("Yes", None), ("No!", "No!"), ("No!", None)])
            )
            first.add([Rollout("1 + 1?", "#### 2", domain="math")])
            first.label(
                [LabelRow(score, author="Ann", rollout_id=n) for n, score in (("0", 1.0), ("2", 0.0))], ledger="own"
            )
        maths = database.query(
            "MATCH (:Query {domain: 'math'})-[:GENERATES]->(a) RETURN elementId(a) AS id, a.key AS key"
        )
        with pytest.raises(MigrationError, match=r"shouts \(version 1, now 2\)"):
            opened("2")
        report = reread.reread(database, Domains([Shouted("2")]))
        assert (list(report.domains), report.unplaced) == (["shouts"], [])
        with opened("2") as second:
            found = {row["id"]: row for row in database.query(ANSWERS)}
            assert [found[n]["written"] for n in "0123"] == ["Yes", "Yes", "No!", "No"]
            assert found["0"]["thinking"] == "thinking was opened"
            view = LabelView(ledgers=("own",))
            labels = dict(zip((s := second.snapshot(view)).rollout_keys, s.labels.tolist(), strict=True))
            by_id = [labels[keys.imported_rollout_key("default", n)] for n in "0123"]
            assert [x if x == x else None for x in by_id] == [1.0, 1.0, 0.0, None], "the label followed its rollout"
        assert (
            database.query("MATCH (:Query {domain: 'math'})-[:GENERATES]->(a) RETURN elementId(a) AS id, a.key AS key")
            == maths
        )
        with pytest.raises(MigrationError, match="shouts, which nothing defines here"):
            require_reader(database, Domains())
    finally:
        database.query("MATCH (r:Reader) DELETE r", write=True)
        database.query("MATCH (n:Query|Answer|Thinking|FormerAnswer) DETACH DELETE n", write=True)
        require_reader(database, Domains())


def test_rollouts_that_were_read_as_questions_are_read_by_a_domain_that_is_defined_later(
    memory: Memory, settings: Settings
) -> None:
    memory.add([Rollout("Ready?", "The answer is yes.", rollout_id="0", domain="shouts")])
    own = Domains([Shouted(Choices.version)])
    try:
        with pytest.raises(MigrationError, match=r"shouts \(read as qa"):
            require_reader(memory.database, own)
        reread.reread(memory.database, own)
        require_reader(memory.database, own)
        assert memory.database.query(ANSWERS)[0]["written"] == "The answer is yes."
    finally:
        memory.database.query("MATCH (r:Reader) DELETE r", write=True)
        memory.database.query("MATCH (n:Query|Answer|Thinking|FormerAnswer) DETACH DELETE n", write=True)
        require_reader(memory.database, Domains())


def test_read_again_a_rollout_is_what_a_fresh_import_makes_of_it(memory: Memory) -> None:
    """Its checks, and where a conversation with tools states its answer."""
    call = "The answer is 3.\n\n<tool>2 + 2</tool>"
    program = "Sum them up.\n```python\n# adds\ndef f(a, b):\n    return a + b\n```"
    memory.add(
        [
            Rollout("2 + 2?", f"{call}\n\nThe answer is 4.", domain="math", stated="The answer is 4."),
            Rollout("2 + 3?", call, domain="math", stated=""),
            Rollout("2 + 4?", "I am in thought. The answer is 6.", domain="math", thinking_opened=True),
            Rollout("Write f(a, b): the sum. For example f(1, 2) == 3.", program, domain="code"),
        ]
    )
    read = f"""
    MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer) RETURN q.text AS query, t.text AS thinking,
        t.answer AS answer, a.key AS key, t.{CHECKS_PROPERTY} AS checks ORDER BY query
    """
    fresh = memory.database.query(read)
    assert [row["answer"] is None for row in fresh] == [False, True, True, False]
    memory.database.query("MATCH (r:Reader) DELETE r", write=True)  # as before versions were kept
    memory.database.query("MATCH (t:Thinking) SET t.content = 'of then'", write=True)
    former = memory.database.query("MATCH (a:Answer) SET a.key = 'former' + a.key RETURN a.key AS key", write=True)
    report = reread.reread(memory.database, memory.domains)
    assert (report.rollouts, report.former_answers) == (4, len(former))
    assert memory.database.query(read) == fresh


def test_on_the_command_line(memory: Memory, settings: Settings) -> None:
    memory.add([Rollout("1 + 1?", "#### 2", domain="math"), Rollout("1 + 2?", "#### 3", domain="math")])
    memory.database.query("MATCH (r:Reader) DELETE r", write=True)  # as before versions were kept
    with pytest.raises(MigrationError, match="memreward migrate"):
        memreward("score", home=settings.home)
    code, out, err = memreward("migrate", "--json", home=settings.home)
    assert code == 0, err
    assert "2 rollouts are to be read again: about" in " ".join(err.split())
    assert json.loads(out)["reread"]["rollouts"] == 2
    code, out, err = memreward("migrate", "--json", home=settings.home)
    assert (code, len(json.loads(out))) == (0, len(migrations.discover()))
    assert memreward("migrate", "--unlock", home=settings.home)[0] == 0
