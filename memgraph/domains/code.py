"""Programs: equal where their syntax is, right where the tests pass, which they never see."""

from __future__ import annotations

import ast
import os
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from memgraph.domains.domain import MISSING, Domain, Item, Kind, NormalAnswer, Reading, Verdict
from memgraph.domains.program_tests import NoTests, read_tests
from memgraph.domains.programs import program
from memgraph.domains.thinking import split_thinking
from memgraph.errors import SandboxError
from memgraph.sandbox import (
    Limits,
    PythonTests,
    SandboxResult,
    StreamTests,
    Tests,
    libraries,
    look_at_tests,
    run_python,
)

_LONGEST_PARSED = 50_000
_MOST_KEPT = 1024  # what tests do by themselves, by their text
_MOST_IMPORTS = 200  # of a prompt
# a program that looks at its own text, whose comments and docstrings count then
_REFLECTS = re.compile(r"__doc__|getdoc|doctest|\bhelp\b|inspect|lineno|__code__|\bco_|linecache|traceback|__file__")
_IMPORT = re.compile(r"^[ \t]*(?:>>>[ \t]*)?((?:import|from)[ \t]+[\w.]+[^\n]*)$", re.MULTILINE)
_EMPTY_BLOCK = re.compile(r"^[ \t]*(`{3,}|~{3,})[^`\n]*\n\s*\1[ \t]*$", re.MULTILINE)
_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(", re.MULTILINE)


class Code(Domain):
    """Programs in Python, judged by the tests of their query, in the sandbox.

    A program that fails, leaves, takes too long or too much gets 0. None is for tests that judge nobody, whatever the
    program: they need what is not there, fail by themselves or ask the program nothing. That is seen with a stub in the
    program's place, so a program has no part in it.

    Args:
        limits: of one run; for tests of printed output of each input.
        libraries: installed packages that programs and tests may import beside Python's own, by their import names. Each
            has to be named by itself, those that others need, too.
        partial: whether the score is the share of the tests that pass; else 1 for all and 0 for fewer.
        workers: programs run side by side, by default one for each core.
    """

    name: ClassVar[str] = "code"
    version: ClassVar[str] = "3"
    kind: ClassVar[Kind] = "program"

    def __init__(
        self,
        *,
        limits: Limits = Limits(seconds=10.0, cpu_seconds=8),  # noqa: B008 (frozen)
        libraries: Sequence[str] = ("numpy",),
        partial: bool = False,
        workers: int | None = None,
    ) -> None:
        self.limits = limits
        self.libraries = tuple(libraries)
        self.partial = partial
        self.workers = workers
        self._looks: OrderedDict[PythonTests, SandboxResult] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_looks": OrderedDict(), "_lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        """Thinking, and the program of what comes after it; where none is marked, it is what is said beside the program."""
        thinking, rest = split_thinking(response, opened=thinking_opened)
        if rest is None:
            return Reading(thinking, None)
        written = program(rest)
        beside = rest if written is None else _EMPTY_BLOCK.sub("", rest.replace(written, ""))
        return Reading(thinking or beside.strip(), written)

    def key(self, answer: str | None, *, query: str | None = None) -> NormalAnswer:
        """The program's syntax without comments and docstrings; its text, if it is none or looks at its own text."""
        if answer is None or not answer.strip():
            return MISSING
        value = _form(answer)
        return NormalAnswer(value, bool(value))

    def classes(self, answers: Sequence[str], *, query: str | None = None, seconds: float = 1.0) -> list[int]:
        """Programs are equal where their keys are."""
        numbers: dict[NormalAnswer, int] = {}
        return [numbers.setdefault(self.key(answer, query=query), len(numbers)) for answer in answers]

    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        """Run the tests on each program; programs with a gold program and no tests are compared by their keys."""
        with ThreadPoolExecutor(self.workers or os.cpu_count() or 1) as pool:
            return list(pool.map(self._verdict, items))

    def _verdict(self, item: Item) -> Verdict:
        if item.reference.kind == "gold":
            return self._compared(item)
        try:
            tests = _for_query(read_tests(item.reference.value), item.query)
        except NoTests as error:
            return Verdict(None, str(error))
        missing = self._missing(item.query or "")
        if missing is not None:
            return Verdict(None, f"the prompt imports {missing}, which is not there; allow it in `libraries`")
        try:
            return self._tested(item, tests)
        except SandboxError as error:
            return Verdict(None, str(error))

    def _compared(self, item: Item) -> Verdict:
        golds = [gold for text in item.reference.accepted if (gold := program(text) or text).strip()]
        if not golds:
            return Verdict(None, "the gold program is blank")
        if not any(_tree(gold) is not None for gold in golds):
            return Verdict(None, "the gold program is no Python that can be read")
        mine = self.key(item.answer, query=item.query)
        if not mine.valid:
            return Verdict(0.0, "no answer")
        same = any(mine == self.key(gold) for gold in golds)
        return Verdict(1.0, "the gold program") if same else Verdict(0.0, "not the gold program")

    def _tested(self, item: Item, tests: Tests) -> Verdict:
        look = self._look(tests) if isinstance(tests, PythonTests) else None
        if look is not None and look.status == "unsupported":
            return Verdict(None, look.reason)
        if item.answer is None or not self.key(item.answer).valid:
            return Verdict(0.0, "no answer")
        shown = libraries(self.libraries)
        result = run_python(item.answer, tests=tests, limits=self.limits, libraries=shown, every=self.partial)
        if result.status == "ok":
            return Verdict(1.0, result.reason)
        score = 0.0
        if self.partial:
            total = max(result.total, look.total if look is not None else _number(tests), 1)
            score = min(result.passed / total, 1 - 1 / (total + 1))  # not all, as the run as a whole failed
        return Verdict(score, f"tests not passed: {result.status}, {result.reason}")

    def _look(self, tests: PythonTests) -> SandboxResult:
        """What tests do by themselves, from memory where they were looked at before."""
        with self._lock:
            kept = self._looks.get(tests)
            if kept is not None:
                self._looks.move_to_end(tests)
                return kept
        look = look_at_tests(tests, limits=self.limits, libraries=libraries(self.libraries))
        with self._lock:
            self._looks[tests] = look
            while len(self._looks) > _MOST_KEPT:
                self._looks.popitem(last=False)
        return look

    def _missing(self, query: str) -> str | None:
        """A module that the prompt imports and that programs cannot."""
        there = {library.name for library in libraries(self.libraries)} | sys.stdlib_module_names
        return next((name for line in _imports(query) for name in _tops(line) if name not in there), None)


def _number(tests: Tests) -> int:
    if isinstance(tests, PythonTests):
        return 1
    return len(tests.streams) if isinstance(tests, StreamTests) else len(tests.calls)


def _for_query(tests: Tests, query: str | None) -> Tests:
    """Tests with what the query says for them: the function that is asked for, and imports that tests rely on."""
    if not isinstance(tests, PythonTests) or not query:
        return tests
    defined = _DEFINITION.findall(query)
    imports = "\n".join(
        line for line in _imports(query) if all(name in sys.stdlib_module_names for name in _tops(line))
    )
    setup = "\n".join(part for part in (imports, tests.setup) if part)
    return replace(tests, entry_point=tests.entry_point or (defined[-1] if defined else None), setup=setup)


def _imports(query: str) -> list[str]:
    """Statements of import that stand on lines of their own in a prompt."""
    return [match[1] for match in islice(_IMPORT.finditer(query), _MOST_IMPORTS) if _tops(match[1])]


def _tops(line: str) -> list[str]:
    """Top names of the modules that a statement imports; none where the line is no such statement."""
    tree = _tree(line)
    if tree is None or len(tree.body) != 1:
        return []
    (node,) = tree.body
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return (
        [node.module.partition(".")[0]] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
    )


def _tree(text: str) -> ast.Module | None:
    if len(text) > _LONGEST_PARSED:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _form(answer: str) -> str:
    text = answer.replace("\r\n", "\n").strip("\n").rstrip()  # the first line's indent stays: it decides what is Python
    tree = None if _REFLECTS.search(text) else _tree(text)
    if tree is None:
        return text
    for node in ast.walk(tree):
        _drop_docstring(node)
    try:
        return ast.unparse(tree)
    except (ValueError, RecursionError, MemoryError):
        return text


def _drop_docstring(node: ast.AST) -> None:
    """Remove the docstring of a function, class or module, leaving `pass` where nothing else is in it."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
        return
    while node.body and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
    if not node.body and not isinstance(node, ast.Module):
        node.body = [ast.Pass()]
