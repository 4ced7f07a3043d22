"""What a check looks at: a response in its parts, and the text that is left when padding is taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from memgraph.checks.equations import Equation, find_equations, leading_to, number

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
WORD = re.compile(r"[A-Za-z']+")
_END = r"[.,;]?[ \t]*"
_BARE_NUMBERS = re.compile(r"(?<![\w.])(?:\d[\d.]*(?:[,;]\s*|\s+)){2,20}(?:\d[\d.]*)?(?!\w)" + _END)
_SELF = re.compile(rf"(?<![\w.])(\d[\d,.]*\d|\d)\s*=\s*\1(?![\w,.]*\d){_END}")
_SENTENCE = re.compile(r"(?<=[.\n])(\s*)(?=\S)")
_SENTENCE_LENGTH = 15
_TAG = re.compile(r"</?\w+>\s*")
_LEFT_SPACE = re.compile(r"[ \t]+(?=\n|</|$)")  # where something stood
_IDLE = re.compile(
    r"""(?m)^[ \t]*\#.*\n?|(?<=[^ \t\n])[ \t]+\#[^"'\n]*$|^(?:assert|print)\b.*\n?|^[ \t]*(\"{3}|'{3})(?s:.*?)\1[ \t]*\n?"""
)
_OPTIONS = re.compile(r"(?m)^\(?([A-Z])[.):]\s*(.+)$")
_INLINE_OPTIONS = re.compile(r"(?m)\(([A-Z])\)(.+?)(?=\([A-Z]\)|$)")


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
        """The response without padding, which is true and costs nothing.

        Right equations that lead nowhere, numbers that equal themselves, lists of bare numbers and repeated sentences; in
        programs comments, free-standing texts, and statements at the top that only assert or print.
        """
        return self._without_padding(self.text)

    @cached_property
    def core_thinking(self) -> str:
        """The thinking without padding."""
        return self._without_padding(self.thinking)

    def _without_padding(self, text: str) -> str:
        if self.domain == "code":
            return _IDLE.sub("", text).strip()
        text = _once(text)
        for equation in self.equations:
            if equation.holds and equation not in self.connected:
                text = re.sub(re.escape(equation.text) + _END, "", text)
        return _LEFT_SPACE.sub("", _BARE_NUMBERS.sub("", _SELF.sub("", text))).strip()

    @cached_property
    def options(self) -> dict[str, str]:
        """Options of a multiple-choice question by letter, as the query lists them."""
        return listed_options(self.query)

    @cached_property
    def question(self) -> str:
        """The query without its options."""
        return _options_of(self.query)[0].sub("", self.query)


def listed_options(query: str) -> dict[str, str]:
    """Options by letter that a query lists, each on a line of its own or in brackets, (A) one (B) after the other."""
    return _options_of(query)[1]


def _options_of(query: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """How the options are written, and what they are; none where there is no A and B."""
    for pattern in (_OPTIONS, _INLINE_OPTIONS):
        found = {letter: text.strip() for letter, text in pattern.findall(query)}
        if sorted(found)[:2] == ["A", "B"]:
            return pattern, found
    return _OPTIONS, {}


def _once(text: str) -> str:
    """The text without sentences of some length that were there before."""
    parts = [*_SENTENCE.split(text), ""]
    seen: set[str] = set()
    kept: list[str] = []
    for sentence, space in zip(parts[::2], parts[1::2], strict=True):
        said = _TAG.sub("", sentence)
        if len(said) < _SENTENCE_LENGTH or said not in seen:
            kept += [sentence, space]
        seen.add(said)
    return "".join(kept)
