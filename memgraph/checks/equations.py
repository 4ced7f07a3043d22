"""Equations in free text: finds `3 * 4 = 12`, says whether they hold and which lead to the answer."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_TERM = r"[-+]?\$?\d[\d,]*(?:\.\d+)?%?"
_OPERATOR = r"(?:[-+*/x×÷·]|\\times|\\cdot|\\div)"
_EQUATION = re.compile(
    rf"(?<![\w.])({_TERM}(?:\s*{_OPERATOR}\s*{_TERM}){{1,12}})\s*(?:=|\\approx|≈)\s*\$?([-+]?\d[\d,]*(?:\.\d+)?)"
)
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
    """An equation as written, its terms and result, and whether it holds to the digits that are shown."""

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
    found: dict[tuple[tuple[float, ...], float], Equation] = {}
    for match in _EQUATION.finditer(text[:50_000]):
        left, right = match.group(1), number(match.group(2))
        value = None if len(left) > _LONGEST else _value(left)
        if value is None or right is None:
            continue
        terms = tuple(term for part in re.findall(_TERM, left) if (term := number(part.lstrip("+-"))) is not None)
        holds = abs(value - right) <= max(0.01 * abs(value), 0.006)
        found.setdefault((terms, right), Equation(match.group(0), terms, right, holds))
        if len(found) == _MOST:
            break
    return list(found.values())


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
