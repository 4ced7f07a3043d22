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
from memgraph.reading import GivenEmbeddings, Reject, Row, data_files, read_rows
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


def completions(file: Path, step: int, *, answers: str = "4445", prompt: object = "2+2?", **more: object) -> Path:
    """As TRL's `log_completions` writes them."""
    table = {
        "step": [step] * len(answers),
        "prompt": [prompt] * len(answers),
        "completion": [f"#### {answer}" for answer in answers],
        "correct_reward": [1.0, 1.0, 1.0, 0.0],
        "advantage": [0.5, 0.5, 0.5, -1.5],
        **more,
    }
    parquet.write_table(pa.table(table), file)
    return file


def test_trl_completions_are_read_as_groups_of_rollouts_without_their_rewards(tmp_path: Path) -> None:
    found = rows_of(completions(tmp_path / "completions_00003.parquet", 3))
    rollouts = [row.rollout for row in found if isinstance(row, Row)]
    assert [(r.query, r.response, r.step, r.call, r.sample) for r in rollouts] == [
        ("2+2?", "#### 4", 3, 3, 0),
        ("2+2?", "#### 4", 3, 3, 1),
        ("2+2?", "#### 4", 3, 3, 2),
        ("2+2?", "#### 5", 3, 3, 3),
    ]
    assert len({r.rollout_id for r in rollouts}) == 4
    assert all(not r.features for r in rollouts)


def test_a_batch_that_trl_logs_again_is_the_same_rollouts_and_another_batch_with_equal_texts_is_not(
    tmp_path: Path,
) -> None:
    def ids(step: int, run: str = "a", **more: object) -> set[str | None]:
        file = completions(tmp_path / "c.parquet", step, **more)
        return {row.rollout.rollout_id for row in read_rows(file, run=run) if isinstance(row, Row)}

    first = ids(1)
    assert ids(2) == first, "steps_per_generation > logging_steps: one batch, logged at each step"
    assert not ids(3, answers="4454") & first
    assert not ids(1, advantage=[0.0, 0.1, 0.2, 0.3]) & first
    assert not ids(1, run="b") & first


def test_conversations_are_read_by_what_is_said(tmp_path: Path) -> None:
    asked = [{"role": "system", "content": "Think."}, {"role": "user", "content": "1+1?"}]
    said = [
        {"role": "assistant", "reasoning_content": None, "content": "wait"},
        {"role": "assistant", "reasoning_content": "one and one", "content": "#### 2"},
    ]
    file = tmp_path / "c.parquet"
    parquet.write_table(pa.table({"prompt": [asked], "completion": [said]}), file)
    (row,) = rows_of(file)
    assert isinstance(row, Row)
    assert (row.rollout.query, row.rollout.response, row.rollout.thinking) == ("1+1?", "#### 2", "one and one")

    turns = [*asked, {"role": "assistant", "content": "2"}, {"role": "user", "content": "Sure?"}]
    (row,) = rows_of(write(tmp_path / "c.jsonl", {"prompt": turns, "completion": "yes"}))
    assert isinstance(row, Row)
    assert row.rollout.query == "user: 1+1?\n\nassistant: 2\n\nuser: Sure?"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "x"}, "'response' must be text, found NoneType"),
        ({"prompt": "x", "completion": 3}, "'response' must be text, found int"),
        ({"prompt": {"a": 1}, "completion": "y"}, "'query' must be text, found dict"),
        ({"prompt": None, "completion": "y"}, "'query' must be text, found NoneType"),
    ],
)
def test_a_completion_that_does_not_fit_is_rejected_by_its_own_number(tmp_path: Path, row: dict, reason: str) -> None:
    good = {"prompt": "1+1?", "completion": "#### 2"}
    first, bad, last = rows_of(write(tmp_path / "r.jsonl", good, row, good))
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, Reject)
    assert (bad.row, reason in bad.reason) == (2, True)


def test_data_sets_saved_by_datasets_are_read_split_by_split(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    rows = [{"query": f"{n}+1?", "response": f"#### {n}", "domain": None, "gold": "SECRET"} for n in range(5)]
    saved = Dataset.from_list(rows[:3])
    saved.save_to_disk(str(tmp_path / "one"))
    DatasetDict({"train": saved, "test": Dataset.from_list(rows[3:])}).save_to_disk(str(tmp_path / "two"))
    for folder, count in (("one", 3), ("two", 5)):
        assert data_files([tmp_path / folder]) == [tmp_path / folder]
        found = list(read_rows(tmp_path / folder, run="import", domain="math"))
        assert [row.rollout.query for row in found if isinstance(row, Row)] == [f"{n}+1?" for n in range(count)]
        assert {row.rollout.domain for row in found if isinstance(row, Row)} == {"math"}
        assert "SECRET" not in repr([row.rollout for row in found if isinstance(row, Row)])


def test_a_folder_stands_for_its_parquet_files_in_order(tmp_path: Path) -> None:
    files = [completions(tmp_path / f"completions_{step:05d}.parquet", step) for step in (2, 1)]
    assert data_files([tmp_path, Path("x.jsonl")]) == [*sorted(files), Path("x.jsonl")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no Parquet files"):
        data_files([tmp_path / "empty"])


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
