"""The one place that hands out truth: a ledger pays for each query it reveals, within its budget and purpose.

Revealing a query writes its reference and judges every answer stored for it; answers that arrive later are judged by
asking again, which costs nothing more. What a query was first paid for, it stays: one that serves the monitor never
becomes a training query. Draws depend on keys and seed only, so a 10 % draw lies inside a 20 % one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from neo4j import ManagedTransaction

from memgraph.domains import Item, Judge, Verdict, ask
from memgraph.domains.references import Reference
from memgraph.errors import LedgerError
from memgraph.labels.judgements import Judgement, resolve
from memgraph.labels.judging import JudgedTarget, RevealReport, judge_answers
from memgraph.labels.label import Label, label_key
from memgraph.labels.truth import Truth, TruthSource
from memgraph.labels.view import LabelKind, LabelView, Purpose
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_BATCH = 200
_LABELS = 2000  # written by one statement

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class StatedAnswer:
    """What a response states about a query, to be judged without being stored.

    Attributes:
        query_key: key of the query.
        answer: as written, None where missing.
        query: the query's text.
    """

    query_key: str
    answer: str | None
    domain: str
    query: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptReport:
    """What judgements led to.

    Attributes:
        labels: written now.
        known: judgements that were there already.
        queries, answers: how many were charged to the budget now.
        problems: number of a judgement → why nothing was written for it.
        conflicts: answers whose rollouts one author judges differently; these keep labels of their own.
    """

    labels: int
    known: int
    queries: int
    answers: int
    problems: Mapping[int, str]
    conflicts: Sequence[str]


def budget_left(database: Database, name: str) -> int | None:
    """How many queries or single answers a ledger can still pay for; None without a limit, or without that ledger."""
    rows = database.query(cypher("read/ledger_spent"), key=keys.key_of("ledger", name))
    if not rows or rows[0]["budget"] is None:
        return None
    return max(0, int(rows[0]["budget"]) - int(rows[0]["queries"]) - int(rows[0]["answers"]))


class Ledger:
    """Account of the labels spent under one name.

    Args:
        name: labels of one name form one experiment's budget.
        budget: how many queries may be revealed in all; None for no limit. A larger one raises it.
        seed: of the draws made for it, kept for the record.
    """

    def __init__(self, database: Database, name: str, *, budget: int | None = None, seed: int = 0) -> None:
        self._database = database
        self.name = name
        self.key = keys.key_of("ledger", name)
        self._opening: dict[str, Any] = {"key": self.key, "name": name, "seed": seed, "budget": budget}
        database.query(cypher("write/ledger"), write=True, **self._opening)

    def revealed(self) -> set[str]:
        """Keys of the queries paid for so far; those that cost nothing are not among them."""
        rows = self._database.query(cypher("read/ledger_queries"), key=self.key)
        return {row["query"] for row in rows if not row["free"]}

    def spent(self) -> int:
        """How much of the budget is used: queries paid for, and answers that were judged one by one."""
        (spent,) = self._database.query(cypher("read/ledger_spent"), key=self.key)
        return int(spent["queries"]) + int(spent["answers"])

    def judged(self) -> set[str]:
        """Keys of the queries of which single answers were judged."""
        return {row["query"] for row in self._database.query(cypher("read/answers_paid"), key=self.key)}

    def purposes(self) -> dict[str, Purpose]:
        """Query key → what its labels serve, of all queries that were paid for or reused."""
        rows = self._database.query(cypher("read/ledger_queries"), key=self.key)
        return {row["query"]: Purpose(row["purpose"]) for row in rows}

    def reuse(self, view: LabelView, query_keys: Iterable[str]) -> int:
        """Take over, at no cost, what other ledgers have paid for: their labels count in this one too.

        Args:
            view: which ledgers and purposes may be taken over.
            query_keys: queries of interest.

        Returns how many of these queries this ledger knows for free, those of earlier calls included.
        """
        wanted = sorted(set(query_keys))
        for start in range(0, len(wanted), _BATCH):
            self._database.query(
                cypher("write/reuse_labels"),
                write=True,
                keys=wanted[start : start + _BATCH],
                ledger=self.key,
                ledgers=None if view.ledgers is None else list(view.ledgers),
                purposes=[purpose.value for purpose in view.purposes],
                as_of=view.as_of,
            )
        rows = self._database.query(cypher("read/ledger_queries"), key=self.key)
        return len({row["query"] for row in rows if row["free"]} & set(wanted))

    def reveal(
        self,
        source: TruthSource,
        query_keys: Iterable[str],
        *,
        judge: Judge | None = None,
        purpose: Purpose = Purpose.TRAIN,
    ) -> RevealReport:
        """Pay for queries, store their truth and label their answers.

        Args:
            judge: compares an answer with a reference where the source did not judge the rollout itself.
            purpose: of queries that are paid for now; the others keep theirs.

        Raises:
            LedgerError: if the budget does not reach, before anything of the batch is written.
        """
        if purpose is Purpose.EVALUATE:
            raise LedgerError("truth for evaluation is read with Ledger.evaluate, which stores none of it")
        report = RevealReport()
        wanted = sorted(set(query_keys))
        for start in range(0, len(wanted), _BATCH):
            truths: dict[str, Truth] = {}
            for key in wanted[start : start + _BATCH]:
                truth = source.truth(key)
                if truth is None:
                    report.unknown.append(key)
                else:
                    truths[key] = truth
            rows = self._database.query(cypher("read/answers_to_judge"), keys=list(truths), ledger=self.key)
            answers, rollouts = judge_answers(rows, truths, judge, report)
            newly_paid, written = self._database.execute_write(
                partial(self._pay, truths=truths, answers=answers, rollouts=rollouts, purpose=purpose)
            )
            report.queries += len(truths)
            report.newly_paid += newly_paid
            report.labels += written
        return report

    def evaluate(self, source: TruthSource, query_keys: Iterable[str]) -> dict[str, float]:
        """Rollout key → truth, for metrics only: counted in the ledger, written nowhere that training reads."""
        wanted = sorted(set(query_keys))
        truths = {key: truth for key in wanted if (truth := source.truth(key)) is not None}
        self._database.query(cypher("write/ledger_evaluated"), write=True, key=self.key, queries=len(truths))
        return {rollout: score for truth in truths.values() for rollout, score in truth.rollouts.items()}

    def evaluate_answers(self, source: TruthSource, answers: Sequence[StatedAnswer], *, judge: Judge) -> list[Verdict]:
        """Judge held-out answers that are not in the memory, for metrics only: counted in the ledger, stored nowhere."""
        items: list[Item | Verdict] = []
        for answer in answers:
            truth = source.truth(answer.query_key)
            if truth is None or truth.reference is None:
                items.append(Verdict(None, "the truth about its query is not known"))
            elif answer.answer is None:
                items.append(Verdict(0.0, "no answer"))
            else:
                items.append(Item(answer.answer, truth.reference, answer.domain, answer.query))
        verdicts = ask(judge, items)
        queries = len({answer.query_key for answer in answers})
        self._database.query(cypher("write/ledger_evaluated"), write=True, key=self.key, queries=queries)
        return verdicts

    def accept(self, judgements: Sequence[Judgement], *, purpose: Purpose = Purpose.TRAIN) -> AcceptReport:
        """Pay for judgements and append them as labels, all in one transaction.

        Each answer that a person, a judge or a program judges costs one, once; ground truth costs one for its query, once.
        The same judgement again changes nothing; a correction keeps what it corrects, out of force (`memgraph.labels.judgements`).

        Args:
            purpose: of labels on queries that the ledger has not paid for; the others serve what they were paid for.

        Raises:
            LedgerError: if the budget does not reach, before anything is written.
        """
        if purpose is Purpose.EVALUATE:
            raise LedgerError("labels for evaluation are never stored; judge them with Ledger.evaluate")
        return self._database.execute_write(partial(self._accept, judgements=judgements, purpose=purpose))

    def _accept(self, tx: ManagedTransaction, judgements: Sequence[Judgement], purpose: Purpose) -> AcceptReport:
        account = self._lock(tx, (judgement.query for judgement in judgements))
        answers = sorted({answer for judgement in judgements for answer in judgement.scores})
        kinds = sorted({judgement.kind.value for judgement in judgements})
        stored = [
            Label.of_row(row)
            for batch in _batches(answers)
            for row in tx.run(cypher("read/label_history"), ledger=self.key, answers=batch, kinds=kinds)
        ]
        resolution = resolve(judgements, stored, ledger=self.key, purpose_of=account.purpose_of, purpose=purpose.value)
        new_queries = resolution.queries.keys() - account.purpose_of.keys()
        paid = {row["answer"] for row in tx.run(cypher("read/answers_paid"), key=self.key)}
        new_answers = resolution.judged - paid
        account.check(len(new_queries) + len(new_answers), self.name)
        references = [
            _reference_row(query, reference)
            for query, revealed in sorted(resolution.queries.items())
            for reference in revealed
        ]
        for batch in _batches(references):
            tx.run(cypher("write/references"), ledger=self.key, purpose=purpose.value, rows=batch).consume()
        written = sum(
            int(tx.run(cypher(name), ledger=self.key, rows=batch).single(strict=True)["written"])
            for name, rows in (
                ("write/label_answers", resolution.answers),
                ("write/label_rollouts", resolution.rollouts),
            )
            for batch in _batches(sorted(rows, key=lambda row: str(row["target"])))
        )
        return AcceptReport(
            written,
            len(resolution.known),
            len(new_queries),
            len(new_answers),
            resolution.problems,
            sorted(resolution.conflicts),
        )

    def _pay(
        self,
        tx: ManagedTransaction,
        truths: Mapping[str, Truth],
        answers: Sequence[JudgedTarget],
        rollouts: Sequence[JudgedTarget],
        purpose: Purpose,
    ) -> tuple[int, int]:
        """With the ledger locked: check the budget, then write references and labels.

        Returns how many queries were charged and how many labels are new.
        """
        account = self._lock(tx, truths)
        new = truths.keys() - account.purpose_of.keys()
        account.check(len(new), self.name)
        tx.run(
            cypher("write/references"),
            ledger=self.key,
            purpose=purpose.value,
            rows=[_reference_row(key, truth.reference) for key, truth in truths.items()],
        ).consume()
        written = 0
        for name, verdicts in (("write/label_answers", answers), ("write/label_rollouts", rollouts)):
            labels = [
                self._label(verdict, account.purpose_of.get(verdict.query, purpose.value)) for verdict in verdicts
            ]
            written += tx.run(cypher(name), ledger=self.key, rows=labels).single(strict=True)["written"]
        return len(new), written

    def _lock(self, tx: ManagedTransaction, query_keys: Iterable[str]) -> _Account:
        """What is spent so far, and on what of these queries; no other transaction spends in this ledger before this one ends."""
        budget = tx.run(cypher("write/ledger"), **self._opening).single(strict=True)["budget"]
        spent = tx.run(cypher("read/ledger_spent"), key=self.key).single(strict=True)
        purposes = tx.run(cypher("read/ledger_purposes"), key=self.key, queries=sorted(set(query_keys)))
        return _Account(
            budget, int(spent["queries"]), int(spent["answers"]), {row["query"]: row["purpose"] for row in purposes}
        )

    def _label(self, verdict: JudgedTarget, purpose: str) -> dict[str, Any]:
        kind, target, query, score = LabelKind.GROUND_TRUTH, verdict.target, verdict.query, verdict.score
        return {
            "key": label_key(kind, target, self.key, purpose),
            "target": target,
            "properties": {"kind": kind.value, "score": score, "confidence": 1.0, "purpose": purpose, "query": query},
        }


@dataclass(frozen=True, slots=True)
class _Account:
    """State of a ledger: queries and single answers that were paid for, and the purposes of the queries that it was asked about.

    The counts include what cannot be seen any more, since it was read again or forgotten.
    """

    budget: int | None
    queries: int
    answers: int
    purpose_of: dict[str, str]

    def check(self, more: int, name: str) -> None:
        """Refuse what the budget does not reach for."""
        if self.budget is not None and more and self.queries + self.answers + more > self.budget:
            raise LedgerError(
                f"ledger {name!r} has a budget of {self.budget}, {self.queries} queries and {self.answers} single answers "
                f"are spent and {more} more were asked for; raise the budget or ask for fewer"
            )


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + _LABELS] for start in range(0, len(rows), _LABELS))


def _reference_row(query: str, reference: Reference | None) -> dict[str, Any]:
    if reference is None:
        return {"query": query, "key": None, "kind": None, "value": None, "also": None}
    return {
        "query": query,
        "key": keys.key_of("reference", query, reference.kind, *reference.accepted),
        "kind": reference.kind,
        "value": reference.value,
        "also": list(reference.also) or None,
    }
