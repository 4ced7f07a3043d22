"""Benchmarks that read rollouts, on two small sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from memgraph.models.prior import Prior
from memgraph.models.scores import DEFAULT_SCORER
from tests.benchmarks.conftest import QUERIES, ROLLOUTS, Run, check, check_twice, lines_of

METRICS = ("auc", "within_query_auc", "accuracy", "ece")


@pytest.mark.slow
def test_acquisition(run_on_server: Run, rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("acquisition", rollouts, "--quick", "--labels", 0.3, "--out", out),
        out,
        "acquisition",
        identity=("file", "labels", "seed", "acquisition", "population"),
        figures=(*METRICS, "followed", "rollouts", "seconds"),
    )
    assert {row["file"] for row in rows} == {"small.jsonl.gz"}
    assert len(rows) == 2 * 2 * 3  # splits, arms, populations
    assert {row["rollouts"] for row in rows if row["population"] == "all"} == {QUERIES["small"] * ROLLOUTS}


@pytest.mark.slow
def test_across_runs(run_on_server: Run, rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("across_runs", rollouts, "--quick", "--out", out, "--table", tmp_path / "table.md"),
        out,
        "across_runs",
        identity=("file", "shift", "sort", "seed", "labels", "arm"),
        figures=(*METRICS, "paid_then", "paid_now", "rollouts", "seconds"),
    )
    assert {row["arm"] for row in rows} == {"vote", "cold", "warm", "warm_now"}
    assert {row["paid_now"] for row in rows if row["arm"] == "vote"} == {0}
    assert "What a warm start is worth in labels" in (tmp_path / "table.md").read_text()
    whole = lines_of(out)
    cut = [row for row in whole if row["arm"] != "cold"]
    out.write_text("")
    from trainer.reward.report import append_records

    append_records(out, *cut)
    again = run_on_server("across_runs", rollouts, "--quick", "--out", out)["rows"]
    assert again[: len(cut)] == cut
    assert [row["arm"] for row in again[len(cut) :]] == ["cold", "cold"]


@pytest.mark.slow
def test_fit(run_on_server: Run, rollouts: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("fit", rollouts, "--labelled", 60, 120, "--seeds", 2, "--out", out),
        out,
        "fit",
        identity=("sets", "asked", "seed"),
        figures=("labelled", "queries", "fit", "score", "scored"),
    )
    assert [row["labelled"] for row in rows] == [64, 64, 120, 120]  # queries are labelled whole
    assert {row["sets"] for row in rows} == {"small+larger"}
    assert all(row["fit"] > 0 and row["scored"] > 0 for row in rows)


@pytest.mark.slow
def test_reward_quality(run_on_server: Run, rollouts: Path, snapshots: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "rows.jsonl", tmp_path / "page.md"
    arguments = (rollouts, "--quick", "--snapshots", snapshots, "--out", out)
    rows = check_twice(
        lambda: run_on_server("reward_quality", *arguments),
        out,
        "reward_quality",
        identity=("file", "labels", "seed", "scorer"),
        figures=(*METRICS, "coverage", "seconds", "curves", "prior"),
    )
    assert {row["scorer"] for row in rows} == {"majority_vote", "pooled_votes", "logistic", DEFAULT_SCORER}
    without = run_on_server("reward_quality", *arguments, "--prior", "none", "--table", table)["rows"]
    assert [row["prior"] for row in without if row["scorer"] == DEFAULT_SCORER] == ["none"]
    assert len(lines_of(out)) == len(rows) + 1  # votes have no prior, so theirs serve both
    assert f"| {DEFAULT_SCORER} |" in table.read_text()
    assert {file.name for file in tmp_path.glob("*.png")} == {"page.png", "page_labels.png", "page_curves.png"}


@pytest.mark.slow
def test_reward_robustness(run_on_server: Run, rollouts: Path, snapshots: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    rows = check_twice(
        lambda: run_on_server("reward_robustness", rollouts, "--seeds", 1, "--snapshots", snapshots, "--out", out),
        out,
        "reward_robustness",
        identity=("set", "case", "scorer", "seed"),
        figures=(*METRICS, "coverage", "rollouts"),
    )
    assert {row["set"] for row in rows} == set(QUERIES)
    assert {row["case"] for row in rows} == {
        *("plain", "answered", "new policies", "noisy labels", "look-alikes", "none judged", "one judged"),
        *("transfer from small", "transfer from larger", "without form", "without checks", "without prior"),
    }
    assert run_on_server("reward_robustness", rollouts, "--quick", "--snapshots", snapshots)["rows"][0]["quick"]


@pytest.mark.slow
def test_learn_prior(run_on_server: Run, rollouts: Path, snapshots: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    arguments = (rollouts, "--snapshots", snapshots, "--families", "sums=small,larger", "--out")
    document = run_on_server("learn_prior", *arguments, one)
    rows = check(document, "learn_prior", identity=("check",), figures=("weight",))
    assert document["families"] == {"sums": 2}
    assert Prior.of(str(one)).weights == {row["check"]: pytest.approx(row["weight"], abs=1e-5) for row in rows}
    run_on_server("learn_prior", *arguments, other)
    assert other.read_bytes() == one.read_bytes()
