"""Text from rollouts as a terminal may show it: nothing in it that moves the cursor, hides or reorders what stands there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

# Cc control (ESC, C0, C1), Cf format (directions, isolates, zero width), Cs lone surrogates
_LEFT_OUT = frozenset({"Cc", "Cf", "Cs"})
_WIDEST = 80
_UNBOUNDED = 10_000  # columns
_BREAKS = frozenset("\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_LINE_END = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# letters and marks by category, which take no place or show none: joiner, fillers, inherent vowels, blank pattern
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")


class _Shown(dict[int, str]):
    """What is shown for a character by its number, found out once for each."""

    def __init__(self, kept: str) -> None:
        super().__init__({ord(character): character for character in kept})

    def __missing__(self, number: int) -> str:
        character = chr(number)
        if character in _BREAKS:
            shown = " "
        elif character in _UNSEEN or unicodedata.category(character) in _LEFT_OUT:
            shown = ""
        else:
            shown = character
        self[number] = shown
        return shown


_IN_A_LINE, _IN_LINES = _Shown(""), _Shown("\n\t")


def printable(text: str, *, lines: bool = False) -> str:
    """The text without control characters, marks of direction, characters without width and lone surrogates.

    Args:
        lines: keep tabs and the ends of lines, each as a newline; otherwise each of them is shown as a space.
    """
    return _LINE_END.sub("\n", text).translate(_IN_LINES) if lines else text.translate(_IN_A_LINE)


def _printable_lines(text: str) -> str:
    """Each line as it is shown; whatever else than a newline ends a line in a terminal is part of a line."""
    return "\n".join(map(printable, text.split("\n")))


def shown(value: Any) -> str:
    """A value as people read it: three decimals, lists in a line, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "–"
    return " ".join(printable(str(value)).split())


def percent(share: float | None, decimals: int = 0) -> str:
    """A share (0..1) in per cent, a dash for nothing. Only none is 0%, and only all is 100%: else it gets a decimal, or a bound.

    Args:
        decimals: 0 or 1.
    """
    if share is None:
        return "–"
    for places in (decimals, 1):
        text = f"{share:.{places}%}"
        if share in (0, 1) or float(text[:-1]) not in (0, 100):
            return text
    return "<0.1%" if share < 0.5 else ">99.9%"


def cut(text: str) -> str:
    """At most 80 characters of a text, for a cell of a table."""
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


class PrintableConsole(Console):
    """A console on which no text is markup, an emoji's name or a control sequence, in whatever it is shown.

    It is as wide as the terminal. Without one nothing is wrapped or cut.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None, **options: Any) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, **options)
        if width is None and not self.is_terminal:
            self.width = _UNBOUNDED

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as it is shown, before its width is measured."""
        return super().render_str(_printable_lines(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is to be printed, piece by piece; the console's own control sequences are pieces apart."""
        for segment in super().render(renderable, options):
            # a wrapped text is one piece with newlines in it
            yield segment if segment.control else Segment(_printable_lines(segment.text), segment.style)
