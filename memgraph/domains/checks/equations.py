"""Equations in free text: finds `3 * 4 = 12`, says whether they hold and which lead to the answer."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# quantifiers are possessive: what follows a number is no part of one, so nothing is gained by giving digits back
_TERM = r"[-+]?\$?\d[\d,]*+(?:\.\d++)?%?"
_OPERATOR = r"(?:[-+*/x×÷·]|\\times|\\cdot|\\div)"
_BEGINNING = re.compile(r"(?<![\w.])[-+]?\$?\d[\d,]*+")
_EQUATION = re.compile(
    rf"({_TERM}(?:\s*+{_OPERATOR}\s*+{_TERM}){{1,12}})\s*+(?:=|\\approx|≈)\s*+\$?([-+]?\d[\d,]*(?:\.\d+)?)"
)
_ROUNDED = re.compile(r"[./÷%≈]|\\div|\\approx")  # sums and products of whole numbers have nothing to round
_WRITTEN: Final = {
    "×": "*",
    "x": "*",
    "·": "*",
    "÷": "/",
    "\\times": "*",
    "\\cdot": "*",
    "\\div": "/",
    "$": "",
    ",": "",
}
_LONGEST = 200
_MOST = 100
_OPERATIONS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation as written, its terms and result, and whether it holds: whole numbers exactly, others within 1 %."""

    text: str
    terms: tuple[float, ...]
    result: float
    holds: bool


def number(text: str) -> float | None:
    """The number that a text is, "1,234.5", "$12" or "30%"; None for anything else."""
    try:
        value = float(text.replace(",", "").replace("$", "").strip().rstrip("%."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def find_equations(text: str) -> list[Equation]:
    """Equations between numbers, in order, each (by its terms and result) once; at most a hundred."""
    equations: dict[tuple[tuple[float, ...], float], Equation] = {}
    written: dict[str, re.Match[str]] = {}
    for match in _written(text[:50_000]):
        written.setdefault(match.group(), match)
    for match in written.values():
        left, right = match.group(1), number(match.group(2))
        value = None if len(left) > _LONGEST else _value(left)
        if value is None or right is None:
            continue
        terms = tuple(term for part in re.findall(_TERM, left) if (term := number(part.lstrip("+-"))) is not None)
        rounded = _ROUNDED.search(match.group()) is not None
        holds = abs(value - right) <= max(0.01 * abs(value), 0.006) if rounded else math.isclose(value, right)
        equations.setdefault((terms, right), Equation(match.group(0), terms, right, holds))
        if len(equations) == _MOST:
            break
    return list(equations.values())


def _written(text: str) -> Iterator[re.Match[str]]:
    """What is written as an equation, from left to right.

    Where none begins with the first digit of a number, none begins with a later one: what follows the number is the same.
    """
    position = 0
    while (beginning := _BEGINNING.search(text, position)) is not None:
        match = _EQUATION.match(text, beginning.start())
        if match is not None:
            yield match
        position = (match or beginning).end()


def leading_to(equations: Sequence[Equation], answer: float | None) -> list[Equation]:
    """Right equations whose result is the answer, or a term of another one that leads there."""
    needed: set[float] = set() if answer is None else {answer}
    leading = []
    for equation in reversed(equations):
        if equation.holds and any(math.isclose(equation.result, value, rel_tol=1e-6, abs_tol=1e-9) for value in needed):
            leading.append(equation)
            needed.update(equation.terms)
    return leading[::-1]


def _value(expression: str) -> float | None:
    """Value of an expression of numbers and + - * /, by its syntax tree; None where it has none."""
    for written, meant in _WRITTEN.items():
        expression = expression.replace(written, meant)
    expression = re.sub(r"(\d+(?:\.\d+)?)%", r"(\1/100)", expression)
    expression = re.sub(r"\b0+(?=\d)", "", expression)
    try:
        return _evaluated(ast.parse(expression.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
        return None


def _evaluated(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _evaluated(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_evaluated(left), _evaluated(right))
    raise ValueError(f"not arithmetic: {ast.dump(node)}")
