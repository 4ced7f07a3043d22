"""What a check looks at: a response in its parts, and the text that is left when padding is taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from memgraph.checks.equations import Equation, find_equations, leading_to, number

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
WORD = re.compile(r"[A-Za-z']+")
_BARE_NUMBERS = re.compile(r"(?<![\w.])(?:\d[\d.]*(?:[,;]\s*|\s+)){3,20}(?:\d[\d.]*)?(?!\w)")
_OPTIONS = re.compile(r"(?m)^\(?([A-Z])[.):]\s*(.+)$")


@dataclass(frozen=True)
class Response:
    """A query and a response to it.

    Attributes:
        answer: as parsed, None where there was none.
    """

    query: str
    domain: str
    text: str
    thinking: str
    answer: str | None

    @cached_property
    def equations(self) -> list[Equation]:
        """Equations of the thinking, each once."""
        return find_equations(self.thinking)

    @cached_property
    def connected(self) -> list[Equation]:
        """Right equations whose result is the answer, or goes into another such equation."""
        return leading_to(self.equations, None if self.answer is None else number(self.answer))

    @cached_property
    def core(self) -> str:
        """The response without right equations that lead nowhere, and without lists of bare numbers: they are padding."""
        text = self.text
        for equation in self.equations:
            if equation.holds and equation not in self.connected:
                text = text.replace(equation.text, " ")
        return _BARE_NUMBERS.sub(" ", text)

    @cached_property
    def options(self) -> dict[str, str]:
        """Options of a multiple-choice question by letter, as the query lists them."""
        found = dict(_OPTIONS.findall(self.query))
        letters = sorted(found)
        return found if letters[:2] == ["A", "B"] else {}

    @cached_property
    def question(self) -> str:
        """The query without its options."""
        return _OPTIONS.sub("", self.query)
