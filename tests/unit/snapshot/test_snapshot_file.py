"""What was read once comes back from its file to the bit."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from memgraph.domains.answer_report import AnswerReport
from memgraph.errors import InputError
from memgraph.snapshot.file import JudgedSnapshot
from memgraph.snapshot.snapshot import Snapshot
from tests.unit.snapshots import snapshot


def judged() -> JudgedSnapshot:
    one = snapshot(queries=3, labelled=0)
    total = len(one.rollout_keys)
    texts = ["", "naïve ∑", "nul \0,\ntwo lines and 😀"]
    answers = AnswerReport()
    answers.read("math", False, "I do not know")
    answers.judged("math", None, "no gold for 12 answers", "4")
    answers.judged("math", None, "no answer", "5")
    rng = np.random.default_rng(0)
    return JudgedSnapshot(
        replace(one, query_texts=texts, feature_names=[]),
        ["a" if row % 2 else "ü" for row in range(total)],
        np.arange(total),
        np.where(rng.random(total) < 0.3, np.nan, rng.random(total)).astype(np.float32),
        rng.random(total).astype(np.float32),
        rng.random(3) < 0.5,
        answers,
    )


def test_a_saved_snapshot_is_read_to_the_bit(tmp_path: Path) -> None:
    before, file = judged(), tmp_path / "new" / "one.npz"
    before.save(file)
    after = JudgedSnapshot.load(file)
    for one, other, kind in ((before, after, JudgedSnapshot), (before.snapshot, after.snapshot, Snapshot)):
        for field in fields(kind):
            value, found = getattr(one, field.name), getattr(other, field.name)
            if isinstance(value, np.ndarray):
                assert value.dtype == found.dtype, field.name
                np.testing.assert_array_equal(value, found)
            elif not isinstance(value, Snapshot):
                assert value == found, field.name
    assert [path.name for path in file.parent.iterdir()] == ["one.npz"]
    assert list(after.answers.lines()) == list(before.answers.lines())


def test_a_file_of_another_format_and_a_broken_one_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "one.npz"
    judged().save(file)
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(file, **{**arrays, "format": np.array(0)})
    with pytest.raises(InputError, match="its format is 0, this version reads"):
        JudgedSnapshot.load(file)
    np.savez(file, **{name: array for name, array in arrays.items() if name != "truth"})
    with pytest.raises(InputError, match="cannot read the snapshot"):
        JudgedSnapshot.load(file)
    file.write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(InputError, match="delete it, and it is made again"):
        JudgedSnapshot.load(file)
