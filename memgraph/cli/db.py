"""`memreward db`: the managed local Neo4j."""

from __future__ import annotations

import dataclasses
import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memgraph.cli.common import (
    HomeOption,
    JsonOption,
    NewFolderArgument,
    console,
    emit,
    say,
)
from memgraph.errors import ServerError
from memgraph.printable import printable
from memgraph.settings import Settings

if TYPE_CHECKING:
    from memgraph.store.server.backup import Backup
    from memgraph.store.server.local import ServerStatus

app = typer.Typer(
    no_args_is_help=True,
    help="The managed local Neo4j: real Neo4j from Maven Central on a Java runtime from PyPI; no Docker, Java or root.",
)


@app.command()
def start(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Start it in the background (or find it running) and wait until it answers.

    Example: memreward db start
    """
    from memgraph.store.server.local import LocalServer

    server = LocalServer(Settings.load(home=home))
    server.start(say)
    _print_status(server.status(), as_json)


@app.command()
def stop(home: HomeOption = None) -> None:
    """Stop it cleanly.

    Example: memreward db stop
    """
    from memgraph.store.server.local import LocalServer

    console.print("stopped" if LocalServer(Settings.load(home=home)).stop() else "it was not running")


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Whether it runs, where it answers, how much memory it takes.

    Example: memreward db status --json
    """
    from memgraph.store.server.local import LocalServer

    _print_status(LocalServer(Settings.load(home=home)).status(), as_json)


@app.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    home: HomeOption = None,
) -> None:
    """The last lines that it printed.

    Example: memreward db logs -n 100
    """
    from memgraph.store.server.local import LocalServer

    for line in LocalServer(Settings.load(home=home)).logs(lines):
        typer.echo(printable(line, lines=True))


@app.command()
def backup(
    folder: NewFolderArgument,
    check: Annotated[bool, typer.Option(help="Prove it by restoring it into a server with a temporary home.")] = True,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Dump the memory and the reward models to a folder. The server stops while the dump is written, and starts again.

    For servers of your own and Aura, see docs/operations.md; `memreward export` works with all.

    Example: memreward db backup backups/2026-11-29
    """
    from memgraph.store.server.backup import backup as make

    made = make(Settings.load(home=home), folder, check=check, say=say)
    _print_backup(made, f"backed up to {folder}" + (" and checked by restoring" if check else ""), as_json)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="What `memreward db backup` wrote.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the memory that is there.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load a backup, check that all of it came back, and leave the server running.

    Example: memreward db restore backups/2026-11-29 --home another
    """
    from memgraph.store.server.backup import restore as load

    _print_backup(load(Settings.load(home=home), folder, overwrite=overwrite, say=say), "restored", as_json)


@app.command()
def browser(
    only_print: Annotated[bool, typer.Option("--print", help="Do not open a window.")] = False,
    files: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Only write style and queries there, for the Browser of a server of your own."
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Address of Neo4j Browser, and how to log in; opens it where there is a display.

    Browser takes two files, each dragged into its window once: a style, by which nodes are read and told apart, and the queries of
    `memreward inspect` as saved scripts.

    Example: memreward db browser --print

    Example: memreward db browser --files for-browser
    """
    from memgraph.inspection.neo4j_browser import write_browser_files
    from memgraph.store.server.home import ServerHome
    from memgraph.store.server.local import LocalServer

    settings = Settings.load(home=home)
    if files is not None:
        _print_files(files, *write_browser_files(files))
        return
    endpoint = LocalServer(settings).find()
    if endpoint is None or endpoint.browser is None:
        raise ServerError("the managed server is not running; start it with `memreward db start`")
    console.print(endpoint.browser, style="bold", highlight=False)
    console.print(
        f"connect to {endpoint.uri} as {endpoint.user}; the password is in {ServerHome.of(settings).password_file}"
    )
    folder = settings.home / "browser"
    _print_files(folder, *write_browser_files(folder))
    if not only_print and (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.uname().sysname == "Darwin"
    ):
        webbrowser.open(endpoint.browser)


def _print_files(folder: Path, style: Path, queries: Path) -> None:
    names = f"{style.name} (captions and colours) and {queries.name} (saved queries)"
    console.print(
        f"drag into its window, once: {names}, from {printable(str(folder))}", highlight=False, soft_wrap=True
    )


def _print_backup(made: Backup, what: str, as_json: bool) -> None:
    if as_json:
        emit(made)
        return
    size = "" if made.nodes is None else f": {made.nodes:,} nodes, {made.relationships:,} relationships"
    console.print(f"{what}{size}", highlight=False, soft_wrap=True)


def _print_status(status: ServerStatus, as_json: bool) -> None:
    values = dataclasses.asdict(status)
    if as_json:
        emit(values)
        return
    for name, value in values.items():
        if value is not None:
            console.print(f"{name.replace('_', ' '):>15}  {value}", highlight=False)
