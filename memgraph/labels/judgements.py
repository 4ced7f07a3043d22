"""What a ledger's labels say about an answer, and what one more judgement adds to them: nothing, a label, a correction.

Labels are append-only. Somebody has at most one label in force on a target; whoever says something else later says that it
is a correction, and the label that is corrected stays, out of force. Several people give their mean (`memgraph.labels.in_force`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from memgraph.domains.references import Reference
from memgraph.labels.label import Label, label_key
from memgraph.labels.view import LabelKind

OWN: Final = "own"
EVERYONE: Final = "all"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody, or something, says about answers of one query.

    Attributes:
        query: key.
        scores: answer key → 0 (wrong) to 1 (right); several only where a reference judges all answers of the query.
        author: who judged: a person, a judging model, a program. Ground truth is the same whoever brings it.
        confidence: 0..1.
        rollout: key of the rollout that was looked at; the label goes to its answer, unless the same author judges
            another rollout with that answer differently.
        corrects: "" for a judgement of its own; "own" in place of what the author said before; "all" in place of what
            everyone of this kind said; or the key of one label.
        reference: the truth that was revealed with it.
    """

    query: str
    scores: Mapping[str, float]
    author: str = ""
    kind: LabelKind = LabelKind.HUMAN
    confidence: float = 1.0
    explanation: str = ""
    rollout: str | None = None
    corrects: str = ""
    reference: Reference | None = None

    @property
    def source(self) -> str:
        """Whose earlier labels it must agree with or correct."""
        return "" if self.kind is LabelKind.GROUND_TRUTH else self.author


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is written for some judgements.

    Attributes:
        answers, rollouts: rows for cypher/write/label_answers and label_rollouts.
        known: judgements that were there already.
        problems: number of a judgement → why nothing was written for it.
        conflicts: answers whose rollouts one author judges differently; these keep labels of their own.
        queries: queries whose truth is paid for → their references, None where only answers were judged.
        judged: answers that labels other than ground truth are written on.
    """

    answers: list[dict[str, Any]] = field(default_factory=list)
    rollouts: list[dict[str, Any]] = field(default_factory=list)
    known: list[int] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)
    conflicts: set[str] = field(default_factory=set)
    queries: dict[str, list[Reference | None]] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)


def resolve(
    judgements: Sequence[Judgement],
    stored: Iterable[Label],
    *,
    ledger: str,
    purpose_of: Mapping[str, str],
    purpose: str,
) -> Resolution:
    """Decide what each judgement adds to a ledger's labels, in order.

    Args:
        stored: the ledger's labels on these answers and on the rollouts that gave them.
        ledger: its key.
        purpose_of: query key → purpose it was paid for; the others' labels serve `purpose`.
    """
    history = _History(stored)
    resolution = Resolution(problems=_contradictions(judgements))
    apart = _apart(judgements)
    for number, judgement in enumerate(judgements):
        if number in resolution.problems:
            continue
        serves = purpose_of.get(judgement.query, purpose)
        try:
            new = [
                (answer, label)
                for answer in sorted(judgement.scores)
                if (label := history.decide(judgement, answer, number in apart, ledger, serves)) is not None
            ]
        except ValueError as error:
            resolution.problems[number] = str(error)
            continue
        if judgement.kind is LabelKind.GROUND_TRUTH:
            resolution.queries.setdefault(judgement.query, []).append(judgement.reference)
        if not new:
            resolution.known.append(number)
        for answer, label in new:
            history.add(label)
            (resolution.rollouts if label.on_rollout else resolution.answers).append(_row(label, judgement, serves))
            if label.on_rollout:
                resolution.conflicts.add(answer)
            if judgement.kind is not LabelKind.GROUND_TRUTH:
                resolution.judged.add(answer)
    return resolution


class _History:
    """Labels by target, those that earlier judgements of the same call add included."""

    def __init__(self, stored: Iterable[Label]) -> None:
        self._on: dict[str, list[Label]] = defaultdict(list)
        self._corrected: set[str] = set()
        for label in stored:
            self.add(label)

    def add(self, label: Label) -> None:
        self._on[label.target].append(label)
        self._corrected |= label.corrects

    def in_force(self, target: str, kind: str) -> list[Label]:
        return [label for label in self._on[target] if label.kind == kind and label.key not in self._corrected]

    def decide(self, judgement: Judgement, answer: str, apart: bool, ledger: str, purpose: str) -> Label | None:
        """The label to write, or None where it is there already.

        Raises:
            ValueError: where it contradicts what the author said before, or corrects nothing.
        """
        score, target = float(judgement.scores[answer]), self._target(judgement, answer, apart)
        own = [label for label in self._on[target] if label.kind == judgement.kind and label.source == judgement.source]
        if judgement.corrects:
            return self._correction(judgement, target, score, own, ledger, purpose)
        current = [label for label in own if label.key not in self._corrected]
        if any(label.score == score and (label in current or not label.corrects) for label in own):
            return None
        if current:
            raise ValueError(
                f"{judgement.source or 'the ground truth'} says {current[0].score:g} about it already, and {score:g} here; to "
                "replace that, set 'corrects'"
            )
        return _new_label(judgement, target, score, (), ledger, purpose)

    def _correction(
        self, judgement: Judgement, target: str, score: float, own: Sequence[Label], ledger: str, purpose: str
    ) -> Label | None:
        words = (score, judgement.confidence, judgement.explanation)
        for label in own:
            same = label.corrects and (label.score, label.confidence, label.explanation) == words
            if same and (judgement.corrects in (OWN, EVERYONE) or judgement.corrects in label.corrects):
                return None
        earlier = self._corrected_by(judgement, target)
        if judgement.reference is not None:  # it judges all answers again: those it judges as before stay as they are
            wrong = [label for label in earlier if label.score != score]
            return None if earlier and not wrong else _new_label(judgement, target, score, wrong, ledger, purpose)
        if not earlier:
            raise ValueError("it corrects nothing: there is no earlier label of this kind on it in this ledger")
        return _new_label(judgement, target, score, earlier, ledger, purpose)

    def _target(self, judgement: Judgement, answer: str, apart: bool) -> str:
        """The rollout where it has a label of its own, or needs one; else the answer."""
        rollout, kind = judgement.rollout, judgement.kind
        if rollout is None:
            return answer
        if judgement.corrects:
            return rollout if self._corrected_by(judgement, rollout) else answer
        if any(label.kind == kind and label.source == judgement.source for label in self._on[rollout]):
            return rollout
        on_answer = [label for label in self.in_force(answer, kind) if label.source == judgement.source]
        return rollout if apart or any(label.score != judgement.scores[answer] for label in on_answer) else answer

    def _corrected_by(self, judgement: Judgement, target: str) -> list[Label]:
        """Labels in force that a correction replaces; of one that is named, whether it is in force or not."""
        if judgement.corrects not in (OWN, EVERYONE):
            return [
                label for label in self._on[target] if label.key == judgement.corrects and label.kind == judgement.kind
            ]
        current = self.in_force(target, judgement.kind)
        return (
            current
            if judgement.corrects == EVERYONE
            else [label for label in current if label.source == judgement.source]
        )


def _new_label(
    judgement: Judgement, target: str, score: float, corrects: Sequence[Label], ledger: str, purpose: str
) -> Label:
    corrected = frozenset(label.key for label in corrects)
    words = (
        repr(score),
        repr(float(judgement.confidence)),
        judgement.author,
        judgement.explanation,
        *sorted(corrected),
    )
    truth = judgement.kind is LabelKind.GROUND_TRUTH and not corrected  # as the ledger names what it reveals
    key = label_key(judgement.kind, target, ledger, purpose, *(() if truth else words))
    return Label(
        key,
        target,
        target == judgement.rollout,
        judgement.kind,
        score,
        judgement.author,
        float(judgement.confidence),
        judgement.explanation,
        corrected,
    )


def _contradictions(judgements: Sequence[Judgement]) -> dict[int, str]:
    """Judgements of one author that differ on the same rollout or answer, and correct nothing: none of them is taken."""
    by_author: dict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    for number, judgement in enumerate(judgements):
        if not judgement.corrects:
            for answer, score in judgement.scores.items():
                by_author[judgement.rollout or answer, judgement.kind, judgement.source].append((number, score))
    return {
        number: f"it contradicts another row, which says {other:g} about the same; this one says {score:g}"
        for rows in by_author.values()
        for number, score in rows
        for other in [next((s for _, s in rows if s != score), None)]
        if other is not None
    }


def _apart(judgements: Sequence[Judgement]) -> set[int]:
    """Judgements of rollouts whose author judges another rollout with the same answer differently."""
    by_author: dict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    for number, judgement in enumerate(judgements):
        if judgement.rollout is not None and not judgement.corrects:
            for answer, score in judgement.scores.items():
                by_author[answer, judgement.kind, judgement.source].append((number, score))
    return {number for rows in by_author.values() if len({s for _, s in rows}) > 1 for number, _ in rows}


def _row(label: Label, judgement: Judgement, purpose: str) -> dict[str, Any]:
    properties = {
        "kind": label.kind.value,
        "score": label.score,
        "confidence": label.confidence,
        "identifier": label.author,
        "explanation": label.explanation,
        "purpose": purpose,
        "query": judgement.query,
        "rollout": judgement.rollout or "",
    }
    return {
        "key": label.key,
        "target": label.target,
        "properties": {name: value for name, value in properties.items() if value != ""},
        "corrects": sorted(label.corrects),
    }
