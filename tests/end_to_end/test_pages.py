"""What the documents tell to type runs, and prints what they show (`tests/pages.py` has the rules)."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memgraph.cli import app
from memgraph.errors import MemRewardError
from memgraph.memory import Memory
from memgraph.rollouts.embedding import SentenceEmbedder
from memgraph.settings import Settings
from tests.end_to_end.small_training import save_policy, train_the_tiny_policy, train_two_steps
from tests.pages import GUIDES, ROOT, Block, blocks_of, is_shown, with_output

WRITE = "MEMREWARD_WRITE_PAGES" in os.environ
PAGES = [page for page in GUIDES if any(block.reason is None for block in blocks_of(page))]
HOME = "~/.local/share/memreward"  # where the pages say that the memory lies
_SHELL = {"cat", "head", "ls"}
_ELSEWHERE = {  # command → where it is run instead: it takes a server of its own, or minutes, or two runs
    "demo": "make demo",
    "evaluate": "tests/integration/test_command_line.py",
    "train": "tests/end_to_end/test_training.py",
    "reembed": "tests/integration/test_reembed.py",
    "compare": "tests/integration/test_runs.py",
    "warm-up": "tests/end_to_end/test_training.py",
    "verl": "tests/integration/test_adapters.py",
    "data": "tests/unit/trainer/test_prepare.py",
    "sample": "tests/integration/test_sampling.py",
}
_PROGRESS = re.compile(
    r"^(?:(?:starting|waiting for) Neo4j|applying V\d+).*\n|"
    r"^(?:importing|fitting|scoring|relabelling|exporting|embedding|searching|comparing|running).*: [\d,]+(?: of [\d,]+)?\n",
    re.MULTILINE,
)
_TRAINER = re.compile(r"^\{'.*\n", re.MULTILINE)  # what transformers prints of its metrics


class Reader:
    """Somebody who types what a page says, in an empty folder beside examples/ and its data.

    Args:
        server: environment variable → what stands for "…" and for an example's address there.
    """

    def __init__(self, home: Path, server: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._home, self._server, self._monkeypatch = str(home), server, monkeypatch

    def read(self, block: Block) -> str:
        """What the block prints."""
        if block.language == "python":
            program = compile("\n" * block.line + block.code, str(block.page), "exec")
            printed = printed_by(lambda: exec(program, self._names))
        else:
            printed = "".join(map(self._typed, block.commands))
        return _TRAINER.sub("", _PROGRESS.sub("", printed.replace(self._home, HOME)))

    def _typed(self, line: str) -> str:
        if " & " in line:
            return shell(line)
        command, *filters = line.split(" | ")
        name, *words = shlex.split(command, comments=True)
        if name == "export":
            self._export(words)
            printed = ""
        elif name == "memreward":
            printed = "" if words[0] in _ELSEWHERE else memreward(words)
        elif name == "python":
            printed = printed_by(lambda: script(*words))
        else:
            assert name in _SHELL, f"no test knows how to run {line!r}; say above the block why it is not run"
            printed = shell(command)
        return shell(" | ".join(filters), printed) if filters else printed

    def _export(self, words: list[str]) -> None:
        for name, value in (word.split("=", 1) for word in words):
            stands_for = "…" in value or ".example" in value
            self._monkeypatch.setenv(name, self._server[name] if stands_for else value)
            if name == "PYTHONPATH":
                self._monkeypatch.syspath_prepend(value)


def memreward(words: list[str]) -> str:
    """What the command prints, on both streams."""
    done = CliRunner().invoke(app, words)
    if isinstance(done.exception, MemRewardError):
        return f"{done.output}error: {done.exception}\n"
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code in (0, 3), done.output
    return done.output


def script(name: str, *arguments: str) -> None:
    before, sys.argv = sys.argv, [name, *arguments]
    try:
        runpy.run_path(name, run_name="__main__")
    finally:
        sys.argv = before


def shell(line: str, given: str = "") -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PYTHONPATH": str(ROOT), **os.environ, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", line], input=given, env=environment, capture_output=True, text=True, check=True, timeout=600
    )
    return done.stdout


def printed_by(work: Callable[[], Any]) -> str:
    with redirect_stdout(StringIO()) as out:
        work()
    return out.getvalue()


@pytest.fixture
def reader(memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reader:
    """Has an empty memory, the files of examples/, and the tiny policy whatever policy the page names."""
    endpoint = memory.database.endpoint
    server = {
        "NEO4J_URI": endpoint.uri, "NEO4J_USERNAME": endpoint.user, "NEO4J_DATABASE": endpoint.database,
        "NEO4J_PASSWORD": endpoint.password.get_secret_value(),
    }  # fmt: skip
    for name in (*server, "MEMREWARD_DOMAINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MEMREWARD_HOME", str(memory.settings.home))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for file in (ROOT / "examples" / "data").glob("*.jsonl"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(SentenceEmbedder, "of", loaded_once())
    train_two_steps(monkeypatch)
    train_the_tiny_policy(monkeypatch, save_policy(tmp_path / "policy"))
    return Reader(memory.settings.home, server, monkeypatch)


def loaded_once() -> Callable[[Settings], SentenceEmbedder]:
    """`SentenceEmbedder.of` that loads a model once for a page."""
    of, loaded = SentenceEmbedder.of, dict[str, SentenceEmbedder]()

    def once(settings: Settings) -> SentenceEmbedder:
        if settings.embedding_model not in loaded:
            loaded[settings.embedding_model] = of(settings)
        return loaded[settings.embedding_model]

    return once


@pytest.mark.slow  # minutes: it types all pages
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_runs_and_prints_what_it_shows(page: Path, reader: Reader) -> None:
    printed = [(block, reader.read(block)) for block in blocks_of(page) if block.reason is None]
    if WRITE:
        page.write_text(with_output(page.read_text(encoding="utf-8"), printed), encoding="utf-8")
        return
    for block, output in printed:
        wanted = block.expected
        assert wanted is not None or "error: " not in output, f"{page.name}, line {block.line}: {output}"
        assert wanted is None or is_shown(output, wanted), (
            f"{page.name}, line {block.line} prints\n{output}\nand the page shows\n{wanted}"
        )
