r"""Formulas as trees: sums, products, powers, roots, functions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_DEEPEST: Final = 60


class NoFormulaError(Exception):
    """The text is nothing that is read here."""


@dataclass(frozen=True, slots=True)
class Node:
    """A formula.

    Attributes:
        op: num, sym, add, mul, div, neg, pow, fact, fn, pm (± or ∓, with both readings as its arguments).
        name: of a symbol or function.
        depth: of the tree, at most sixty.
    """

    op: str
    args: tuple[Node, ...] = ()
    name: str = ""
    value: Fraction = Fraction(0)
    depth: int = 1


def node(op: str, *args: Node, name: str = "") -> Node:
    """A node over others.

    Raises:
        NoFormulaError: where the tree would be too deep.
    """
    depth = 1 + max((arg.depth for arg in args), default=0)
    if depth > _DEEPEST:
        raise NoFormulaError("nested too deeply")
    return Node(op, args, name, depth=depth)


def number(value: Fraction | int) -> Node:
    """A number as a formula."""
    return Node("num", value=Fraction(value))


def symbols(tree: Node) -> frozenset[str]:
    """Names of the variables in it."""
    names: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if node.op == "sym":
            names.add(node.name)
        todo.extend(node.args)
    return frozenset(names)


def whole_number(tree: Node) -> int:
    """The value of a whole number as it is written.

    Raises:
        NoFormulaError: if it is anything else.
    """
    sign = 1
    if tree.op == "neg":
        sign, tree = -1, tree.args[0]
    if tree.op != "num" or tree.value.denominator != 1 or tree.value > 10**6:
        raise NoFormulaError("no whole number")
    return sign * int(tree.value)


def size(tree: Node) -> int:
    """How many nodes it has."""
    count, todo = 0, [tree]
    while todo:
        node = todo.pop()
        count += 1
        todo.extend(node.args)
    return count


def replaced(tree: Node, name: str, by: Node) -> Node:
    """The tree with a variable replaced."""
    if tree.op == "sym" and tree.name == name:
        return by
    return node(tree.op, *(replaced(arg, name, by) for arg in tree.args), name=tree.name) if tree.args else tree


def variants(tree: Node) -> tuple[Node, ...]:
    """Both readings of a formula with ±, all upper and all lower signs; else the formula alone."""
    if not _has_pm(tree):
        return (tree,)
    return _choose(tree, 0), _choose(tree, 1)


def _has_pm(tree: Node) -> bool:
    todo = [tree]
    while todo:
        node = todo.pop()
        if node.op == "pm":
            return True
        todo.extend(node.args)
    return False


def _choose(tree: Node, which: int) -> Node:
    if tree.op == "pm":
        return _choose(tree.args[which], which)
    if not tree.args:
        return tree
    return node(tree.op, *(_choose(arg, which) for arg in tree.args), name=tree.name)
