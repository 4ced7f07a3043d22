"""The `memreward` command."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from memgraph.cli import (
    check,
    data,
    datasets,
    db,
    evaluate,
    inspection,
    labels,
    learn,
    lifecycle,
    migrate,
    rl,
    runs,
    sample,
)
from memgraph.cli.common import only_printable, say_error, say_traceback
from memgraph.cli.driver import spare_pandas
from memgraph.errors import MemRewardError
from memgraph.extras import installed

app = typer.Typer(
    name="memreward",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Experience memory for LLM reinforcement learning: rollouts in Neo4j, predicted rewards out.\n\n"
    "Start with **memreward demo**. The usual way: import → reveal → fit → score → train; relabel after new labels; "
    "inspect at any time. Commands use NEO4J_URI if it is set, else a local Neo4j that they start themselves.",
)
COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Start": {"demo": rl.demo, "init": rl.init, "check": check.check},
    "Rollouts and labels": {
        "import": data.import_,
        "bulk": data.bulk,
        "sample": sample.sample,
        "reveal": labels.reveal,
        "label": labels.label,
        "queue": labels.queue,
        "annotate": labels.annotate,
    },
    "Rewards": {"fit": learn.fit, "score": learn.score, "relabel": learn.relabel, "evaluate": evaluate.evaluate},
    "Training": {"train": rl.train, "warm-up": rl.warm_up, "verl": rl.verl},
    "Look": {
        "inspect": inspection.inspect,
        "why": inspection.why,
        "compare": runs.compare,
        "report": inspection.report,
        "browse": inspection.browse,
    },
    "Keep": {
        "export": lifecycle.export,
        "restore": lifecycle.restore,
        "prune": runs.prune,
        "forget": runs.forget,
        "migrate": migrate.migrate,
        "reembed": lifecycle.reembed,
    },
}
for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(command)
app.add_typer(datasets.app, name="data", rich_help_panel="Training")
app.add_typer(db.app, name="db", rich_help_panel="Keep")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(version("memreward-graph"))
        raise typer.Exit


@app.callback()
def _options(
    home: Annotated[Path | None, typer.Option("--home", help="As after the command.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As after the command.")] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Entry point: errors end as one message and exit code 1, without a traceback: ours, and those of the file system.

    SIGTERM ends a command as Ctrl-C does, so that no temporary folder stays behind.
    """
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    warnings.filterwarnings("ignore", category=FutureWarning)  # other libraries', about themselves
    only_printable()
    spare_pandas()
    try:
        with installed():
            app()
    except (MemRewardError, OSError) as error:
        say_error(error)
        sys.exit(1)
    except Exception:
        say_traceback()
        sys.exit(1)
