"""What of tests is to be run beside their module-level code, as pytest and unittest would collect it."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from .pytest_stand_in import CannotRun, Fixture, parameter_sets, skipped

_CANDIDATE = "candidate"


class Unit:
    """One test; `run` raises where it fails."""

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: Callable[[], Any]) -> None:
        self.name, self.run = name, run


def units(namespace: dict[str, Any], tests: ast.Module, entry_point: str | None) -> list[Unit]:
    """The tests that the module-level code defines, in its order.

    Raises:
        CannotRun: if one of them cannot be run: it wants fixtures that are not there, or `check` a function that nobody
            names.
    """
    used = {node.id for node in ast.walk(tests) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    fixtures = {item.name: item for item in namespace.values() if isinstance(item, Fixture)}
    collected: list[Unit] = []
    for name, value in list(namespace.items()):
        if isinstance(value, type) and value.__module__ == "__main__":
            collected += _of_class(value, namespace, fixtures)
        elif isinstance(value, types.FunctionType) and value.__module__ == "__main__":
            if name not in used and _is_check(name, value):
                collected.append(_checking(name, value, namespace, entry_point))
            elif name.startswith("test") and not skipped(value):
                collected += _of_function(name, value, namespace, fixtures, helper=name in used)
    return collected


def _is_check(name: str, function: types.FunctionType) -> bool:
    wanted = _wanted(function)
    return (name == "check" and len(wanted) == 1) or wanted == [_CANDIDATE]


def _checking(name: str, check: Callable[[Any], Any], namespace: dict[str, Any], entry_point: str | None) -> Unit:
    if entry_point is None:
        raise CannotRun(f"`{name}` is never called, and no entry point is named")

    def run() -> None:
        if entry_point not in namespace:
            raise NameError(f"name '{entry_point}' is not defined")
        _finish(check(namespace[entry_point]))

    return Unit(name, run)


def _of_function(
    name: str, function: Any, namespace: dict[str, Any], fixtures: dict[str, Fixture], *, helper: bool
) -> Iterator[Unit]:
    sets = parameter_sets([function])
    missing = [
        argument
        for argument in _wanted(function)
        if argument not in fixtures and not all(argument in given for given in sets)
    ]
    if missing:
        if helper:  # called by the tests themselves
            return
        raise CannotRun(f"`{name}` wants {', '.join(missing)}, which no fixture makes")
    for given in sets:
        yield Unit(name, partial(_run_function, function, given, namespace, fixtures))


def _run_function(
    function: Any, given: dict[str, Any], namespace: dict[str, Any], fixtures: dict[str, Fixture]
) -> None:
    with ExitStack() as after:
        _call(namespace.get("setup_function"), function)
        if "teardown_function" in namespace:
            after.callback(_call, namespace["teardown_function"], function)
        arguments = _made(function, given, fixtures, after, ())
        _finish(function(**arguments))


def _of_class(kind: type, namespace: dict[str, Any], fixtures: dict[str, Fixture]) -> Iterator[Unit]:
    unittest = sys.modules.get("unittest")
    if unittest is not None and issubclass(kind, unittest.TestCase):
        if not vars(kind).get("__unittest_skip__"):
            for case in unittest.defaultTestLoader.loadTestsFromTestCase(kind):
                method = getattr(case, case._testMethodName)
                if not (
                    getattr(method, "__unittest_skip__", False)
                    or getattr(method, "__unittest_expecting_failure__", False)
                ):
                    suite = unittest.TestSuite([case])
                    yield Unit(case._testMethodName, suite.debug)
        return
    if not kind.__name__.startswith("Test") or "__init__" in vars(kind) or skipped(kind):
        return
    own = {**fixtures, **{item.name: item for item in vars(kind).values() if isinstance(item, Fixture)}}
    for name in dir(kind):
        member = next(vars(base)[name] for base in kind.__mro__ if name in vars(base))
        function = member.__func__ if isinstance(member, staticmethod | classmethod) else member
        if not name.startswith("test") or not isinstance(function, types.FunctionType) or skipped(function):
            continue
        sets = parameter_sets([kind, function])
        bound = isinstance(member, staticmethod)
        wanted = _wanted(function)[0 if bound else 1 :]
        missing = [
            argument for argument in wanted if argument not in own and not all(argument in given for given in sets)
        ]
        if missing:
            raise CannotRun(f"`{name}` wants {', '.join(missing)}, which no fixture makes")
        for given in sets:
            yield Unit(name, partial(_run_method, kind, name, given, own))


def _run_method(kind: type, name: str, given: dict[str, Any], fixtures: dict[str, Fixture]) -> None:
    case = kind()
    method = getattr(case, name)
    with ExitStack() as after:
        for start, end, argument in (
            ("setup_class", "teardown_class", None),
            ("setup_method", "teardown_method", method),
            ("setup", "teardown", None),
        ):
            if end in dir(kind):
                after.callback(_call, getattr(case, end), argument)
            _call(getattr(case, start, None), argument)
        arguments = _made(method, given, fixtures, after, (case,))
        _finish(method(**arguments))


def _made(function: Any, given: dict[str, Any], fixtures: dict[str, Fixture], after: ExitStack, owner: Any) -> Any:
    """Arguments of a test: parameters, and what fixtures make."""
    made: dict[str, Any] = {}
    for fixture in fixtures.values():
        if fixture.autouse:
            _make(fixture, fixtures, after, owner, made, ())
    arguments = dict(given)
    for name in _wanted(function):
        if name not in arguments:
            arguments[name] = _make(fixtures[name], fixtures, after, owner, made, ())
    return arguments


def _make(
    fixture: Fixture,
    fixtures: dict[str, Fixture],
    after: ExitStack,
    owner: Any,
    made: dict[str, Any],
    above: tuple[str, ...],
) -> Any:
    if fixture.name in made:
        return made[fixture.name]
    wanted = _wanted(fixture.function)
    own = owner if wanted[:1] == ["self"] else ()
    arguments = {}
    for name in wanted[len(own) :]:
        if name not in fixtures or name in above or fixture.params:
            raise CannotRun(f"the fixture `{fixture.name}` wants {name}")
        arguments[name] = _make(fixtures[name], fixtures, after, owner, made, (*above, fixture.name))
    if fixture.params:
        raise CannotRun(f"the fixture `{fixture.name}` has parameters")
    value = fixture.function(*own, **arguments)
    if isinstance(value, types.GeneratorType):
        rest = value
        value = next(rest)
        after.callback(lambda: next(rest, None))
    elif isinstance(value, types.CoroutineType | types.AsyncGeneratorType):
        raise CannotRun(f"the fixture `{fixture.name}` is asynchronous")
    made[fixture.name] = value
    return value


def _wanted(function: Any) -> list[str]:
    """Parameters without a default; of a bound method without the first."""
    bound = isinstance(function, types.MethodType)
    function = function.__func__ if bound else function
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if not isinstance(function, types.FunctionType):
        return []
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount - len(defaults)]
    keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    given = function.__kwdefaults__ or {}
    return [*names[1 if bound else 0 :], *(name for name in keywords if name not in given)]


def _call(function: Any, argument: Any) -> None:
    """Call a function for setting up or tearing down, with the test where it takes one."""
    if function is None:
        return
    _finish(function(argument) if argument is not None and _wanted(function) else function())


def _finish(value: Any) -> None:
    """Run what an asynchronous test returned."""
    if isinstance(value, types.CoroutineType):
        import asyncio

        asyncio.run(value)
