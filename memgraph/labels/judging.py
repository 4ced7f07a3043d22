"""What a source's truth says about the answers that are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memgraph.domains import Item, Judge, Verdict, ask
from memgraph.domains.answer_report import AddsUp, AnswerReport
from memgraph.domains.references import Reference
from memgraph.labels.truth import Truth


@dataclass(slots=True)
class RevealReport(AddsUp):
    """What revealing did.

    Attributes:
        queries: queries revealed by this call, those paid for earlier or reused included.
        newly_paid: of these, the ones that were charged to the budget now.
        labels: labels written now.
        conflicts: answers whose rollouts the source judges differently; each rollout then keeps its own label.
        unknown: queries that the source knows nothing about.
        undecided: answers on which the judge could not tell.
        absent: rollouts that the source judges and that are not stored.
        verdicts: those asked of the judge, and those it could not give, by domain and reason.
    """

    queries: int = 0
    newly_paid: int = 0
    labels: int = 0
    conflicts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    verdicts: AnswerReport = field(default_factory=AnswerReport)


@dataclass(frozen=True, slots=True)
class JudgedTarget:
    """How right an answer or a rollout (its key) of a query is."""

    target: str
    query: str
    score: float


def judge_answers(
    rows: Sequence[Mapping[str, Any]], truths: Mapping[str, Truth], judge: Judge | None, report: RevealReport
) -> tuple[list[JudgedTarget], list[JudgedTarget]]:
    """On answers, and on single rollouts where the source contradicts itself about one answer.

    Args:
        rows: of cypher/read/answers_to_judge, one for each class of equal answers.
    """
    on_answers: list[JudgedTarget] = []
    on_rollouts: list[JudgedTarget] = []
    stored = {key for row in rows for key, _ in row["rollouts"]}
    report.absent += sorted({key for truth in truths.values() for key in truth.rollouts} - stored)
    to_judge: list[Mapping[str, Any]] = []
    for row in rows:
        truth = truths[row["query"]]
        judged = {key: truth.rollouts[key] for key, _ in row["rollouts"] if key in truth.rollouts}
        if len(set(judged.values())) > 1:
            report.conflicts.append(row["answer"])
            unlabelled = {key for key, labelled in row["rollouts"] if not labelled}
            on_rollouts += [
                JudgedTarget(key, row["query"], score) for key, score in judged.items() if key in unlabelled
            ]
        elif not row["labelled"]:
            if judged:
                on_answers.append(JudgedTarget(row["answer"], row["query"], next(iter(judged.values()))))
            else:
                to_judge.append(row)
    references = {key: truth.reference for key, truth in truths.items()}
    for row, verdict in zip(to_judge, judged_answers(to_judge, references, judge), strict=True):
        if row["valid"]:
            report.verdicts.judged(row["domain"], verdict.score, verdict.reason, row["written"])
        if verdict.score is None:
            report.undecided.append(row["answer"])
        else:
            on_answers.append(JudgedTarget(row["answer"], row["query"], verdict.score))
    return on_answers, on_rollouts


def judged_answers(
    rows: Sequence[Mapping[str, Any]], references: Mapping[str, Reference | None], judge: Judge | None
) -> list[Verdict]:
    """Verdicts on stored answers, asked for together; a missing answer is wrong.

    Args:
        rows: of cypher/read/answers_to_judge.
        references: query key → the truth about it.
    """
    items: list[Item | Verdict] = []
    for row in rows:
        reference = references[row["query"]]
        if reference is None:
            items.append(Verdict(None, "the source holds no gold answer and no tests for its query"))
        elif not row["valid"]:
            items.append(Verdict(0.0, "no answer"))
        else:
            items.append(Item(row["written"], reference, row["domain"], row["text"]))
    return ask(judge or _nobody, items)


def _nobody(items: Sequence[Item]) -> list[Verdict]:
    return [Verdict(None, "nobody was asked to compare it with the truth")] * len(items)
