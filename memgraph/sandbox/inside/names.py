"""What the names in tests stand for: the program's functions, what tests may share with it, Python's own.

Only the tests decide, never the program: a name that stands for Python's own does so whatever the program defines.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import sys
import types
from typing import Any

_BUILT_IN = frozenset((*dir(builtins), "exit", "quit"))
# tests that reach into the program's interpreter: what it prints, its modules, its source
_REACHING_IN = {"redirect_stdout", "redirect_stderr", "patch", "monkeypatch", "capsys", "mock_open", "MonkeyPatch"}
_OF_SOURCE = {"getsource", "getsourcelines", "getfullargspec", "getargspec", "signature", "getmembers", "getmodule"}
_OF_OBJECTS = {"__class__", "__dict__", "__code__", "__mro__", "__bases__", "__globals__", "__annotations__"}
_STREAMS = {"stdout", "stderr", "stdin", "argv"}
_OF_FILES = {"exists", "isfile", "isdir", "listdir", "remove", "makedirs", "mkdir", "unlink", "getsize"}
# modules under which tests import the program
PROGRAM_MODULES = frozenset(
    [
        "solution",
        "solutions",
        "main",
        "program",
        "submission",
        "candidate",
        "answer",
        "your_module",
        "your_solution",
        "my_module",
        "my_solution",
        "your_code",
        "student",
        "student_solution",
        "module",
        "task",
        "implementation",
    ]
)
# modules that importing does nothing but define, so that a program's import of them may be repeated for the tests
_SHARED = frozenset(
    [
        "abc",
        "array",
        "ast",
        "base64",
        "binascii",
        "bisect",
        "calendar",
        "cmath",
        "collections",
        "collections.abc",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
        "io",
        "itertools",
        "json",
        "keyword",
        "math",
        "numbers",
        "operator",
        "os",
        "os.path",
        "pathlib",
        "pprint",
        "queue",
        "random",
        "re",
        "secrets",
        "statistics",
        "string",
        "struct",
        "sys",
        "textwrap",
        "time",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
        "uuid",
        "warnings",
        "zlib",
    ]
)
_SHORT = {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "sp": "scipy", "nx": "networkx"}


class Wanted:
    """Names that the tests use and nowhere bind.

    Attributes:
        program: those that the program is asked for.
        python: those of Python's own modules, and of libraries, that stay Python's.
        built_in: names of Python's own functions that a program may be asked for (`sum`), as nothing else is.
    """

    def __init__(self, tests: ast.Module, entry_point: str | None) -> None:
        used = {node.id for node in ast.walk(tests) if isinstance(node, ast.Name)}
        free = (used - _bound(tests)) | _from_program_modules(tests)
        modules = {name for name in free if _is_module(name)} - _called(tests)
        own = free - _BUILT_IN - modules
        named = {entry_point} if entry_point else set()
        self.python = modules - named
        self.program = sorted(own | named)
        self.built_in = [] if self.program else sorted(free & _BUILT_IN & _called(tests))


def _is_module(name: str) -> bool:
    return name in _SHARED or name in sys.stdlib_module_names or name in _SHORT


def _called(tests: ast.Module) -> set[str]:
    """Names that are only called: no module is."""
    calls = [node.func for node in ast.walk(tests) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    of_attributes = {
        node.value.id
        for node in ast.walk(tests)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return {name.id for name in calls} - of_attributes


def _bound(tests: ast.Module) -> set[str]:
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
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            bound.add(node.name)
    return bound


def _from_program_modules(tests: ast.Module) -> set[str]:
    """Names that the tests import from the program, as they call it."""
    asked: set[str] = set()
    aliases = set()
    for node in ast.walk(tests):
        if isinstance(node, ast.ImportFrom) and node.module in {*PROGRAM_MODULES, "__main__"}:
            asked.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name for alias in node.names if alias.name in PROGRAM_MODULES}
    for node in ast.walk(tests):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            asked.add(node.attr)
    return asked - {"*"}


def entry_point_in(tests: ast.Module) -> str | None:
    """The function that the tests themselves name as the one that `check` is for."""
    for node in tests.body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        point = value.get("entry_point") if isinstance(value, dict) else value
        if node.targets[0].id in ("METADATA", "entry_point", "ENTRY_POINT") and isinstance(point, str):
            return point
    return None


def show_program_modules(offered: dict[str, Any]) -> None:
    """Let the tests import what the program offers."""
    for name in PROGRAM_MODULES:
        module = types.ModuleType(name)
        vars(module).update(offered, __all__=list(offered))
        sys.modules[name] = module


def shared_imports(program: str, names: set[str]) -> dict[str, Any]:
    """Names that the program imports, under their own name, from modules that tests may share; imported here once more.

    Tests rely on what a prompt imports (`math`, `Counter`); the program's copy may be changed, this one is not.
    """
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    shared: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            wanted = {alias.name for alias in node.names if alias.asname in (None, alias.name)}
            wanted = names if "*" in wanted else wanted & names
            module = imported(node.module) if wanted else None
            public = getattr(module, "__all__", dir(module))
            shared.update({name: getattr(module, name) for name in wanted & set(public) if hasattr(module, name)})
    return {name: value for name, value in shared.items() if name not in _BUILT_IN}


def of_python(names: set[str]) -> dict[str, Any]:
    """Modules of Python's own that the tests use without importing them, as the prompt does."""
    modules = {name: imported(_SHORT.get(name, name)) for name in names}
    return {name: module for name, module in modules.items() if module is not None}


def imported(name: str) -> Any:
    """A module that tests may share with the program; None for any other."""
    if name not in _SHARED and name not in _SHORT.values():
        return None
    try:
        return importlib.import_module(name)
    except Exception:
        return None


def reach_in(tests: ast.Module) -> str | None:
    """What in the tests needs the program, or files, in their own interpreter; None if nothing does."""
    for node in ast.walk(tests):
        if isinstance(node, ast.Name) and node.id in _REACHING_IN:
            return f"{node.id}, which needs the program in their own interpreter"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            return "files, and have none"
        name = node.id if isinstance(node, ast.Name) else node.name if isinstance(node, ast.alias) else None
        if name in _OF_SOURCE:
            return "the program's source"
        if not isinstance(node, ast.Attribute):
            continue
        owner = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", None)
        if node.attr in _REACHING_IN or (node.attr in _STREAMS and owner == "sys"):
            return f"{node.attr}, which needs the program in their own interpreter"
        if node.attr in _OF_SOURCE and owner == "inspect":
            return "the program's source"
        if node.attr in _OF_OBJECTS:
            return f"{node.attr} of objects, which stay with the program"
        if node.attr in _OF_FILES and owner in ("os", "path", "shutil"):
            return "files, and have none"
    return None


def missing_import(tests: ast.Module) -> str | None:
    """A module that the tests import and that is not there; imports that they try themselves count as there."""
    tried = {
        id(inner)
        for node in ast.walk(tests)
        if isinstance(node, ast.Try)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tests):
        if id(node) in tried or not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
        for name in names:
            top = name.partition(".")[0]
            if top not in PROGRAM_MODULES and top not in ("pytest", "__main__") and _not_there(top):
                return top or "a relative module"
    return None


def _not_there(top: str) -> bool:
    try:
        return not top or (top not in sys.modules and importlib.util.find_spec(top) is None)
    except (ImportError, ValueError):
        return True
