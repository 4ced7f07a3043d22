"""People judge the answers that wait, one at a time; each judgement is a label at once.

    queue ─► in front of somebody ─► right, wrong ─► `memgraph.labels.submit`, as a row of a sheet
                  ▲     └─ skip           │
                  └────────── undo ◄──────┘            the same answer again; another judgement corrects the first

What was judged is in the graph, so that somebody may stop at any time and go on with another process. What is skipped comes
again in the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from threading import RLock

from memgraph.domains import Domains
from memgraph.errors import InputError
from memgraph.labels.in_force import read_labels
from memgraph.labels.label import Label
from memgraph.labels.ledger import Ledger
from memgraph.labels.queue import Pending, pending
from memgraph.labels.rows import LabelRow
from memgraph.labels.submit import label_rows
from memgraph.labels.targets import Target, find_targets
from memgraph.labels.view import LabelKind, LabelView, Purpose
from memgraph.store.database import Database

_BATCH = 50


@dataclass(slots=True)
class _Person:
    """What somebody has in front, what comes next, and what is behind.

    Attributes:
        past: judged or skipped, newest last.
        skipped: keys of answers.
    """

    shown: Pending | None = None
    coming: deque[Pending] = field(default_factory=deque)
    past: list[Pending] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What somebody is asked.

    Attributes:
        answer: to judge; None where nothing waits any more.
        said: what the person said of it before, 0..1; None for nothing.
        judged, skipped: how many answers by now.
    """

    answer: Pending | None
    said: float | None
    judged: int
    skipped: int


class Annotation:
    """Hands out the answers that wait and stores what people say. Threads may share one.

    An answer is in front of no more people than are asked to judge it.

    Args:
        authors: the people.
        ledger: that pays for their labels.
        judgements: how many people judge an answer.
        runs, datasets: what the answers are of; none for all.
    """

    def __init__(
        self,
        database: Database,
        domains: Domains,
        authors: Sequence[str],
        ledger: Ledger,
        *,
        judgements: int = 1,
        runs: Sequence[str] = (),
        datasets: Sequence[str] = (),
    ) -> None:
        self._database, self._domains, self._ledger, self._judgements = database, domains, ledger, judgements
        self._runs, self._datasets = runs, datasets
        self._people = {author: _Person() for author in authors}
        self._lock = RLock()

    def task(self, author: str) -> Assignment:
        """What a person has in front."""
        with self._lock:
            person = self._people[author]
            if person.shown is None:
                person.shown = self._next(author)
            own = None if person.shown is None else _own(self._labels(person.shown), author)
            return Assignment(
                person.shown, None if own is None else own.score, self.judged(author), len(person.skipped)
            )

    def judged(self, author: str) -> int:
        """How many answers a person has judged by now."""
        return len(self._people[author].judged)

    def judge(self, author: str, answer_key: str, score: float) -> None:
        """Store what a person says, 0 (wrong) to 1 (right); what was said before is corrected. Twice is once.

        Raises:
            InputError: for an answer that the person was not shown.
            LedgerError: if the ledger's budget does not reach.
        """
        person = self._people[author]
        self._seen(person, answer_key)
        judge(self._database, self._domains, self._ledger, LabelRow(score, author=author, answer_key=answer_key))
        with self._lock:
            person.judged.add(answer_key)
            person.skipped.discard(answer_key)
            self._leave(person, answer_key)

    def skip(self, author: str, answer_key: str) -> None:
        """Go on without a judgement.

        Raises:
            InputError: for an answer that the person was not shown.
        """
        with self._lock:
            person = self._people[author]
            self._seen(person, answer_key)
            if answer_key not in person.judged:
                person.skipped.add(answer_key)
            self._leave(person, answer_key)

    def undo(self, author: str) -> None:
        """Go back to the answer before, to judge it again."""
        with self._lock:
            person = self._people[author]
            if person.past:
                if person.shown is not None:
                    person.coming.appendleft(person.shown)
                person.shown = person.past.pop()

    def again(self, author: str) -> None:
        """Ask for what the person has skipped."""
        with self._lock:
            self._people[author].skipped.clear()

    def _seen(self, person: _Person, answer_key: str) -> Pending:
        with self._lock:
            for one in (person.shown, *reversed(person.past)):
                if one is not None and one.answer_key == answer_key:
                    return one
        raise InputError("this answer is not in front of you any more; reload the page")

    def _leave(self, person: _Person, answer_key: str) -> None:
        """Put the answer that is shown behind; one that was left already stays there."""
        if person.shown is not None and person.shown.answer_key == answer_key:
            person.past.append(person.shown)
            person.shown = None

    def _next(self, author: str) -> Pending | None:
        person = self._people[author]
        for refill in (False, True):
            if refill:
                held = sum(one.shown is not None for one in self._people.values())
                person.coming.extend(
                    pending(
                        self._database,
                        ledger=self._ledger.name,
                        limit=_BATCH + len(person.skipped) + held,
                        runs=self._runs,
                        datasets=self._datasets,
                        judgements=self._judgements,
                        author=author,
                    )
                )
            while person.coming:
                found = person.coming.popleft()
                if found.answer_key not in person.skipped and self._waits(found, author):
                    return found
        return None

    def _waits(self, answer: Pending, author: str) -> bool:
        """Whether it still waits for this person: others may have judged it meanwhile, or be about to."""
        labels = self._labels(answer)
        if any(label.kind is LabelKind.GROUND_TRUTH for label in labels):
            return False
        said = {label.author for label in labels}
        said |= {
            name
            for name, one in self._people.items()
            if name != author and one.shown is not None and one.shown.answer_key == answer.answer_key
        }
        return author not in said and len(said) < self._judgements

    def _labels(self, answer: Pending) -> list[Label]:
        return _labels_on(self._database, self._ledger, answer.query_key, {answer.answer_key})


def judge(database: Database, domains: Domains, ledger: Ledger, row: LabelRow) -> None:
    """Store what a person says of an answer or a rollout; what the person said of it before is corrected. Twice is once.

    Raises:
        InputError: for what is not stored.
        LedgerError: if the ledger's budget does not reach.
    """
    (target,) = find_targets(database, domains, [row])
    if isinstance(target, Target):
        own = _own(_labels_on(database, ledger, target.query, {target.answer, target.rollout}), row.author)
        row = replace(row, corrects=own.key if own is not None and own.score != row.score else "")
    report = label_rows(database, domains, ledger, [(1, row)])
    if report.rejected:
        raise InputError(report.rejected[0].reason)


def _own(labels: Sequence[Label], author: str) -> Label | None:
    """A person's label in force; that on a rollout comes before that on its answer."""
    corrected = {key for label in labels for key in label.corrects}
    own = [one for one in labels if one.author == author and one.kind is LabelKind.HUMAN and one.key not in corrected]
    return min(own, key=lambda one: not one.on_rollout, default=None)


def _labels_on(database: Database, ledger: Ledger, query_key: str, targets: Set[str | None]) -> list[Label]:
    """A ledger's labels by people, and its truth, on an answer or a rollout."""
    view = LabelView(
        ledgers=(ledger.name,),
        kinds=(LabelKind.GROUND_TRUTH, LabelKind.HUMAN),
        purposes=(Purpose.TRAIN, Purpose.CALIBRATE, Purpose.MONITOR),
    )
    return [one for one in read_labels(database, [query_key], view) if one.target in targets]
