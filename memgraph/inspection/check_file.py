"""A file looked at before anything is stored or paid for: what is read, which rollouts share an answer, what the verdicts are.

rows ──read──► answers ──classes──► equal ones      golds ──verified against themselves──► those that no answer reaches
                   └──verify against the file's truth──► verdict and reason
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from memgraph.domains import Domains, Item, Verdict, ask
from memgraph.domains.answer_report import AnswerReport
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import Auto
from memgraph.labels.truth import FileTruth
from memgraph.rollouts.files import Reject, Row, read_rows
from memgraph.rollouts.preparation import RolloutKeys, stated_by
from memgraph.store import keys


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One row of a file.

    Attributes:
        row: its number from 1.
        answer: as it is written, None where nothing is stated.
        shares: number within its query; rows with one number have one answer. None without an answer.
        score, reason: the verdict, or what the file itself says where it has nothing to judge by; without either None.
        correct: what the file itself says, None where it says nothing.
    """

    file: str
    row: int
    query: str
    domain: str
    answer: str | None
    shares: int | None
    score: float | None
    reason: str
    correct: float | None


@dataclass(frozen=True, slots=True)
class RejectedGold:
    """A gold answer that its own verifier does not take for right: no rollout of the query could be."""

    query: str
    domain: str
    gold: str
    reason: str


@dataclass(slots=True)
class CheckReport:
    """What was found in files.

    Attributes:
        rows: one for each row that fits.
        golds: those that their own verifier does not accept.
        answers: shares of rollouts without an answer and of verdicts that could not be given.
        compared, agreeing: rows whose file says itself whether they are right, and those whose verdict says the same.
        rejected: rows that do not fit, with the reason.
    """

    rows: list[CheckedRow] = field(default_factory=list)
    golds: list[RejectedGold] = field(default_factory=list)
    answers: AnswerReport = field(default_factory=AnswerReport)
    compared: int = 0
    agreeing: int = 0
    rejected: list[Reject] = field(default_factory=list)


def check_files(
    files: Sequence[Path],
    *,
    domains: Domains | None = None,
    dataset: str | None = None,
    domain: str | None = None,
    columns: Mapping[str, str] | None = None,
    thinking_opened: bool = False,
) -> CheckReport:
    """Read, compare and judge the rollouts of files, without a memory.

    Args:
        files: as `memgraph.rollouts.files.data_files` gives them.
        domains: how answers are read and judged.
        dataset, domain: of rows that name none.
        columns: names of the file's columns for ours, for instance {"query": "problem"}.
        thinking_opened: the prompts opened the thinking already.

    Raises:
        InputError: if a file cannot be read at all.
    """
    domains = domains or Domains()
    report = CheckReport()
    source = FileTruth(files, run="check", dataset=dataset, domain=domain, columns=columns, domains=domains)
    by_query: dict[str, list[tuple[str, Row, str | None, float | None]]] = defaultdict(list)
    for file in files:
        key_of_rollout = RolloutKeys()
        for row in read_rows(
            file,
            run="check",
            dataset=dataset,
            domain=domain,
            columns=columns,
            thinking_opened=thinking_opened,
            domains=domains,
        ):
            if isinstance(row, Reject):
                report.rejected.append(row)
                continue
            key = keys.query_key(row.rollout.dataset, row.rollout.query)
            truth = source.truth(key)
            correct = None if truth is None else truth.rollouts.get(key_of_rollout(row.rollout))
            answer = stated_by(row.rollout, domains).answer
            valid = domains[row.rollout.domain].key(answer, query=row.rollout.query).valid
            by_query[key].append((str(file), row, answer if valid else None, correct))
            report.answers.read(row.rollout.domain, valid, row.rollout.response)
    verdicts = _verdicts(by_query, source, domains)
    for key, found in by_query.items():
        first = found[0][1].rollout
        written = list(dict.fromkeys(answer for _, _, answer, _ in found if answer is not None))
        numbers = dict(zip(written, domains[first.domain].classes(written, query=first.query), strict=True))
        for name, row, answer, correct in found:
            verdict = verdicts[key, answer]
            if answer is not None and verdict is not _UNKNOWN:
                report.answers.judged(first.domain, verdict.score, verdict.reason, answer)
            if correct is not None and verdict.score is not None:
                report.compared += 1
                report.agreeing += (verdict.score >= 0.5) == (correct >= 0.5)
            if verdict is _UNKNOWN and correct is not None:
                verdict = Verdict(correct, "as the file says itself")
            shares = None if answer is None else numbers[answer]
            report.rows.append(
                CheckedRow(
                    name, row.number, first.query, first.domain, answer, shares, verdict.score, verdict.reason, correct
                )
            )
    report.rows.sort(key=lambda one: (one.file, one.row))
    report.golds = _rejected_golds(by_query, source, domains)
    return report


_UNKNOWN = Verdict(None, "the file says nothing about it: no gold, no tests, no `correct`")
_Found = Mapping[str, Sequence[tuple[str, Row, str | None, float | None]]]


def _verdicts(by_query: _Found, source: FileTruth, domains: Domains) -> dict[tuple[str, str | None], Verdict]:
    """(query key, answer) → verdict; each is asked for once."""
    items: dict[tuple[str, str | None], Item | Verdict] = {}
    for key, found in by_query.items():
        reference = _reference(source, key)
        for _, row, answer, _ in found:
            if reference is None:
                items[key, answer] = _UNKNOWN
            elif answer is None:
                items[key, answer] = Verdict(0.0, "no answer")
            else:
                items[key, answer] = Item(answer, reference, row.rollout.domain, row.rollout.query)
    return dict(zip(items, ask(Auto(domains), list(items.values())), strict=True))


def _rejected_golds(by_query: _Found, source: FileTruth, domains: Domains) -> list[RejectedGold]:
    items = [
        Item(reference.value, reference, found[0][1].rollout.domain, found[0][1].rollout.query)
        for key, found in by_query.items()
        if (reference := _reference(source, key)) is not None and reference.kind == "gold"
    ]
    return [
        RejectedGold(item.query or "", item.domain, item.reference.value, verdict.reason)
        for item, verdict in zip(items, Auto(domains)(items), strict=True)
        if verdict.score != 1.0
    ]


def _reference(source: FileTruth, key: str) -> Reference | None:
    truth = source.truth(key)
    return None if truth is None else truth.reference
