"""Where labels go whose answer was read again."""

from __future__ import annotations

from typing import Any

from memgraph.labels.placing import _Placing
from memgraph.store import keys


def answer(key: str, same_as: str | None = None) -> dict[str, Any]:
    return {"key": key, "same_as": same_as or key, "written": key, "valid": True}


def label(key: str, kind: str = "human", **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "score": 1.0, "purpose": "train", "author": "Ann", "created_at": "then",
            "ledgers": ["l"], "corrects": [], "corrected": False, "answer": None, **more}  # fmt: skip


def placed(labels: list[dict[str, Any]], read_as: list[dict[str, Any]], **verdicts: float | None) -> _Placing:
    placing = _Placing({("q", name): score for name, score in verdicts.items()})
    placing.place({"former": "f", "query": "q", "read_as": read_as, "labels": labels})
    return placing


def places(placing: _Placing) -> dict[str, str]:
    return {row["label"]: row["answer"] for row in placing.placed}


APART = [answer("a"), answer("b")]


def test_where_all_rollouts_are_one_class_a_label_goes_to_it() -> None:
    found = placed([label("x"), label("y", author="Bo")], [answer("b", "a"), answer("c", "a")])
    assert places(found) == {"x": "b", "y": "b"}
    assert found.unplaced == []


def test_a_label_follows_its_rollout_and_without_one_goes_nowhere() -> None:
    found = placed([label("x", answer="b"), label("y", author="Bo")], APART)
    assert (places(found), found.unplaced) == ({"x": "b"}, ["y"])


def test_an_answer_without_rollouts_leaves_its_labels_where_they_were() -> None:
    assert placed([label("x")], []).unplaced == ["x"]


def test_labels_that_correct_each_other_stay_together() -> None:
    corrected = label("x", corrected=True)
    found = placed([corrected, label("y", corrects=["x"], answer="a")], APART)
    assert places(found) == {"x": "a", "y": "a"}
    found = placed([label("x", corrected=True, answer="b"), label("y", corrects=["x"])], APART)
    assert places(found) == {"x": "b", "y": "b"}, "else what was corrected would be in force again"


def test_stored_truth_judges_each_class() -> None:
    found = placed([label("x", "ground_truth")], APART, a=1.0, b=0.0)
    assert places(found) == {"x": "a"}
    assert [(row["answer"], row["properties"]["score"], row["corrects"]) for row in found.judged.values()] == [
        ("b", 0.0, [])
    ]
    assert found.unplaced == []


def test_stored_truth_replaces_a_verdict_that_was_wrong() -> None:
    found = placed([label("x", "ground_truth")], [answer("a")], a=0.0)
    assert places(found) == {"x": "a"}
    (new,) = found.judged.values()
    assert (new["properties"]["score"], new["corrects"], new["ledgers"]) == (0.0, ["x"], ["l"])
    assert new["properties"]["created_at"] == "then"
    again = placed([label(new["key"], "ground_truth", score=0.0, corrects=["x"]), label("x", "ground_truth", corrected=True)],
                   [answer("a")], a=0.0)  # fmt: skip
    assert again.judged == {}


def test_truth_that_cannot_tell_leaves_the_verdict_where_it_is_clear() -> None:
    assert places(placed([label("x", "ground_truth")], [answer("a")], a=None)) == {"x": "a"}
    assert placed([label("x", "ground_truth")], APART, a=None, b=None).unplaced == ["x"]
    half = placed([label("x", "ground_truth", score=0.0)], APART, a=None, b=0.0)
    assert (places(half), half.judged) == ({"x": "b"}, {})


def test_a_new_verdict_is_named_by_the_ledger_that_paid() -> None:
    paid = keys.key_of("label", "ground_truth", "f", "m", "train")
    found = placed([label(paid, "ground_truth", ledgers=["k", "m"])], APART, a=0.0, b=0.0)
    expected = {keys.key_of("label", "ground_truth", name, "m", "train") for name in ("a", "b")}
    assert found.judged.keys() == expected
    assert found.placed == [], "where two classes are judged alike, the former label stays as history"
