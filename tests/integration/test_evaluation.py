"""Evaluation from a file to rows: what is read once, kept, and hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memgraph import evaluation
from memgraph.domains.verifiers import judge
from memgraph.errors import InputError
from memgraph.evaluation import EvaluationRow, evaluate_files, read_judged
from memgraph.labels.draw import draw
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.snapshot.file import JudgedSnapshot
from memgraph.snapshot.splits import Experience, splits
from tests.conftest import empty, write_rows
from tests.integration.rollouts import sums

QUERIES, ROLLOUTS = 20, 4
UNLABELLED = ("majority_vote", "consensus_share", "pooled_votes", "equal_answer", "random", "reward_model")
FITTED = ("knn", "label_propagation", "linear_probe", "logistic", "boosting")


def two_runs() -> list[dict[str, Any]]:
    """Rollouts of a first and a second run: every third says itself whether it is right, one query has no truth at all."""
    rows = [
        {**row, "run": run, "rollout_id": f"{run}-{row['rollout_id']}"}
        for seed, run in enumerate(("first", "second"))
        for row in sums(60, rollouts=ROLLOUTS, seed=seed)[-QUERIES * ROLLOUTS :]  # the hard ones
    ]
    for number, row in enumerate(rows):
        if number % 3:
            del row["correct"]
        if row["query_id"] == "sum-47":
            row.pop("correct", None)
            del row["gold"]
    return rows


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("evaluated") / "two.jsonl", two_runs())


def keep(file: Path, folder: Path, opened: Memory, **options: Any) -> Path:
    """Read the file once into a folder, on the session's server: test_command_line.py has one of its own."""

    @contextmanager
    def emptied(*_: Any, **options: Any) -> Iterator[Memory]:
        empty(opened)
        yield opened

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "temporary_memory", emptied)
        read_judged(file, judge=judge, snapshots=folder, **options)
    return folder


@pytest.fixture(scope="module")
def snapshots(file: Path, opened: Memory) -> Path:
    """A folder that holds the file."""
    said: list[str] = []
    folder = keep(file, file.parent / "snapshots", opened, say=said.append)
    assert "importing two.jsonl" in said
    assert len(list(folder.iterdir())) == 1
    return folder


@pytest.fixture(scope="module")
def bare_snapshots(file: Path, opened: Memory) -> Path:
    """The same, read for scorers that look at no vector."""
    encoded: list[str] = []
    embed = opened._embedder.embed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened._embedder, "embed", lambda texts: encoded.extend(texts) or embed(texts))
        folder = keep(file, file.parent / "bare", opened, vectors=False)
    assert sorted(encoded) == sorted({row["query"] for row in two_runs()})
    return folder


def evaluated(file: Path, snapshots: Path, **options: Any) -> list[EvaluationRow]:
    """Rows of a kept file; no server may start for them."""
    said: list[str] = []
    rows = list(evaluate_files([file], judge=judge, snapshots=snapshots, say=said.append, **options))
    assert said == []
    return rows


@pytest.fixture
def judged(file: Path, snapshots: Path) -> JudgedSnapshot:
    return read_judged(file, judge=judge, snapshots=snapshots)


def test_what_is_kept_says_of_each_rollout_what_the_file_says(judged: JudgedSnapshot) -> None:
    rows = {row["rollout_id"]: row for row in two_runs()}
    assert len(judged.runs) == len(rows)
    assert np.isnan(judged.snapshot.labels).all()
    assert sorted(judged.samples[np.array(judged.runs) == "first"]) == sorted([*range(ROLLOUTS)] * QUERIES)
    unknown = ~judged.known[judged.snapshot.rollout_query]
    assert unknown.sum() == 2 * ROLLOUTS
    np.testing.assert_array_equal(np.isnan(judged.truth), unknown)
    np.testing.assert_array_equal(judged.labels, judged.truth)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_labels_of_a_split_are_those_that_a_ledger_gives_for_the_drawn_queries_alone(
    memory: Memory, file: Path, judged: JudgedSnapshot, share: float
) -> None:
    memory.import_file(file)
    source = FileTruth([file], run="import")
    drawn = draw(memory.clusters(source.query_keys()), share, 3)
    memory.ledger("l", budget=len(drawn)).reveal(source, drawn, judge=judge)
    expected = memory.snapshot(LabelView(ledgers=("l",)))
    (split,) = splits(judged, [(share, 3)])
    assert split.snapshot.rollout_keys == expected.rollout_keys
    np.testing.assert_array_equal(split.snapshot.labels, expected.labels)


def test_every_trial_works_from_the_file_that_was_kept(file: Path, snapshots: Path, judged: JudgedSnapshot) -> None:
    (kept,) = snapshots.iterdir()
    modified = kept.stat().st_mtime_ns
    rows = evaluated(file, snapshots, shares=[0.2, 0.5], seeds=2, scorers=["majority_vote", "logistic"])
    assert [(row.labels, row.seed) for row in rows[::2]] == [(0.2, 0), (0.2, 1), (0.5, 0), (0.5, 1)]
    assert {(row.now, row.history, row.history_labels, row.prior) for row in rows} == {(None, (), "none", None)}
    assert kept.stat().st_mtime_ns == modified
    same = [asdict(row) | {"seconds": 0} for row in rows]
    again = evaluated(file, snapshots, shares=[0.2, 0.5], seeds=2, scorers=["majority_vote", "logistic"])
    assert [asdict(row) | {"seconds": 0} for row in again] == same


def test_scorers_that_look_at_no_vector_need_none(file: Path, snapshots: Path, bare_snapshots: Path) -> None:
    full, bare = (
        [
            asdict(row) | {"seconds": 0}
            for row in evaluated(file, folder, shares=[0.0, 0.5], seeds=2, scorers=["pooled_votes", "reward_model"])
        ]
        for folder in (snapshots, bare_snapshots)
    )
    assert full == bare


def test_a_labelled_history_tells_what_equal_answers_are_worth(file: Path, snapshots: Path) -> None:
    without, known = (
        evaluated(
            file,
            snapshots,
            shares=[0.2],
            seeds=1,
            scorers=["pooled_votes", "equal_answer", "reward_model"],
            experience=Experience("second", history=("first",), labels=labels),
        )
        for labels in ("none", "all")
    )
    assert [row.history_labels for row in without + known] == ["none"] * 3 + ["all"] * 3
    assert all((row.now, row.history) == ("second", ("first",)) for row in without + known)
    assert [type(row.networks_on) for row in known] == [type(None)] * 2 + [bool]
    pooled, equal = without[:2]
    assert equal.auc == pooled.auc == known[0].auc
    assert known[1].auc is not None
    assert pooled.auc is not None
    assert known[1].auc > pooled.auc
    assert known[2].auc is not None
    assert known[2].auc > known[1].auc - 0.02, "the model has the labels of equal answers too"


def test_without_labels_votes_score_and_the_others_abstain(file: Path, snapshots: Path) -> None:
    rows = evaluated(file, snapshots, shares=[0.0], seeds=1, scorers=[*UNLABELLED, *FITTED])
    for row in rows:
        answers = row.scorer in UNLABELLED
        assert row.coverage == (1 if answers else 0), row.scorer
        assert (row.auc is not None) == answers, row.scorer
        assert row.rollouts == 2 * ROLLOUTS * (QUERIES - 1)
    assert json.dumps([asdict(row) for row in rows])


def test_another_content_or_another_way_of_reading_it_is_not_taken_for_the_kept_one(
    file: Path, snapshots: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="judges no rollout"):
        read_judged(write_rows(tmp_path / file.name, []), judge=judge, snapshots=snapshots)
    with pytest.raises(InputError, match="no column 'problem'"):
        read_judged(file, judge=judge, snapshots=snapshots, columns={"query": "problem"})
