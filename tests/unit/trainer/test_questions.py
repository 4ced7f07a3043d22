"""Which queries are sampled, and how they become prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from memgraph.errors import InputError
from memgraph.rollouts.files import Reject
from tests.conftest import write_rows
from trainer.sampling.questions import Asking, Question, read_questions


def read(file: Path, asking: Asking | None = None, **how: Any) -> list[Question | Reject]:
    return list(read_questions([file], asking=asking or Asking(), **how))


def rows(tmp_path: Path, *found: dict[str, Any]) -> Path:
    return write_rows(tmp_path / "q.jsonl", list(found))


def test_a_data_file_of_training_rows(tmp_path: Path) -> None:
    file = rows(
        tmp_path,
        {"query": "1 + 1?", "domain": "math", "gold": "2", "query_id": 7, "dataset": "sums"},
        {"query": "1 + 1?", "domain": "math", "gold": "2", "dataset": "sums"},
        {"query": "sky?", "gold": "blue"},
    )
    first, second = read(file)
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert (first.query, first.query_id, first.dataset, first.domain, first.row) == ("1 + 1?", "7", "sums", "math", 1)
    assert (second.dataset, second.domain) == ("default", "qa")
    assert first.prompt == [{"role": "user", "content": "1 + 1?"}]


def test_defaults_and_a_named_column_of_a_parquet_file(tmp_path: Path) -> None:
    file = tmp_path / "gsm8k.parquet"
    pa.parquet.write_table(pa.table({"question": ["a?", "b?"], "answer": ["#### 1", "#### 2"]}), file)
    found = read(file, query="question", dataset="gsm8k", domain="math")
    assert [(q.query, q.dataset, q.domain) for q in found if isinstance(q, Question)] == [
        ("a?", "gsm8k", "math"), ("b?", "gsm8k", "math"),
    ]  # fmt: skip


def test_rollouts_name_queries_too(tmp_path: Path) -> None:
    file = rows(
        tmp_path,
        {"problem": "p?", "generations": ["x", "y"], "answer": "x"},
        {"query": "q?", "response": "r"},
    )
    assert [q.query for q in read(file) if isinstance(q, Question)] == ["p?", "q?"]


def test_the_truth_is_not_looked_at(tmp_path: Path) -> None:
    file = rows(tmp_path, {"query": "q?", "gold": {"odd": ["thing"]}, "correct": "who knows", "tests": 5})
    (found,) = read(file)
    assert isinstance(found, Question)
    assert "odd" not in json.dumps(found.prompt)


def test_messages_are_asked_as_they_are_and_named_by_their_text(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "q?"}]
    file = rows(tmp_path, {"prompt": turns, "response": "r"})
    (found,) = read(file)
    assert isinstance(found, Question)
    assert (found.query, found.prompt) == ("q?", turns)
    (other,) = read(file, Asking(system="Be long."))
    assert isinstance(other, Question)
    assert other.prompt == [{"role": "system", "content": "Be long."}, turns[1]]
    assert other.key == found.key


def test_bad_rows_are_listed_and_the_others_go_on(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"query": "a?"}\n{"query": ""}\nnot json\n{"query": 5}\n{"question": "b?"}\n{"query": "c?"}\n')
    found = read(file)
    assert [q.query for q in found if isinstance(q, Question)] == ["a?", "c?"]
    reasons = {one.row: one.reason for one in found if isinstance(one, Reject)}
    assert reasons.keys() == {2, 3, 4, 5}
    assert reasons[2] == "'query' is empty"
    assert "found int" in reasons[4]
    assert reasons[5] == "the query is missing"


def test_a_file_without_queries_says_which_column_it_may_be(tmp_path: Path) -> None:
    file = rows(tmp_path, {"question": "a?", "answer": "b"})
    with pytest.raises(InputError, match=r"no column query.*found answer, question.*--query question"):
        read(file)
    with pytest.raises(InputError, match=r"no column 'nothing' for --query; found answer, question"):
        read(file, query="nothing")


def test_how_a_query_is_asked() -> None:
    assert Asking(template="Solve: {query}\n", chat=False)("1 {2}") == "Solve: 1 {2}\n"
    assert Asking("Be brief.", "Q: {query}")("a?") == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q: a?"},
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"has no \{query\}"):
        Asking(template="Solve it")
    with pytest.raises(InputError, match="needs a chat template"):
        Asking("Be brief.", chat=False)
