r"""Letters of options: "B", "(B)", "\text{B}", "Option B", and with their text "B. 5", "(B) 5"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TEXT: Final = re.compile(r"\\text\{([^{}]*)\}")
_LONE: Final = re.compile(r"[A-Za-z]")
_MARKED: Final = re.compile(
    r"\(([A-Za-z])\)|\[([A-Z])\]|([A-Za-z])\)|(?:option|choice|answer)\s*\(?([A-Za-z])\)?", re.IGNORECASE
)
_WITH_TEXT: Final = re.compile(
    r"\(([A-Z])\)\s*(?P<a>.+)|([A-Z])\)\s*(?P<b>.+)|([A-Z])[.:]\s+(?P<c>.+)|\(([a-j])\)(?P<d>[\d\\$].*|\s.+)"
    r"|(?:[Oo]ption|[Cc]hoice)\s+\(?([A-Za-z])\)?\s*[.:]?\s+(?P<e>.+)",
    re.DOTALL,
)
_OPERATOR: Final = re.compile(r"[-+*/^_=!<>'(|]|\\(?:cdot|times|le|ge|ne|in|cup|cap|sqrt)(?![A-Za-z])|[A-Za-z]$")


@dataclass(frozen=True, slots=True)
class Option:
    """The letter of an option.

    Attributes:
        letter: as written.
        marked: as an option, by brackets, a word or its text. A lone letter may be a variable too.
        text: beside the letter, empty where there is none.
    """

    letter: str
    marked: bool
    text: str = ""


def split_option(text: str) -> Option | None:
    """The option that a clean text may name."""
    plain = " ".join(_TEXT.sub(r" \1 ", text).split())
    if _LONE.fullmatch(plain):
        return Option(plain, marked=False)
    if (match := _MARKED.fullmatch(plain)) is not None:
        return Option(next(group for group in match.groups() if group), marked=True)
    if (match := _WITH_TEXT.fullmatch(plain)) is not None:
        letter = next(group for group in match.groups() if group)
        rest = next(value for value in match.groupdict().values() if value).strip()
        if not _OPERATOR.match(rest):
            return Option(letter, marked=True, text=rest)
    return None
