"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CYPHER = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "cypher").rglob("*.cypher"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_modules_and_files_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`((?:memgraph|trainer|benchmarks|cypher|tests|examples|configs)/[\w/.-]+\.\w+)[ `]", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    dotted = re.findall(r"`((?:memgraph|trainer)(?:\.[a-z_]+)+)[`.:]", text)
    assert [name for name in dotted if not is_module(name)] == []


def is_module(name: str) -> bool:
    """Whether it is a module, or something in one."""
    path, attribute = ROOT.joinpath(*name.split(".")), name.rsplit(".", 1)[-1]
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    for holder in (path.parent.with_suffix(".py"), path.parent / "__init__.py"):
        if holder.is_file() and re.search(rf"\b{attribute}\b", holder.read_text(encoding="utf-8")):
            return True
    return False


def test_the_graph_page_names_every_label_and_relationship() -> None:
    page = (ROOT / "docs" / "graph.md").read_text(encoding="utf-8")
    relationships = set(re.findall(r"\[\w*:([A-Z_]+)", CYPHER))
    labels = set(re.findall(r"\(\w*:([A-Z]\w+)", CYPHER)) | set(re.findall(r"SET \w+:([A-Z]\w+)", CYPHER))
    assert {name for name in relationships | labels if not re.search(rf"\b{name}\b", page)} <= {"Rereading"}
