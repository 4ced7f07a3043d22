"""Labels are append-only: what one more judgement adds to those that are there."""

from __future__ import annotations

import pytest

from memgraph.domains.references import Reference
from memgraph.labels.judgements import Judgement, Resolution, resolve
from memgraph.labels.label import Label
from memgraph.labels.view import LabelKind


class Book:
    """A ledger's labels, as they grow."""

    def __init__(self) -> None:
        self.labels: list[Label] = []

    def say(self, *judgements: Judgement) -> Resolution:
        resolution = resolve(judgements, self.labels, ledger="l", purpose_of={"watched": "monitor"}, purpose="train")
        for row in (*resolution.answers, *resolution.rollouts):
            said = row["properties"]
            self.labels.append(
                Label(
                    row["key"], row["target"], row in resolution.rollouts, said["kind"], said["score"],
                    said.get("identifier", ""), said["confidence"], said.get("explanation", ""), frozenset(row["corrects"]),
                )
            )  # fmt: skip
        return resolution

    def in_force(self, target: str = "a") -> list[float]:
        corrected = {key for label in self.labels for key in label.corrects}
        return [one.score for one in self.labels if one.target == target and one.key not in corrected]


def by(author: str, score: float, **options: object) -> Judgement:
    return Judgement("q", {"a": score}, author, **options)  # type: ignore[arg-type]


def test_the_same_judgement_again_changes_nothing_also_after_it_was_corrected() -> None:
    book = Book()
    first, corrected = by("Ann", 1.0), by("Ann", 0.0, corrects="own")
    for judgement in (first, first, corrected, corrected, first):
        book.say(judgement)
    assert (len(book.labels), book.in_force()) == (2, [0.0])


def test_who_says_something_else_without_calling_it_a_correction_contradicts_what_they_said() -> None:
    book = Book()
    book.say(by("Ann", 1.0))
    resolution = book.say(by("Ann", 0.0), by("Bob", 0.0))
    assert list(resolution.problems) == [0]
    assert "Ann says 1 about it already, and 0 here" in resolution.problems[0]
    assert book.in_force() == [1.0, 0.0]


def test_rows_that_contradict_each_other_are_both_left_out_whatever_their_order() -> None:
    for rows in ([by("Ann", 1.0), by("Ann", 0.0)], [by("Ann", 0.0), by("Ann", 1.0)]):
        book = Book()
        resolution = book.say(*rows, by("Bob", 1.0))
        assert sorted(resolution.problems) == [0, 1]
        assert book.in_force() == [1.0]


def test_one_may_correct_oneself_everyone_or_one_label() -> None:
    book = Book()
    book.say(by("Ann", 1.0), by("Bob", 0.0), by("Carol", 0.5))
    book.say(by("Ann", 0.9, corrects="own"))
    assert sorted(book.in_force()) == [0.0, 0.5, 0.9]
    bobs = next(one.key for one in book.labels if one.author == "Bob")
    book.say(by("Dora", 0.8, corrects=bobs))
    assert sorted(book.in_force()) == [0.5, 0.8, 0.9]
    book.say(by("Eve", 0.1, corrects="all"))
    assert book.in_force() == [0.1]
    book.say(by("Fay", 0.3))
    assert book.in_force() == [0.1, 0.3]


def test_a_correction_of_nothing_is_a_problem() -> None:
    book = Book()
    resolution = book.say(by("Ann", 1.0, corrects="own"), by("Ann", 1.0, corrects="no such label"))
    assert sorted(resolution.problems) == [0, 1]
    book.say(by("Ann", 1.0))
    assert book.say(by("Bob", 0.0, corrects="own")).problems
    assert book.say(by("Bob", 0.0, corrects="all", kind=LabelKind.JUDGE)).problems


def test_one_may_change_ones_mind_and_change_it_back() -> None:
    book = Book()
    for score in (1.0, 0.0, 1.0):
        book.say(by("Ann", score, **({"corrects": "own"} if book.labels else {})))
    assert (len(book.labels), book.in_force()) == (3, [1.0])


def test_kinds_do_not_correct_each_other_and_truth_is_one_whoever_brings_it() -> None:
    book = Book()
    book.say(by("Ann", 1.0), by("gpt", 0.0, kind=LabelKind.JUDGE), by("", 0.0, kind=LabelKind.GROUND_TRUTH))
    assert len(book.labels) == 3
    assert book.say(by("registry", 1.0, kind=LabelKind.GROUND_TRUTH)).problems
    book.say(by("registry", 1.0, kind=LabelKind.GROUND_TRUTH, corrects="own"))
    assert sorted(book.in_force()) == [0.0, 1.0, 1.0]


def test_rollouts_with_one_answer_that_one_author_judges_differently_keep_labels_of_their_own() -> None:
    book = Book()
    resolution = book.say(by("Ann", 1.0, rollout="r1"), by("Ann", 0.0, rollout="r2"), by("Bob", 1.0, rollout="r1"))
    assert resolution.conflicts == {"a"}
    assert (book.in_force("r1"), book.in_force("r2"), book.in_force("a")) == ([1.0], [0.0], [1.0])
    assert not book.say(by("Ann", 1.0, rollout="r1"), by("Ann", 0.0, rollout="r2")).problems
    later = book.say(by("Bob", 0.0, rollout="r3"))
    assert later.conflicts == {"a"}
    assert (book.in_force("r3"), book.in_force("a")) == ([0.0], [1.0])
    book.say(by("Ann", 0.5, rollout="r2", corrects="own"))
    assert book.in_force("r2") == [0.5]


def test_a_corrected_reference_judges_only_those_answers_again_that_it_judges_otherwise() -> None:
    def truth(value: str, scores: dict[str, float], corrects: str = "") -> Judgement:
        return Judgement(
            "q", scores, kind=LabelKind.GROUND_TRUTH, corrects=corrects, reference=Reference("gold", value)
        )

    book = Book()
    old, new = {"five": 1.0, "six": 0.0, "seven": 0.0}, {"five": 0.0, "six": 1.0, "seven": 0.0}
    book.say(truth("5", old))
    assert "the ground truth says" in book.say(truth("6", new)).problems[0]
    assert len(book.labels) == 3
    for _ in range(2):
        book.say(truth("6", new, "own"))
        assert [book.in_force(answer) for answer in new] == [[0.0], [1.0], [0.0]]
        assert len(book.labels) == 5
    assert not book.say(truth("5", old)).answers


def test_labels_serve_what_their_query_was_paid_for() -> None:
    resolution = resolve(
        [Judgement("watched", {"b": 1.0}, "Ann"), by("Ann", 1.0)], [], ledger="l",
        purpose_of={"watched": "monitor"}, purpose="train",
    )  # fmt: skip
    assert [row["properties"]["purpose"] for row in resolution.answers] == ["monitor", "train"]


@pytest.mark.parametrize("kind", [LabelKind.HUMAN, LabelKind.GROUND_TRUTH])
def test_ground_truth_is_charged_by_query_all_else_by_answer(kind: LabelKind) -> None:
    resolution = resolve([by("Ann", 1.0, kind=kind)], [], ledger="l", purpose_of={}, purpose="train")
    assert (set(resolution.queries), resolution.judged) == (
        ({"q"}, set()) if kind == "ground_truth" else (set(), {"a"})
    )
