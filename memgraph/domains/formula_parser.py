r"""Formulas read from clean LaTeX (see `latex.clean_latex`).

It reads what answers are made of and nothing else: no sums over an index, integrals, limits or words. A run of letters that
is a word is no product, so that "Evelyn" is no formula. What is not read here is left to math-verify (see `expressions`).
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from memgraph.domains.formula import Node, NoFormulaError, node, number, replaced, size, whole_number
from memgraph.domains.latex_writer import tokens
from memgraph.domains.signs import GREEK, OVER, SHORT_WORDS, names

_DEEPEST: Final = 60
_LONGEST: Final = 2_000
_DIGITS: Final = 1_000
_TERMS: Final = 200  # of a sum that is written out
_NODES: Final = 5_000
_FUNCTIONS: Final = {
    f"\\{name}": name
    for name in names("sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp min max gcd lcm")
}
_INVERSE: Final = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_OPAQUE: Final = frozenset("fghFGHPQ")
"""Letters that a bracket makes a function of: f(2) is not 2f."""
_TIMES: Final = frozenset(["\\cdot", "\\times", "*"])
_SIGNS: Final = frozenset(["+", "-", "\\pm", "\\mp"])
_CLOSE: Final = {"(": ")", "[": "]", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}
_ROUNDING: Final = {"\\lfloor": "floor", "\\lceil": "ceil"}
_FACTORS: Final = frozenset(
    [*_CLOSE, *GREEK, *_FUNCTIONS, *OVER, "{", *names("\\frac \\sqrt \\binom \\pi \\infty \\text \\sum \\prod")]
)
"""Signs, beside letters and numbers, that a factor begins with."""
_INDEX: Final = re.compile(r"[\w+\-*,. '()\\{}]{1,40}")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")


def read_formula(text: str) -> Node | None:
    """The tree of a clean text, None where it is not read."""
    if len(text) > _LONGEST:
        return None
    parser = _Parser(tokens(text))
    try:
        tree = parser.sum(0)
        return tree if parser.ended() else None
    except (NoFormulaError, RecursionError):
        return None


class _Parser:
    """Recursive descent over tokens, with the usual precedence; what follows without a sign is multiplied."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts
        self.at = 0
        self.bars = 0  # absolute values that are open

    def ended(self) -> bool:
        self._blanks()
        return self.at >= len(self.parts)

    def _blanks(self) -> bool:
        before = self.at
        while self.at < len(self.parts) and self.parts[self.at].isspace():
            self.at += 1
        return self.at > before

    def _peek(self) -> str:
        self._blanks()
        return self.parts[self.at] if self.at < len(self.parts) else ""

    def _take(self) -> str:
        self._blanks()
        return self._take_raw()

    def _take_raw(self) -> str:
        if self.at >= len(self.parts):
            raise NoFormulaError("it ends too early")
        self.at += 1
        return self.parts[self.at - 1]

    def _are_next(self, *parts: str) -> bool:
        return self.parts[self.at : self.at + len(parts)] == [*parts]

    def _expect(self, part: str) -> None:
        if self._take() != part:
            raise NoFormulaError(f"{part} is missing")

    def sum(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise NoFormulaError("nested too deeply")
        total: list[Node] = []
        while not total or self._peek() in _SIGNS:
            sign = self._take() if self._peek() in _SIGNS else "+"
            total.append(_with_sign(sign, self._product(depth)))
        return total[0] if len(total) == 1 else node("add", *total)

    def _product(self, depth: int) -> Node:
        signs = 0
        while self._peek() in ("-", "+"):
            signs += self._take() == "-"
        result = self._factor(depth)
        while True:
            part = self._peek()
            if part in _TIMES:
                self.at += 1
                result = node("mul", result, self._signed(depth))
            elif part == "/":
                self.at += 1
                result = node("div", result, self._signed(depth))
            elif part and self._starts(part):
                factor = self._factor(depth)
                result = node("mul", result, factor)
            else:
                break
        return node("neg", result) if signs % 2 else result

    def _signed(self, depth: int) -> Node:
        if self._peek() == "-":
            self.at += 1
            return node("neg", self._factor(depth))
        return self._factor(depth)

    def _starts(self, part: str) -> bool:
        if part[0].isdigit() or part[0] == ".":
            # two numbers side by side are no product
            return self.at > 0 and not _ends_number(self.parts[: self.at])
        return part.isalpha() or part in _FACTORS or (part == "|" and not self.bars)

    def _factor(self, depth: int) -> Node:
        return self._postfix(self._primary(depth + 1), depth)

    def _postfix(self, base: Node, depth: int) -> Node:
        while True:
            if self.at >= len(self.parts):
                return base
            part = self.parts[self.at]
            if part == "!":
                self.at += 1
                double = self._are_next("!")
                self.at += double
                base = node("fact2" if double else "fact", base)
            elif part == "^":
                self.at += 1
                inner = self._script()
                if inner == ["\\circ"]:
                    base = node("mul", base, node("div", Node("sym", name="\\pi"), number(180)))
                elif (inner and set("".join(inner)) <= {"'"}) or inner in (["*"], ["T"], ["+"], ["-"], ["\\top"]):
                    base = _renamed(base, "^" + "".join(inner))
                else:
                    base = node("pow", base, _whole(inner, depth + 1))
            elif part == "'":
                self.at += 1
                base = _renamed(base, "'")
            elif part == "%":
                self.at += 1
                base = node("div", base, number(100))
            else:
                return base

    def _script(self) -> list[str]:
        """Tokens of a power or index, without the braces."""
        if self._take() != "{":
            raise NoFormulaError("a power without braces")
        inner: list[str] = []
        opened = 1
        while True:
            part = self._take_raw()
            opened += (part == "{") - (part == "}")
            if opened == 0:
                return inner
            inner.append(part)

    def _group(self, depth: int) -> Node:
        self._expect("{")
        inner = self.sum(depth + 1)
        self._expect("}")
        return inner

    def _primary(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise NoFormulaError("nested too deeply")
        part = self._take()
        if _NUMBER.fullmatch(part):
            return self._number(part)
        if part == "{":
            self.at -= 1
            return self._group(depth)
        if part in _CLOSE:
            inner = self.sum(depth + 1)
            self._expect(_CLOSE[part])
            return node("fn", inner, name=_ROUNDING[part]) if part in _ROUNDING else inner
        if part == "|":
            self.bars += 1
            inner = self.sum(depth + 1)
            self._expect("|")
            self.bars -= 1
            return node("fn", inner, name="abs")
        if part == "\\frac":
            return node("div", self._group(depth), self._group(depth))
        if part == "\\binom":
            return node("fn", self._group(depth), self._group(depth), name="binom")
        if part == "\\sqrt":
            return self._root(depth)
        if part in ("\\sum", "\\prod"):
            return self._series("add" if part == "\\sum" else "mul", depth)
        if part in _FUNCTIONS:
            return self._function(_FUNCTIONS[part], depth)
        if part in ("\\pi", "\\infty"):
            return Node("sym", name=part)
        if part == "\\text":
            word = "".join(self._script())
            if " " in word.strip():
                raise NoFormulaError("words")
            return self._symbol(word if len(word) == 1 and word.isalpha() else f"\\text{{{word}}}")
        if part in OVER:
            named = "".join(self._script()) if self._peek() == "{" else self._take()
            return self._symbol(part + "{" + named + "}")
        if part in GREEK:
            return self._symbol(part)
        if part.isalpha() and not part.startswith("\\"):
            return self._letters(part, depth)
        raise NoFormulaError(f"{part} is not read")

    def _number(self, digits: str) -> Node:
        if len(digits) > _DIGITS:
            raise NoFormulaError("too long a number")
        if ("." in digits and self._are_next("\\overline", "{")) or self._are_next(".", "\\overline", "{"):
            return self._repeating(digits)
        if self._are_next("_", "{"):
            self.at += 1
            base = "".join(self._script())
            return Node("sym", name=f"{digits}_{{{base}}}")
        value = Fraction(digits)
        mixed = self._fraction_after() if "." not in digits else None
        return number(value if mixed is None else value + mixed)

    def _repeating(self, digits: str) -> Node:
        if self.parts[self.at] == ".":
            self.at += 1
        self.at += 1
        period = "".join(self._script())
        if not period.isdigit() or len(period) > _DIGITS:
            raise NoFormulaError("no digits that repeat")
        places = len(digits.partition(".")[2])
        return number(Fraction(digits) + Fraction(int(period), (10 ** len(period) - 1) * 10**places))

    def _fraction_after(self) -> Fraction | None:
        """The proper fraction that makes a whole number before it a mixed one, "1 1/2" and "1\frac{1}{2}"."""
        at = self.at
        rest = self.parts[at : at + 9]
        if rest[:2] == ["\\frac", "{"] and rest[3:5] == ["}", "{"] and rest[6:7] == ["}"]:
            above, below, length = rest[2], rest[5], 7
        elif rest[:1] == [" "] and rest[2:3] == ["/"] and len(rest) > 3:
            above, below, length = rest[1], rest[3], 4
        else:
            return None
        if not (above.isdigit() and below.isdigit() and 0 < int(above) < int(below)):
            return None
        self.at += length
        return Fraction(int(above), int(below))

    def _root(self, depth: int) -> Node:
        order = number(2)
        if self._are_next("["):
            self.at += 1
            order = self.sum(depth + 1)
            self._expect("]")
        return node("fn", self._group(depth), order, name="root")

    def _series(self, op: str, depth: int) -> Node:
        """A sum or product over few whole numbers, term by term."""
        scripts = {}
        for _ in range(2):
            sign = self._take()
            scripts[sign] = self._script() if sign in ("_", "^") else []
        index, equals, low = (scripts.get("_") or [""])[0], scripts.get("_", [])[1:2], scripts.get("_", [])[2:]
        if not index.isalpha() or equals != ["="] or "^" not in scripts:
            raise NoFormulaError("a range that is not read")
        first, last = (whole_number(_whole(parts, depth + 1)) for parts in (low, scripts["^"]))
        body = self._product(depth + 1)
        if last - first >= _TERMS or (last - first + 1) * size(body) > _NODES:
            raise NoFormulaError("too many terms")
        if last < first:
            return number(0 if op == "add" else 1)
        return node(op, *(replaced(body, index, number(value)) for value in range(first, last + 1)))

    def _function(self, name: str, depth: int) -> Node:
        power: Node | None = None
        base: Node | None = None
        while self._are_next("^") or self._are_next("_"):
            sign = self._take()
            inner = _whole(self._script(), depth + 1)
            if sign == "_" and name == "log":
                base = inner
            elif sign == "^":
                power = inner
            else:
                raise NoFormulaError("an index of a function")
        args = self._arguments(depth)
        if power is not None and power == node("neg", number(1)):
            if name not in _INVERSE:
                raise NoFormulaError("the inverse of a function")
            name, power = _INVERSE[name], None
        if len(args) != 1 and name not in ("min", "max", "gcd", "lcm"):
            raise NoFormulaError("several arguments")
        if base is not None:
            args = [*args, base]
        result = node("fn", *args, name=name)
        return result if power is None else node("pow", result, power)

    def _arguments(self, depth: int) -> list[Node]:
        """Arguments in brackets, or what follows up to a sign: \\sin 2x is of 2x."""
        if self._peek() in ("(", "["):
            close = _CLOSE[self._take()]
            args = [self.sum(depth + 1)]
            while self._peek() == ",":
                self.at += 1
                args.append(self.sum(depth + 1))
            self._expect(close)
            return args
        if self._peek() == "{":
            return [self._group(depth)]
        result = self._factor(depth)
        while (part := self._peek()) and self._starts(part) and part not in _FUNCTIONS and part != "(":
            result = node("mul", result, self._factor(depth))
        if self._peek() == "/" and result.op == "num":
            self.at += 1
            result = node("div", result, self._factor(depth))
        return [result]

    def _symbol(self, name: str) -> Node:
        if self._are_next("_", "{"):
            self.at += 1
            index = "".join(self._script()).replace(" ", "")
            if not _INDEX.fullmatch(index):
                raise NoFormulaError("an index that is not read")
            name += f"_{{{index}}}"
        while self._are_next("'"):
            self.at += 1
            name += "'"
        return Node("sym", name=name)

    def _letters(self, letters: str, depth: int) -> Node:
        if len(letters) > 1 and (len(letters) > 3 or letters.lower() in SHORT_WORDS):
            raise NoFormulaError("a word")
        factors = [Node("sym", name=letter) for letter in letters[:-1]]
        last = self._symbol(letters[-1])
        if len(letters) == 1 and self._called(last.name):
            last = node("fn", *self._arguments(depth), name=f"call {last.name}")
        else:
            last = self._postfix(last, depth)  # the power is of the last letter only
        return last if not factors else node("mul", *factors, last)

    def _called(self, name: str) -> bool:
        """Whether a bracket after a letter holds an argument: f(x + 1), I(0), P(A), and not x(x - 3)."""
        rest = self.parts[self.at : self.at + 3]
        if rest[:1] != ["("]:
            return False
        alone = rest[2:] == [")"] and rest[1][0].isalnum()
        return name[0] in _OPAQUE or (alone and (rest[1][0].isdigit() or name[0].isupper()))


def _whole(parts: list[str], depth: int) -> Node:
    parser = _Parser(parts)
    tree = parser.sum(depth)
    if not parser.ended():
        raise NoFormulaError("a power that is not read")
    return tree


def _with_sign(sign: str, term: Node) -> Node:
    if sign == "+":
        return term
    negative = node("neg", term)
    if sign == "-":
        return negative
    return node("pm", term, negative) if sign == "\\pm" else node("pm", negative, term)


def _renamed(base: Node, mark: str) -> Node:
    if base.op != "sym":
        raise NoFormulaError(f"{mark} of no symbol")
    return Node("sym", name=base.name + mark)


def _ends_number(parts: list[str]) -> bool:
    while parts and parts[-1].isspace():
        parts = parts[:-1]
    return bool(parts) and parts[-1][-1].isdigit()
