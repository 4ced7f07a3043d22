"""What a memory holds as tables: filtered in the database, read page by page, and handed on to other libraries."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as parquet
import pytest

from memgraph.errors import InputError, MissingPackage
from memgraph.labels.rows import LabelRow
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.scoring import stored
from memgraph.scoring.history import RewardThen
from memgraph.settings import Settings
from memgraph.store import keys
from tests.conftest import empty
from tests.integration.rollouts import import_two_runs
from tests.integration.test_command_line import memreward

TEXT = 'What is\n<2, "half" of é>?'


@pytest.fixture(scope="module")
def filled(opened: Memory, tmp_path_factory: pytest.TempPathFactory) -> Memory:
    """Twelve queries of two runs, labelled in part and scored, and one of another data set and domain."""
    empty(opened)
    import_two_runs(opened, tmp_path_factory.mktemp("tables"), queries=12, budget=5)
    opened.add(
        Rollout(TEXT, f"#### {answer}", answer=answer, domain="qa", dataset="other", run="c", step=step, sample=0)
        for step, answer in enumerate(("one", "two"))
    )
    for score, words in ((0.0, {}), (1.0, {"corrects": "own"})):
        row = LabelRow(score, author="Ann", query=TEXT, dataset="other", answer="one", **words)
        assert not opened.label([row], ledger="people").rejected
    return opened


@pytest.fixture
def pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "PAGE", 3)


def test_rollouts_have_texts_labels_and_scores(filled: Memory) -> None:
    rows = list(filled.rollouts())
    assert len(rows) == 50
    assert [(row.query_key, row.key) for row in rows] == sorted((row.query_key, row.key) for row in rows)
    rewards = {row.rollout: row for row in filled.rewards()}
    for row in rows:
        reward = rewards[row.key]
        assert row.label == (reward.reward if reward.source == "label" else None)
        assert reward.source != "prediction" or row.score == reward.reward
    assert sum(row.label is not None for row in rows) == 20
    one, two = sorted(filled.rollouts(query="What is"), key=lambda row: row.step or 0)
    assert (one.query, one.dataset, one.domain, one.run, one.step, one.answer) == (TEXT, "other", "qa", "c", 0, "one")
    assert (one.label, two.answer) == (None, "two")
    assert {row.answer: row.label for row in filled.rollouts(run="c", view=LabelView(("people",)))} == {
        "one": 1,
        "two": None,
    }


@pytest.mark.parametrize(
    ("filters", "rollouts", "labels"),
    [
        ({"run": "a"}, 24, None), ({"run": ("a", "b")}, 48, None), ({"dataset": "other"}, 2, 2), ({"domain": "math"}, 48, None),
        ({"query": "What is"}, 2, 2), ({"query": keys.query_key("other", TEXT)}, 2, 2), ({"run": "a", "domain": "qa"}, 0, 0),
        ({"query": "Tom has 5 "}, 4, None), ({"query": "no such"}, 0, 0),
    ],
)  # fmt: skip
def test_filters(filled: Memory, filters: dict[str, Any], rollouts: int, labels: int | None) -> None:
    found = list(filled.rollouts(**filters))
    assert len(found) == rollouts
    kept = {row.key for row in found}
    assert {row.rollout for row in filled.predictions(**filters)} == {
        row.rollout for row in filled.predictions()
    } & kept
    if labels is not None:
        assert len(list(filled.labels(**filters))) == labels


def test_predictions_and_labels(filled: Memory) -> None:
    predictions = list(filled.predictions())
    answers = {row.key: (row.answer, row.query, row.score) for row in filled.rollouts()}
    assert len(predictions) == 28
    assert all(answers[row.rollout] == (row.answer, row.query, row.score) for row in predictions)
    assert {(row.scorer, row.reason) for row in predictions} == {("reward_model", "first score by this model")}
    first, second = sorted(filled.labels(ledger="people"), key=lambda row: row.created_at)
    assert (first.score, first.corrected, second.score, second.corrected) == (0, True, 1, False)
    assert (second.answer, second.author, second.ledger, second.kind, second.query) == (
        "one",
        "Ann",
        "people",
        "human",
        TEXT,
    )
    assert {row.kind for row in filled.labels(ledger="default")} == {"ground_truth"}
    assert {row.purpose for row in filled.labels(dataset="sums")} == {"calibrate"}


def test_an_unknown_run_or_data_set_is_refused(filled: Memory) -> None:
    for table in (filled.rollouts, filled.predictions, filled.labels):
        with pytest.raises(InputError, match="there is no run 'nobody' in this memory; known: a, b, c"):
            table(run="nobody")
        with pytest.raises(InputError, match="there is no data set 'none' in this memory; known: other, sums"):
            table(dataset=["sums", "none"])


@pytest.mark.usefixtures("pages_of_three")
def test_pages_are_small_and_nothing_is_read_twice_or_left_out(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [
        filled.rollouts(),
        filled.predictions(),
        filled.labels(),
        filled.rollouts(run="a"),
        filled.rollouts(query="What"),
    ]
    sizes = [[batch.num_rows for batch in table.batches()] for table in few]
    assert all(size == 3 for table in sizes for size in table[:-1])
    rows = [list(table) for table in few]
    monkeypatch.setattr(stored, "PAGE", 1000)
    assert rows == [list(table) for table in few]
    assert [len(list(table.pages)) for table in few] == [1] * 5


def test_a_table_is_handed_to_other_libraries(filled: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    table = filled.rollouts(dataset="other")
    arrow = table.to_arrow()
    assert arrow.schema.field("created_at").type == pa.timestamp("us", "UTC")
    assert arrow.schema.field("step").type == pa.int64()
    assert arrow.column("query").to_pylist() == [TEXT] * 2
    frame = table.to_pandas()
    assert list(frame.columns) == table.columns
    assert sorted(frame["answer"]) == ["one", "two"]
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingPackage, match=r"polars .*'memreward-graph\[polars\]'"):
        table.to_polars()
    shown = table._repr_html_()
    assert ">query_key</th>" in shown
    assert "What is &lt;2, &quot;half&quot; of é&gt;?" in shown
    assert "the first 20 rows" in filled.rollouts()._repr_html_()
    assert repr(table).startswith("<Table of StoredRollout: key, query_key")
    assert filled.rollouts(run="a", domain="qa").to_arrow().num_rows == 0


def test_polars(filled: Memory) -> None:
    pl = pytest.importorskip("polars")
    frame = filled.rollouts().to_polars()
    assert frame.shape == (50, 17)
    assert frame["created_at"].dtype == pl.Datetime("us", "UTC")


def test_rewards_are_such_a_table(filled: Memory) -> None:
    rewards = filled.rewards()
    assert (len(rewards), len(list(rewards)), rewards.kind) == (50, 50, RewardThen)
    assert rewards.to_arrow().num_rows == 50
    assert rewards == filled.rewards()


def test_files_come_back_as_they_were(filled: Memory, tmp_path: Path) -> None:
    table = filled.rollouts()
    expected = table.to_arrow()
    for name in ("x.parquet", "folder/x.csv", "x.jsonl"):
        assert table.write(tmp_path / name) == 50
    assert parquet.read_table(tmp_path / "x.parquet").equals(expected)
    types = pyarrow.csv.ConvertOptions(
        column_types=expected.schema, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    whole = pyarrow.csv.ParseOptions(newlines_in_values=True)
    found = pyarrow.csv.read_csv(tmp_path / "folder" / "x.csv", parse_options=whole, convert_options=types)
    assert found.to_pylist() == expected.to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["query"] for line in lines] == expected.column("query").to_pylist()
    assert lines[0]["created_at"] == expected.column("created_at")[0].as_py().isoformat()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "x.csv", "x.jsonl", "x.parquet"]


def test_a_file_that_cannot_be_finished_leaves_what_was_there(filled: Memory, tmp_path: Path) -> None:
    class Broken(list[Any]):
        def __iter__(self) -> Any:
            raise ConnectionError

    file = tmp_path / "x.csv"
    file.write_text("before")
    broken = stored.Table(stored.StoredRollout, Broken())
    with pytest.raises(ConnectionError):
        broken.write(file)
    assert (file.read_text(), list(tmp_path.iterdir())) == ("before", [file])


def test_score_writes_the_scores_table(filled: Memory, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"written as \.parquet, \.csv, \.jsonl, by the file's ending; found 'x\.xml'"):
        memreward("score", "--out", str(tmp_path / "x.xml"), home=settings.home)
    file = tmp_path / "x.csv"
    code, out, err = memreward("score", "--run", "a", "--out", str(file), "--json", home=settings.home)
    assert code == 0, err
    assert (json.loads(out)["file"], json.loads(out)["rows"]) == (str(file), 24)
    assert pyarrow.csv.read_csv(file).column_names == filled.rollouts().columns
