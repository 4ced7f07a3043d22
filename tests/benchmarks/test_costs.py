"""Benchmarks of what things cost, and of how answers are read, on little work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.conftest import Run, check_twice
from tests.conftest import write_rows


def test_answers(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases, out = tmp_path / "cases", tmp_path / "rows.jsonl"
    (cases / "layouts").mkdir(parents=True)
    write_rows(cases / "layouts" / "one.jsonl", [{"query": "1 + 1?", "response": "The answer is 2.", "gold": "2"}])
    stated = {"kind": "sentence", "domain": "math", "response": "The answer is 42."}
    lines = {
        "stated": [{"id": "s1", "answer": "42", **stated}, {"id": "s2", "answer": "43", **stated}],
        "same": [{"id": "e1", "kind": "fraction", "domain": "math", "one": "1/2", "other": "0.5", "same": True}],
        "judged": [{"id": "j1", "kind": "box", "domain": "math", "response": r"\boxed{5}", "gold": "5", "right": 1.0}],
        "layouts": [{"id": "l1", "kind": "plain", "file": "one.jsonl", "rows": 1, "truth": 1, "answers": ["2"]}],
    }
    for name, found in lines.items():
        write_rows(cases / f"{name}.jsonl", found)
    rows = check_twice(
        lambda: run("answers", cases, "--wrong", "--out", out),
        out,
        "answers",
        identity=("file", "id"),
        figures=("kind", "right", "found", "wanted", "seconds"),
    )
    assert {row["id"]: row["right"] for row in rows} == {"s1": True, "s2": False, "e1": True, "j1": True, "l1": True}


def test_verdicts(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run("verdicts", "--repeats", 2, "--seeds", 2, "--out", out, "--table", tmp_path / "table.md"),
        out,
        "verdicts",
        identity=("verdict", "seed", "repeats"),
        figures=("median_ms", "p95_ms"),
    )
    assert len(rows) == 4 * 2
    assert all(0 < row["median_ms"] <= row["p95_ms"] for row in rows)
    assert "| program with 5 tests | 2 |" in (tmp_path / "table.md").read_text()


def test_sampling(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run("sampling", "--quick", "--n", 1, "--max-tokens", 4, "--seeds", 1, "--device", "cpu", "--out", out),
        out,
        "sampling",
        identity=("model", "device", "type", "queries", "n", "max_tokens", "seed"),
        figures=("tokens", "tokens_per_second"),
    )
    assert [row["type"] for row in rows] == ["float32", "float32, autocast", "bfloat16"]
    assert all(0 < row["tokens"] <= 16 for row in rows)


def test_embedding(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run("embedding", "--quick", "--out", out, "--table", tmp_path / "table.md"),
        out,
        "embedding",
        identity=("file", "way", "texts", "seed"),
        figures=(),
    )
    ways = ["float32, 64 texts at a time", "float32", "bfloat16"]
    assert [row["way"] for row in rows] == [*ways, *ways, "bfloat16 against float32"]
    assert all(row["seconds"] > 0 for row in rows[:-1])
    assert rows[-1]["least_cosine"] >= 0.999
    assert rows[-1]["recall"] >= 0.95


@pytest.mark.slow
def test_memory(run_on_server: Run, tmp_path: Path) -> None:
    out, arguments = tmp_path / "rows.jsonl", ("--queries", 30, "--rollouts", 4)
    rows = check_twice(
        lambda: run_on_server("memory", *arguments, "--seeds", 1, "--out", out),
        out,
        "memory",
        identity=("queries", "rollouts", "seed", "stage"),
        figures=("seconds",),
    )
    assert {row["stage"] for row in rows} >= {"import and link", "label 20 %", "fit", "score 16 queries"}
    more = run_on_server("memory", *arguments, "--seeds", 2, "--out", out)["rows"]
    assert more[: len(rows)] == rows
    assert {row["seed"] for row in more[len(rows) :]} == {1}


@pytest.mark.slow
def test_ingest(run_on_server: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("ingest", "--queries", 20, "--seeds", 1, "--out", out, "--table", tmp_path / "table.md"),
        out,
        "ingest",
        identity=("queries", "way", "seed"),
        figures=("rollouts_per_second",),
    )
    assert [row["way"] for row in rows] == ["memory", "similarity", "floor", "merge a row"]
    assert "| floor | " in (tmp_path / "table.md").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_scale(run_on_server: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("scale", "--rollouts", 80, 160, "--out", out, "--table", tmp_path / "table.md"),
        out,
        "scale",
        identity=("rollouts", "seed", "what"),
        figures=("figure",),
    )
    assert {row["what"] for row in rows} >= {"import over Bolt", "restore --bulk", "store", "vector index", "server MB"}
    assert "| restore --bulk | " in (tmp_path / "table.md").read_text().partition("Predicted:")[2]


@pytest.mark.slow
def test_relabel(run_on_server: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("relabel", "--queries", 150, "--rollouts", 4, "--seeds", 1, "--out", out),
        out,
        "relabel",
        identity=("queries", "rollouts", "pass", "labelled", "seed"),
        figures=("affected", "scored", "changed", "seconds", "looking", "looked_at", "through_all"),
    )
    found = {(row["pass"], row["labelled"]): row for row in rows}
    assert found["nothing new", 0]["affected"] == 0
    assert found["relabel", 10]["affected"] > 0
    assert found["everything again", 0]["changed"] == 0


@pytest.mark.slow
def test_reward_call(run_on_server: Run, tmp_path: Path) -> None:
    out, arguments = tmp_path / "rows.jsonl", ("--seeds", 1, "--queries")
    rows = check_twice(
        lambda: run_on_server("reward_call", *arguments, 40, "--out", out),
        out,
        "reward_call",
        identity=("queries", "stage", "seed"),
        figures=("seconds",),
    )
    whole = next(row["seconds"] for row in rows if row["stage"] == "whole call")
    assert 0 < sum(row["seconds"] for row in rows if row["stage"] in ("store", "score")) <= whole
    more = run_on_server("reward_call", *arguments, 40, 60, "--out", out)["rows"]
    assert more[: len(rows)] == rows
    assert {row["queries"] for row in more[len(rows) :]} == {60}
