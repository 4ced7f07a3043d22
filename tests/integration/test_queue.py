"""Answers go out to people, and their judgements come back as labels."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from memgraph.errors import InputError, LedgerError
from memgraph.labels.ledger import Ledger
from memgraph.labels.queue import export_sheet, pending
from memgraph.labels.rows import read_labels_file
from memgraph.labels.submit import LabelReport, label_rows
from memgraph.labels.view import LabelKind, LabelView
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from tests.integration.test_command_line import memreward

VIEW = LabelView(ledgers=("people",), kinds=(LabelKind.HUMAN,))


@pytest.fixture
def filled(memory: Memory) -> Memory:
    answers = ["=2+5", "seven", "seven", "eight", None]
    memory.add(
        [
            Rollout(query="How many?", response=f"It is {answer}.", answer=answer or "", rollout_id=str(number))
            for number, answer in enumerate(answers)
        ]
    )
    return memory


def import_sheet(memory: Memory, ledger: Ledger, file: Path) -> LabelReport:
    return label_rows(
        memory.database, memory.domains, ledger, read_labels_file(file, kind=LabelKind.HUMAN), file=str(file)
    )


def filled_in(file: Path, judged: dict[str, dict[str, object]]) -> Path:
    """A person's work on a sheet: by answer, what they write."""
    if file.suffix == ".jsonl":
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps({**row, **judged.get(row["answer"], {})}) + "\n" for row in rows))
        return file
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with file.open("w", newline="") as stream:
        sheet = csv.DictWriter(stream, list(rows[0]))
        sheet.writeheader()
        sheet.writerows({**row, **judged.get(row["answer"], {})} for row in rows)
    return file


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_sheet_that_somebody_has_filled_in_is_never_written_over(filled: Memory, tmp_path: Path, ending: str) -> None:
    sheet = tmp_path / f"people.{ending}"
    assert filled.queue(sheet, ledger="people") == filled.queue(sheet, ledger="people") == 3, "an empty one may be"
    filled_in(sheet, {"seven": {"score": 1, "author": "Ann"}})
    before = sheet.read_bytes()
    with pytest.raises(
        InputError, match=f"people.{ending} is there and 1 of its rows are filled in: give another name"
    ):
        filled.queue(sheet, ledger="people")
    assert sheet.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [sheet.name]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_sheet_with_a_remark_and_no_score_is_filled_in_too(filled: Memory, tmp_path: Path, ending: str) -> None:
    sheet = tmp_path / f"people.{ending}"
    filled.queue(sheet, ledger="people")
    filled_in(sheet, {"seven": {"explanation": "ask Ann first"}})
    with pytest.raises(InputError, match="1 of its rows are filled in"):
        filled.queue(sheet, ledger="people")


def test_a_sheet_of_ones_own_without_scores_is_never_written_over(filled: Memory, tmp_path: Path) -> None:
    (mine := tmp_path / "mine.csv").write_text("query,answer,score\nHow many?,seven,\n")
    with pytest.raises(InputError, match=r"mine.csv is there and is no sheet of ours"):
        filled.queue(mine, ledger="people")


def test_another_file_is_never_written_over(filled: Memory, tmp_path: Path) -> None:
    (mine := tmp_path / "mine.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"mine.csv is there and is no sheet of ours \(.*says nothing about right"):
        filled.queue(mine, ledger="people")
    assert mine.read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_judgement_labels_all_rollouts_with_the_answer(filled: Memory, tmp_path: Path, ending: str) -> None:
    waiting = pending(filled.database, ledger="people")
    assert (waiting[0].answer, waiting[0].rollouts, waiting[0].example) == ("seven", 2, "It is seven.")
    assert len(waiting) == 3  # a missing answer needs nobody
    export_sheet(waiting, tmp_path / f"sheet.{ending}")
    sheet = filled_in(
        tmp_path / f"sheet.{ending}",
        {"seven": {"score": 1, "author": "Ann", "confidence": 0.9, "explanation": "counted"}},
    )
    ledger = filled.ledger("people", budget=2)
    report = import_sheet(filled, ledger, sheet)
    assert (report.answers, report.labels, report.empty, report.rejected) == (1, 1, 2, [])
    assert import_sheet(filled, ledger, sheet).labels == 0
    labels = filled.snapshot(VIEW).labels
    assert np.nansum(labels) == 2
    assert np.isnan(labels).sum() == 3
    stored = filled.database.query(
        "MATCH (l:Label) RETURN l.kind AS k, l.identifier AS i, l.confidence AS c, l.explanation AS e"
    )
    assert stored == [{"k": "human", "i": "Ann", "c": 0.9, "e": "counted"}]
    assert [item.answer for item in pending(filled.database, ledger="people")] != [item.answer for item in waiting]
    assert len(pending(filled.database, ledger="another")) == 3


def test_a_second_judgement_is_one_more_label_and_costs_nothing_more(filled: Memory, tmp_path: Path) -> None:
    ledger = filled.ledger("people", budget=1)
    waiting = pending(filled.database, ledger="people", limit=1)
    for number, (author, score) in enumerate((("Ann", 1), ("Bob", 0), ("Ann", 1))):
        export_sheet(waiting, sheet := tmp_path / f"{number}.jsonl")
        import_sheet(filled, ledger, filled_in(sheet, {"seven": {"score": score, "author": author}}))
    assert filled.database.query("MATCH (l:Label) RETURN count(l) AS n")[0]["n"] == 2
    assert np.nanmax(filled.snapshot(VIEW).labels) == 0.5


def test_a_budget_counts_answers_that_are_judged_one_by_one(filled: Memory, tmp_path: Path) -> None:
    export_sheet(pending(filled.database, ledger="people"), tmp_path / "sheet.jsonl")
    judged = {value: {"score": 0, "author": "Ann"} for value in ("seven", "eight")}
    sheet = filled_in(tmp_path / "sheet.jsonl", judged)
    with pytest.raises(LedgerError, match="budget of 1, 0 queries and 0 single answers are spent and 2 more"):
        import_sheet(filled, filled.ledger("people", budget=1), sheet)
    assert not filled.database.query("MATCH (l:Label) RETURN l")


def test_bad_rows_are_reported_and_the_rest_goes_in(filled: Memory, tmp_path: Path) -> None:
    good, *_ = pending(filled.database, ledger="people")
    rows: list[object] = [
        {"answer_key": good.answer_key, "score": "0.5", "author": "Ann"},
        {"answer_key": good.answer_key, "score": 2, "author": "Ann"},
        {"answer_key": good.answer_key, "score": "nan", "author": "Ann"},
        {"answer_key": good.answer_key, "score": 1},
        {"answer_key": good.answer_key, "score": 1, "author": "Ann", "confidence": "sure"},
        {"answer_key": "unknown", "score": 1, "author": "Ann"},
        ["no object"],
    ]
    file = tmp_path / "sheet.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    report = import_sheet(filled, filled.ledger("people"), file)
    assert (report.labels, sorted(reject.row for reject in report.rejected)) == (1, [2, 3, 4, 5, 6, 7, 8])
    with pytest.raises(InputError, match=r"\.csv or a \.jsonl"):
        export_sheet([good], tmp_path / "sheet.xlsx")


def test_a_queue_of_some_runs_and_data_sets(memory: Memory, settings: Settings, tmp_path: Path) -> None:
    for run, dataset in (("a", "x"), ("a", "y"), ("b", "y")):
        memory.add([Rollout(query="How many?", response=f"#### {run}", answer=run, run=run, dataset=dataset)])
    sheet = str(tmp_path / "sheet.csv")

    def waiting(*options: str) -> int:
        code, out, _ = memreward("queue", sheet, *options, "--json", home=settings.home)
        assert code == 0
        return int(json.loads(out)["answers"])

    assert [waiting(), waiting("--run", "a"), waiting("--run", "a", "--run", "b"), waiting("--dataset", "x")] == [
        3,
        2,
        3,
        1,
    ]
    assert waiting("--run", "b", "--dataset", "x") == 0
    with pytest.raises(InputError, match="there is no run 'c' in this memory; known: a, b"):
        waiting("--run", "c")


def test_a_sheet_holds_no_formula_that_a_policy_wrote(filled: Memory, tmp_path: Path) -> None:
    export_sheet(pending(filled.database, ledger="people"), tmp_path / "sheet.csv")
    with (tmp_path / "sheet.csv").open(newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
