"""The `memreward` command."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from typing import Annotated

import typer

from memgraph.cli import check, data, db, inspection, labels, learn, lifecycle, migrate, rl, runs
from memgraph.cli.common import only_printable, say_error, say_traceback
from memgraph.errors import MemRewardError

app = typer.Typer(
    name="memreward",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Experience memory for LLM reinforcement learning: rollouts in Neo4j, predicted rewards out.\n\n"
    "Start with [bold]memreward demo[/bold]. The usual way: import → reveal → fit → score → train; relabel after new labels; "
    "inspect at any time. Commands use NEO4J_URI if it is set, else a local Neo4j that they start themselves.",
)
app.add_typer(db.app, name="db")
app.command("demo")(rl.demo)
app.command("check")(check.check)
app.command("import")(data.import_)
app.command("reveal")(labels.reveal)
app.command("label")(labels.label)
app.command("queue")(labels.queue)
app.command("fit")(learn.fit)
app.command("score")(learn.score)
app.command("relabel")(learn.relabel)
app.command("evaluate")(learn.evaluate)
app.command("train")(rl.train)
app.command("inspect")(inspection.inspect)
app.command("why")(inspection.why)
app.command("compare")(runs.compare)
app.command("prune")(runs.prune)
app.command("migrate")(migrate.migrate)
app.command("export")(lifecycle.export)
app.command("reembed")(lifecycle.reembed)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(version("memreward-graph"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Entry point: errors end as one message and exit code 1, without a traceback: ours, and those of the file system."""
    warnings.filterwarnings("ignore", category=FutureWarning)  # other libraries', about themselves
    only_printable()
    try:
        app()
    except (MemRewardError, OSError) as error:
        say_error(error)
        sys.exit(1)
    except Exception:
        say_traceback()
        sys.exit(1)
