"""Rows of the quality benchmark, which are read again wherever it goes on."""

from __future__ import annotations

import json
from dataclasses import asdict

from memgraph.evaluation import EvaluationRow
from memgraph.models.metrics import evaluation_curves
from memgraph.snapshot.splits import Experience
from tests.benchmarks.conftest import BENCHMARKS

CURVES = evaluation_curves([0.1, 0.9], [0, 1])
ROW = EvaluationRow("a.jsonl", 0.2, 0, "gnn", 3, 0.9, 0.8, None, 0.1, 1.0, 0.5, CURVES)
LATER = ("now", "history", "history_labels", "networks_on", "prior", "samples")


def test_rows_from_before_a_field_was_there_are_read_as_what_they_were() -> None:
    from reward_quality import experience_of, row_of

    written = {name: value for name, value in json.loads(json.dumps(asdict(ROW))).items() if name not in LATER}
    assert row_of(written) == ROW
    assert (ROW.history, ROW.history_labels, ROW.networks_on, ROW.prior) == ((), "none", None, None)
    assert experience_of(ROW) is None


def test_a_row_comes_back_as_it_was_written() -> None:
    from dataclasses import replace

    from reward_quality import experience_of, row_of

    row = replace(ROW, now="second", samples=8, history=("first",), history_labels="all", networks_on=False)
    assert row_of(json.loads(json.dumps(asdict(row)))) == row
    assert experience_of(row) == Experience("second", 8, ("first",), "all")


def test_the_rows_that_the_project_keeps_can_all_be_read() -> None:
    from reward_quality import row_of

    from trainer.reward.report import read_records

    kept = [row for file in BENCHMARKS.rglob("reward_quality*.jsonl") for row in map(row_of, read_records(file))]
    assert {row.scorer for row in kept} >= {"pooled_votes", "reward_model"}
    assert all(row.history or row.history_labels == "none" for row in kept)
