"""Stands in for a program, to see what tests do by themselves: whether they run, and whether they ask it anything.

What a program may do plays no part in it, so that no program can bring about a verdict of "cannot tell".
"""

from __future__ import annotations

import ast
import opcode
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

from .peer import Peer
from .remote import SPECIAL, Remote

_MOST_QUESTIONS = 20_000
_RAISERS = {"raises", "assertRaises", "assertRaisesRegex", "assertWarns"}
_HOLDS = "__holds__"
_UNPACK = opcode.opmap["UNPACK_SEQUENCE"]


class Enough(BaseException):
    """The tests have asked more than is needed to know that they do."""


class Stub(Peer):
    """A peer whose every answer equals whatever the tests expect."""

    def __init__(self, end: Any) -> None:
        super().__init__(-1, -1, trusting=False, end=end)
        self._before = 0

    def ask(
        self, message: dict[str, Any], arguments: Sequence[Any] = (), named: Mapping[str, Any] = MappingProxyType({})
    ) -> Any:
        """An answer that fits; what cannot leave the tests' interpreter ends it as it would with a program."""
        self.question()
        if not any(isinstance(item, Anything) for item in (*arguments, *named.values())):
            self.handed(arguments, named)
        if message["op"] == "special" and message["name"] != "__await__":
            return SPECIAL[message["name"]](Anything(self))
        return Anything(self)

    def question(self) -> None:
        """Count one."""
        self.calls += 1
        if self.calls > _MOST_QUESTIONS:
            raise Enough

    def begin(self) -> None:
        """A test begins."""
        self._before = self.calls

    @property
    def asked(self) -> bool:
        """Whether this test has asked anything."""
        return self.calls > self._before

    def tools(self) -> dict[str, Any]:
        """What `Agreeing` calls."""
        return {_HOLDS: self._holds}

    def _holds(self, value: Any) -> None:
        if not value and not self.asked:
            raise AssertionError("an assert that asks the program nothing")

    def of_names(self, names: Sequence[str], exceptions: set[str]) -> dict[str, Any]:
        """What the tests shall get under the names that they ask for."""
        return {
            name: type(name, (Exception,), {}) if name in exceptions else Remote(self, number, True)
            for number, name in enumerate(names)
        }


class Anything:
    """Equal to everything, larger and smaller than everything, and can be called, counted and iterated."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _again(self)

    def __iter__(self) -> Iterator[Any]:
        """As many items as the tests unpack, else one."""
        self._stub.question()
        frame = sys._getframe(1)
        code, place = frame.f_code.co_code, frame.f_lasti
        wanted = code[place + 1] if code[place] == _UNPACK else 1
        return iter([Anything(self._stub) for _ in range(wanted)])

    def __await__(self) -> Any:
        self._stub.question()
        return Anything(self._stub)
        yield

    def __exit__(self, *_: Any) -> None:
        return None

    def __setitem__(self, place: Any, value: Any) -> None:
        self._stub.question()

    def __hash__(self) -> int:
        return 1


def _again(self: Anything, *_: Any, **__: Any) -> Anything:
    self._stub.question()
    return Anything(self._stub)


def _fixed(value: Any) -> Any:
    def method(self: Anything, *_: Any) -> Any:
        self._stub.question()
        return value

    return method


for _name in ("eq", "ne", "lt", "le", "gt", "ge", "bool", "contains"):
    setattr(Anything, f"__{_name}__", _fixed(True))
for _name, _value in (("len", 1), ("int", 1), ("index", 1), ("float", 1.0), ("str", "1"), ("repr", "1")):
    setattr(Anything, f"__{_name}__", _fixed(_value))
for _name in ("call", "getitem", "enter", "next", "abs", "neg", "pos", "invert", "round", "reversed"):
    setattr(Anything, f"__{_name}__", _again)
for _name in [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
]:
    setattr(Anything, f"__{_name}__", _again)
    setattr(Anything, f"__r{_name}__", _again)


def exceptions_in(tests: ast.Module) -> set[str]:
    """Names that the tests use as classes of exceptions."""
    exceptions: set[str] = set()
    for node in ast.walk(tests):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            exceptions |= _names(node.type)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            exceptions |= _names(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in _RAISERS:
                exceptions |= _names(node.args[0])
    return exceptions


def _names(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return {part.id for part in parts if isinstance(part, ast.Name)}


class Agreeing(ast.NodeTransformer):
    """Lets asserts pass once the program has been asked, so that the code behind them runs, too."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """`assert x, y` becomes `__holds__(x)`."""
        return ast.copy_location(ast.Expr(ast.Call(ast.Name(_HOLDS, ast.Load()), [node.test], [])), node)


def never(*_: Any, **__: Any) -> NoReturn:
    """End it: for signals."""
    raise Enough
