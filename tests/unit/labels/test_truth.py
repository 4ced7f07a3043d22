"""What files know about right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memgraph.domains.references import Reference
from memgraph.errors import InputError
from memgraph.labels.truth import FileTruth, Truth
from memgraph.store import keys
from tests.conftest import write_rows

ASKED = "How many legs have 3 spiders?"
KEY = keys.query_key("default", ASKED)
RIGHT = {"query": ASKED, "response": "\\boxed{24}"}
WRONG = {"query": ASKED, "response": "\\boxed{18}"}


def truth(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> FileTruth:
    return FileTruth([write_rows(tmp_path / "r.jsonl", rows)], run="import", **options)


def test_the_gold_of_one_row_judges_the_whole_query(tmp_path: Path) -> None:
    found = truth(
        tmp_path, {**RIGHT, "gold": float("nan")}, {**WRONG, "gold": ["24", "24.0"]}, {**WRONG, "gold": ["24.0", "24"]}
    )
    assert not found.rejected
    assert found.truth(KEY) == Truth(Reference("gold", "24", ("24.0",)))
    assert found.truth("another") is None


def test_what_is_blank_is_not_known_and_not_paid_for(tmp_path: Path) -> None:
    rows = [{**RIGHT, "query": f"{n}?", **more} for n, more in enumerate(
        [{"gold": ""}, {"tests": " \n"}, {"correct": ""}, {"correct": None}, {"gold": []}, {"gold": None, "tests": None}, {}]
    )]  # fmt: skip
    assert truth(tmp_path, *rows).query_keys() == []


def test_rows_that_contradict_each_other_are_rejected(tmp_path: Path) -> None:
    found = truth(
        tmp_path, {**RIGHT, "gold": "24"}, {**WRONG, "gold": "18"}, {**WRONG, "gold": {"a": 1}}, {**WRONG, "correct": 7}
    )
    assert [row.row for row in found.rejected] == [2, 3, 4]
    assert "differs from an earlier row's: '24'" in found.rejected[0].reason
    assert found.truth(KEY) == Truth(Reference("gold", "24"))


def test_verdicts_go_along_with_a_list_of_responses(tmp_path: Path) -> None:
    found = truth(tmp_path, {"query": ASKED, "response": ["a", "b", "a"], "correct": ["true", "0", None]})
    scores = found.truth(KEY)
    assert scores is not None
    assert scores.rollouts == {
        keys.unnamed_rollout_key("import", KEY, "a", 0): 1.0,
        keys.unnamed_rollout_key("import", KEY, "b", 0): 0.0,
    }


def test_columns_are_named_as_at_the_import(tmp_path: Path) -> None:
    row = {"problem": ASKED, "reply": "24", "answer": "6*4\n#### 24"}
    found = truth(tmp_path, row, columns={"query": "problem", "response": "reply", "gold": "answer"})
    assert found.truth(KEY) == Truth(Reference("gold", "24"))


def test_a_column_answer_that_holds_the_gold_is_the_truth(tmp_path: Path) -> None:
    found = truth(tmp_path, {**RIGHT, "answer": "24"}, {**WRONG, "answer": "24"})
    assert found.truth(KEY) == Truth(Reference("gold", "24"))


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"query": ASKED, "gold": "24"}, None),
        ({"Query ": ASKED, "Gold": "24"}, None),
        ({"query_key": KEY, "gold": "24"}, None),
        ({"question": ASKED, "answer": "6*4\n#### 24"}, {"query": "question", "gold": "answer"}),
    ],
)
def test_sheets_of_golds_need_no_responses(tmp_path: Path, row: dict[str, Any], columns: Any) -> None:
    assert truth(tmp_path, row, columns=columns).truth(KEY) == Truth(Reference("gold", "24"))


def test_a_sheet_may_be_a_csv_of_any_separator(tmp_path: Path) -> None:
    sheet = tmp_path / "golds.csv"
    sheet.write_bytes(f"query;gold\n{ASKED};24\n2?;\n".encode("utf-8-sig"))
    found = FileTruth([sheet], run="import")
    assert found.query_keys() == [KEY]
    assert found.truth(KEY) == Truth(Reference("gold", "24"))


def test_what_only_a_memory_can_look_up_is_rejected_without_one(tmp_path: Path) -> None:
    found = truth(
        tmp_path, {"query_id": "7", "gold": "24"}, {"query": ASKED, "gold": "24"}, {"answer_key": "a", "correct": True}
    )
    assert [row.row for row in found.rejected] == [3, 1]
    assert "`memreward label` takes it" in found.rejected[0].reason
    assert "only a memory can look up" in found.rejected[1].reason
    assert found.query_keys() == [KEY]


def test_a_file_that_holds_neither_rollouts_nor_golds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no rollouts.*found author, score"):
        truth(tmp_path, {"author": "Ann", "score": 1})
