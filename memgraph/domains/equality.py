"""Whether two values are equal, as an answer to one question.

Formulas that only math-verify can compare are asked for by a function, so that a caller can collect them and have them
compared side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memgraph.domains.evaluate import equal, proportional
from memgraph.domains.leaves import ASKED, Answer, Core
from memgraph.domains.values import relation

Ask = Callable[[str, str], bool | None]
"""Whether two texts in LaTeX have one value; None where that is not known (yet)."""

_EQUATION: Final = Core("rel =")
_UNORDERED: Final = frozenset(["set", "union", "cap", "assigned", "hedge"])


def equal_answers(one: Answer, other: Answer, ask: Ask) -> bool | None:
    """Whether two answers are equal: one may lack the unit, name or option's text that the other has."""
    if (chosen := _same_option(one, other)) is not None:
        return chosen
    if one.rest is not None or other.rest is not None:
        literal = one.core == other.core
        return True if literal else equal_answers(one.rest or one, other.rest or other, ask)
    if one.unit is not None and other.unit is not None and one.unit != other.unit:
        return False
    if one.name is not None and other.name is not None and one.name != other.name:
        left, right = (relation(side.name or "", side.core, _EQUATION) for side in (one, other))
        return False if left is None or right is None else same(left, right, ask)
    for named, bare in ((one, other), (other, one)):
        if named.name is not None and bare.name is None and bare.core.kind.startswith("rel "):
            whole = relation(named.name, named.core, bare.core)
            return False if whole is None else same(whole, bare.core, ask)
    return same(one.core, other.core, ask)


def _same_option(one: Answer, other: Answer) -> bool | None:
    """Whether they name one option, where both are letters and one of them can be nothing else; None elsewhere."""
    left, right = one.option, other.option
    if left is None or right is None:
        return None
    if left.text and right.text:
        return None if left.letter.upper() == right.letter.upper() else False
    if left.letter == right.letter:
        return True
    if left.marked or right.marked:
        return left.letter.upper() == right.letter.upper()
    return False


def same(one: Core, other: Core, ask: Ask) -> bool | None:
    """Whether two values are equal; None where that is not known."""
    if one == other:
        return True
    if one.kind != other.kind:
        return _kinds_differ(one, other, ask)
    match one.kind:
        case "text" | "option":
            return False
        case "word":
            short = len(one.text) == len(other.text) == 2 and (one.text + other.text).islower()
            return bool(short and one.formula and other.formula and equal(one.formula, other.formula))
        case "leaf":
            return _leaves(one, other, ask)
        case "rel =":
            return _relations(one, other, ask, positive=False)
        case "rel <" | "rel <=" | "rel !=":
            return _relations(one, other, ask, positive=one.kind != "rel !=")
        case "unit" | "name" | "chain" if one.text != other.text:
            return False
    if one.kind in _UNORDERED:
        return _all(
            [_any([same(a, b, ask) for b in other.parts]) for a in one.parts]
            + [_any([same(a, b, ask) for a in one.parts]) for b in other.parts]
        )
    if len(one.parts) != len(other.parts):
        return False
    return _all([same(a, b, ask) for a, b in zip(one.parts, other.parts, strict=True)])


def _kinds_differ(one: Core, other: Core, ask: Ask) -> bool | None:
    kinds = {one.kind, other.kind}
    if kinds <= {"leaf", "word"} and one.formula is not None and other.formula is not None:
        return _leaves(one, other, ask)
    if kinds == {"text", "word"}:
        return one.text.casefold() == other.text.casefold()
    if "assigned" in kinds and kinds & {"()", "set"}:
        left, right = _values(one), _values(other)
        return len(left) == len(right) and _all([same(a, b, ask) for a, b in zip(left, right, strict=True)])
    return False


def _values(core: Core) -> tuple[Core, ...]:
    """The values of a tuple or list; of "x = 1, y = 2" those in the order of their names."""
    if core.kind != "assigned":
        return core.parts
    return tuple(part.parts[0] for part in sorted(core.parts, key=lambda part: part.text))


def _leaves(one: Core, other: Core, ask: Ask) -> bool | None:
    if one.formula is not None and other.formula is not None:
        # None: neither can be evaluated, and they are not written alike
        return bool(equal(one.formula, other.formula))
    if one.text == other.text:
        return True
    if ASKED.search(one.text) or ASKED.search(other.text):
        return ask(one.text, other.text)
    return False


def _relations(one: Core, other: Core, ask: Ask, *, positive: bool) -> bool | None:
    """Equations are equal where one is the other times a number; without variables, where their sides are."""
    sides = _all([same(a, b, ask) for a, b in zip(one.parts, other.parts, strict=True)])
    if sides or one.formula is None or other.formula is None:
        return sides
    if not one.formula.names or not other.formula.names:
        turned = _all([same(a, b, ask) for a, b in zip(one.parts, other.parts[::-1], strict=True)])
        return turned if not positive else False
    multiple = proportional(one.formula.tree, other.formula.tree, positive=positive)
    return False if multiple is None else multiple


def _all(equal: list[bool | None]) -> bool | None:
    if False in equal:
        return False
    return None if None in equal else True


def _any(equal: list[bool | None]) -> bool | None:
    if True in equal:
        return True
    return None if None in equal else False
