"""Whether two formulas have one value, without rounding.

Three ways, the cheap ones first:
1. Numbers: exact fractions.
2. Rational functions, whole powers, factorials: their values modulo two primes of 255 bits where each variable is a number
   drawn from its name. Two different ones agree with a chance of about 2^-250 (Schwartz–Zippel), so size is no limit.
3. Roots, logarithms, angles: their values at points, to 60 digits more than they cancel. Equal means equal at each point
   where both are real. Nothing is evaluated that would not fit: towers of powers are too large, and equal only as texts.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Final

from memgraph.domains.formula import Node, node, symbols
from memgraph.domains.numeric import NotHereError, TooLargeError, Value, evaluate

_BITS: Final = 20_000  # of an exact number
_FACTORIAL: Final = 5_000
_POINTS: Final = 14
_ENOUGH: Final = 4
_DIGITS: Final = 60
_LARGEST: Final = 1_000  # decimal exponent
_PRIMES: Final = (2**255 - 19, 2**255 - 31)
_FUNCTIONS_OF_NUMBERS: Final = frozenset(["min", "max", "gcd", "lcm", "floor", "ceil"])


@dataclass(frozen=True)
class Formula:
    """A tree with what is known of its value."""

    tree: Node
    _cache: dict[int, list[Value | None]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """Variables."""
        return symbols(self.tree)

    @cached_property
    def exact(self) -> Fraction | None:
        """The value of a number."""
        try:
            return _exact(self.tree)
        except (NotHereError, TooLargeError, ZeroDivisionError):
            return None

    @cached_property
    def residues(self) -> tuple[int, ...] | None:
        """Values modulo the primes, None where there is something else than sums, products and whole powers."""
        try:
            return tuple(_residue(self.tree, prime) for prime in _PRIMES)
        except (NotHereError, TooLargeError, ZeroDivisionError, ValueError):
            return None

    def points(self, digits: int = 0) -> list[Value | None]:
        """Values at the points, None where there is none, to at least so many digits.

        Raises:
            TooLargeError: if they do not fit.
        """
        if digits not in self._cache:
            self._cache[digits] = _values(self.tree, self.names, digits)
        return self._cache[digits]


def equal(one: Formula, other: Formula) -> bool | None:
    """Whether they have one value; None where that is not known."""
    if one.tree == other.tree:
        return True
    if one.exact is not None and other.exact is not None:
        return one.exact == other.exact
    if one.residues is not None and other.residues is not None:
        return one.residues == other.residues
    try:
        left, right = _both(one, other)
    except TooLargeError:
        return _sizes_differ(one, other)
    return _agree(left, right, bool((one.names | other.names) - {"\\pi", "e", "i"}))


def proportional(one: Node, other: Node, *, positive: bool = False) -> bool | None:
    """Whether one is the other times a number that is not zero; None where that is not known.

    Args:
        positive: of a number above zero, as for inequalities.
    """
    left, right = Formula(one), Formula(other)
    if left.residues is not None and right.residues is not None and not positive:
        if 0 in left.residues or 0 in right.residues:
            return None  # an identity says nothing
        # the quotient must be the same at a second point, where each variable has another value
        left_two, right_two = (Formula(_moved(tree)) for tree in (one, other))
        if left_two.residues is None or right_two.residues is None or 0 in right_two.residues:
            return None
        return all(
            a * pow(b, -1, prime) % prime == c * pow(d, -1, prime) % prime
            for a, b, c, d, prime in zip(
                left.residues, right.residues, left_two.residues, right_two.residues, _PRIMES, strict=True
            )
        )
    try:
        pairs = [(a, b) for a, b in zip(*_both(left, right), strict=True) if a is not None and b is not None]
    except TooLargeError:
        return None
    factors = []
    for a, b in pairs:
        a_zero, b_zero = abs(a.number) <= a.zero, abs(b.number) <= b.zero
        if a_zero and b_zero:
            return None
        if a_zero != b_zero:
            return False
        if not a_zero and a.real and b.real:
            factors.append(a.number / b.number)
    if len(factors) < _ENOUGH:
        return None
    if positive and any(factor.real < 0 for factor in factors):
        return False
    error = 4 * max(max(a.error, b.error) for a, b in pairs)
    return all(abs(a - b) <= abs(a) * error for a, b in pairwise(factors))


def _both(one: Formula, other: Formula) -> tuple[list[Value | None], list[Value | None]]:
    """Their values at the same points, to as many digits as either needs."""
    left, right = one.points(), other.points()
    digits = max((value.digits for value in (*left, *right) if value is not None), default=0)
    left, right = one.points(digits), other.points(digits)
    # a constant has one value, a variable one for each point
    count = max(len(left), len(right))
    return left * count if len(left) == 1 else left, right * count if len(right) == 1 else right


def _agree(left: list[Value | None], right: list[Value | None], variable: bool) -> bool | None:
    real = complex_ = 0
    apart = False
    for a, b in zip(left, right, strict=True):
        if a is None or b is None:
            continue
        gap = abs(a.number - b.number)
        same = gap <= max(a.zero, b.zero) or gap <= max(abs(a.number), abs(b.number)) * max(a.error, b.error)
        if a.real and b.real:
            if not same:
                return False
            real += 1
        else:
            complex_ += 1
            apart = apart or not same
    if real >= (_ENOUGH if variable else 1):
        return True
    if complex_ == 0:
        return None
    return not apart


def _sizes_differ(one: Formula, other: Formula) -> bool | None:
    """False where one fits and the other does not."""
    fits = []
    for formula in (one, other):
        try:
            fits.append(bool(formula.points()))
        except TooLargeError:
            fits.append(False)
    return False if fits[0] != fits[1] else None


def _moved(tree: Node) -> Node:
    if tree.op == "sym" and tree.name not in ("\\pi", "e", "i", "\\infty"):
        return Node("sym", name=tree.name + "@")
    return node(tree.op, *map(_moved, tree.args), name=tree.name) if tree.args else tree


def _fits(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > _BITS:
        raise TooLargeError
    return value


def _exact(tree: Node) -> Fraction:
    match tree.op:
        case "num":
            return tree.value
        case "add":
            return _fits(sum((_exact(arg) for arg in tree.args), Fraction(0)))
        case "mul":
            return _fits(math.prod((_exact(arg) for arg in tree.args), start=Fraction(1)))
        case "div":
            return _fits(_exact(tree.args[0]) / _exact(tree.args[1]))
        case "neg":
            return -_exact(tree.args[0])
        case "pow":
            return _exact_power(_exact(tree.args[0]), _exact(tree.args[1]))
        case "fact" | "fact2":
            return Fraction(_factorial(_exact(tree.args[0]), tree.op))
        case "fn":
            return _exact_function(tree.name, [_exact(arg) for arg in tree.args])
    raise NotHereError


def _exact_power(base: Fraction, power: Fraction) -> Fraction:
    if power.denominator != 1:
        root = _exact_function("root", [base, Fraction(power.denominator)])
        return _exact_power(root, Fraction(power.numerator))
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and size * abs(power.numerator) > _BITS:
        raise TooLargeError
    if abs(power.numerator) > 10**9 and base not in (0, 1, -1):
        raise TooLargeError
    if base in (1, -1):
        return base if power.numerator % 2 else Fraction(1)
    return base**power.numerator


def _factorial(value: Fraction, op: str) -> int:
    if value.denominator != 1 or value < 0:
        raise NotHereError
    if value > _FACTORIAL:
        raise TooLargeError
    whole = int(value)
    return math.factorial(whole) if op == "fact" else math.prod(range(whole, 0, -2))


def _exact_function(name: str, args: list[Fraction]) -> Fraction:
    if name == "abs":
        return abs(args[0])
    if name in ("floor", "ceil"):
        return Fraction(math.floor(args[0]) if name == "floor" else math.ceil(args[0]))
    if name in ("min", "max"):
        return min(args) if name == "min" else max(args)
    if name in ("gcd", "lcm") and all(arg.denominator == 1 for arg in args):
        whole = [int(arg) for arg in args]
        return Fraction(math.gcd(*whole) if name == "gcd" else math.lcm(*whole))
    if name == "binom" and all(arg.denominator == 1 and arg >= 0 for arg in args):
        above, below = int(args[0]), int(args[1])
        if min(below, abs(above - below)) > _FACTORIAL or above > 10**9:
            raise TooLargeError
        return _fits(Fraction(math.comb(above, below)))
    if name == "root" and args[1].denominator == 1 and 1 <= args[1] <= 64:
        order = int(args[1])
        sign = -1 if args[0] < 0 and order % 2 else 1
        return Fraction(sign * _whole_root(sign * args[0].numerator, order), _whole_root(args[0].denominator, order))
    raise NotHereError


def _whole_root(value: int, order: int) -> int:
    """The whole number that gives `value` as a power."""
    if value < 0:
        raise NotHereError
    low, high = 0, 1 << (value.bit_length() // order + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**order < value:
            low = middle + 1
        else:
            high = middle
    if low**order != value:
        raise NotHereError
    return low


def _drawn(name: str, salt: str, modulus: int) -> int:
    return int.from_bytes(hashlib.sha512(f"{salt}\0{name}".encode()).digest(), "big") % modulus


def _residue(tree: Node, prime: int) -> int:
    match tree.op:
        case "num":
            return tree.value.numerator * pow(tree.value.denominator, -1, prime) % prime
        case "sym":
            if tree.name == "\\infty":
                raise NotHereError
            if tree.name == "i":
                return _root_of_minus_one(prime)
            return _drawn(tree.name, str(prime), prime)
        case "add":
            return sum(_residue(arg, prime) for arg in tree.args) % prime
        case "mul":
            return math.prod(_residue(arg, prime) for arg in tree.args) % prime
        case "div":
            return _residue(tree.args[0], prime) * pow(_residue(tree.args[1], prime), -1, prime) % prime
        case "neg":
            return -_residue(tree.args[0], prime) % prime
        case "pow":
            power = _exact(tree.args[1])
            if power.denominator != 1:
                raise NotHereError
            return pow(_residue(tree.args[0], prime), power.numerator, prime)
        case "fact" | "fact2":
            return _factorial(_exact(tree.args[0]), tree.op) % prime
        case "fn":
            value = _exact(tree)
            return value.numerator * pow(value.denominator, -1, prime) % prime
    raise NotHereError


def _root_of_minus_one(prime: int) -> int:
    for base in range(2, 50):
        root = pow(base, (prime - 1) // 4, prime)
        if root * root % prime == prime - 1:
            return root
    raise NotHereError


def _values(tree: Node, names: frozenset[str], digits: int) -> list[Value | None]:
    variables = sorted(names - {"\\pi", "e", "i", "\\infty"})
    count = _POINTS if variables else 1
    values: list[Value | None] = []
    for point in range(count):
        place = {name: _coordinate(name, point) for name in variables}
        try:
            values.append(evaluate(tree, place, digits))
        except (NotHereError, ZeroDivisionError, ValueError):
            values.append(None)
    return values


def _coordinate(name: str, point: int) -> Fraction:
    """Where a variable is: first between 0 and 1, then to 5, then on both sides of zero."""
    share = Fraction(_drawn(name, f"point {point}", 10**12) + 1, 10**12 + 7)
    if point < 4:
        return share
    if point < 8:
        return 1 + 4 * share
    if point < 11:
        return 6 * share - 3
    return 2 * share - 1
