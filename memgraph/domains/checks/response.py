"""What a check looks at: a response in its parts, and the text that is left when padding is taken out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from memgraph.domains.checks.equations import Equation, find_equations, leading_to, number
from memgraph.domains.domain import Kind
from memgraph.domains.options import listed_options, without_options

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
WORD = re.compile(r"[A-Za-z']+")
_END = r"[.,;]?[ \t]*"
_BARE_NUMBERS = re.compile(r"(?<![\w.])(?:\d[\d.]*(?:[,;]\s*|\s+)){2,20}(?:\d[\d.]*)?(?!\w)" + _END)
_EQUALS = re.compile(r"(?<=\d)\s*+=\s*+(?=\d)")
_NUMERAL = re.compile(r"\d[\d,.]*+(?![\w,.]*\d)")  # none where letters and more digits follow
_AFTER = re.compile(_END)
_WORD_OR_DOT = re.compile(r"[\w.]")
_SENTENCE = re.compile(r"(?<=[.\n])(\s*)(?=\S)")
_SENTENCE_LENGTH = 15
_TAG = re.compile(r"</?\w+>\s*")
_LEFT_SPACE = re.compile(r"(?<![ \t])[ \t]++(?=\n|</|$)")  # where something stood
_IDLE = re.compile(
    r"""(?m)^[ \t]*\#.*\n?|^(?:assert|print)\b.*\n?|^[ \t]*(\"{3}|'{3})(?s:.*?)\1[ \t]*\n?|(?P<comment>(?<=[^ \t\n])[ \t]+\#)"""
)
_LONGEST = 100_000  # characters of a text that are looked at


@dataclass(frozen=True)
class Response:
    """A query and a response to it.

    Attributes:
        answer: as parsed, None where there was none.
    """

    query: str
    kind: Kind
    text: str
    thinking: str
    answer: str | None

    def bounded(self) -> Response:
        """The same, of a text that is too long the beginning and the end."""
        texts = (self.query, self.text, self.thinking, self.answer or "")
        if max(map(len, texts)) <= _LONGEST:
            return self
        query, text, thinking, answer = map(_ends, texts)
        return Response(query, self.kind, text, thinking, None if self.answer is None else answer)

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
        if self.kind == "program":
            return _without_idle(text).strip()
        text = _once(text)
        for equation in self.equations:
            if equation.holds and equation not in self.connected:
                text = re.sub(re.escape(equation.text) + _END, "", text)
        return _LEFT_SPACE.sub("", _BARE_NUMBERS.sub("", _without_truisms(text))).strip()

    @cached_property
    def options(self) -> dict[str, str]:
        """Options of a multiple-choice question by letter, as the query lists them."""
        return listed_options(self.query)

    @cached_property
    def question(self) -> str:
        """The query without its options."""
        return without_options(self.query)


def _ends(text: str) -> str:
    """The beginning and the end of a text that is too long."""
    return text if len(text) <= _LONGEST else text[: _LONGEST // 2] + text[-_LONGEST // 2 :]


def _without_idle(program: str) -> str:
    """A program without comments, texts that stand alone, and statements at the top that only assert or print.

    What follows code is a comment only where no quote stands behind it, or it might lie inside a text.
    """
    kept, position, start, line_end, last_quote = [], 0, 0, -1, -1
    while (match := _IDLE.search(program, position)) is not None:
        end = match.end()
        if match["comment"] is not None:
            if end > line_end:  # each line once
                line_end = program.find("\n", end)
                line_end = len(program) if line_end < 0 else line_end
                last_quote = max(program.rfind("'", end, line_end), program.rfind('"', end, line_end))
            position = end
            if last_quote >= end:
                continue
            end = line_end
        kept.append(program[start : match.start()])
        start = position = end
    return "".join([*kept, program[start:]])


def _without_truisms(text: str) -> str:
    """A text without numbers that equal themselves, `12 = 12`.

    The number on the right ends with the last digit there, so it can be only one on the left.
    """
    kept, start = [], 0
    for equals in _EQUALS.finditer(text):
        match = _NUMERAL.match(text, equals.end())
        if match is None:
            continue
        numeral = match[0].rstrip(",.")
        left = equals.start() - len(numeral)
        if left >= start and text.startswith(numeral, left) and not (left and _WORD_OR_DOT.match(text, left - 1)):
            kept.append(text[start:left])
            end = equals.end() + len(numeral)
            after = _AFTER.match(text, end)
            start = end if after is None else after.end()
    return "".join([*kept, text[start:]])


def _once(text: str) -> str:
    """The text without sentences of some length that were there before."""
    body = text.rstrip()  # a sentence that ends the text keeps the space behind it
    parts = _SENTENCE.split(body)
    parts = [*parts[:-1], parts[-1] + text[len(body) :], ""]
    seen: set[str] = set()
    kept: list[str] = []
    for sentence, space in zip(parts[::2], parts[1::2], strict=True):
        untagged = _TAG.sub("", sentence)
        if len(untagged) < _SENTENCE_LENGTH or untagged not in seen:
            kept += [sentence, space]
        seen.add(untagged)
    return "".join(kept)
