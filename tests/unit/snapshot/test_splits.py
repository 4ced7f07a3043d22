"""What a trial hides: labels of queries that are asked for, and of a history whose labels are not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memgraph.domains.answer_report import AnswerReport
from memgraph.errors import InputError
from memgraph.labels.draw import draw
from memgraph.models.scorers import SCORERS
from memgraph.snapshot.file import JudgedSnapshot
from memgraph.snapshot.splits import Experience, splits
from tests.unit.snapshots import snapshot

QUERIES, ROLLOUTS = 24, 6


def judged() -> JudgedSnapshot:
    """Of each query three rollouts are of the run "first", then two of "second" and one of "third"."""
    one = snapshot(queries=QUERIES, rollouts=ROLLOUTS, labelled=0)
    run = np.array([0, 0, 0, 1, 1, 2] * QUERIES)
    right = (np.array(one.answer_values)[one.rollout_answer] == "0").astype(np.float32)
    return JudgedSnapshot(
        replace(one, rollout_group=3 * one.rollout_query + run),
        [("first", "second", "third")[number] for number in run],
        np.array([0, 1, 2, 0, 1, 0] * QUERIES),
        right,
        right.copy(),
        np.ones(QUERIES, np.bool_),
        AnswerReport(),
    )


def runs_of(data: JudgedSnapshot, keys: list[str]) -> list[str]:
    run = dict(zip(data.snapshot.rollout_keys, data.runs, strict=True))
    return [run[key] for key in keys]


def test_without_experience_all_is_scored_but_what_was_drawn() -> None:
    data = judged()
    (split,) = splits(data, [(0.25, 1)])
    drawn = draw([[key] for key in data.snapshot.query_keys], 0.25, 1)
    assert [
        key for key, asked in zip(data.snapshot.query_keys, split.snapshot.query_targets, strict=True) if not asked
    ] == (sorted(drawn))
    asked_for = split.snapshot.rollout_targets
    np.testing.assert_array_equal(split.snapshot.labels, np.where(asked_for, np.nan, data.labels))
    np.testing.assert_array_equal(split.truth, data.truth[asked_for])


def test_queries_that_the_source_does_not_know_are_never_drawn_and_link_no_units() -> None:
    data = judged()
    near = replace(data.snapshot, similar_scores=np.ones_like(data.snapshot.similar_scores))
    data = replace(data, snapshot=near, known=np.arange(QUERIES) % 6 == 0)  # similar queries are at most 3 apart
    (split,) = splits(data, [(0.5, 0)])
    assert (~split.snapshot.query_targets).sum() == 2
    assert data.known[~split.snapshot.query_targets].all()


@pytest.mark.parametrize("share", [0, 0.25])
def test_a_history_without_labels_has_none_also_where_its_query_is_labelled(share: float) -> None:
    data = judged()
    (split,) = splits(data, [(share, 0)], experience=Experience("second", 1, ("first",)))
    one = split.snapshot
    run = np.array(runs_of(data, one.rollout_keys))
    assert set(run) == {"first", "second"}
    assert (run == "second").sum() == QUERIES
    assert np.isnan(one.labels[run == "first"]).all()
    assert one.rollout_asked.all()
    labelled = ~one.query_targets[one.rollout_query] & (run == "second")
    np.testing.assert_array_equal(~np.isnan(one.labels), labelled)
    assert (~np.isnan(split.truth)).sum() == QUERIES - labelled.sum()


@pytest.mark.parametrize("share", [0, 0.25])
def test_a_labelled_history_is_experience_with_labels_and_nothing_else_of_its_query_has_one(share: float) -> None:
    data = judged()
    before = Experience("second", history=("first", "third"), labels="all")
    (split,) = splits(data, [(share, 0)], experience=before)
    one, run = split.snapshot, np.array(data.runs)
    past, asked_for = run != "second", one.query_targets[one.rollout_query]
    np.testing.assert_array_equal(one.rollout_asked, ~(past & asked_for))
    np.testing.assert_array_equal(one.labels, np.where(past | ~asked_for, data.labels, np.nan))
    np.testing.assert_array_equal(split.truth, data.truth[~past & asked_for])


def test_no_verdict_on_a_scored_rollout_reaches_a_scorer() -> None:
    data, before = judged(), Experience("second", history=("first",), labels="all")
    honest, poisoned = (
        next(splits(replace(data, labels=labels, truth=labels), [(0, 0)], experience=before))
        for labels in (data.labels, np.where(np.array(data.runs) == "second", 1 - data.labels, data.labels))
    )
    np.testing.assert_array_equal(honest.snapshot.labels, poisoned.snapshot.labels)
    assert not np.array_equal(honest.truth, poisoned.truth)


def test_a_label_that_rests_on_another_rollout_is_not_the_historys() -> None:
    """An answer's label may come from the row of a scored rollout with an equal answer; the history's own row says nothing."""
    data, before = judged(), Experience("second", history=("first",), labels="all")
    first = np.array(data.runs) == "first"
    silent = replace(data, truth=np.where(first, np.nan, data.truth))
    (split,) = splits(silent, [(0, 0)], experience=before)
    assert np.isnan(split.snapshot.labels).all()


def test_equal_answers_of_a_labelled_history_are_right_where_answers_decide() -> None:
    data, before = judged(), Experience("third", history=("first", "second"), labels="all")
    (split,) = splits(data, [(0, 0)], experience=before)
    found = SCORERS["equal_answer"]().score(split.snapshot).probability
    same = split.snapshot.rollout_class[split.snapshot.rollout_asked]
    seen = np.isin(same, split.snapshot.rollout_class[~split.snapshot.rollout_asked])
    np.testing.assert_array_equal(found[seen], split.truth[seen])
    assert 0 < seen.sum() < len(seen)


def test_a_run_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(InputError, match="no rollouts of the runs fourth; the file has first, second, third"):
        next(splits(judged(), [(0, 0)], experience=Experience("second", history=("fourth",))))


def test_experience_is_read_from_what_people_write() -> None:
    assert Experience.of("now:8", ["old"], "all") == Experience("now", 8, ("old",), "all")
    assert Experience.of("now") == Experience("now")
    with pytest.raises(InputError, match="found 'now:many'"):
        Experience.of("now:many")
