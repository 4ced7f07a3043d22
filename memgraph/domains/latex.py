"""Written maths in one clean form: one way to write each sign, no wraps of type, no spacing.

The form keeps the value. It is LaTeX again, so that parsers read it, and cleaning it once more changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from memgraph.domains.latex_writer import TooDeepError, Writer, matching, tokens
from memgraph.domains.signs import CHARACTERS, LOWERED, RAISED, VULGAR

LONGEST: Final = 10_000
"""Characters of a text that is still read as LaTeX; of a longer one only the blanks are folded."""

_ROUNDS: Final = 6

_RAISED_RUN: Final = re.compile(f"[{''.join(map(re.escape, RAISED))}]+")
_LOWERED_RUN: Final = re.compile(f"[{''.join(map(re.escape, LOWERED))}]+")
_VULGAR_SIGN: Final = re.compile(rf"\s*([{''.join(VULGAR)}])")
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")

_ESCAPED_TWICE: Final = re.compile(  # no line break stands before a bare name
    r"(?<!\\)\\\\(?:[dt]?frac|sqrt|pi|text|mathrm|mathbf|left|right|begin|infty|cdot|times|theta|alpha|beta|leq?|geq?|pm|cup|cap"
    r"|sin|cos|tan|log|ln|boxed|overline|circ)(?![A-Za-z])"
)
_THIN: Final = re.compile(r"(?<=[0-9])(?: ?\{, ?\}|,\\!|\\,|\\!|\\;) ?(?=[0-9]{3}(?![0-9]))")
_GROUPED: Final = re.compile(r"(?<![0-9.,])[0-9]+(?:,[0-9]+)+(?![0-9])")
_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_ASCII_SIGNS: Final = (
    (re.compile(r"<=|=<"), r"\\le "),
    (re.compile(r"\bUS\s?(?=\\?\$)"), ""),
    (re.compile(r"(?<=[0-9])\s?\^\s?(?:o(?![A-Za-z])|\{o\})"), r"^\\circ "),
    (re.compile(r">="), r"\\ge "),
    (re.compile(r"(?<=\s)!=|\\not\s*="), r"\\ne "),
    (re.compile(r"\+/?-(?=\s*[0-9A-Za-z\\(])"), r"\\pm "),
    (re.compile(r"(?<=[0-9A-Za-z)])\s?\*\*(?=\s?[0-9A-Za-z(-])"), "^"),
    (re.compile(r"\.\.\."), r"\\ldots "),
)

_BROKEN_ARGUMENT: Final = re.compile(r"\\(?:frac|sqrt|binom)\{\s*\}|\\(?:frac|binom)\{[^{}]*\}\{\s*\}|[\^_]\{\s*\}")


@lru_cache(maxsize=8192)
def clean_latex(text: str) -> str:
    """The answer in its clean form, which stays as it is when it is cleaned again."""
    for _ in range(_ROUNDS):
        cleaned = _clean(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def broken(text: str) -> str | None:
    """What is wrong with LaTeX that cannot be read, None where nothing is."""
    parts = tokens(text)
    if parts.count("{") != parts.count("}") or len(matching(parts)) != parts.count("{"):
        return "braces do not match"
    if parts.count("\\left") != parts.count("\\right"):
        return "\\left and \\right do not match"
    if parts.count("\\begin") != parts.count("\\end"):
        return "\\begin and \\end do not match"
    cleaned = clean_latex(text)
    if _BROKEN_ARGUMENT.search(cleaned) or _BROKEN_ARGUMENT.search(text):
        return "an argument is missing"
    if re.search(r"(?:\\(?:frac|sqrt|binom)|[\^_\\])\s*$", cleaned) or re.search(r"\\frac\{[^{}]*\}\s*$", cleaned):
        return "an argument is missing"
    return None


def _clean(text: str) -> str:
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return text
    if _ESCAPED_TWICE.search(text):
        text = text.replace("\\\\", "\\")
    text = _ascii_signs(_characters(text))
    text = _peel(" ".join(text.split()))
    text = _thousands(_THIN.sub(",", text))
    parts = tokens(text)
    try:
        pieces = Writer(parts).write()
    except TooDeepError:
        return text
    return _peel("".join(pieces).strip())


def _characters(text: str) -> str:
    """Signs of Unicode as the LaTeX that they show."""
    if text.isascii():
        return text
    text = _VULGAR_SIGN.sub(lambda match: "\\frac{" + VULGAR[match[1]].replace("/", "}{") + "}", text)
    text = _RAISED_RUN.sub(lambda match: "^{" + "".join(RAISED[sign] for sign in match[0]) + "}", text)
    text = _LOWERED_RUN.sub(lambda match: "_{" + "".join(LOWERED[sign] for sign in match[0]) + "}", text)
    text = _FOREIGN.sub(_compatible, text.translate(CHARACTERS))
    return text.translate(CHARACTERS)


def _compatible(match: re.Match[str]) -> str:
    """Full-width and styled letters as plain ones; sign by sign in long runs, where the whole would take quadratic time."""
    run = match[0]
    if len(run) <= 32:
        return unicodedata.normalize("NFKC", run)
    return "".join(unicodedata.normalize("NFKC", sign) for sign in run)


def _ascii_signs(text: str) -> str:
    for pattern, sign in _ASCII_SIGNS:
        text = pattern.sub(sign, text)
    return text


def _peel(text: str) -> str:
    """Without what stands around an answer: delimiters of maths, bold marks, quotes, a last full stop."""
    for _ in range(_ROUNDS):
        before = text
        text = text.strip().strip("`").rstrip(",;").strip()
        if text.endswith(".") and not text.endswith(".."):
            text = text[:-1].rstrip()
        if len(text) > 4 and text.startswith("**") and text.endswith("**"):
            text = text[2:-2]
        if len(text) > 2 and text[0] == text[-1] == '"' and text.count('"') == 2:
            text = text[1:-1]
        text = _dollars(text)
        if text == before:
            break
    return text


def _dollars(text: str) -> str:
    r"""Without the dollar signs that delimit maths; those of money are written \$."""
    if "$" not in text:
        return text
    text = text.replace("$$", "$")
    places = {at for at, sign in enumerate(text) if sign == "$" and (at == 0 or text[at - 1] != "\\")}
    closing = [place + 1 for place in sorted(places)[1::2]]
    if len(places) % 2 == 0 and not any(text[at : at + 1].isdigit() for at in closing):
        return " ".join("".join(sign for at, sign in enumerate(text) if at not in places).split()) if places else text
    return re.sub(r"(?<!\\)\$", r"\\$", text)


def _thousands(text: str) -> str:
    """Numbers without the commas that group their thousands.

    In brackets a comma between numbers separates them, (1,234) is a point, unless other commas there have a blank.
    """
    if "," not in text:
        return text
    spaced = re.search(r",\\?\s", text) is not None
    opened = [0]
    for sign in text:
        opened.append(opened[-1] + (sign in "([") - (sign in ")]"))
    sets = "\\{" in text

    def number(match: re.Match[str]) -> str:
        if not _THOUSANDS.fullmatch(match[0]):
            return match[0]
        bracketed = opened[match.start()] > 0 or sets
        if bracketed and not spaced and not match[0].endswith(",000"):
            return match[0]
        return match[0].replace(",", "")

    return _GROUPED.sub(number, text)
