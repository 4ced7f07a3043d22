import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.errors import InputError
from memgraph.reading import GivenEmbeddings, Reject, Row, read_rows
from memgraph.records import Rollout

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted(set(Rollout.__dataclass_fields__) - {"run", "attempt", "call"})
GOOD = {"query": "1+1?", "response": "<think>one and one</think> #### 2"}


def rows_of(file: Path) -> list[Row | Reject]:
    return list(read_rows(file, run="import"))


def write(file: Path, *lines: object) -> Path:
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "not a JSON object but list"),
        ({"response": "x"}, "'query' is missing"),
        ({"query": "x"}, "'response' is missing"),
        ({"query": "  ", "response": "x"}, "'query' is empty"),
        ({"query": 3, "response": "x"}, "'query' must be text, found int"),
        ({**GOOD, "response": None}, "'response' must be text, found NoneType"),
        ({**GOOD, "policy": ["a"]}, "'policy' must be text, found list"),
        ({**GOOD, "step": -1}, "'step' must be a whole number"),
        ({**GOOD, "step": 1.5}, "'step' must be a whole number"),
        ({**GOOD, "answer": {"a": 1}}, "'answer' must be text or a number, found dict"),
        ('{"query": "x", "response": "y", "answer": NaN}', "'answer' must be finite"),
        ('{"query": "x", "response": "y", "features": {"logprob": NaN}}', "feature 'logprob' must be a finite number"),
        ({**GOOD, "features": [1]}, "'features' must be an object"),
        ({**GOOD, "features": {"logprob": 10**400}}, "feature 'logprob' must be a finite number"),
        ({**GOOD, "features": {"": 1}}, "a feature needs a name"),
        ({**GOOD, "features": {"a\0": 1}}, "without null characters"),
        ({**GOOD, "step": 10**30}, "'step' must be a whole number"),
        *(({**GOOD, name: "\ud800"}, "lone surrogate") for name in ("query", "answer", "rollout_id", "domain")),
        ({**GOOD, "features": {"\ud800": 1}}, "lone surrogate"),
        ({**GOOD, "dataset": "d" * 1001}, "'dataset' has 1,001 characters; at most 1,000"),
        ({**GOOD, "response": "x" * 1_000_001}, "1,000,001 characters"),
    ],
)
def test_a_bad_row_is_rejected_by_number_and_reason_and_the_rest_goes_in(
    tmp_path: Path, row: object, reason: str
) -> None:
    first, bad, last = rows_of(write(tmp_path / "r.jsonl", GOOD, row, GOOD))
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, Reject)
    assert bad.row == 2
    assert reason in bad.reason


def test_truth_never_becomes_part_of_a_rollout(tmp_path: Path) -> None:
    (row,) = rows_of(write(tmp_path / "r.jsonl", {**GOOD, "gold": "SECRET", "tests": "SECRET", "correct": True}))
    assert isinstance(row, Row)
    assert "SECRET" not in repr(row.rollout)


def test_numbers_and_strings_are_one_answer(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / "r.jsonl", {**GOOD, "answer": 2.0}, {**GOOD, "answer": 2}, {**GOOD, "answer": "2"}))
    assert {row.rollout.answer for row in rows if isinstance(row, Row)} == {"2"}


def test_gaps_of_a_table_are_no_values(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    columns = {
        "query": ["a?", "b?"],
        "response": ["#### 1", "#### 2"],
        "step": [1.0, None],
        "answer": [None, "2"],
        "features": [{"x": 1.0, "y": None}, None],
        "when": [None, 3],
    }
    parquet.write_table(pa.table(columns), file)
    first, second = (row.rollout for row in rows_of(file) if isinstance(row, Row))
    assert (first.step, first.answer, dict(first.features)) == (1, None, {"x": 1.0})
    assert (second.step, second.answer, dict(second.features)) == (None, "2", {})


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_whatever_a_row_holds_it_is_a_rollout_or_a_reason(raw: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (found,) = rows_of(write(Path(folder) / "r.jsonl", {**GOOD, **raw}))
    assert found.reason if isinstance(found, Reject) else found.rollout.query


def test_gzip_and_blank_lines_are_read_and_numbers_stay_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl.gz"
    file.write_bytes(gzip.compress(("\n\n" + json.dumps(GOOD) + "\n{\n").encode()))
    good, bad = rows_of(file)
    assert isinstance(good, Row)
    assert good.number == 3
    assert isinstance(bad, Reject)
    assert bad.row == 4


@pytest.mark.parametrize("damage", [lambda data: data[:40], lambda data: data[:15] + b"\xff" * 20 + data[35:]])
def test_a_damaged_archive_is_an_error_that_names_the_file(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "r.jsonl.gz"
    file.write_bytes(damage(gzip.compress(b'{"query": "x"}\n' * 1000)))
    with pytest.raises(InputError, match=r"r\.jsonl\.gz"):
        rows_of(file)


def test_trl_completions_are_read_as_rollouts(tmp_path: Path) -> None:
    file = tmp_path / "completions_00001.parquet"
    table = {
        "step": [1, 1],
        "prompt": ["1+1?", "2+2?"],
        "completion": ["#### 2", "#### 4"],
        "advantage": [0.0, 1.0],
    }
    parquet.write_table(pa.table(table), file)
    rows = rows_of(file)
    assert [row.rollout.query for row in rows if isinstance(row, Row)] == ["1+1?", "2+2?"]
    conversational = [[{"role": "user", "content": "1+1?"}]]
    parquet.write_table(
        pa.table({"prompt": conversational, "completion": [[{"role": "assistant", "content": "#### 2"}]]}), file
    )
    (row,) = rows_of(file)
    assert isinstance(row, Row)
    assert (row.rollout.query, row.rollout.response) == ("1+1?", "#### 2")


def test_given_embeddings_must_be_whole(tmp_path: Path) -> None:
    file = tmp_path / "e.npz"
    vectors = np.ones((2, 3), np.float16)
    np.savez(file, query=vectors, query_id=["a", "b"], thinking=vectors)
    with pytest.raises(InputError, match="lacks the arrays answer, rollout_id"):
        GivenEmbeddings.load(file)
    np.savez(file, query=vectors, query_id=["a"], thinking=vectors, answer=vectors, rollout_id=["x", "y"])
    with pytest.raises(InputError, match="query has shape"):
        GivenEmbeddings.load(file)
    np.savez(
        file, query=vectors.astype(str), query_id=["a", "b"], thinking=vectors, answer=vectors, rollout_id=["x", "y"]
    )
    with pytest.raises(InputError, match="query must hold numbers"):
        GivenEmbeddings.load(file)
    np.savez(file, query=vectors, query_id="a", thinking=vectors, answer=vectors, rollout_id=["x", "y"])
    with pytest.raises(InputError, match="query has shape"):
        GivenEmbeddings.load(file)
    with file.open("wb") as plain:
        np.save(plain, vectors)
    with pytest.raises(InputError, match="an NPZ archive is needed"):
        GivenEmbeddings.load(file)
    file.write_bytes(b"not an archive")
    with pytest.raises(InputError, match="cannot read"):
        GivenEmbeddings.load(file)
