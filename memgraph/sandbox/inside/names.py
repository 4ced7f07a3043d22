"""What the names in tests stand for: the program's functions, imports that it shares with the tests, Python's own."""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
import types
from typing import Any

_BUILT_IN = frozenset(dir(builtins))
# tests that reach into the program's interpreter: what it prints, its modules, its frames
_REACHING_IN = {"redirect_stdout", "redirect_stderr", "patch", "monkeypatch", "capsys", "mock_open", "MonkeyPatch"}
_STREAMS = {"stdout", "stderr", "stdin", "argv"}


def asked_of_program(tests: ast.Module) -> list[str]:
    """Names that the tests use and nowhere bind, sorted."""
    used = {node.id for node in ast.walk(tests) if isinstance(node, ast.Name)}
    bound: set[str] = set()
    for node in ast.walk(tests):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).partition(".")[0])
    return sorted(used - bound)


def of_program(offered: dict[str, Any]) -> dict[str, Any]:
    """Of what the program offers under the names that the tests use, what they shall get.

    Names of Python's own functions and modules stay Python's, unless the program offers nothing else: a task may ask for
    a function `sum`, but no program may replace the `abs` or the `math` with which tests compare.
    """
    own = {name: value for name, value in offered.items() if name not in _BUILT_IN | sys.stdlib_module_names}
    if not own:
        return offered
    modules = {name: _import(name) for name in offered if name not in own and name not in _BUILT_IN}
    return {**own, **modules}


def shared_imports(program: str, names: set[str]) -> dict[str, Any]:
    """Names that the program imports from the standard library under their own name, imported here once more.

    Tests rely on what a prompt imports (`math`, `Counter`); the program's copy may be changed, this one is not.
    """
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                if alias.asname is None and top in names and _import(alias.name) is not None:
                    found[top] = sys.modules[top]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            wanted = {alias.name for alias in node.names if alias.asname in (None, alias.name)}
            wanted = names if "*" in wanted else wanted & names
            module = _import(node.module) if wanted else None
            public = getattr(module, "__all__", dir(module))
            found.update({name: getattr(module, name) for name in wanted & set(public) if hasattr(module, name)})
    return {name: value for name, value in found.items() if name not in _BUILT_IN}


def _import(name: str) -> Any:
    if name.partition(".")[0] not in sys.stdlib_module_names:
        return None
    try:
        return importlib.import_module(name)
    except Exception:
        return None


def reach_in(tests: ast.Module) -> str | None:
    """What in the tests needs the program in their own interpreter; None if nothing does."""
    for node in ast.walk(tests):
        if isinstance(node, ast.Name) and node.id in _REACHING_IN:
            return node.id
        if isinstance(node, ast.Attribute):
            if node.attr in _REACHING_IN:
                return node.attr
            if node.attr in _STREAMS and isinstance(node.value, ast.Name) and node.value.id == "sys":
                return f"sys.{node.attr}"
    return None


def run_collected(namespace: dict[str, Any]) -> None:
    """Run what pytest would: test functions without parameters, and unittest's cases.

    Raises:
        Exception: of the first test that fails.
    """
    unittest = sys.modules.get("unittest")
    for name, value in list(namespace.items()):
        if type(value) is types.FunctionType and name.startswith("test") and not value.__code__.co_argcount:
            value()
        elif unittest is not None and type(value) is type and issubclass(value, unittest.TestCase):
            suite = unittest.defaultTestLoader.loadTestsFromTestCase(value)
            suite.debug()
