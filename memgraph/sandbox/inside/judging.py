"""The tests' end: waits for the program, runs the tests on what it offers, writes the verdict and ends."""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from . import collect, fence, names, pytest_stand_in, streams, stub
from .peer import Peer
from .pytest_stand_in import CannotRun, Skipped
from .remote import Remote

_FAILURES = ("exit", "error", "memory")
_STUB_SECONDS = 1.5
NOT_STARTED = "not started"  # a status: nothing of the program has run, so that it says nothing about it
_UNIT = "__unit__"


def report(result_fd: int, status: str, reason: str, force: list[str], passed: int = 0, total: int = 0) -> None:
    """Write a verdict, on one line."""
    document = {"status": status, "reason": reason, "isolation": force, "passed": passed, "total": total}
    os.write(result_fd, json.dumps(document).encode() + b"\n")


class Judging:
    """Tests of one program.

    Args:
        program: its process, 0 where a stub stands in for it.
        every: whether to go on after a test that fails, to count those that pass.
    """

    def __init__(self, program: int, result_fd: int, incoming: int, outgoing: int, *, every: bool) -> None:
        self._program = program
        self._result_fd = result_fd
        self._every = every
        self._passed = self._total = 0
        self._failed: tuple[str, str] | None = None
        self._force: list[str] | None = None  # until the program's side says what is in force, and begins
        self._peer = Peer(incoming, outgoing, trusting=False, end=self._end)

    def run(self, program: str, tests: dict[str, Any]) -> NoReturn:
        """Judge."""
        if tests["kind"] == "streams":
            self._total = len(tests["streams"])
            self._passed, status, reason = streams.judge(
                self._peer, tests["streams"], every=self._every, on_begin=self._begun
            )
            self._end(status, reason or "all outputs are right")
        self._begun(self._peer.receive()["isolation"])
        failure = self._peer.receive()
        if failure:  # as the program's side has it, where a program may write what it likes: never "ok"
            status = failure.get("status")
            self._end(status if status in _FAILURES else "error", str(failure.get("reason"))[:200])
        if tests["kind"] == "none":
            self._end("ok", "the program came to its end")
        if tests["kind"] == "calls":
            self._calls(tests["name"], tests["calls"])
        self._python(program, tests)

    def look(self, tests: dict[str, Any], force: list[str]) -> NoReturn:
        """Run the tests on a stub: "ok" if they run and ask it something, else "unsupported" with the reason."""
        self._begun(force)
        try:
            self._look(tests)
        except _FailBySelf as error:
            self._end("unsupported", str(error))

    def _look(self, tests: dict[str, Any]) -> NoReturn:
        self._peer = double = stub.Stub(self._end)
        tree = self._tree(tests)
        missing = names.missing_import(tree)
        if missing is not None:
            self._end("unsupported", f"the tests import {missing}, which is not there")
        time.sleep = lambda _: None
        signal.signal(signal.SIGVTALRM, stub.never)
        wanted = names.Wanted(tree, self._entry_point(tree, tests))
        try:
            asked = self._look_once(tree, tests, wanted.program, wanted, double)
        except _FailBySelf:  # or they mean a `sum` of the program's, with which Python's does not do
            if not wanted.built_in:
                raise
            asked = self._look_once(tree, tests, wanted.built_in, wanted, double)
        if not asked:
            self._end("unsupported", "the tests ask the program nothing")
        self._end("ok", "the tests ask the program")

    def _look_once(
        self, tree: ast.Module, tests: dict[str, Any], offered: list[str], wanted: names.Wanted, double: stub.Stub
    ) -> bool:
        """Whether the tests ask for anything under these names; ends it where they fail by themselves."""
        stand_ins = double.of_names(offered, stub.exceptions_in(tree))
        agreeing = ast.fix_missing_locations(stub.Agreeing().visit(ast.parse(ast.unparse(tree))))
        signal.setitimer(signal.ITIMER_VIRTUAL, _STUB_SECONDS)
        try:
            self._total = _in_units(ast.parse(ast.unparse(tree)))
            self._alone(
                double,
                lambda: self._load(agreeing, tests, {**names.of_python(wanted.python), **stand_ins, **double.tools()}),
            )
            for unit in self._units(tree, tests):
                self._total += 1
                self._alone(double, unit.run)
        except stub.Enough:
            return True
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return double.calls > 0

    def _alone(self, double: stub.Stub, run: Callable[[], Any]) -> None:
        """Run one test; what it raises before it has asked anything, or for want of files, is its own doing."""
        double.begin()
        try:
            run()
        except CannotRun as error:
            self._end("unsupported", str(error))
        except (ImportError, OSError) as error:
            self._end("unsupported", f"the tests fail by themselves: {type(error).__name__}: {error}")
        except Exception as error:
            if not double.asked and not _is_skip(error):
                raise _FailBySelf(f"the tests fail by themselves: {type(error).__name__}: {error}") from None
        except SystemExit:
            pass

    def _tree(self, tests: dict[str, Any]) -> ast.Module:
        """Setup and tests, parsed, if they can be run at all."""
        try:
            tree = ast.parse(str(tests["text"]))
            if tests["setup"]:
                tree.body[:0] = ast.parse(tests["setup"]).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self._end("unsupported", f"the tests are no Python: {error}")
        reason = names.reach_in(tree)
        if reason is not None:
            self._end("unsupported", f"the tests use {reason}")
        return tree

    @staticmethod
    def _entry_point(tree: ast.Module, tests: dict[str, Any]) -> str | None:
        point = names.entry_point_in(tree) or tests["entry_point"]
        return point if isinstance(point, str) and point.isidentifier() else None

    def _load(self, tree: ast.Module, tests: dict[str, Any], offered: dict[str, Any]) -> None:
        """Run the module-level code of tests."""
        sys.modules.setdefault("pytest", pytest_stand_in.module())
        names.show_program_modules(offered)
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        vars(module).update(offered, __file__="tests.py")
        if _uses(tree, "unittest"):
            import unittest

            unittest.main = unittest.TestProgram = lambda *_, **__: None  # type: ignore[misc, assignment]
        if _uses(tree, "asyncio"):
            _let_loops_run_remotes()
        with suppress(_LeftWell):
            try:
                exec(compile(tree, "<tests>", "exec"), vars(module))
            except SystemExit as error:
                if error.code in (None, 0, False):
                    raise _LeftWell from None
                raise

    def _units(self, tree: ast.Module, tests: dict[str, Any]) -> Sequence[collect.Unit]:
        try:
            return collect.units(vars(sys.modules["__main__"]), tree, self._entry_point(tree, tests))
        except CannotRun as error:
            self._end("unsupported", str(error))

    def _python(self, program: str, tests: dict[str, Any]) -> NoReturn:
        tree = self._tree(tests)
        wanted = names.Wanted(tree, self._entry_point(tree, tests))
        asked = wanted.program or wanted.built_in
        offered = {
            **names.of_python(wanted.python),
            **self._offered(asked),
            **names.shared_imports(program, set(wanted.program)),
        }
        if not set(asked) & set(offered):
            self._end("error", "the program defines nothing that the tests use")
        if self._every:
            self._total = _in_units(tree)
            vars(sys.modules["builtins"])[_UNIT] = self._unit
        whole = self._attempt(lambda: self._load(tree, tests, offered))
        units = self._units(tree, tests) if whole or self._every else []
        for unit in units:
            passed = self._attempt(unit.run)
            self._total += passed is not None
            self._passed += passed is True
            if self._failed and not self._every:
                break
        if self._every and not self._total:
            self._total, self._passed = 1, int(whole is True)
        if self._failed is None and (whole is None or (units and not self._total and not self._peer.calls)):
            self._failed = ("error", "no test ran")
        self._end(*(self._failed or ("ok", "all tests passed")))

    def _attempt(self, run: Callable[[], Any]) -> bool | None:
        """Whether a test passes, the first failure being kept; None if the tests leave it out, whatever the program."""
        before = self._peer.calls
        try:
            run()
        except BaseException as error:
            if _is_skip(error) and self._peer.calls == before:
                return None
            status = "memory" if isinstance(error, MemoryError) else "error"
            self._failed = self._failed or (status, f"{type(error).__name__}{_line(error)}")
            return False
        return True

    def _unit(self) -> _Unit:
        return _Unit(self)

    def _offered(self, wanted: Sequence[str]) -> dict[str, Any]:
        """What the program has under these names."""
        self._peer.send({"names": list(wanted)})
        offered = self._peer.receive().get("offered")
        if not isinstance(offered, dict) or not set(offered) <= set(wanted):
            self._end("error", "the program broke into the exchange with its tests")
        return {name: self._peer.decode(data) for name, data in offered.items()}

    def _calls(self, name: str, calls: list[dict[str, Any]]) -> NoReturn:
        """Call a function, or a method of `Solution`, and compare what it returns."""
        self._total = len(calls)
        offered = self._offered([name, "Solution"])
        for number, call in enumerate(calls, 1):
            try:
                function = offered.get(name)
                if function is None:
                    if "Solution" not in offered:
                        self._end("error", f"the program defines no {name}")
                    function = getattr(offered["Solution"](), name)
                right = _same(function(*call["arguments"]), call["expected"])
                reason = "another value"
            except BaseException as error:
                right, reason = False, type(error).__name__
            self._passed += right
            if not right:
                self._failed = self._failed or ("error", f"{reason} on input {number} of {len(calls)}")
                if not self._every:
                    break
        self._end(*(self._failed or ("ok", "all values are right")))

    def _begun(self, force: list[str]) -> None:
        """The program's side is closed in, and begins: from here on, its end is its own doing."""
        if self._force is None:
            self._force = [str(wall) for wall in force]
            report(self._result_fd, "begun", "", self._force)

    def _end(self, status: str, reason: str) -> NoReturn:
        """Write the verdict. A program that is gone is asked how it went."""
        if status == "exit" and self._program:
            _, how = os.waitpid(self._program, 0)
            if self._force is None:
                status, reason = NOT_STARTED, f"the program's interpreter could not be closed in (ended with {how})"
            elif os.WIFSIGNALED(how):
                status, reason = "killed", f"the program was ended by signal {os.WTERMSIG(how)}"
            elif os.WEXITSTATUS(how) == fence.CPU_TIME_OVER:
                status, reason = "timeout", "the program used up its processor time"
        report(self._result_fd, status, reason, self._force or [], self._passed, self._total)
        os._exit(0)


def _is_skip(error: BaseException) -> bool:
    return isinstance(error, Skipped) or (type(error).__module__, type(error).__name__) == ("unittest.case", "SkipTest")


class _FailBySelf(Exception):
    """What tests raised before they had asked anything."""


class _LeftWell(Exception):
    """The tests' module-level code was left without a failure."""


class _Unit:
    """Around an assert that counts on its own."""

    def __init__(self, judging: Judging) -> None:
        self._judging = judging

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if kind is None:
            self._judging._passed += 1
        elif issubclass(kind, Exception):
            self._judging._failed = self._judging._failed or ("error", f"{kind.__name__}{_line(error)}")
        return kind is not None and issubclass(kind, Exception)


def _in_units(tree: ast.Module) -> int:
    """Let each assert of the module and of `check` count on its own; how many there are."""
    count = 0
    checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    owners: list[ast.Module | ast.FunctionDef] = [tree, *checks]
    for owner in owners:
        for place, node in enumerate(owner.body):
            if isinstance(node, ast.Assert):
                item = ast.withitem(ast.Call(ast.Name(_UNIT, ast.Load()), [], []))
                owner.body[place] = ast.copy_location(ast.With([item], [node]), node)
                count += 1
    ast.fix_missing_locations(tree)
    return count


def _uses(tree: ast.Module, module: str) -> bool:
    return any(
        (isinstance(node, ast.alias) and node.name.partition(".")[0] == module)
        or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == module)
        for node in ast.walk(tree)
    )


def _let_loops_run_remotes() -> None:
    """`asyncio.run` takes coroutines only, and those of the program stay there."""
    import asyncio

    run = asyncio.run

    def run_any(main: Any, **named: Any) -> Any:
        async def value() -> Any:
            return await main

        return run(value() if type(main) in (Remote, stub.Anything) else main, **named)

    asyncio.run = run_any


def _same(value: Any, expected: Any) -> bool:
    """Equal as data of JSON; an expected value may stand in a list of one."""
    value = _as_json(value)
    expected = _as_json(expected)
    if value == expected and isinstance(value, bool) == isinstance(expected, bool):
        return True
    return isinstance(expected, list) and len(expected) == 1 and bool(value == expected[0])


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    return value


def _line(error: BaseException) -> str:
    """Where in the tests; not what stands there, for they are hidden."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" in line {line} of the tests" if line else ""
