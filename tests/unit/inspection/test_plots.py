"""The picture of a run survives what its log has been through."""

from __future__ import annotations

from pathlib import Path

from trainer.reward.report import append_records, read_records
from trainer.run.plots import plot_training


def test_a_line_that_a_kill_left_half_written_is_not_drawn(tmp_path: Path) -> None:
    log, picture = tmp_path / "rewards.jsonl", tmp_path / "training.png"
    row = {"mean_reward": 0.5, "sources": {"label": 3, "none": 1}}
    append_records(log, row)
    with log.open("a", encoding="utf-8") as torn:
        torn.write('{"mean_reward": 0.')
    append_records(log, {**row, "mean_reward": None})
    assert [found["mean_reward"] for found in read_records(log)] == [0.5, None]
    plot_training(log, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_log_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert read_records(tmp_path / "none.jsonl") == []
