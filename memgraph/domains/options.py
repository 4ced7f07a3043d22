"""The options that a question lists: "A. x", "(A) x", "A) x", "A: x", one on a line or one after the other."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A marker stands at the start of a line, or after a blank, a comma, a bracket or a quote; its letter says which option it is.
_MARKER = re.compile(
    r"(?P<line>^[ \t>*_\-]{0,8})?(?:(?<=[\s,;\[\"'|])|(?<![^\n])|(?<=[*_>\-]))"
    r"(?:(?P<round>\()(?P<a>[A-Za-z])\)|(?P<square>\[)(?P<b>[A-Za-z])\]|(?P<c>[A-Za-z])(?P<close>[.):])(?=[\s*_]|(?<=[):])\S))"
    r"[*_]{0,2}[ \t]{0,8}",
    re.MULTILINE,
)
_FEWEST = 2
_LONGEST = 50_000  # characters at the end of a question in which its options are looked for


@dataclass(frozen=True, slots=True)
class Listing:
    """Options as they stand in a question.

    Attributes:
        options: texts by letter, in order.
        start, end: where the list stands in the question.
    """

    options: dict[str, str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Mark:
    letter: str
    start: int
    end: int


def listed_options(query: str) -> dict[str, str]:
    """Options by letter that a question lists, the last list where it holds several; empty where there is no A and B.

    >>> listed_options("Which?\\nA. one\\nB. two")
    {'A': 'one', 'B': 'two'}
    """
    listing = find_listing(query)
    return {} if listing is None else dict(listing.options)


def without_options(query: str) -> str:
    """The question without the options that it lists."""
    listing = find_listing(query)
    return query if listing is None else query[: listing.start] + query[listing.end :]


def find_listing(query: str) -> Listing | None:
    """The last list of options in one style that begins with A and has no gap."""
    skipped = max(0, len(query) - _LONGEST)
    query = query[skipped:]
    best: tuple[int, int, bool, list[_Mark]] | None = (
        None  # small letters last, then the longest, on lines before inline
    )
    for (on_lines, style), marks in _marks(query).items():
        chain = _last_chain(marks)
        rank = (int(not style.endswith("a")), len(chain), on_lines)
        if len(chain) >= _FEWEST and (best is None or rank > best[:3]):
            best = (*rank, chain)
    if best is None:
        return None
    on_lines, chain = best[2], best[3]
    ends = [mark.start for mark in chain[1:]]
    last = query[chain[-1].end :]
    ends.append(chain[-1].end + len(last.partition("\n")[0] if on_lines or "\n" in last else last))
    options = {
        mark.letter: _option_text(query[mark.end : end], inline=not on_lines)
        for mark, end in zip(chain, ends, strict=True)
    }
    return Listing(options, skipped + chain[0].start, skipped + ends[-1])


def _marks(query: str) -> dict[tuple[bool, str], list[_Mark]]:
    """Marks by style: whether each begins a line, and how it is written ("a" at its end for small letters)."""
    styles: dict[tuple[bool, str], list[_Mark]] = {}
    for match in _MARKER.finditer(query):
        letter = match["a"] or match["b"] or match["c"]
        case = "a" if letter.islower() else "A"
        style = (match["round"] or match["square"] or match["close"]) + case
        mark = _Mark(letter.upper(), match.start(), match.end())
        on_line = match["line"] is not None
        if on_line:
            styles.setdefault((True, style), []).append(mark)
        if case == "A":  # small letters in a line are parts of a question
            styles.setdefault((False, style), []).append(mark)
    return styles


def _last_chain(marks: list[_Mark]) -> list[_Mark]:
    """The last run A, B, C … of at least two; letters out of turn are passed over."""
    best: list[_Mark] = []
    chain: list[_Mark] = []
    for mark in marks:
        if mark.letter == "A":
            if len(chain) >= _FEWEST:
                best = chain
            chain = [mark]
        elif chain and ord(mark.letter) == ord(chain[-1].letter) + 1:
            chain.append(mark)
    return chain if len(chain) >= _FEWEST else best


def _option_text(text: str, *, inline: bool) -> str:
    text = " ".join(text.replace("**", "").split())
    return text.rstrip(" ,;|'\"]").lstrip("'\"") if inline else text
