"""Labels that arrive late, from people, judges, programs or other teams: rows → what they name → judgements → ledger.

The ledger pays for them like for all others, and `LabelView` is how they are read. Rows that name what is not stored,
contradict each other or what their author said before, or correct nothing are reported one by one; the rest goes in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from memgraph.connect import Database
from memgraph.label_rows import LabelRow
from memgraph.label_targets import Target, find_targets
from memgraph.labels import Disagreement, disagreements, read_labels
from memgraph.ledger import Ledger
from memgraph.opinions import Judgement
from memgraph.reading import Reject
from memgraph.records import LabelView, Purpose, Reference
from memgraph.resources import cypher
from memgraph.truth import Judge

_BATCH = 1000


@dataclass(slots=True)
class LabelReport:
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

    def add(self, later: LabelReport) -> None:
        """Count what a later call did as well."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(later, name))


def label_rows(
    database: Database,
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
        found = _judgements(database, [row for _, row in batch], ledger.key, judge, report)
        for (number, _), judgement in zip(batch, found, strict=True):
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
    database: Database, rows: Sequence[LabelRow], ledger: str, judge: Judge | None, report: LabelReport
) -> list[Judgement | str]:
    """What each row says, or why it says nothing."""
    targets = find_targets(database, rows)
    asked = {
        target.query
        for row, target in zip(rows, targets, strict=True)
        if isinstance(target, Target) and row.score is None
    }
    answers: dict[str, list[_Answer]] = defaultdict(list)
    for one in database.query(cypher("read/answers_to_judge"), keys=sorted(asked), ledger=ledger):
        answers[one["query"]].append(_Answer(one["answer"], one["value"] if one["valid"] else None, one["domain"]))
    found: list[Judgement | str] = []
    for row, target in zip(rows, targets, strict=True):
        if isinstance(target, str):
            found.append(target)
            continue
        reference = _reference(row)
        if reference is None:
            scores = {str(target.answer): float(row.score or 0)}
        else:
            judged = {one.key: one.judged(reference, judge) for one in answers[target.query]}
            report.undecided += [answer for answer, score in judged.items() if score is None]
            scores = {answer: score for answer, score in judged.items() if score is not None}
        found.append(
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
    return found


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer in the memory; `value` is None where the response gave none."""

    key: str
    value: str | None
    domain: str

    def judged(self, reference: Reference, judge: Judge | None) -> float | None:
        """0..1, None where nobody can tell; a missing answer is wrong."""
        if self.value is None:
            return 0.0
        return judge(self.value, reference, self.domain) if judge is not None else None


def _reference(row: LabelRow) -> Reference | None:
    if row.gold is not None:
        return Reference("gold", row.gold)
    return Reference("tests", row.tests) if row.tests is not None else None
