"""What tests use of pytest, where pytest itself is not to be had."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any


class Skipped(Exception):
    """The tests skip a test."""


class Failed(AssertionError):
    """The tests fail a test."""


class CannotRun(Exception):
    """The tests need something that is not there, whatever the program."""


class _Raises:
    def __init__(self, kinds: Any, match: str | None) -> None:
        self._kinds, self._match = kinds, match
        self.value: Any = None
        self.type: Any = None

    def __enter__(self) -> _Raises:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if kind is None:
            raise Failed(f"did not raise {self._kinds}")
        if not issubclass(kind, self._kinds):
            return False
        self.value, self.type = error, kind
        if self._match is not None and not re.search(self._match, str(error)):
            raise Failed(f"the message does not match {self._match!r}")
        return True


def raises(expected_exception: Any, *arguments: Any, match: str | None = None, **named: Any) -> Any:
    """As a context, or called with a function and its arguments."""
    context = _Raises(expected_exception, match)
    if not arguments:
        return context
    with context:
        arguments[0](*arguments[1:], **named)
    return context


class approx:  # noqa: N801 (pytest's name)
    """Equal to numbers, and collections of them, within a tolerance."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, expected: Any, rel: float | None = None, abs: float | None = None, nan_ok: bool = False) -> None:
        self._expected, self._relative, self._absolute, self._nan = expected, rel, abs, nan_ok

    def __eq__(self, actual: Any) -> bool:
        return self._near(self._expected, actual)

    def __repr__(self) -> str:
        return f"approx({self._expected!r})"

    def _near(self, expected: Any, actual: Any) -> bool:
        if isinstance(expected, Mapping):
            return (
                isinstance(actual, Mapping)
                and set(expected) == set(actual)
                and all(self._near(value, actual[key]) for key, value in expected.items())
            )
        if hasattr(expected, "tolist"):
            expected = expected.tolist()
        if hasattr(actual, "tolist"):
            actual = actual.tolist()
        if isinstance(expected, list | tuple):
            return (
                isinstance(actual, list | tuple)
                and len(actual) == len(expected)
                and all(self._near(one, other) for one, other in zip(expected, actual, strict=True))
            )
        if not isinstance(expected, int | float | complex) or isinstance(expected, bool):
            return bool(expected == actual)
        try:
            if expected == actual:
                return True
            if math.isnan(abs(expected)) or math.isnan(abs(actual)):
                return self._nan and math.isnan(abs(expected)) and math.isnan(abs(actual))
            if math.isinf(abs(expected)) or math.isinf(abs(actual)):
                return False
            default = 1e-6 if self._absolute is None else 0.0
            relative = (default if self._relative is None else self._relative) * abs(expected)
            return bool(abs(expected - actual) <= max(relative, 1e-12 if self._absolute is None else self._absolute))
        except (TypeError, OverflowError):
            return False


class _Mark:
    """`pytest.mark.NAME`, with or without arguments."""

    def __init__(self, name: str, arguments: tuple[Any, ...] = (), named: Mapping[str, Any] | None = None) -> None:
        self.name, self.args, self.kwargs = name, arguments, dict(named or {})

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        plain = len(arguments) == 1 and not named and isinstance(arguments[0], types.FunctionType | type)
        if not plain:
            return _Mark(self.name, arguments, named)
        arguments[0].pytestmark = [*_of(arguments[0]), self]
        return arguments[0]


def _of(target: Any) -> list[_Mark]:
    marks = vars(target).get("pytestmark", [])
    return list(marks) if isinstance(marks, list | tuple) else [marks]


class _Marks:
    def __getattr__(self, name: str) -> _Mark:
        return _Mark(name)


class _Param:
    def __init__(self, values: tuple[Any, ...], marks: Any) -> None:
        self.values = values
        self.marks = list(marks) if isinstance(marks, list | tuple) else [marks]


def param(*values: Any, marks: Any = (), id: Any = None) -> Any:
    """One set of values for `parametrize`."""
    return _Param(values, marks)


class Fixture:
    """A function that makes an argument of tests."""

    def __init__(self, function: Callable[..., Any], name: str | None, autouse: bool, params: Any) -> None:
        self.function, self.name, self.autouse, self.params = function, name or function.__name__, autouse, params


def fixture(function: Any = None, *, scope: Any = None, params: Any = None, autouse: bool = False, **named: Any) -> Any:
    """As pytest's; every test gets a fresh one, whatever the scope."""
    if function is None:
        return lambda given: Fixture(given, named.get("name"), autouse, params)
    return Fixture(function, None, False, None)


def skip(reason: str = "", **_: Any) -> None:
    """Leave the test out."""
    raise Skipped(reason)


def fail(reason: str = "", **_: Any) -> None:
    """Let the test fail."""
    raise Failed(reason)


def main(*_: Any, **__: Any) -> int:
    """Tests are collected anyway."""
    return 0


def skipped(target: Any) -> bool:
    """Whether marks say that it is not to be run, or that it may fail."""
    for mark in _of(target):
        if mark.name == "skip" or (mark.name in ("skipif", "xfail") and (not mark.args or bool(mark.args[0]))):
            return True
    return False


def parameter_sets(targets: Iterable[Any]) -> list[dict[str, Any]]:
    """Named arguments for each run of a test that `parametrize` multiplies.

    Args:
        targets: the function and the class that it belongs to.

    Raises:
        CannotRun: where a fixture would take the values.
    """
    combined: list[dict[str, Any]] = [{}]
    for mark in (mark for target in targets for mark in _of(target)):
        if mark.name != "parametrize":
            continue
        given = {**dict(zip(("argnames", "argvalues"), mark.args, strict=False)), **mark.kwargs}
        if given.get("indirect"):
            raise CannotRun("parametrize with indirect fixtures")
        names = given["argnames"]
        names = [name.strip() for name in names.split(",") if name.strip()] if isinstance(names, str) else list(names)
        sets = [_named(names, values) for values in given["argvalues"]]
        combined = [{**one, **other} for one in combined for other in sets if other is not None]
    return combined


def _named(names: list[str], values: Any) -> dict[str, Any] | None:
    if isinstance(values, _Param):
        if any(mark.name in ("skip", "skipif", "xfail") for mark in values.marks):
            return None
        values = values.values
    elif len(names) == 1:
        values = (values,)
    return dict(zip(names, values, strict=True))


def module() -> types.ModuleType:
    """The stand-in under pytest's names; what it lacks raises `CannotRun`."""
    made = types.ModuleType("pytest")
    for name in ("raises", "approx", "param", "fixture", "skip", "fail", "main"):
        setattr(made, name, globals()[name])
    made.mark = _Marks()  # type: ignore[attr-defined]

    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise CannotRun(f"the tests use pytest.{name}")

    made.__getattr__ = missing  # type: ignore[method-assign]
    return made
