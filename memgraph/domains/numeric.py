"""Values of formulas to many digits, by mpmath, with a bound on the size of everything that is computed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from memgraph.domains.formula import Node

_DIGITS: Final = 70
_MOST_DIGITS: Final = 2_500
_LARGEST: Final = 1_000.0  # decimal exponent
_PERIODS: Final = 10**30

_local = threading.local()


class TooLargeError(Exception):
    """A value that does not fit."""


class NotHereError(Exception):
    """This way of evaluating does not know the operation, or has no value at this point."""


@dataclass(frozen=True, slots=True)
class Value:
    """A complex number.

    Attributes:
        zero: below this it counts as zero.
        error: relative one that its computation may have.
        digits: that it was computed to.
        through: whether a part of it was complex. √x√y is √(xy) only where neither is.
    """

    number: Any
    zero: Any
    error: Any
    digits: int
    through: bool

    @property
    def real(self) -> bool:
        """Whether neither it nor a part of it is complex."""
        return not self.through and bool(abs(self.number.imag) <= max(self.zero, abs(self.number) * self.error))


def evaluate(tree: Node, place: Mapping[str, Fraction], least: int = 0) -> Value:
    """The value at a point, to at least so many digits, and as many as its largest part needs beside seventy.

    Raises:
        TooLargeError: if something is beyond 10^±1000.
        NotHereError: if there is no value.
    """
    digits = max(_DIGITS, least)
    while True:
        machine = _Machine(place, digits)
        number = machine.value(tree)
        needed = _DIGITS + 2 * int(machine.exponent)
        if needed <= digits:
            error = machine.context.mpf(10) ** (int(machine.exponent) + 20 - digits)
            return Value(machine.context.mpmathify(number), error, error, digits, machine.complex)
        if needed > _MOST_DIGITS:
            raise TooLargeError
        digits = needed


def _context(digits: int) -> Any:
    from mpmath.ctx_mp import MPContext

    context = getattr(_local, "context", None)
    if context is None:
        context = _local.context = MPContext()
    context.dps = digits
    return context


class _Machine:
    """Evaluates a tree at one point.

    Attributes:
        exponent: the largest decimal exponent, of either sign, that a part had.
        complex: whether a part was no real number.
    """

    def __init__(self, place: Mapping[str, Fraction], digits: int) -> None:
        self.context = _context(digits)
        self.place = place
        self.exponent = 0.0
        self.complex = False

    def value(self, tree: Node) -> Any:
        value = self._value(tree)
        self.complex = self.complex or bool(self.context.im(value))
        if tree.op not in ("add", "fn") or (tree.name != "floor" and self.context.fabs(value) > 1):
            self._note(value)
        return value

    def _note(self, value: Any) -> None:
        size = self.context.fabs(value)
        if size == 0:
            return
        if not self.context.isfinite(size):
            raise NotHereError
        exponent = abs(self.context.mag(size)) * 0.30103
        if exponent > _LARGEST:
            raise TooLargeError
        self.exponent = max(self.exponent, float(exponent))

    def _value(self, tree: Node) -> Any:
        context = self.context
        match tree.op:
            case "num":
                return self._fraction(tree.value)
            case "sym":
                return self._symbol(tree.name)
            case "add":
                return context.fsum([self.value(arg) for arg in tree.args])
            case "mul":
                return context.fprod([self.value(arg) for arg in tree.args])
            case "div":
                below = self.value(tree.args[1])
                if context.fabs(below) < context.mpf(10) ** (-context.dps + 20):
                    raise NotHereError
                return self.value(tree.args[0]) / below
            case "neg":
                return -self.value(tree.args[0])
            case "pow":
                return self._power(tree)
            case "fact" | "fact2":
                value = self.value(tree.args[0])
                # a negative number has none, unless it stands for a whole one that is larger
                if context.im(value) or (context.re(value) < 0 and context.isint(value)):
                    raise NotHereError
                if context.fabs(value) > 400:
                    raise TooLargeError
                if tree.op == "fact2" and not (context.isint(value) and context.re(value) >= 0):
                    raise NotHereError
                return context.gamma(value + 1) if tree.op == "fact" else context.fac2(value)
            case "fn":
                return self._function(tree.name, [self.value(arg) for arg in tree.args])
        raise NotHereError

    def _fraction(self, value: Fraction) -> Any:
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > 10_000:
            raise TooLargeError
        return self.context.mpf(value.numerator) / value.denominator

    def _symbol(self, name: str) -> Any:
        if name == "\\pi":
            return +self.context.pi
        if name == "e":
            return +self.context.e
        if name == "i":
            return self.context.mpc(0, 1)
        if name not in self.place:
            raise NotHereError
        return self._fraction(self.place[name])

    def _power(self, tree: Node) -> Any:
        context = self.context
        base, power = (self.value(arg) for arg in tree.args)
        if base == 0:
            if context.re(power) <= 0:
                raise NotHereError
            return context.mpf(0)
        size = context.fabs(power) * (context.fabs(context.log(context.fabs(base))) + 4)
        if size > _LARGEST * 2.4 and context.fabs(base) != 1:
            raise TooLargeError
        whole = context.isint(power)
        if not whole and not context.im(base) and context.re(base) < 0:
            exponent = tree.args[1]
            if _odd_root(exponent):
                raise NotHereError  # real to some, complex to others
        return context.power(base, int(context.re(power)) if whole else power)

    def _function(self, name: str, args: list[Any]) -> Any:
        context = self.context
        first = args[0]
        if name == "root":
            return self._root(first, args[1])
        if name == "abs":
            return context.fabs(first)
        if name in ("log", "ln"):
            return self._logarithm(name, args)
        if name == "exp":
            if context.fabs(first) > 2_300:
                raise TooLargeError
            return context.exp(first)
        if name == "binom":
            if any(context.im(arg) for arg in args):
                raise NotHereError
            if any(context.fabs(arg) > 400 for arg in args):
                raise TooLargeError
            return context.binomial(*args)
        if name.startswith("call "):
            return self._unknown(name, args)
        if name in ("min", "max"):
            if any(context.im(arg) for arg in args):
                raise NotHereError
            return min(args) if name == "min" else max(args)
        if name in ("floor", "ceil"):
            nearest = context.nint(first)
            if context.fabs(first - nearest) < context.mpf(10) ** (-context.dps // 2):
                return nearest
            return context.floor(first) if name == "floor" else context.ceil(first)
        if context.fabs(first) > _PERIODS or context.fabs(context.im(first)) > 1_000:
            raise TooLargeError
        if name in ("sinh", "cosh", "tanh") and context.fabs(first) > 1_000:
            raise TooLargeError
        inverses = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}
        if name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", *inverses):
            if name in ("tan", "sec") and context.fabs(context.cos(first)) < context.mpf(10) ** (-context.dps // 2):
                raise NotHereError
            if name in ("cot", "csc") and context.fabs(context.sin(first)) < context.mpf(10) ** (-context.dps // 2):
                raise NotHereError
            return getattr(context, inverses.get(name, name))(first)
        raise NotHereError

    def _root(self, value: Any, order: Any) -> Any:
        context = self.context
        if not context.isint(order) or not 0 < context.re(order) < 1_000:
            raise NotHereError
        whole = int(context.re(order))
        if not context.im(value) and context.re(value) < 0 and whole % 2:
            return -context.root(-value, whole)
        return context.sqrt(value) if whole == 2 else context.root(value, whole)

    def _logarithm(self, name: str, args: list[Any]) -> Any:
        context = self.context
        if any(context.fabs(arg) == 0 for arg in args):
            raise NotHereError
        result = context.log(args[0])
        if name == "ln":
            return result
        # a logarithm without a base is left open: to ten in schools, natural in analysis
        base = context.log(args[1]) if len(args) > 1 else context.log(10)
        if context.fabs(base) < context.mpf(10) ** (-context.dps + 20):
            raise NotHereError
        return result / base

    def _unknown(self, name: str, args: list[Any]) -> Any:
        """A function of which only the name is known, as some function that no formula is likely to hit."""
        total = self.context.mpf(0)
        for place, arg in enumerate(args):
            seed = int.from_bytes(hashlib.sha256(f"{name} {place}".encode()).digest()[:8], "big")
            share = self.context.mpf(seed) / 2**64
            total += self.context.cos(arg * (1 + share) + share) + share * arg * arg
        return total


def _odd_root(exponent: Node) -> bool:
    if exponent.op == "neg":
        return _odd_root(exponent.args[0])
    return not (exponent.op == "div" and exponent.args[1].op == "num" and exponent.args[1].value == 2)
