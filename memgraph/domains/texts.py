"""What two texts must share to be one answer: case, a leading article, quotes and a last full stop do not count."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from memgraph.domains.clauses import clean

_LONGEST_NUMBER = 40
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    map(ord, "\u200b\u200c\u200d\ufeff\u2060")
)
_WRAP = re.compile(
    r"(?P<wrap>\\(?:text(?:bf|it|rm|sf|tt|sc|normal|up)?|math(?:rm|bf|it|sf|tt|bb|cal|frak)|emph|boldsymbol|bm|mbox|hbox|underline"
    r"|operatorname)[ \t]{0,4}\{)|(?P<open>\{)|(?P<close>\})|\\[\\{}]"
)
_BLANKS = re.compile(r"\\[ ,;:!]|~|\\q?quad(?![a-zA-Z])|\\(?:left|right|displaystyle|bf|rm|it)(?![a-zA-Z])")
_ESCAPED = re.compile(r"\\([$%&#_])")
_FRACTION = re.compile(r"\\[dt]?frac\{(-?\d{1,20})\}\{(\d{1,20})\}")
_DEGREE = re.compile(r"\^\{?\\circ\}?")
_DASHES = str.maketrans({"–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "’": "'", "‘": "'", "`": "'"})
_DOUBLE_QUOTES = re.compile(r"[“”„«»「」]|(?<!\d)\"")
_ARTICLE = re.compile(r"(?:the|an|a)\s+(?=\S)")
_COMMAND = re.compile(r"(\\[A-Za-z]+)")
_QUANTITY = re.compile(r"-?\d[\d.,]*\s?[A-Za-zµμΩ]{1,4}")
_NUMBER = re.compile(
    r"(?P<currency>[$€£¥₹])?\s?(?P<minus>[-+])?\s?(?P<second>[$€£¥₹])?"
    r"(?:(?P<whole>\d{1,3}(?:,\d{3})+|\d+)?(?P<decimals>\.\d+)?(?P<power>[eE][-+]?\d{1,2})?|(?P<above>\d+)/(?P<below>\d+))"
    r"\s?(?P<sign>%|percent|per cent|°[CF]?|degrees?|dollars?|euros?|pounds)?",
    re.IGNORECASE,
)
_SIGNS = {
    "percent": "%",
    "per cent": "%",
    "degree": "°",
    "degrees": "°",
    "dollar": "$",
    "dollars": "$",
    "euro": "€",
    "euros": "€",
}
_SEPARATOR = re.compile(r"\s*(?:[,;]\s*and|[,;]|\band|&)\s*", re.IGNORECASE)
_MOST_MEMBERS = 50


@dataclass(frozen=True, slots=True)
class Text:
    """What counts of a text.

    Attributes:
        value: a number in lowest terms, a set of numbers, or the text folded.
        sign: of a number: its percent, degree or currency sign, which may be missing on the other side.
        number: whether it is one number.
    """

    value: str
    sign: str = ""
    number: bool = False

    def equals(self, other: Text) -> bool:
        """Whether both are one answer: two different signs differ, a missing one does not."""
        same_sign = self.sign == other.sign or (self.number and other.number and not (self.sign and other.sign))
        return self.value == other.value and self.number == other.number and same_sign


def plain(answer: str) -> str:
    r"""An answer in one line without its wraps of type: "\textbf{(B) }\ 12" → "(B) 12"."""
    text = unicodedata.normalize("NFC", answer.translate(_WIDE))
    if "\\" in text or "~" in text or "{" in text:
        text = _FRACTION.sub(r"\1/\2", _DEGREE.sub("°", _BLANKS.sub(" ", _unwrapped(text))))
        text = _ESCAPED.sub(r"\1", clean(text))
    return clean(" ".join(text.split()))


def fold(text: str) -> Text:
    """What counts of a plain text."""
    text = text.translate(_DASHES)
    number = _number(text)
    if number is not None:
        return number
    members = _numbers(text)
    if members is not None:
        return Text("{" + ", ".join(members) + "}")
    text = _DOUBLE_QUOTES.sub("", text).strip()
    text = text[1:-1] if len(text) > 2 and text[0] == text[-1] == "'" else text
    text = text.removesuffix(".").rstrip()
    if (len(text) == 1 and not text.isascii()) or _QUANTITY.fullmatch(text):
        return Text(" ".join(text.split()))  # Δ and δ, MW and mW
    folded = "".join(part if part.startswith("\\") else part.casefold() for part in _COMMAND.split(text))
    return Text(" ".join(_ARTICLE.sub("", folded, count=1).split() if _ARTICLE.match(folded) else folded.split()))


def _unwrapped(text: str) -> str:
    parts: list[str] = []
    wraps: list[bool] = []  # of each open brace, whether it is a wrap's
    position = 0
    for token in _WRAP.finditer(text):
        drop = token["wrap"] is not None
        if token["wrap"] or token["open"]:
            wraps.append(drop)
        elif token["close"] and wraps:
            drop = wraps.pop()
        if drop:
            parts.append(text[position : token.start()])
            position = token.end()
    text = "".join([*parts, text[position:]]).strip()
    while len(text) > 2 and text[0] == "{" and text.find("}") == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _number(text: str) -> Text | None:
    """A number, None for what only looks like one: "007", "2/4" (a day) and what is too long."""
    if not text or len(text) > _LONGEST_NUMBER or (match := _NUMBER.fullmatch(text)) is None:
        return None
    if match["above"]:
        value = Fraction(int(match["above"]), int(match["below"]) or 1)
        if match["below"].startswith("0") or value.denominator != int(match["below"]) or match["above"].startswith("0"):
            return None
    else:
        whole = (match["whole"] or "").replace(",", "")
        if not (whole or match["decimals"]) or (len(whole) > 1 and whole.startswith("0")):
            return None
        value = Fraction(Decimal((whole or "0") + (match["decimals"] or "") + (match["power"] or "")))
    if match["minus"] == "-":
        value = -value
    after = (match["sign"] or "").lower()
    before = match["currency"] or match["second"] or ""
    sign = _SIGNS.get(after, after)
    if before and sign and before != sign:
        return None
    return Text(str(value), before or sign, number=True)


def _numbers(text: str) -> list[str] | None:
    """The members of a bare list of numbers, each once, in order of size; None for anything else."""
    if not any(mark in text for mark in (",", "and", ";")) or len(text) > _LONGEST_NUMBER * _MOST_MEMBERS:
        return None
    members = [_number(part) for part in _SEPARATOR.split(text.strip())]
    numbers = {member.value + member.sign for member in members if member is not None}
    if None in members or len(members) < 2:
        return None
    return sorted(numbers)
