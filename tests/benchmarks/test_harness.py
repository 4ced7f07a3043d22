"""What all benchmarks share, and what all of them have."""

from __future__ import annotations

import argparse
import ast
import json
from pathlib import Path

import pytest

from tests.benchmarks.conftest import BENCHMARKS, lines_of

SHARED = {"harness", "pages", "rollout_files", "rl_tables", "rl_page", "reward_quality_page"}
FILES = sorted(file for file in BENCHMARKS.glob("*.py") if file.stem not in SHARED)
DOCS = [BENCHMARKS.parent / "README.md", *(BENCHMARKS.parent / "docs").rglob("*.md")]


def options(out: Path | None, *, keeps: str | None = None, quick: bool = False, **more: object) -> argparse.Namespace:
    return argparse.Namespace(out=out, keeps=keeps, quick=quick, **more)


def test_rows_outlive_a_call_and_are_not_added_twice(tmp_path: Path) -> None:
    from harness import Rows

    given = options(tmp_path / "new" / "rows.jsonl")
    first = Rows(given, ("set", "seed"))
    first.add({"set": "a", "seed": 0, "auc": 0.5}, {"set": "a", "seed": 1, "auc": 0.6})
    again = Rows(given, ("set", "seed"))
    assert again.all == first.all
    assert again.missing([("a", 0), ("a", 2), ("b", 0)]) == [("a", 2), ("b", 0)]
    again.add({"set": "a", "seed": 0, "auc": 0.9}, {"set": "a", "seed": 2, "auc": 0.7})
    assert [row["auc"] for row in again.all] == [0.5, 0.6, 0.7]
    assert lines_of(given.out) == again.all


def test_a_row_that_a_kill_has_cut_is_measured_again(tmp_path: Path) -> None:
    from harness import Rows

    given = options(tmp_path / "rows.jsonl")
    Rows(given, ("seed",)).add({"seed": 0}, {"seed": 1})
    given.out.write_text(given.out.read_text()[:-4])
    rows = Rows(given, ("seed",))
    assert rows.missing([(0,), (1,)]) == [(1,)]
    rows.add({"seed": 1})
    assert Rows(given, ("seed",)).all == [{"seed": 0}, {"seed": 1}]


def test_quick_rows_are_apart_and_kept_only_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness import Rows

    monkeypatch.chdir(tmp_path)
    Rows(options(None, keeps="rows.jsonl", quick=True), ("seed",)).add({"seed": 0})
    assert not Path("rows.jsonl").exists()
    Rows(options(None, keeps="rows.jsonl"), ("seed",)).add({"seed": 0})
    quick = Rows(options(Path("rows.jsonl"), quick=True), ("seed",))
    assert quick.all == []
    quick.add({"seed": 0})
    assert Rows(options(None, keeps="rows.jsonl"), ("seed",)).all == [{"seed": 0}]
    assert Rows(options(Path("rows.jsonl"), quick=True), ("seed",)).all == [{"seed": 0, "quick": True}]


def test_rows_of_other_trials_are_left_alone(tmp_path: Path) -> None:
    from harness import Rows

    given = options(tmp_path / "rows.jsonl")
    Rows(given, ("seed",)).add({"seed": 0, "prior": "a"})
    other = Rows(given, ("seed",), belongs=lambda row: row["prior"] == "b")
    other.add({"seed": 0, "prior": "b"})
    assert [row["prior"] for row in other.all] == ["b"]
    assert [row["prior"] for row in lines_of(given.out)] == ["a", "b"]


def test_tables_go_to_a_file_beside_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from harness import markdown, mean_sd, report

    given = options(None, json=True, table=tmp_path / "docs" / "page.md")
    report("name", given, [{"seed": 0, "auc": 0.5}], lambda rows: markdown(["n", "AUC"], [["1", mean_sd([0.5, 0.7])]]))
    assert json.loads(capsys.readouterr().out)["rows"] == [{"seed": 0, "auc": 0.5}]
    assert given.table.read_text().startswith("| n | AUC |\n| --- | --- |\n| 1 | 0.600 ± 0.100 |\n")
    assert " cores (load " in given.table.read_text()


def test_means_say_their_spread_and_leave_out_what_is_not_known() -> None:
    from harness import mean_sd, mean_se, median_range

    assert mean_sd([0.5, None, 0.7]) == "0.600 ± 0.100"
    assert (mean_sd([0.5]), mean_sd([None])) == ("0.500", "–")
    assert (mean_se([0.1, 0.3]), mean_se([-0.1])) == ("+0.200 ± 0.100", "-0.100")
    assert median_range([3, 1, 2]) == "2.00 (1.00 to 3.00)"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_says_its_question_and_an_example(file: Path) -> None:
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    assert "?" in said.split("\n\n")[0]
    assert f"python benchmarks/{file.name}" in said.split("Example")[-1]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_is_named_by_a_page_and_by_a_test(file: Path) -> None:
    assert any(file.name in page.read_text(encoding="utf-8") for page in DOCS)
    tests = "\n".join(test.read_text(encoding="utf-8") for test in Path(__file__).parent.glob("test_*.py"))
    assert f'"{file.stem}"' in tests


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_takes_the_options_that_all_have(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import importlib

    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(file.stem).main(["--help"])
    said = capsys.readouterr().out
    assert all(option in said for option in ("--json", "--quick", "--out"))
