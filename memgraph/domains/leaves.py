r"""What answers are made of: formulas, texts, quantities, times of day."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from memgraph.domains.evaluate import Formula
from memgraph.domains.formula import Node, node, number, variants
from memgraph.domains.formula_parser import read_formula
from memgraph.domains.letters import Option
from memgraph.domains.quantities import NUMERALS, split_quantity

_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?:\s*(?:\\text\{)?\s*([ap])\.?\s?m\.?\}?)?", re.IGNORECASE)
_HOUR: Final = re.compile(r"(1[0-2]|[1-9])\s*(?:\\text\{)?\s*([ap])\.?\s?m\.?\}?", re.IGNORECASE)
_TEXT: Final = re.compile(r"\\text\{([^{}]*)\}")
_ARTICLE: Final = re.compile(r"(?:[Aa]|an|the)\s+(?=[^\W\d_]{2})")
_CASED: Final = re.compile(r"(?<!\\)(?<![^\W\d_])[^\W\d_]{2,}")
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_COMMAND: Final = re.compile(r"\\[A-Za-z]+")
_PHRASE: Final = re.compile(r"(?:a|an|the)\s+[^\W\d_]{2,}", re.IGNORECASE)
_QUARTERS: Final = re.compile(r"\bquarters?\b", re.IGNORECASE)  # coins to some, fourths to others
_COUNTED: Final = re.compile(r"([A-Za-z]+)(?: |(?=\\text))(.+)")
_ANGLE: Final = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?:\^\{\d+\})?\s?\(?[\d.]+$")
ASKED: Final = re.compile(r"\\(?:int|iint|oint|sum|prod|lim)(?![A-Za-z])|\\frac\{d\}\{d")
"""What only math-verify evaluates: integrals, sums, products, limits, derivatives."""


@dataclass(frozen=True)
class Core:
    """A value without its unit and name.

    Attributes:
        kind: text, word (a bare run of letters), leaf, set, hedge (options joined by "or"), assigned, union, cap, minus,
            ratio, matrix, det, row, unit, name, chain, option, "rel …" with its sign, or brackets such as "()" and "[)".
        text: of a leaf, text or name.
        formula: of a leaf or side of a relation, None where it is not read.
    """

    kind: str
    text: str = ""
    parts: tuple[Core, ...] = ()
    formula: Formula | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Answer:
    """What an answer says.

    Attributes:
        option: the letter of an option, if it may be one.
        rest: what stands beside an option's letter.
        name: on the left of the equals sign.
    """

    core: Core
    unit: str | None = None
    name: str | None = None
    option: Option | None = None
    rest: Answer | None = None


def plain(text: str) -> str:
    """A text as words: without wraps, quotes, a leading article and a last full stop.

    Case does not count in words, but in single letters, which are symbols.
    """
    words = " ".join(_TEXT.sub(r" \1 ", text).replace('"', " ").split()).strip(" .'`")
    words = re.sub(r"\s+(?=[,.;:)])", "", words)
    words = _CASED.sub(lambda word: word[0].casefold(), words)
    return _ARTICLE.sub("", words, count=1)


def quantity_answer(text: str) -> Answer:
    """A leaf with its unit."""
    if _PHRASE.match(text) or _QUARTERS.search(text):
        return Answer(leaf(text))
    if (counted := _COUNTED.fullmatch(text)) is not None and counted[1].lower() in NUMERALS:
        text = f"{NUMERALS[counted[1].lower()]} {counted[2]}"
    quantity = split_quantity(text)
    if (quantity.unit is not None or quantity.factor != 1) and not (
        quantity.unit == "°" and _ANGLE.search(quantity.value)
    ):
        core = leaf(quantity.value)
        if core.kind == "leaf" and core.formula is not None:
            if quantity.factor == 1:
                return Answer(core, quantity.unit)
            scaled = node("mul", core.formula.tree, number(quantity.factor))
            return Answer(_variants(f"{core.text}*{quantity.factor}", scaled), quantity.unit)
        if core.kind == "set":
            return Answer(core, quantity.unit)
    core = leaf(text)
    if core.kind in ("word", "text") and core.text in NUMERALS:
        return Answer(_numeral(NUMERALS[core.text]))
    return Answer(core)


def _numeral(value: int) -> Core:
    return Core("leaf", str(value), formula=Formula(number(value)))


def leaf(text: str) -> Core:
    """A formula, or a text where it is none."""
    text = text.strip().removeprefix("+")
    bare = _TEXT.sub(r" \1 ", text).strip() if _TEXT.fullmatch(text) else text
    if bare.casefold() in ("n/a", "nan", "none", "null"):
        return Core("text", bare.casefold())
    tree = read_formula(text)
    if bare.isalpha() and len(bare) > 1:
        return Core(
            "word",
            bare.casefold() if len(bare) > 2 or tree is None else bare,
            formula=None if tree is None else Formula(tree),
        )
    if _TEXT.fullmatch(text) and len(bare) > 1:
        return Core("text", plain(text))
    if tree is not None:
        return _variants(text, tree)
    if ASKED.search(text):
        return Core("leaf", text)
    if _LETTERS.search(_COMMAND.sub(" ", text)) or "\\text" in text:
        return Core("text", plain(text))
    return Core("leaf", text)


def _variants(text: str, tree: Node) -> Core:
    both = variants(tree)
    if len(both) == 1:
        return Core("leaf", text, formula=Formula(tree))
    leaves = (Core("leaf", f"{text}#{n}", formula=Formula(variant)) for n, variant in enumerate(both))
    return Core("set", parts=tuple(leaves))


def time_of_day(text: str) -> str | None:
    """A time of day, as "3:00 pm"."""
    if (match := _TIME.fullmatch(text)) is not None:
        return f"{int(match[1])}:{match[2]}" + (f" {match[3].lower()}m" if match[3] else "")
    if (match := _HOUR.fullmatch(text)) is not None:
        return f"{match[1]}:00 {match[2].lower()}m"
    return None
