"""Imports run one way, from room to room, and there is no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORDER = {  # each room imports from itself and from those before it
    "memgraph": [
        *(
            "errors",
            "extras",
            "settings",
            "printable",
            "markup",
            "progress",
            "sandbox",
            "store",
            "domains",
            "rollouts",
            "labels",
            "snapshot",
            "models",
        ),
        *("scoring", "inspection", "memory", "evaluation", "cli"),
    ],
    "trainer": ["reward", "sampling", "tiny", "datasets", "run", "adapters"],
}
FOLDERS = {"memgraph": 10, "trainer": 6}
MODULES = 8


@cache
def imports(package: str) -> dict[str, set[str]]:
    """Module → modules of the project that it imports, anywhere in it; packages stand for their `__init__`."""
    files = {name_of(file): file for file in (ROOT / package).rglob("*.py") if "inside" not in file.parts}
    known = {**files, **{name_of(file): file for file in (ROOT / "memgraph").rglob("*.py")}}
    return {name: set(imported(file, known)) - {name} for name, file in files.items()}


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in runtime(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in known else str(node.module)


def runtime(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield node
            yield from runtime(node)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@pytest.mark.parametrize("package", ORDER)
def test_imports_run_one_way(package: str) -> None:
    place = {room: number for number, room in enumerate(ORDER[package])}
    wrong = [
        f"{module} imports {other}"
        for module, others in sorted(imports(package).items())
        for other in sorted(others)
        if module != package and other.startswith(f"{package}.")
        if place[room_of(other)] > place[room_of(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_memory_knows_nothing_of_the_trainer_but_the_command_line_does() -> None:
    found = imports("memgraph") | imports("trainer")
    wrong = [
        f"{name} imports {other}" for name, others in found.items() for other in others if other.startswith("trainer")
    ]
    assert not [line for line in wrong if line.startswith("memgraph") and not line.startswith("memgraph.cli")]
    assert not [name for name, others in found.items() if name.startswith("trainer") and "memgraph.cli" in str(others)]


@pytest.mark.parametrize("package", ORDER)
def test_there_is_no_circle(package: str) -> None:
    graph = {name: others for name, others in imports(package).items() if name != package}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("package", ORDER)
def test_a_package_has_few_rooms_and_few_modules_outside_them(package: str) -> None:
    folders = [path for path in (ROOT / package).iterdir() if any(path.glob("*.py"))]
    modules = [path for path in (ROOT / package).glob("*.py") if path.name != "__init__.py"]
    assert len(folders) <= FOLDERS[package]
    assert len(modules) <= MODULES
