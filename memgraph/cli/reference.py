"""The page docs/cli.md: every command, option and setting, from the code. `python -m memgraph.cli.reference` writes it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import typer
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from typer.cli import get_docs_for_click

from memgraph.cli import app
from memgraph.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
_MADE = "<!-- Made by `python -m memgraph.cli.reference`; a test compares it with the commands. -->\n\n"
_AFTER_COMMANDS = """\
## Exit codes

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed: one message says what was wrong, what was found and what to do |
| 2 | wrong usage |
| 3 | done, and some rows were rejected: `--rejects` says where they are listed |

## Settings

Each is an environment variable, and a keyword of `memgraph.Settings`.

| variable | default | meaning |
| --- | --- | --- |
"""
_UNSTATED = {
    "user": "User of that server.",
    "password": "Its password; needed where NEO4J_URI is set.",
    "database": "Database of that server.",
}


def reference() -> str:
    """The page as Markdown."""
    command: Any = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="memreward", title="Command line")
    text = _with_whole_sentences(text, command, "memreward")
    text = re.sub(r"^Example: (.*?)(?: \((.*)\))?$", _example, text, flags=re.MULTILINE)
    text = text.replace("```console\n$ ", "```console\n")
    title, rest = text.split("\n\n", 1)
    return f"{title}\n\n{_MADE}{rest.rstrip()}\n\n{_AFTER_COMMANDS}{''.join(_settings())}"


def _with_whole_sentences(text: str, group: Any, called: str) -> str:
    """The text with the lists of commands as links, each with the first sentence of its help, which is cut otherwise."""
    for name, command in group.commands.items():
        sentence = re.split(r"(?<=[.:]) (?=[A-Z])|\n\n", command.help or "", maxsplit=1)[0].replace("\n", " ")
        anchor = f"{called} {name}".replace(" ", "-")
        text = text.replace(f"* `{name}`: {command.get_short_help_str()}\n", f"* [`{name}`](#{anchor}): {sentence}\n")
        if hasattr(command, "commands"):
            text = _with_whole_sentences(text, command, f"{called} {name}")
    return text


def _example(match: re.Match[str]) -> str:
    remark = f"  # {match[2]}" if match[2] else ""
    return f"```sh\n{match[1]}{remark}\n```"


def _settings() -> list[str]:
    """A row of the table for each setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        meaning = field.description or _UNSTATED[name]
        rows.append(f"| `{_variable(name, field)}` | {_default(name, field)} | {meaning} |\n")
    return rows


def _variable(name: str, field: FieldInfo) -> str:
    """How it is set in the environment; of several names the one that comes first."""
    if isinstance(field.validation_alias, AliasChoices):
        return str(next(choice for choice in field.validation_alias.choices if choice != name))
    return f"{Settings.model_config['env_prefix']}{name.upper()}"


def _default(name: str, field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the user's cache folder" if name == "cache" else "the user's data folder"
    value = field.default
    if isinstance(value, tuple):
        value = ",".join(value)
    return "" if value is None or value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} is written\n")
