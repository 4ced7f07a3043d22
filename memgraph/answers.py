"""The normal form of an answer: equal forms of one query's answers are one node in the graph.

The form is part of the answer's key, so a change of rules needs a new `NORMALISER_VERSION`. It must be cheap and the
same everywhere; whether an answer is right is decided by a verifier, which may know more equalities than this does.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

NORMALISER_VERSION = "1"

_ROUNDS = 4
_LONGEST_PROGRAM = 50_000
_LONGEST_NUMBER = 40
_MISSING = {"", "nan", "none", "null", "n/a"}
_CHOICE = re.compile(r"^\W*\(?\s*([a-z])\s*\)?\W*$", re.IGNORECASE)
_CHOICE_WITH_TEXT = re.compile(r"^\W*\(([a-z])\)\s|^([A-Z])[.):]\s", re.IGNORECASE)
_LATEX_FRACTION = re.compile(r"^(-?)\\[dt]?frac\{(-?\d+)\}\{(-?\d+)\}$")
_LATEX_WRAP = re.compile(r"^\\(?:text|mathrm|mathbf|textbf)\{(.*)\}$", re.DOTALL)
_NUMBER = re.compile(r"^[-+]?(?:\d[\d,]*)?(?:\.\d+)?(?:e[-+]?\d{1,3})?$", re.IGNORECASE)
_FRACTION = re.compile(r"^([-+]?\d+)\s*/\s*(\d+)$")
_QUANTITY = re.compile(r"^([-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+))\s+[a-z][a-z ]*$", re.IGNORECASE)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NOT_WORD = re.compile(r"[^\w\s%.+/-]")


@dataclass(frozen=True, slots=True)
class NormalAnswer:
    """A canonical value, or `valid = False` with an empty one where there was no answer."""

    value: str
    valid: bool


def normalise(answer: str | None, domain: str) -> NormalAnswer:
    """Normal form of an answer in its domain; idempotent, never raises.

    Args:
        domain: "math" (numbers in one form, light LaTeX), "code" (the program's syntax tree without comments and
            docstrings), any other: option letters and folded text.
    """
    if answer is None or answer.strip().casefold() in _MISSING:
        return NormalAnswer("", False)
    form = {"code": _program, "math": _mathematical}.get(domain, _textual)
    value = form(answer)
    for _ in range(_ROUNDS):  # folding one thing can lay bare another, rarely more than once
        if (again := form(value)) == value:
            break
        value = again
    return NormalAnswer(value, bool(value))


def _mathematical(answer: str) -> str:
    text = unicodedata.normalize("NFKC", answer).strip().strip("$").strip()
    while (wrapped := _LATEX_WRAP.match(text)) is not None:
        text = wrapped.group(1).strip()
    text = text.replace("\\$", "").replace("\\%", "%").replace("\\!", "").replace("\\,", "").replace("−", "-")
    text = text.strip().rstrip(".").lstrip("$€£").strip()
    if (choice := _CHOICE.match(text)) is not None:
        return choice.group(1).upper()
    number = _number(text.rstrip("%").strip())
    if number is None and (quantity := _QUANTITY.match(text)) is not None:
        number = _number(quantity.group(1))
    if number is not None:
        return number
    return re.sub(r"\s+", "", text).casefold()


def _number(text: str) -> str | None:
    """A number in lowest terms: "1,000.0" → "1000", "2/4" → "1/2", ".5" → "0.5"; None for anything else."""
    latex = _LATEX_FRACTION.match(text)
    if latex is not None:
        text = f"{latex[1]}{latex[2]}/{latex[3]}".replace("--", "")
    if len(text) > _LONGEST_NUMBER:
        return None
    fraction = _FRACTION.match(text)
    try:
        if fraction is not None and int(fraction[2]) != 0:
            value = Fraction(int(fraction[1]), int(fraction[2]))
            return str(value)
        if text and any(ch.isdigit() for ch in text) and _NUMBER.match(text):
            return _plain(Decimal(text.replace(",", "")))
    except (InvalidOperation, ValueError):
        return None
    return None


def _plain(value: Decimal) -> str:
    """A decimal without exponent, trailing zeros or negative zero."""
    if abs(value.adjusted()) > _LONGEST_NUMBER:
        return str(value.normalize())
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text.lstrip("+")


def _textual(answer: str) -> str:
    text = unicodedata.normalize("NFKC", answer).strip()
    choice = _CHOICE.match(text) or _CHOICE_WITH_TEXT.match(text)
    if choice is not None:
        return next(group for group in choice.groups() if group).upper()
    number = _number(text.strip().rstrip("."))
    if number is not None:
        return number
    folded = _ARTICLES.sub(" ", _NOT_WORD.sub(" ", text.casefold()))
    words = " ".join(folded.split()).strip(" .")
    return words or " ".join(text.casefold().split())


def _program(answer: str) -> str:
    text = answer.replace("\r\n", "\n").strip("\n")
    if len(text) <= _LONGEST_PROGRAM:
        try:
            tree = ast.parse(text)
            for node in ast.walk(tree):
                _drop_docstring(node)
            return ast.unparse(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def _drop_docstring(node: ast.AST) -> None:
    """Remove the docstring of a function, class or module, leaving `pass` where nothing else is in it."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        return
    while node.body and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
    if not node.body and not isinstance(node, ast.Module):
        node.body = [ast.Pass()]
