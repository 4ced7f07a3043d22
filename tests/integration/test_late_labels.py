"""Labels that arrive late: from sheets and from Python, paid for, corrected, disputed, and read through views only."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memgraph.domains.verifiers import judge
from memgraph.errors import InputError, LedgerError
from memgraph.labels.rows import LabelRow
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelKind, LabelView, Purpose
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store import keys
from tests.conftest import write_rows
from tests.integration.rollouts import sums
from tests.integration.test_command_line import memreward

VIEW = LabelView(ledgers=("late",))


@pytest.fixture
def filled(memory: Memory) -> Memory:
    """One query with the answers 7, 7, 8 and none, of two runs, and one with 9."""
    answers = ["7", "7", "8", ""]
    memory.add(
        Rollout(
            query="How many?", response=f"#### {answer}", answer=answer, rollout_id=str(number), query_id="q1", domain="math",
            run="second" if number == 1 else "first",
        )
        for number, answer in enumerate(answers)
    )  # fmt: skip
    memory.add(
        [Rollout(query="How much?", response="#### 9", rollout_id="9", query_id="q2", domain="math", run="first")]
    )
    return memory


def by(author: str, score: float, **options: Any) -> LabelRow:
    return LabelRow(score, author=author, **{"rollout_id": "0", **options})


def in_force(memory: Memory, view: LabelView = VIEW) -> dict[str, float]:
    """Rollout id → label, of those that have one."""
    snapshot = memory.snapshot(view)
    ids = {keys.imported_rollout_key("default", name): name for name in ("0", "1", "2", "3", "9", "late")}
    labels = zip(snapshot.rollout_keys, snapshot.labels.tolist(), strict=True)
    return {ids[key]: round(label, 3) for key, label in labels if not np.isnan(label)}


def test_a_row_may_name_what_it_judges_by_key_by_id_or_by_text(filled: Memory) -> None:
    query = keys.query_key("default", "How many?")
    snapshot = filled.snapshot(VIEW)
    seven = snapshot.answer_keys[snapshot.answer_values.index("7")]
    rollout = keys.imported_rollout_key("default", "1")
    names: list[dict[str, Any]] = [
        {"rollout_id": "0"}, {"rollout_key": rollout}, {"rollout_id": None, "answer_key": seven},
        {"rollout_id": None, "query_id": "q1", "answer": "7.0"}, {"rollout_id": None, "query": "How many?", "answer": "7"},
        {"rollout_id": None, "query_key": query, "answer": "7"},
    ]  # fmt: skip
    report = filled.label([by(f"person {n}", 1.0, **name) for n, name in enumerate(names)], ledger="late")
    assert (report.labels, report.answers, report.rejected) == (6, 1, [])
    assert in_force(filled) == {"0": 1.0, "1": 1.0}


def test_precedence_corrections_and_the_past(filled: Memory) -> None:
    def label(*rows: LabelRow) -> None:
        assert not filled.label(rows, ledger="late").rejected

    label(by("gpt", 0.2, kind=LabelKind.JUDGE))
    label(by("cluster tests", 0.4, kind=LabelKind.CODE))
    assert in_force(filled)["0"] == 0.4
    label(by("Ann", 1.0), by("Bob", 0.5))
    assert in_force(filled)["0"] == 0.75
    then = datetime.now(UTC)
    label(by("Ann", 0.0, corrects="own"))
    assert in_force(filled)["0"] == 0.25
    label(by("Carol", 0.9, corrects="all"))
    assert in_force(filled)["0"] == 0.9
    label(by("", 0.0, kind=LabelKind.GROUND_TRUTH))
    assert in_force(filled) == {"0": 0.0, "1": 0.0}
    assert in_force(filled, LabelView(ledgers=("late",), as_of=then))["0"] == 0.75
    assert in_force(filled, LabelView(ledgers=("late",), kinds=(LabelKind.JUDGE,)))["0"] == 0.2
    assert in_force(filled, LabelView(ledgers=("another",))) == {}
    stored = filled.database.query("MATCH (l:Label) RETURN count(l) AS labels")
    assert stored == [{"labels": 7}]


def test_people_who_disagree_are_named_until_a_correction_settles_it(filled: Memory) -> None:
    (found,) = filled.label([by("Ann", 1.0), by("Bob", 0.0)], ledger="late").disagreements
    assert (found.kind, dict(found.scores)) == ("human", {"Ann": 1.0, "Bob": 0.0})
    assert not filled.label([by("Carol", 1.0, corrects="all")], ledger="late").disagreements


def test_gold_judges_all_answers_and_later_ones_and_can_be_corrected(filled: Memory) -> None:
    def gold(value: str, corrects: str = "") -> LabelRow:
        return LabelRow(kind=LabelKind.GROUND_TRUTH, query_id="q1", gold=value, corrects=corrects)

    report = filled.label([gold("7")], ledger="late", judge=judge)
    assert (report.labels, report.queries, report.answers) == (3, 1, 0)
    assert in_force(filled) == {"0": 1.0, "1": 1.0, "2": 0.0, "3": 0.0}
    filled.add([Rollout(query="How many?", response="#### 10", rollout_id="late", domain="math")])
    again = filled.label([gold("7")], ledger="late", judge=judge)
    assert (again.labels, again.queries) == (1, 0)
    (contradiction,) = filled.label([gold("8")], ledger="late", judge=judge).rejected
    assert "the ground truth says" in contradiction.reason
    for labels in (2, 0):
        assert filled.label([gold("8", "own")], ledger="late", judge=judge).labels == labels
        assert {name: in_force(filled, VIEW)[name] for name in ("0", "2", "3")} == {"0": 0.0, "2": 1.0, "3": 0.0}


def test_a_budget_holds_for_late_labels_and_nothing_is_written_beyond_it(filled: Memory) -> None:
    rows = [by("Ann", 1.0), by("Ann", 0.0, rollout_id="2"), LabelRow(1.0, kind=LabelKind.GROUND_TRUTH, rollout_id="9")]
    with pytest.raises(LedgerError, match=r"budget of 2, .* 3 more"):
        filled.label(rows, ledger="late", budget=2)
    assert in_force(filled) == {}
    assert filled.label(rows, ledger="late", budget=3).labels == 3
    assert filled.label([by("Bob", 1.0)], ledger="late").answers == 0  # the answer is paid for
    assert filled.ledger("late").spent() == 3
    assert filled.label(rows, ledger="late").known == 3


def test_labels_that_arrive_at_once_are_written_and_paid_for_once(filled: Memory) -> None:
    def label(number: int) -> int:
        return filled.label([by("Ann", 1.0), by(f"person {number}", 0.5)], ledger="late", budget=1).answers

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(label, range(4))) == 1
    assert filled.database.query("MATCH (l:Label) RETURN count(l) AS labels") == [{"labels": 5}]
    assert in_force(filled)["0"] == 0.6


def test_a_judgement_of_a_watched_query_never_trains(filled: Memory, tmp_path: Path) -> None:
    ledger, query = filled.ledger("late"), keys.query_key("default", "How many?")
    truth = FileTruth(
        [write_rows(tmp_path / "t.jsonl", [{"query": "How many?", "response": "#### 7", "gold": "7"}])], run="import"
    )
    ledger.reveal(truth, [query], judge=judge, purpose=Purpose.MONITOR)
    filled.label([by("Ann", 1.0)], ledger="late")
    assert in_force(filled) == {}
    assert in_force(filled, LabelView(ledgers=("late",), purposes=(Purpose.MONITOR,), kinds=(LabelKind.HUMAN,)))


def test_a_query_of_which_an_answer_was_judged_does_not_watch(memory: Memory, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(4))
    memory.import_file(file)
    for number in range(3):
        memory.label([LabelRow(1.0, author="Ann", rollout_id=f"sum-{number}-0", dataset="sums")], ledger="late")
    spent = memory.reveal(FileTruth([file], run="import"), ledger="late", budget=4 + 3, monitor=1, judge=judge)
    assert spent.monitored == {keys.query_key("sums", sums(4)[-1]["query"])}


def test_a_view_of_runs_sees_the_labels_on_what_they_said(filled: Memory) -> None:
    filled.label([by("Ann", 1.0), by("Ann", 0.0, rollout_id="2")], ledger="late")
    assert in_force(filled, LabelView(runs=("first",))) == {"0": 1.0, "1": 1.0, "2": 0.0}
    assert in_force(filled, LabelView(runs=("second",))) == {"0": 1.0, "1": 1.0}  # it gave the answer 7 too
    assert in_force(filled, LabelView(runs=("third",))) == {}


def rows_with_mistakes() -> list[dict[str, Any]]:
    good = {"rollout_id": "0", "score": 1.0, "author": "Ann"}
    return [
        good,
        {**good, "rollout_id": "nobody's"},
        {**good, "rollout_id": None, "query_id": "unknown", "answer": "7"},
        {**good, "rollout_id": None, "query_id": "q1", "answer": "12"},
        {**good, "score": 3.0},
        {**good, "author": None},
        {"rollout_id": "2", "score": 1.0, "author": "Bob"},
        {"rollout_id": "2", "score": 0.0, "author": "Bob"},
        {"rollout_id": "9", "score": 0.0, "author": "Bob", "corrects": "own"},
        {"rollout_id": "9", "score": None, "author": "Bob"},
    ]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
def test_a_sheet_goes_in_but_for_its_bad_rows_which_are_listed(
    filled: Memory, settings: Settings, tmp_path: Path, ending: str
) -> None:
    rows, sheet, rejects = rows_with_mistakes(), tmp_path / f"labels.{ending}", tmp_path / "rejects.jsonl"
    names = sorted({name for row in rows for name in row})
    full = [{name: row.get(name) for name in names} for row in rows]
    if ending == "parquet":
        parquet.write_table(pa.Table.from_pylist(full), sheet)
    elif ending == "jsonl":
        write_rows(sheet, full)
    else:
        lines = [",".join("" if row[name] is None else str(row[name]) for name in names) for row in full]
        sheet.write_text("\n".join([",".join(names), *lines]) + "\n")
    arguments = ("label", str(sheet), "--ledger", "late", "--rejects", str(rejects), "--json")
    code, out, _ = memreward(*arguments, home=settings.home)
    found = json.loads(out)
    assert code == 3
    assert (found["labels"], found["answers"], found["empty"]) == (1, 1, 1)
    reasons = {line["row"]: line["reason"] for line in map(json.loads, rejects.read_text().splitlines())}
    assert list(reasons) == [2, 3, 4, 5, 6, 7, 8, 9]
    for row, reason in (
        (2, "no rollout \"nobody's"), (3, "no query 'unknown'"), (4, "no rollout gave the answer '12'"), (5, "'score' must be"),
        (6, "'author' is empty"), (7, "contradicts another row"), (8, "contradicts another row"), (9, "corrects nothing"),
    ):  # fmt: skip
        assert reason in reasons[row]
    assert in_force(filled) == {"0": 1.0, "1": 1.0}
    assert json.loads(memreward(*arguments, home=settings.home)[1])["known"] == 1


def test_a_file_whose_rollouts_were_never_imported_is_named(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", sums(3))
    with pytest.raises(InputError, match="none of the 3 queries is in this memory; import their rollouts first"):
        memreward("reveal", str(file), home=settings.home)
    memory.import_file(write_rows(tmp_path / "part.jsonl", sums(3)[:6]))
    _, out, _ = memreward("reveal", str(file), "--json", home=settings.home)
    found = json.loads(out)
    assert (found["queries"], found["queries_absent"], len(found["absent"])) == (2, 1, 2)


def test_a_sheet_for_people_is_written_filled_in_and_taken_back(
    filled: Memory, settings: Settings, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.jsonl"
    assert memreward("queue", str(sheet), "--limit", "1", home=settings.home)[0] == 0
    (row,) = map(json.loads, sheet.read_text().splitlines())
    write_rows(sheet, [{**row, "score": "right", "author": "Ann"}])
    assert memreward("label", str(sheet), "--ledger", "late", home=settings.home)[0] == 0
    assert in_force(filled) == {"0": 1.0, "1": 1.0}
    assert memreward("label", str(sheet), "--budget", "0.5", home=settings.home)[0] == 2
    assert memreward("label", str(sheet), "--kind", "gnn", home=settings.home)[0] == 2
