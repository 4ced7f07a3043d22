"""Labels that arrive late, from people, judges, programs or other teams: rows → what they name → judgements → ledger.

The ledger pays for them like for all others, and `LabelView` is how they are read. Rows that name what is not stored,
contradict each other or what their author said before, or correct nothing are reported one by one; the rest goes in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memgraph.domains import Domains, Judge
from memgraph.domains.answer_report import AddsUp, AnswerReport
from memgraph.labels.in_force import Disagreement, disagreements, read_labels
from memgraph.labels.judgements import Judgement
from memgraph.labels.judging import judged_answers
from memgraph.labels.ledger import Ledger
from memgraph.labels.rows import LabelRow
from memgraph.labels.targets import Target, find_targets
from memgraph.labels.view import LabelView, Purpose
from memgraph.rollouts.files import Reject
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_BATCH = 1000


@dataclass(slots=True)
class LabelReport(AddsUp):
    """What came of rows of labels.

    Attributes:
        labels: written now; corrections among them.
        known: rows that said what is stored already.
        empty: rows that say nothing yet.
        queries, answers: charged to the ledger now.
        undecided: answers that could not be compared with the reference.
        conflicts: answers whose rollouts one author judges differently; each rollout then has its own label.
        disagreements: of all who judged the queries that these rows are about.
        rejected: rows left out, with the reason.
        verdicts: those asked of the judge, and those it could not give, by domain and reason.
    """

    labels: int = 0
    known: int = 0
    empty: int = 0
    queries: int = 0
    answers: int = 0
    undecided: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)
    verdicts: AnswerReport = field(default_factory=AnswerReport)


def label_rows(
    database: Database,
    domains: Domains,
    ledger: Ledger,
    rows: Iterable[tuple[int, LabelRow | None] | Reject],
    *,
    judge: Judge | None = None,
    purpose: Purpose = Purpose.TRAIN,
    file: str = "",
) -> LabelReport:
    """Store what rows say, each numbered; None is a row that says nothing yet.

    Args:
        judge: compares the stored answers to a query with its `gold` or `tests`.
        purpose: see `Ledger.accept`.
        file: named where rows are rejected.

    Raises:
        LedgerError: if the ledger's budget does not reach; then nothing is written.
    """
    report = LabelReport()
    numbered: list[tuple[int, LabelRow]] = []
    for row in rows:
        if isinstance(row, Reject):
            report.rejected.append(row)
        elif row[1] is None:
            report.empty += 1
        else:
            numbered.append((row[0], row[1]))
    numbers: list[int] = []
    judgements: list[Judgement] = []
    for start in range(0, len(numbered), _BATCH):
        batch = numbered[start : start + _BATCH]
        stated = _judgements(database, domains, [row for _, row in batch], ledger.key, judge, report)
        for (number, _), judgement in zip(batch, stated, strict=True):
            if isinstance(judgement, str):
                report.rejected.append(Reject(file, number, judgement))
            else:
                numbers.append(number)
                judgements.append(judgement)
    accepted = ledger.accept(judgements, purpose=purpose)
    report.labels, report.known, report.conflicts = accepted.labels, accepted.known, list(accepted.conflicts)
    report.queries, report.answers = accepted.queries, accepted.answers
    report.rejected += [Reject(file, numbers[place], reason) for place, reason in accepted.problems.items()]
    report.rejected.sort(key=lambda reject: reject.row)
    touched = sorted({judgement.query for judgement in judgements})
    view = LabelView(ledgers=(ledger.name,), purposes=(Purpose.TRAIN, Purpose.CALIBRATE, Purpose.MONITOR))
    for start in range(0, len(touched), _BATCH):
        report.disagreements += disagreements(read_labels(database, touched[start : start + _BATCH], view))
    return report


def _judgements(
    database: Database,
    domains: Domains,
    rows: Sequence[LabelRow],
    ledger: str,
    judge: Judge | None,
    report: LabelReport,
) -> list[Judgement | str]:
    """What each row says, or why it says nothing."""
    targets = find_targets(database, domains, rows)
    asked = {
        target.query
        for row, target in zip(rows, targets, strict=True)
        if isinstance(target, Target) and row.score is None
    }
    answers: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for answer in database.query(cypher("read/answers_to_judge"), keys=sorted(asked), ledger=ledger):
        answers[answer["query"]].append(answer)
    judgements: list[Judgement | str] = []
    for row, target in zip(rows, targets, strict=True):
        if isinstance(target, str):
            judgements.append(target)
            continue
        reference = row.reference
        if reference is None:
            scores = {str(target.answer): float(row.score or 0)}
        else:
            stored = answers[target.query]
            verdicts = judged_answers(stored, {target.query: reference}, judge)
            scores = {}
            for candidate, verdict in zip(stored, verdicts, strict=True):
                if candidate["valid"]:
                    report.verdicts.judged(candidate["domain"], verdict.score, verdict.reason, candidate["written"])
                if verdict.score is None:
                    report.undecided.append(candidate["answer"])
                else:
                    scores[candidate["answer"]] = verdict.score
        judgements.append(
            Judgement(
                query=target.query,
                scores=scores,
                author=row.author,
                kind=row.kind,
                confidence=row.confidence,
                explanation=row.explanation,
                rollout=target.rollout,
                corrects=row.corrects,
                reference=reference,
            )
        )
    return judgements
