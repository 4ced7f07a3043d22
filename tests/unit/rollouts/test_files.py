import gzip
import json
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.errors import InputError
from memgraph.rollouts.files import Reject, Row, data_files, read_rows
from memgraph.rollouts.files import rows_of as rows_of_records
from memgraph.rollouts.formats import without_gaps
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.rollout import Rollout
from tests.conftest import write_rows

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
        ('{"query": "x", "response": "y", "answer": Infinity}', "'answer' must be finite"),
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


def test_a_row_in_which_its_source_found_no_answer_has_none(tmp_path: Path) -> None:
    said = {"query": "1+1?", "response": "So 2.\nThe answer is 2.", "thinking": "So 2."}
    apart = [{**said, "answer": "2"}, {**said, "answer": "2"}, said]
    file = write(tmp_path / "apart.jsonl", *apart)
    assert [row.rollout.answer for row in rows_of(file) if isinstance(row, Row)] == ["2", "2", ""]


@pytest.mark.parametrize(
    "rows",
    [
        [{"thinking": "So 2."}] * 3,  # nobody gives answers
        [{"thinking": "elsewhere", "answer": "2"}, {"thinking": "elsewhere"}],  # a field beside the response, as vLLM's
        [{"answer": "2"}, {}],  # answers, and nothing taken apart
        [{"thinking": "So 2.", "answer": "2"}, {"thinking": "So 2."}, {"thinking": "So 2."}],  # few
    ],
)
def test_else_an_answer_that_is_not_given_is_read(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    said = {"query": "1+1?", "response": "So 2.\nThe answer is 2."}
    file = write(tmp_path / "read.jsonl", *({**said, **row} for row in rows))
    found = [row.rollout.answer for row in rows_of(file) if isinstance(row, Row)]
    assert found == [row.get("answer") for row in rows]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4))
def test_whatever_a_row_holds_it_is_rollouts_or_reasons(raw: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        *found, last = rows_of(write(Path(folder) / "r.jsonl", {**GOOD, **raw}, GOOD))
    assert found
    assert all(one.reason if isinstance(one, Reject) else one.rollout.query for one in found)
    assert isinstance(last, Row)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(["prompt", "completion", "messages", "input", "output", "doc", "resps"]), VALUES)
)
def test_whatever_a_row_of_another_layout_holds_the_next_one_goes_in(raw: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        *_, last = rows_of(write(Path(folder) / "r.jsonl", raw, GOOD))
    assert isinstance(last, Row)


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
    assert (row.rollout.query, row.rollout.response, row.rollout.thinking) == (
        "1+1?",
        "wait\n\n#### 2",
        "one and one",
    )
    assert row.rollout.stated == "#### 2"

    turns = [*asked, {"role": "assistant", "content": "2"}, {"role": "user", "content": "Sure?"}]
    (row,) = rows_of(write(tmp_path / "c.jsonl", {"prompt": turns, "completion": "yes"}))
    assert isinstance(row, Row)
    assert row.rollout.query == "user: 1+1?\n\nassistant: 2\n\nuser: Sure?"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "x"}, "'query' is missing; found prompt"),
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


def test_a_folder_stands_for_its_data_files_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    files = [completions(tmp_path / f"completions_{step:05d}.parquet", step) for step in (2, 1)]
    assert data_files([tmp_path, Path("x.jsonl")]) == [*sorted(files), Path("x.jsonl")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no Parquet files"):
        data_files([tmp_path / "empty"])
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "config.json").write_text("{}")
    for step in (10, 9, 1):
        write(dump / f"{step}.jsonl", GOOD)
    assert [file.name for file in data_files([dump])] == ["1.jsonl", "9.jsonl", "10.jsonl"]


def test_a_snapshot_of_a_hub_is_read_without_what_is_beside_the_data(tmp_path: Path) -> None:
    for name in ("data", ".cache", "blobs"):
        (tmp_path / name).mkdir()
    (tmp_path / "README.md").write_text("# Rollouts")
    (tmp_path / "dataset_infos.json").write_text("{}")
    write(tmp_path / ".cache" / "x.jsonl", GOOD)
    table = pa.table({"query": ["a?"], "response": ["b"]})
    parquet.write_table(table, tmp_path / "blobs" / "abc")
    for split in ("test", "train"):
        (tmp_path / "data" / f"{split}-00000-of-00001.parquet").symlink_to(tmp_path / "blobs" / "abc")
    assert [file.name[:5] for file in data_files([tmp_path])] == ["test-", "train"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([GOOD, GOOD]),
        json.dumps([GOOD, GOOD], indent=2),
        json.dumps({"train": [GOOD], "test": [GOOD]}, indent=1),
        json.dumps(GOOD, indent=2) + "\n" + json.dumps(GOOD, indent=2),
        json.dumps(GOOD) + "\n" + json.dumps(GOOD),
        " \n[" + json.dumps(GOOD) + ",\n" + json.dumps(GOOD) + "]\n",
    ],
)
@pytest.mark.parametrize(
    "encode", [str.encode, lambda text: text.encode("utf-8-sig"), lambda text: text.encode("utf-16")]
)
def test_json_of_every_form_and_encoding_is_read(tmp_path: Path, text: str, encode: Callable[[str], bytes]) -> None:
    file = tmp_path / "r.json"
    file.write_bytes(encode(text))
    assert [row.rollout.query for row in rows_of(file) if isinstance(row, Row)] == ["1+1?", "1+1?"]
    (tmp_path / "r.json.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert len(rows_of(tmp_path / "r.json.gz")) == 2


@pytest.mark.parametrize("end", ["", ",", ', {"query": "cut', "] and more"])
def test_of_an_array_that_breaks_off_what_is_whole_goes_in(tmp_path: Path, end: str) -> None:
    file = tmp_path / "r.json"
    file.write_text("[" + json.dumps(GOOD) + end)
    good, bad = rows_of(file)
    assert isinstance(good, Row)
    assert isinstance(bad, Reject)
    assert "JSON" in bad.reason


def test_an_array_in_a_file_of_lines_is_read(tmp_path: Path) -> None:
    assert len(rows_of(write(tmp_path / "r.jsonl", json.dumps([GOOD, GOOD, 7])))) == 3


def test_texts_with_odd_characters(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    separators = "a\u2028b\u2029c\x85d\x0be"
    lines = [
        json.dumps({**GOOD, "response": separators}, ensure_ascii=False).encode(),
        b'{"query": "1+1?", "response": "caf\xe9"}',
        b'{"query": "1+1?", "response": "\\ud83d"}',
        b'{"query": "1+1?", "response": "first", "response": "last"}\r',
        b'{"query": "1+1?", "resp',
    ]
    file.write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    odd, latin, lone, twice, cut = rows_of(file)
    assert isinstance(odd, Row)
    assert odd.rollout.response == separators
    assert isinstance(latin, Reject)
    assert "utf-8" in latin.reason
    assert isinstance(lone, Reject)
    assert "lone surrogate" in lone.reason
    assert isinstance(twice, Row)
    assert twice.rollout.response == "last"
    assert isinstance(cut, Reject)
    assert (cut.row, "not JSON" in cut.reason) == (5, True)


@pytest.mark.parametrize(
    "name", ["query_id", "rollout_id", "dataset", "policy", "step", "sample", "thinking", "answer", "features"]
)
def test_nan_is_a_gap_in_every_field(tmp_path: Path, name: str) -> None:
    (row,) = rows_of(write(tmp_path / "r.jsonl", json.dumps({"query": "x", "response": "y", name: float("nan")})))
    assert isinstance(row, Row)
    assert row.rollout == Rollout("x", "y")


def test_values_of_pandas_and_numpy_are_plain_ones() -> None:
    import pandas as pd

    rows = [
        {"query": "x", "response": np.array(["a", "b"], dtype=object), "correct": np.array([True, False])},
        {
            "query": "x",
            "response": "c",
            "query_id": np.int64(7),
            "step": np.float32(2),
            "answer": pd.NA,
            "policy": pd.NaT,
        },
        {"query": "x", "response": "d", "query_id": Decimal("7"), "thinking": np.float64("nan")},
    ]
    numbered = ((number, without_gaps(row)) for number, row in enumerate(rows, start=1))
    found = list(rows_of_records(numbered, source="rows", run="r"))
    assert [row.rollout.response for row in found if isinstance(row, Row)] == ["a", "b", "c", "d"]
    third, fourth = (row.rollout for row in found[2:] if isinstance(row, Row))
    assert (third.query_id, third.step, third.answer, third.policy) == ("7", 2, None, "")
    assert (fourth.query_id, fourth.thinking) == ("7", None)


def test_every_type_of_a_table_is_read(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    columns = {
        "query": pa.array(["a?", "a?"]).dictionary_encode(),
        "response": pa.array(["x", "y"], pa.large_string()),
        "query_id": pa.array([2**40, None], pa.int64()),
        "rollout_id": pa.array([7.0, 8.0], pa.float64()),
        "sample": pa.array([0, 1], pa.uint8()),
        "policy": pa.array(["p", "p"], pa.string_view()),
        "correct": pa.array([1, 0], pa.int8()),
    }
    parquet.write_table(pa.table(columns), file)
    first, second = (row.rollout for row in rows_of(file) if isinstance(row, Row))
    assert (first.query_id, first.rollout_id, first.sample, first.policy) == (str(2**40), "7", 0, "p")
    assert (second.query_id, second.rollout_id, second.sample) == (None, "8", 1)


def test_a_text_of_a_table_that_is_no_utf8_loses_its_row_only(tmp_path: Path) -> None:
    texts = pa.array([b"good", b"\xff\xfe", b"good"], pa.binary()).view(pa.string())
    parquet.write_table(pa.table({"query": ["a?"] * 3, "response": texts}), tmp_path / "r.parquet")
    found = rows_of(tmp_path / "r.parquet")
    assert [type(row) for row in found] == [Row, Reject, Row]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table" * 100])
def test_a_broken_table_is_an_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*r\.parquet"):
        rows_of(tmp_path / "r.parquet")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_sheets_of_rollouts_are_read_with_any_separator(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "r.csv"
    lines = [("query", "response", "step", "answer"), ("a?", '"two\nlines"', "3", ""), ("b?", "y", "", "5")]
    file.write_text("\n".join(separator.join(line) for line in lines), encoding="utf-8-sig")
    first, second = (row.rollout for row in rows_of(file) if isinstance(row, Row))
    assert (first.response, first.step, first.answer) == ("two\nlines", 3, None)
    assert (second.response, second.step, second.answer) == ("y", None, "5")


@pytest.mark.parametrize("name", ["r.txt", "r.jsonl.zst", "r.xls", "r"])
def test_other_formats_are_refused_with_those_that_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(InputError, match=r"neither of \.jsonl, \.json"):
        rows_of(tmp_path / name)


def test_a_file_that_is_not_there_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        rows_of(tmp_path / "none.jsonl")
    assert rows_of(write(tmp_path / "empty.jsonl")) == []
    assert rows_of(write(tmp_path / "empty.json", "[]")) == []


def test_blank_ids_are_missing(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / "r.jsonl", *[{**GOOD, "rollout_id": "", "query_id": ""}] * 2))
    assert [(row.rollout.rollout_id, row.rollout.query_id) for row in rows if isinstance(row, Row)] == [
        (None, None)
    ] * 2


def test_a_million_brackets_are_one_row_that_is_no_json(tmp_path: Path) -> None:
    begin = time.monotonic()
    bad, good = rows_of(write(tmp_path / "r.jsonl", "[" * 1_000_000, GOOD))
    assert isinstance(bad, Reject)
    assert isinstance(good, Row)
    assert len(rows_of(write(tmp_path / "r.json", "[{" * 500_000))) == 1
    assert time.monotonic() - begin < 5


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


def test_a_row_names_its_run_and_moment_and_a_call_only_beside_an_id_or_a_sample(tmp_path: Path) -> None:
    plain = {"query": "1 + 1?", "response": "2", "run": "a", "attempt": 2, "step": 3, "call": 4}
    rows = [plain, {**plain, "sample": 0}, {**plain, "rollout_id": "x"}, {**plain, "run": None, "attempt": ""}]
    found = list(read_rows(write_rows(tmp_path / "r.jsonl", rows), run="given"))
    rollouts = [row.rollout for row in found if isinstance(row, Row)]
    assert [(one.run, one.attempt, one.step, one.call) for one in rollouts] == [
        ("a", 2, 3, None),
        ("a", 2, 3, 4),
        ("a", 2, 3, 4),
        ("given", 0, 3, None),
    ]
