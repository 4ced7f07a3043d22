"""A memory that an earlier reader read is refused, read again, and loses nothing that it knew."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memgraph.domains import Domains, NormalAnswer, Reading
from memgraph.domains.checks import CHECKS_PROPERTY
from memgraph.domains.choices import Choices
from memgraph.errors import LedgerError, MigrationError
from memgraph.labels import reread
from memgraph.labels.rows import LabelRow, read_labels_file
from memgraph.labels.submit import label_rows
from memgraph.labels.view import LabelKind, LabelView
from memgraph.memory import Memory
from memgraph.rollouts.reader import require_reader
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store import keys, lease, migrations
from memgraph.store.archive import MANIFEST, export_archive, import_archive
from memgraph.store.archive.manifest import read_manifest
from memgraph.store.database import Database
from tests.fixtures.make import clear, load
from tests.fixtures.make_old_reader import (
    CAPITAL,
    HALF,
    LIST,
    NAME,
    PROGRAM,
    SEVEN,
    SIGN,
    SINE,
    UNIT,
)
from tests.integration.former_memory import (
    ANSWERS,
    FORMER,
    classes,
    everything,
    former_memory,
    in_force,
    opened_again,
    read_again,
    rollouts,
)
from tests.integration.test_command_line import memreward


@pytest.fixture
def former(opened: Memory) -> Iterator[Database]:
    with former_memory(opened) as database:
        yield database


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
