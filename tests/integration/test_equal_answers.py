"""Answers that a verifier calls equal share one vote, one label and one verification."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memgraph.domains import Item, Verdict
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import judge
from memgraph.labels.rows import LabelRow
from memgraph.labels.truth import Truth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.store.keys import query_key

QUERY = "What is half of one?"
KEY = query_key("default", QUERY)


class OneTruth:
    """The truth about the one query."""

    def __init__(self, gold: str) -> None:
        self.gold = gold

    def query_keys(self) -> Sequence[str]:
        return [KEY]

    def truth(self, query_key: str) -> Truth | None:
        return Truth(Reference("gold", self.gold))


def store(memory: Memory, *answers: str, run: str = "import") -> None:
    memory.add(Rollout(query=QUERY, response=f"So it is \\boxed{{{a}}}", domain="math", run=run) for a in answers)


def labels(memory: Memory, ledger: str) -> dict[str, float]:
    """Answer as written → label in force, of all rollouts."""
    snapshot = memory.snapshot(LabelView(ledgers=(ledger,)))
    written = [snapshot.answer_written[row] for row in snapshot.rollout_answer]
    return {answer: float(label) for answer, label in zip(written, snapshot.labels, strict=True) if not np.isnan(label)}


def test_equal_answers_are_verified_once_as_written_and_share_the_label(memory: Memory) -> None:
    store(memory, "1/2", r"\frac12", "0.5", "x + 1", "0.25")
    asked: list[str | None] = []

    def counting(items: Sequence[Item]) -> list[Verdict]:
        asked.extend(item.answer for item in items)
        return judge(items)

    report = memory.ledger("l", budget=1).reveal(OneTruth("0.50"), [KEY], judge=counting)
    assert sorted(map(str, asked)) == sorted({*asked}, key=str)
    assert len(asked) == 3, "a half in its three spellings is asked for once"
    assert "x + 1" in asked, "it is judged as it was written"
    assert report.labels == 3
    assert labels(memory, "l") == {"0.5": 1.0, "x + 1": 0.0, "0.25": 0.0}
    assert sorted(memory.snapshot(LabelView(ledgers=("l",))).labels.tolist()) == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_spelling_that_comes_later_takes_over_the_label_at_no_cost(memory: Memory) -> None:
    store(memory, "1/2")
    memory.ledger("l", budget=1).reveal(OneTruth("0.5"), [KEY], judge=judge)
    store(memory, r"\dfrac{1}{2}", "50 / 100", run="later")
    again = memory.ledger("l", budget=1).reveal(OneTruth("0.5"), [KEY], judge=judge)
    assert (again.newly_paid, again.labels) == (0, 0)
    assert set(labels(memory, "l").values()) == {1.0}
    snapshot = memory.snapshot(LabelView(ledgers=("l",)))
    assert not np.isnan(snapshot.labels).any()
    assert len(set(snapshot.rollout_class.tolist())) == 1


def test_a_person_judges_one_spelling_and_pays_once_for_all(memory: Memory) -> None:
    store(memory, "1/2", "0.5")
    row = LabelRow(1.0, author="ann", query=QUERY, answer="0.5")
    first = memory.label([row], ledger="people", budget=5)
    second = memory.label([LabelRow(1.0, author="ann", query=QUERY, answer="1/2")], ledger="people")
    assert (first.answers, second.answers, second.known) == (1, 0, 1)
    other = memory.label([LabelRow(0.0, author="bob", query=QUERY, answer="1/2")], ledger="people")
    assert other.answers == 0
    assert len(other.disagreements) == 1
    assert set(labels(memory, "people").values()) == {0.5}


def test_verdicts_that_cannot_be_given_are_charged_and_reported_by_reason(memory: Memory) -> None:
    store(memory, "1/2", "3")
    report = memory.ledger("l", budget=1).reveal(OneTruth(r"\frac{1}{"), [KEY], judge=judge)
    assert (report.newly_paid, report.labels, len(report.undecided)) == (1, 0, 2)
    assert report.verdicts.undecided_share == 1.0
    (line, *examples) = report.verdicts.lines()
    assert line.startswith("math: 2 of 2 verdicts could not be given:")
    assert len(examples) == 2
