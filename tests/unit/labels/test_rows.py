"""Rows of labels, from sheets as people keep them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from memgraph.domains.references import Reference
from memgraph.errors import InputError
from memgraph.labels.rows import LabelRow, label_row, read_labels_file
from memgraph.labels.view import LabelKind
from memgraph.rollouts.files import Reject, holds_rollouts
from tests.conftest import write_rows

HUMAN = LabelKind.HUMAN


@pytest.mark.parametrize(
    ("score", "expected"), [(1, 1.0), (0.25, 0.25), ("0.5", 0.5), (True, 1.0), ("False", 0.0), ("right", 1.0)]
)
def test_scores_come_as_numbers_truth_values_or_text(score: object, expected: float) -> None:
    row = label_row({"rollout_id": 7.0, "score": score, "author": " Ann "}, kind=HUMAN, dataset="d")
    assert row == LabelRow(expected, author="Ann", rollout_id="7", dataset="d")


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"rollout_id": "1", "correct": True}, "ground_truth"),
        ({"query_id": "1", "gold": 7}, "ground_truth"),
        ({"answer_key": "k", "score": 1, "author": "a", "kind": "Judge"}, "judge"),
        ({"answer_key": "k", "score": 1, "author": "a"}, "human"),
    ],
)
def test_what_kind_a_row_is_of(raw: dict[str, object], kind: str) -> None:
    row = label_row(raw, kind=HUMAN)
    assert row is not None
    assert row.kind == kind


@pytest.mark.parametrize("empty", [None, "", float("nan")])
def test_a_row_without_a_judgement_says_nothing_yet(empty: object) -> None:
    assert label_row({"answer_key": "k", "score": empty, "author": "Ann"}, kind=HUMAN) is None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ({"answer_key": "k", "score": 2, "author": "Ann"}, "'score' must be a number from 0 to 1, found '2.0'"),
        ({"answer_key": "k", "score": "nan", "author": "Ann"}, "'score' must be"),
        ({"answer_key": "k", "score": [1], "author": "Ann"}, "'score' must be"),
        ({"answer_key": "k", "score": 1, "author": "Ann", "confidence": "sure"}, "'confidence' must be"),
        ({"answer_key": "k", "score": 1}, "'author' is empty"),
        ({"score": 1, "author": "Ann"}, "names nothing to judge"),
        ({"query_id": "1", "score": 1, "author": "Ann"}, "needs its 'answer'"),
        ({"query_id": "1", "gold": "5", "kind": "human", "author": "Ann"}, "are of kind ground_truth"),
        ({"rollout_id": "1", "gold": "5"}, "are about a query"),
        ({"query_id": "1", "gold": "5", "score": 1}, "one only"),
        ({"answer_key": "k", "score": 1, "author": "Ann", "kind": "gnn"}, "'kind' must be one of"),
        ({"answer_key": {"k": 1}, "score": 1, "author": "Ann"}, "'answer_key' must be text or a number, found dict"),
    ],
)  # fmt: skip
def test_a_row_that_does_not_fit_says_what_was_found(raw: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        label_row(raw, kind=HUMAN)


@pytest.mark.parametrize("corrects", [True, "true", "own", 1.0])
def test_true_corrects_what_the_author_said(corrects: object) -> None:
    row = label_row({"answer_key": "k", "score": 1, "author": "Ann", "corrects": corrects}, kind=HUMAN)
    assert row is not None
    assert row.corrects == "own"


def test_sheets_of_all_formats_say_the_same_and_bad_rows_keep_their_numbers(tmp_path: Path) -> None:
    rows = [
        {"rollout_id": "1", "score": 1.0, "author": "Ann"},
        {"rollout_id": "2", "score": None, "author": "Ann"},
        {"rollout_id": "3", "score": 7.0, "author": "Ann"},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "l.parquet")
    write_rows(tmp_path / "l.jsonl", rows)
    (tmp_path / "l.csv").write_text("rollout_id,score,author\n1,1.0,Ann\n2,,Ann\n3,7.0,Ann\n")
    for ending in ("parquet", "jsonl", "csv"):
        first, second, third = read_labels_file(tmp_path / f"l.{ending}", kind=HUMAN)
        assert first == (1, LabelRow(1.0, author="Ann", rollout_id="1"))
        assert second == (2, None)
        assert isinstance(third, Reject)
        assert third.row == 3


def test_a_file_that_cannot_say_anything_is_refused(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "l.jsonl", [{"rollout_id": "1", "verdict": 1}])
    with pytest.raises(
        InputError, match="none of score, correct, gold and tests among its columns rollout_id, verdict"
    ):
        list(read_labels_file(file, kind=HUMAN))
    with pytest.raises(InputError, match="neither"):
        list(read_labels_file(tmp_path / "l.ods", kind=HUMAN))


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "response": "r", "correct": True},
        {"prompt": "q", "completion": "r", "score": 1},
        {"input": "q", "output": "r", "score": 1},
        {"messages": [], "correct": True},
        {"query": "q", "response": ["r"], "gold": "x"},
    ],
)
def test_rollouts_are_told_from_rows_of_sheets(row: dict[str, object]) -> None:
    assert holds_rollouts(row)


@pytest.mark.parametrize(
    "row",
    [{"query": "q", "response": "r", "score": 1}, {"query": "q", "gold": "x"}, {"rollout_id": 1, "correct": True}],
)
def test_rows_of_sheets_are_told_from_rollouts(row: dict[str, object]) -> None:
    assert not holds_rollouts(row)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_sheets_are_read_with_any_separator_and_mark(tmp_path: Path, separator: str, encoding: str) -> None:
    cells = [(" Rollout_ID", "SCORE", "author"), ("7", '"0,5"' if separator == "," else "0,5", "Jürgen"), ("", "", "")]
    text = "\r\n".join(separator.join(line) for line in cells) + "\r\n"
    (tmp_path / "l.csv").write_bytes(text.encode(encoding))
    (found,) = read_labels_file(tmp_path / "l.csv", kind=HUMAN)
    assert found == (1, LabelRow(0.5, author="Jürgen", rollout_id="7"))


def test_excel_names_the_separator_in_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("sep=;\nrollout_id;score;author\n7;1;Ann\n")
    (found,) = read_labels_file(tmp_path / "l.csv", kind=HUMAN)
    assert found == (1, LabelRow(1.0, author="Ann", rollout_id="7"))


def test_a_sheet_in_another_encoding_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes("rollout_id,score,author\n7,1,Jürgen\n".encode("latin-1"))
    with pytest.raises(InputError, match="save it as CSV UTF-8"):
        list(read_labels_file(tmp_path / "l.csv", kind=HUMAN))


def test_workbooks_are_sheets(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (
        ["rollout_id", "score", "author", None],
        [7, 1, "Ann"],
        [None] * 4,
        [8, False, "Ann"],
        [9, None, "Ann"],
    ):
        book.active.append(row)
    book.save(tmp_path / "l.xlsx")
    found = list(read_labels_file(tmp_path / "l.xlsx", kind=HUMAN))
    assert found == [
        (1, LabelRow(1.0, author="Ann", rollout_id="7")),
        (2, LabelRow(0.0, author="Ann", rollout_id="8")),
        (3, None),
    ]
    (tmp_path / "broken.xlsx").write_bytes(b"PK no workbook")
    with pytest.raises(InputError, match=r"cannot read .*broken\.xlsx"):
        list(read_labels_file(tmp_path / "broken.xlsx", kind=HUMAN))


def test_several_golds_of_a_query_are_all_accepted() -> None:
    row = label_row({"query_id": "1", "gold": ["7", "seven"]}, kind=HUMAN)
    assert row is not None
    assert row.reference == Reference("gold", "7", ("seven",))
    assert label_row({"query_id": "1", "gold": [" "]}, kind=HUMAN) is None
