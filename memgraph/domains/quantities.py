"""Numbers with what they count: units, signs of money and percent, words of number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from memgraph.domains.latex_writer import tokens
from memgraph.domains.signs import names, pairs
from memgraph.domains.units import COMPOUND, UNITS, canonical_unit

_POWERS: Final = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_PARTS: Final = {
    "half": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
}
MULTIPLIERS: Final[dict[str, Fraction]] = {
    **{name + end: Fraction(10**power) for name, power in _POWERS.items() for end in ("", "s")},
    **{name + end: Fraction(1, parts) for name, parts in _PARTS.items() for end in ("", "s")},
    **{"dozen": Fraction(12), "dozens": Fraction(12), "score": Fraction(20), "halves": Fraction(1, 2)},
}
NUMERALS: Final = {
    name: int(value)
    for name, value in pairs(
        "zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10 eleven 11 twelve 12 thirteen 13 "
        "fourteen 14 fifteen 15 sixteen 16 seventeen 17 eighteen 18 nineteen 19 twenty 20"
    ).items()
}
_TENS: Final = {
    name: int(value)
    for name, value in pairs("twenty 20 thirty 30 forty 40 fifty 50 sixty 60 seventy 70 eighty 80 ninety 90").items()
}
_UP_TO_NINE: Final = "|".join(name for name, value in NUMERALS.items() if 0 < value < 10)
_UP_TO_TWENTY: Final = "|".join(sorted(NUMERALS, key=len, reverse=True))
_BELOW_HUNDRED: Final = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{_UP_TO_NINE}))?|{_UP_TO_TWENTY})"
_BELOW_THOUSAND: Final = rf"(?:(?:{_BELOW_HUNDRED}|a) hundred(?:(?: and)? {_BELOW_HUNDRED})?|{_BELOW_HUNDRED})"
_SPELLED: Final = re.compile(
    rf"(?:(?P<thousands>{_BELOW_THOUSAND}|a) thousand(?:,? (?:and )?(?P<rest>{_BELOW_THOUSAND}))?|(?P<below>{_BELOW_THOUSAND}))"
    r"(?![\w-]| hundred)",
    re.IGNORECASE,
)
APPROXIMATELY: Final = re.compile(
    r"(?:\\approx|~|\\sim|\\simeq|(?:\\text\{)?(?:approximately|approx\.?|about|around|roughly|exactly|nearly|almost)(?![a-z])\s*\}?)\s*",
    re.IGNORECASE,
)
_CURRENCY: Final = {"\\$": "$", "€": "€", "£": "£", "¥": "¥", "₹": "₹", "₽": "₽", "₩": "₩", "¢": "¢"}
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_TEXT: Final = re.compile(r"\\text\{([^{}]*)\}")
_BRACKETED: Final = re.compile(r"(.*[0-9}])\s*\((?:in )?([^\W\d_]{2,}(?:(?:\. |[ -])[^\W\d_]+)*)\)")
_OPERATION: Final = re.compile(  # written out, so that the words are no unit: "5 squared", "5 minus four"
    rf"(?:squared|cubed|factorial|choose|root)\b|.*\b(?:plus|minus|factorial|divided|multiplied|raised)\b"
    rf"|(?:.* )?(?:times|over|root) (?:{'|'.join(NUMERALS)}|{'|'.join(MULTIPLIERS)})\b",
    re.IGNORECASE,
)


_LITTLE: Final = names(
    "per of a an the sq cu pm am men cats dogs day old way ways one two red tie ties box pen pie egg cup"
)
"""Short words after a number that are units or parts of one."""
_NO_UNIT: Final = names("and but nor not mod out for all any few get had has let may now see say use was who why yes")
_SPOKEN: Final = re.compile(r"(?=[a-z]*[aeiouy])[a-z]{3}")


@dataclass(frozen=True, slots=True)
class Quantity:
    """Written value and unit.

    Attributes:
        value: clean LaTeX.
        factor: of the words of number after it.
        unit: in one form, None where there is none.
    """

    value: str
    factor: Fraction = Fraction(1)
    unit: str | None = None


def spelled_out(text: str) -> str:
    """A text with the number that it begins with in digits: "forty-two apples" becomes "42 apples"."""
    if (whole := _TEXT.fullmatch(text)) is not None:
        text = whole[1].strip() if _SPELLED.fullmatch(whole[1].strip()) else text
    match = _SPELLED.match(text)
    if match is None or match[0].lower() in NUMERALS:
        return text
    thousands = _below_thousand(match["thousands"] or "zero")
    return f"{1000 * thousands + _below_thousand(match['below'] or match['rest'] or 'zero')}{text[match.end() :]}"


def _below_thousand(words: str) -> int:
    value = 0
    for word in words.lower().replace("-", " ").split():
        if word == "hundred":
            value = 100 * value
        elif word != "and":
            value += 1 if word == "a" else _TENS.get(word) or NUMERALS[word]
    return value


def whole_texts(parts: list[str]) -> list[str]:
    r"""Tokens with each \text{…} as one."""
    whole: list[str] = []
    at = 0
    while at < len(parts):
        if parts[at] == "\\text" and parts[at + 1 : at + 2] == ["{"]:
            stop = next((n for n in range(at + 2, len(parts)) if parts[n] == "}"), len(parts) - 1)
            whole.append("".join(parts[at : stop + 1]))
            at = stop + 1
        else:
            whole.append(parts[at])
            at += 1
    return whole


def split_quantity(text: str) -> Quantity:
    """Value and unit of a clean text; without a unit where there is none, or where nothing would be left."""
    if (bracketed := _BRACKETED.fullmatch(text)) is not None:  # "10 (apples)"
        text = f"{bracketed[1]} {bracketed[2]}"
    parts = whole_texts(tokens(text))
    signs, sign = _leading_currency(parts)
    start = _suffix(parts)
    words = _words(parts[start:])
    value = signs + "".join(parts[:start]).strip()
    if words is not None and _OPERATION.match(words):
        return Quantity(text)
    if not value.strip("+-") or (words is None and sign is None):
        return Quantity(text)
    factor, unit = _factor(words or "")
    named = canonical_unit(unit) if unit else None
    if sign is not None:
        named = sign if named in (None, sign) else canonical_unit(f"{sign} {unit}")
    return Quantity(value, factor, named)


def _leading_currency(parts: list[str]) -> tuple[str, str | None]:
    """Signs before a sign of money, which is taken out of the tokens, and the sign of money."""
    at = 0
    while at < len(parts) and parts[at] in ("-", "+", " "):
        at += 1
    if at < len(parts) and parts[at] in _CURRENCY:
        sign = _CURRENCY[parts[at]]
        before = "".join(parts[:at]).strip()
        del parts[: at + 1]
        return before, sign
    return "", None


def _suffix(parts: list[str]) -> int:
    """Where words, signs and units begin that the text ends with."""
    at = len(parts)
    start = at
    while at > 0:
        part = parts[at - 1]
        if part.isspace() or (part in ("/", "\\cdot", ".", "-", "*") and start < len(parts)):
            at -= 1
            continue
        if (size := _ends_power(parts, at)) and at - size > 0 and _unit_word(parts, at - size - 1, len(parts) > start):
            at -= size
            continue
        if part in ("%",) or part in _CURRENCY:
            at -= 1
            start = at
            continue
        if part == "}" and parts[at - 4 : at] == ["^", "{", "\\circ", "}"]:
            at -= 4
            start = at
            continue
        if _unit_word(parts, at - 1, start < len(parts)):
            at -= 1
            start = at
            continue
        break
    before = parts[start - 1] if start > 0 else ""
    if before in ("/", "\\cdot", "*", "+", "-", "_", "^") or parts[start : start + 1] in (["/"], ["\\cdot"], ["*"]):
        return len(parts)
    return start if start < len(parts) else _speed(parts)


def _speed(parts: list[str]) -> int:
    """Where "m/s" or "m/s^{2}" begins, whose letters alone would be variables."""
    for size in (3, 7):
        at = len(parts) - size
        power = size == 3 or parts[-4:] == ["^", "{", "2", "}"]
        if (
            at > 0
            and parts[at : at + 3] == ["m", "/", "s"]
            and power
            and (parts[at - 1] == " " or parts[at - 1][-1].isdigit())
        ):
            return at
    return len(parts)


def _ends_power(parts: list[str], at: int) -> int:
    """Tokens of a power of a unit that ends here, ^{2}."""
    if parts[at - 4 : at - 2] == ["^", "{"] and parts[at - 1] == "}" and parts[at - 2] in ("2", "3"):
        return 4
    if (
        parts[at - 5 : at - 3] == ["^", "{"]
        and parts[at - 1] == "}"
        and parts[at - 3] == "-"
        and parts[at - 2] in "123"
    ):
        return 5
    return 0


def _unit_word(parts: list[str], at: int, more: bool) -> bool:
    """Whether a token is a word after a number: words in \\text, and runs of letters that are no product.

    Args:
        more: whether other words of the unit follow it, so that one letter may stand before them, m/s.
    """
    part = parts[at]
    if (text := _TEXT.fullmatch(part)) is not None:
        return at > 0 and parts[at - 1] not in ("_", "^", "{") and bool(_WORD.search(text[1]))
    if not part.isalpha() or part.startswith("\\"):
        return False
    if at > 0 and parts[at - 1] in ("_", "^", "{", "\\"):
        return False
    if len(part) == 1:
        before = parts[at - 1] if at > 0 else ""
        after = parts[at + 1] if at + 1 < len(parts) else ""
        degree = parts[at - 4 : at] == ["^", "{", "\\circ", "}"] and part in "CFcf"
        per = before == "/" and at > 1 and _unit_word(parts, at - 2, True) and len(parts[at - 2]) > 1
        return (
            degree
            or per
            or (after == "/" and more and len(parts) > at + 2 and len(parts[at + 2]) > 1 and before == " ")
        )
    return _is_long(part) or part.lower() in UNITS or part.lower() in COMPOUND or _is_spoken(parts, at)


def _is_long(word: str) -> bool:
    """Whether a word is no product of variables by itself."""
    return word.isalpha() and (len(word) > 3 or word.lower() in _LITTLE or word.lower() in MULTIPLIERS)


def _is_spoken(parts: list[str], at: int) -> bool:
    """Whether three letters are a word by the words beside them: "new" in "5 new shirts", "gum" in "6 pieces of gum"."""
    word = parts[at]
    if not _SPOKEN.fullmatch(word) or word in _NO_UNIT or word in NUMERALS or parts[at - 1 : at] != [" "]:
        return False
    after = parts[at + 1 : at + 3]
    return (len(after) == 2 and after[0] == " " and _is_long(after[1])) or parts[at - 2 : at - 1] == ["of"]


def _words(parts: list[str]) -> str | None:
    if not parts:
        return None
    joined = "".join(_TEXT.sub(r" \1 ", part) for part in parts)
    joined = joined.replace("^{\\circ}", " ° ")
    joined = re.sub(r"\\\$", " $ ", joined).replace("%", " % ")
    return " ".join(joined.split())


def _factor(words: str) -> tuple[Fraction, str]:
    """Product of the words of number that it begins with, and the unit after them."""
    factor = Fraction(1)
    rest = words.split()
    while rest and rest[0].lower() in MULTIPLIERS:
        factor *= MULTIPLIERS[rest[0].lower()]
        rest = rest[1:]
    return factor, " ".join(rest)
