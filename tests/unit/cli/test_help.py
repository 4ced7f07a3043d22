"""What `--help` says, at the width of a plain terminal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from memgraph.cli import app
from memgraph.cli.common import FileOptions, ScopeOptions, spread

WIDTH = 80


def commands(group: Any, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of every command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *words, name)
        else:
            yield (*words, name)


ALL = list(commands(typer.main.get_command(app)))


def shown(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": str(WIDTH), "TERM": "dumb"})
    assert result.exit_code == 0
    return result.stdout


def paragraphs(text: str) -> Iterator[list[str]]:
    """Those before the options."""
    for part in re.split(r"\n\s*\n", text[: text.index("╭")]):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        if lines:
            yield lines


@pytest.mark.parametrize("words", [(), ("db",), ("data",), *ALL], ids=" ".join)
def test_help_fills_the_lines_and_no_more(words: tuple[str, ...]) -> None:
    text = shown(*words)
    assert max(map(len, text.splitlines())) <= WIDTH
    for lines in paragraphs(text):
        for line, following in itertools.pairwise(lines):
            assert len(f" {line} {following.split()[0]}") > WIDTH - 1, f"broken early: {line!r}"


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_an_example_that_it_would_take(words: tuple[str, ...]) -> None:
    examples = [" ".join(lines) for lines in paragraphs(shown(*words)) if lines[0].startswith("Example:")]
    assert examples
    root: Any = typer.main.get_command(app)
    for example in examples:
        given = re.sub(r" \(.*", "", example.removeprefix("Example: memreward ")).split()
        assert tuple(given[: len(words)]) == words
        command = root
        for word in words:
            command = command.commands[word]
        options = {name for option in command.params for name in option.opts}
        assert {word for word in given if re.match(r"--?[a-z]", word)} <= options


def test_options_in_a_dataclass_are_options_of_the_command() -> None:
    taken: list[Any] = []

    def command(
        files: Annotated[list[Path], typer.Argument()], *, rows: FileOptions, scope: Annotated[str, typer.Option()] = ""
    ) -> None:
        taken.append((files, rows, scope))

    made = typer.Typer()
    made.command()(spread(command))
    result = CliRunner().invoke(made, ["a", "b", "--gold", "g", "--domain", "math", "--scope", "s"])
    assert result.exit_code == 0, result.output
    assert taken == [([Path("a"), Path("b")], FileOptions(domain="math", gold="g"), "s")]
    assert taken[0][1].arguments == {"dataset": None, "domain": "math", "columns": {"gold": "g"}}
    assert ScopeOptions().run is None
