"""What an answer is, in one kind of task: how a response states it, when two are one, when one is right.

    response ──read──► thinking, answer as written ──key──► answer node ──classes──► equal answers, one vote and one label
                                    └────────────── verify against gold or tests ──► verdict

A `Domain` is all that the rest of the program knows of maths, questions and programs. A domain of one's own subclasses it
(or one of ours) and is handed to `Memory.open(domains=…)`, named in the settings, or offered as an entry point of the
group `memreward.domains`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from memgraph.domains.references import Reference

Kind = Literal["calculation", "statement", "program"]
"""What the reasoning and the answers of a domain are made of, for label-free checks and models of text."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A response taken apart.

    Attributes:
        thinking: the reasoning, without the marks around it.
        answer: as it was written, None where nothing is stated.
    """

    thinking: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class NormalAnswer:
    """The value that an answer's key is made of, or `valid = False` with an empty one where there was no answer."""

    value: str
    valid: bool


MISSING = NormalAnswer("", False)


@dataclass(frozen=True, slots=True)
class Item:
    """An answer to be judged.

    Attributes:
        answer: as it was written, None where none was stated.
        reference: the truth about its query.
        query: the query's text, where it is known (its options say what a letter means).
    """

    answer: str | None
    reference: Reference
    domain: str
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """0..1 with a reason, or None ("cannot tell") with the reason why the verifier itself could not judge."""

    score: float | None
    reason: str

    def __post_init__(self) -> None:
        if self.score is not None and not (math.isfinite(self.score) and 0 <= self.score <= 1):
            raise ValueError(f"a verdict is a score from 0 to 1 or None, found {self.score}")


Judge = Callable[[Sequence[Item]], Sequence[Verdict]]
"""Judges answers, in order; several at once, so that programs and expressions are judged side by side."""


def ask(judge: Judge, items: Sequence[Item | Verdict]) -> list[Verdict]:
    """Verdicts on items, in order, asked for together; those that are known already are not asked for."""
    asked = [item for item in items if isinstance(item, Item)]
    verdicts = iter(judge(asked) if asked else ())
    return [next(verdicts) if isinstance(item, Item) else item for item in items]


class Domain(ABC):
    """One kind of task. Every method takes any text, however hostile, and never raises over it.

    Attributes:
        name: that rollouts carry in their field `domain`.
        version: of reading and key together. A new one makes new answer nodes, so a memory must be read again.
        kind: which label-free checks and models of text apply: equations of calculations, words of statements, and programs,
            which are tried in the sandbox.
        libraries: packages that programs may import there beside Python's own.
        runs_tests: whether `verify` judges by tests, too; else the domain `code` runs the tests of such queries.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    kind: ClassVar[Kind] = "statement"
    libraries: Sequence[str] = ()
    runs_tests: ClassVar[bool] = True

    @abstractmethod
    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        """Thinking and stated answer of a response.

        Few models mark their thinking. Where none is marked, it is what the response says, so that checks and embeddings see it.

        Args:
            query: its text; a letter is an option only where the query lists options, or where it stands alone.
            thinking_opened: the prompt already opened the thinking, so a response without a closing mark never left it.
        """

    @abstractmethod
    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        """What the answer's node is named after: equal keys of one query are one node.

        Two answers with one key get one verdict from `verify`, whatever the reference. Cheap, deterministic, and the same
        everywhere. What only costly comparison shows to be equal belongs to `classes`.
        """

    def spelling(self, answer: str) -> tuple[bool, int, str]:
        """Rank of a spelling of one key; the node keeps the spelling of smallest rank (what `verify` judges).

        Those that the verifier cannot parse come last, then the shorter, then the alphabetically smaller.
        """
        return False, len(answer), answer

    @abstractmethod
    def classes(self, answers: Sequence[str], *, query: str | None = None, seconds: float = 1.0) -> list[int]:
        """Which stated answers to one query are equal: [answers] numbers, the same for equal ones.

        Does not depend on the order of the answers. A class never holds two answers that differ (two units, two signs):
        equality here is transitive even where that of graders is not.

        Args:
            seconds: bound of the whole call; pairs that are not settled by then stay apart.
        """

    def same(self, one: str, other: str, *, query: str | None = None) -> bool:
        """Whether two answers are one for votes and labels."""
        first, second = self.classes([one, other], query=query, seconds=5.0)
        return first == second

    @abstractmethod
    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge answers of this domain, in order, side by side where that helps.

        What is wrong or missing gets 0. None is for what no answer could have changed: gold that cannot be read, tests
        that cannot run.
        """
