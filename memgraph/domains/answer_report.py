"""How many rollouts stated an answer, and how many verdicts could be given: by domain and reason, with examples.

A format that is not read, or a gold answer that cannot be parsed, shows here at once, and nowhere else.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from memgraph.printable import percent

_EXAMPLES: Final = 3
_LONGEST: Final = 300
_REASON: Final = 80


class AddsUp:
    """A report, a dataclass with slots, whose fields are numbers, lists or reports."""

    __slots__: tuple[str, ...] = ()

    def add(self, later: Self) -> None:
        """Count what a later call did as well."""
        for name in self.__slots__:
            total = getattr(self, name)
            total += getattr(later, name)  # lists grow in place
            setattr(self, name, total)


@dataclass(slots=True)
class AnswerReport:
    """Counts that add up.

    Attributes:
        rollouts: domain → rollouts that were read.
        unanswered: domain → those of them that state no answer.
        verdicts: domain → verdicts that were asked for.
        undecided: (domain, reason) → those of them that could not be given.
        examples: (domain, reason) → up to three texts: responses without an answer (reason "no answer"), and answers
            without a verdict.
    """

    rollouts: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    undecided: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def read(self, domain: str, answered: bool, response: str) -> None:
        """Count a rollout."""
        self.rollouts[domain] += 1
        if not answered:
            self.unanswered[domain] += 1
            self._keep(domain, "no answer", response)

    def judged(self, domain: str, score: float | None, reason: str, answer: str) -> None:
        """Count a verdict."""
        self.verdicts[domain] += 1
        if score is None:
            self.undecided[domain, _kind(reason)] += 1
            self._keep(domain, _kind(reason), answer)

    def add(self, later: AnswerReport) -> None:
        """Count what a later call did as well."""
        self.rollouts += later.rollouts
        self.unanswered += later.unanswered
        self.verdicts += later.verdicts
        self.undecided += later.undecided
        for (domain, reason), texts in later.examples.items():
            for text in texts:
                self._keep(domain, reason, text)

    def __add__(self, later: AnswerReport) -> AnswerReport:
        """Both together."""
        together = AnswerReport()
        together.add(self)
        together.add(later)
        return together

    @property
    def unanswered_share(self) -> float:
        """Of the rollouts, 0..1."""
        return self.unanswered.total() / max(1, self.rollouts.total())

    @property
    def undecided_share(self) -> float:
        """Of the verdicts, 0..1."""
        return self.undecided.total() / max(1, self.verdicts.total())

    def lines(self) -> Iterator[str]:
        """What people should know: nothing where every rollout has an answer and every answer a verdict."""
        for domain, count in sorted(self.unanswered.items()):
            yield (
                f"{domain}: {count} of {self.rollouts[domain]} rollouts state no answer "
                f"({percent(count / max(1, self.rollouts[domain]))})"
            )
            yield from self._shown(domain, "no answer")
        for (domain, reason), count in sorted(self.undecided.items()):
            yield f"{domain}: {count} of {self.verdicts[domain]} verdicts could not be given: {reason}"
            yield from self._shown(domain, reason)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "rollouts": dict(self.rollouts),
            "without_answer": dict(self.unanswered),
            "verdicts": dict(self.verdicts),
            "undecided": [
                {
                    "domain": domain,
                    "reason": reason,
                    "count": count,
                    "examples": self.examples.get((domain, reason), []),
                }
                for (domain, reason), count in sorted(self.undecided.items())
            ],
            "without_answer_examples": {
                domain: texts for (domain, reason), texts in sorted(self.examples.items()) if reason == "no answer"
            },
        }

    @classmethod
    def of_json(cls, document: Mapping[str, Any]) -> Self:
        """From what `as_json` gave."""
        report = cls(
            Counter(document["rollouts"]), Counter(document["without_answer"]), Counter(document["verdicts"]), Counter()
        )
        for row in document["undecided"]:
            report.undecided[row["domain"], row["reason"]] = row["count"]
            report.examples[row["domain"], row["reason"]] += row["examples"]
        for domain, texts in document["without_answer_examples"].items():
            report.examples[domain, "no answer"] = list(texts)
        return report

    def _keep(self, domain: str, reason: str, text: str) -> None:
        kept = self.examples[domain, reason]
        if len(kept) < _EXAMPLES and text[:_LONGEST] not in kept:
            kept.append(text[:_LONGEST])

    def _shown(self, domain: str, reason: str) -> Iterator[str]:
        for text in self.examples.get((domain, reason), []):
            yield f"    {' '.join(text.split())[:100]!r}"


def _kind(reason: str) -> str:
    """A reason without what differs from case to case, so that equal kinds add up."""
    return re.sub(r"\d+", "N", reason)[:_REASON]
