"""What the documents name is there, and the site is made of them. `tests/end_to_end/test_pages.py` runs their blocks."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import typer

import memgraph
import trainer
from memgraph.cli import app
from memgraph.cli.reference import PAGE, reference
from memgraph.domains.checks import CHECK_FEATURES
from memgraph.settings import Settings
from tests.pages import GUIDES, ROOT, Block, blocks_of, is_shown, with_output

PACKAGES = {"memgraph": memgraph, "trainer": trainer}
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CYPHER = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "cypher").rglob("*.cypher"))
COMMAND = typer.main.get_command(app)


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


@pytest.mark.parametrize("document", [*GUIDES, *sorted((ROOT / "examples").glob("*.py"))], ids=lambda file: file.name)
def test_programs_import_from_the_two_packages_alone(document: Path) -> None:
    is_page = document.suffix == ".md"
    programs = (
        [block.code for block in blocks_of(document) if block.language == "python"]
        if is_page
        else [document.read_text()]
    )
    imported = [
        node for program in programs for node in ast.walk(ast.parse(program)) if isinstance(node, ast.ImportFrom)
    ]
    ours = [node for node in imported if (node.module or "").partition(".")[0] in PACKAGES]
    assert [node.module for node in ours if node.module not in PACKAGES] == []
    assert [
        name.name for node in ours for name in node.names if name.name not in PACKAGES[str(node.module)].__all__
    ] == []


@pytest.mark.parametrize("package", PACKAGES.values(), ids=list(PACKAGES))
def test_every_public_name_is_there(package: ModuleType) -> None:
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert sorted(package.__all__) == sorted(package._HOMES)


def test_the_graph_page_names_every_label_and_relationship() -> None:
    page = (ROOT / "docs" / "graph.md").read_text(encoding="utf-8")
    relationships = set(re.findall(r"\[\w*:([A-Z_]+)", CYPHER))
    labels = set(re.findall(r"\(\w*:([A-Z]\w+)", CYPHER)) | set(re.findall(r"SET \w+:([A-Z]\w+)", CYPHER))
    assert {name for name in relationships | labels if not re.search(rf"\b{name}\b", page)} <= {"Rereading"}


def test_the_page_of_the_model_names_every_check_and_what_it_finds() -> None:
    page = (
        (ROOT / "docs" / "model.md")
        .read_text(encoding="utf-8")
        .partition("## What the checks find")[2]
        .partition("\n## ")[0]
    )
    found, check = set(), ""
    for row in page.splitlines():
        if row.startswith("|"):
            _, first, features, *_ = row.split("|")
            check = first.strip() or check
            found |= {f"check_{check}_{feature}" for feature in re.findall(r"`(\w+)`", features)}
    assert found == {*CHECK_FEATURES, "check_behaviour_examples", "check_behaviour_runs"}


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run: python -m memgraph.cli.reference"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_commands_and_options_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    typed = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    typed += re.findall(r"`(memreward [^`]+)`", text)
    unknown = {line: found for line in typed if (found := unknown_words(line))}
    assert unknown == {}


def unknown_words(line: str) -> list[str]:
    """Of a command of ours, what it does not know: its name, or options."""
    _, ours, rest = line.partition("memreward ")
    words = shlex.split(rest.split("|")[0].split(" & ")[0], comments=True) if ours else []
    command = COMMAND
    known = {"--help", "--version", "--home", "--json"}
    while words and hasattr(command, "commands") and re.fullmatch("[a-z]+", words[0]):
        if words[0] not in command.commands:
            return words[:1]
        command = command.commands[words.pop(0)]
        known |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return [word for word in words if word.startswith("--") and word.split("=")[0] not in known]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_settings_are_there(document: Path) -> None:
    others = {"MEMREWARD_SHARED", "MEMREWARD_PERSISTENCE", "MEMREWARD_WRITE_PAGES"}  # of tests
    known = {f"MEMREWARD_{name.upper()}" for name in Settings.model_fields} | others
    assert set(re.findall(r"MEMREWARD_[A-Z_]+", document.read_text(encoding="utf-8"))) - known == set()


@pytest.mark.parametrize("document", [*GUIDES, ROOT / "CONTRIBUTING.md"], ids=lambda file: file.name)
def test_sentences_are_short(document: Path) -> None:
    prose = re.sub(r"^```.*?^```|`[^`]*`", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert prose.count(";") <= 1


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 135


def test_messages_in_troubleshooting_are_those_of_the_program() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    tables = page[page.index("| message |") :]
    quoted = [part.strip() for said in re.findall(r"^\| `([^`]+)`", tables, re.MULTILINE) for part in said.split("…")]
    assert len(quoted) > 50
    assert [part for part in quoted if part not in messages()] == []


@cache
def messages() -> str:
    """All texts of the program, a line each, with what is filled in left out."""
    return "\n".join(
        text for room in ("memgraph", "trainer") for file in (ROOT / room).rglob("*.py") for text in texts(file)
    )


def texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_site_has_every_page_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    """`mkdocs build` is strict: a link that leads nowhere, or a page that is not in the navigation, is an error."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    names = {page.relative_to(tmp_path).with_suffix("").as_posix() for page in pages}
    assert {"index", "cli", "changelog", "contributing"} | {page.stem for page in (ROOT / "docs").glob("*.md")} <= names
    loaded = r"<(?:script|img)[^>]*\bsrc=\"?(https?:[^\" >]+)|<link[^>]*rel=\"?(?:stylesheet|preconnect)[^>]*href=\"?(https?:[^\" >]+)"
    assert {page.name: found for page in pages if (found := re.findall(loaded, page.read_text(encoding="utf-8")))} == {}


PAGE_TEXT = """\
```python
print(1)  # → 1
print("a 0123456789abcdef in 3.2 s, .912")
```

```text
a aaaaaaaaaaaaaaaa1 in 1.5 s, .905
```

<!-- not run: why not -->
```sh
rm -rf /
```
"""


def test_a_page_is_compared_but_for_what_differs_from_run_to_run(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE_TEXT.replace("aaaaaaaaaaaaaaaa1", "abcdef0123456789"), encoding="utf-8")
    first, second = blocks_of(page)
    assert (first.line, second.reason, second.expected) == (1, "why not", None)
    assert first.expected is not None
    assert is_shown("1\na 0123456789abcdef in 3.2 s, .912\n", first.expected)
    assert not is_shown("2\na 0123456789abcdef in 3.2 s, .912\n", first.expected)
    assert not is_shown("1\na 0123456789abcdef in 3.2 s, .712\n", first.expected)
    written = with_output(page.read_text(encoding="utf-8"), [(first, "2\nother\n")])
    assert "print(1)  # → 2\n" in written
    assert "```text\nother\n```" in written


def test_what_is_not_run_says_why() -> None:
    assert [block for page in GUIDES for block in blocks_of(page) if is_silent(block)] == []


def is_silent(block: Block) -> bool:
    return block.reason is not None and len(block.reason) < 8
