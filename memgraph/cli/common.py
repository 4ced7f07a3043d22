"""What all commands share: where output goes, how errors end, how a memory is opened."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from memgraph.errors import MemRewardError
from memgraph.settings import Settings

if TYPE_CHECKING:
    from memgraph.connect import Database
    from memgraph.memory import Memory
    from memgraph.reading import Reject

EXIT_REJECTED = 3

console = Console()
progress_console = Console(stderr=True)

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the memory (server, data, models); several make several memories."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")]
RejectsOption = Annotated[
    Path, typer.Option("--rejects", help="Where rejected rows are listed, with file, row number and reason.")
]
RunOption = Annotated[str, typer.Option("--run", help="Run that rollouts without an id belong to.")]
DatasetOption = Annotated[str | None, typer.Option("--dataset", help="Data set of rows that name none.")]
DomainOption = Annotated[str | None, typer.Option("--domain", help="Domain of rows that name none: math, qa, code.")]
LedgerOption = Annotated[str, typer.Option("--ledger", help="Account that labels are spent in and read from.")]


def say(message: str) -> None:
    """Tell a person what goes on; never on standard output, which belongs to results."""
    progress_console.print(message, style="dim", highlight=False, markup=False, soft_wrap=True)


def emit(document: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(document, default=_plain, indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


@contextmanager
def open_memory(home: Path | None) -> Iterator[Memory]:
    """The user's memory, for the length of a command."""
    from memgraph.memory import Memory

    memory = Memory.open(Settings.load(home=home), say=say)
    try:
        yield memory
    finally:
        memory.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of a memory with its schema brought up to date, without asking for an embedding model."""
    from memgraph.connect import Database, open_endpoint
    from memgraph.migrate import migrate

    database = Database(open_endpoint(settings, say))
    try:
        migrate(database, say=say)
        yield database
    finally:
        database.close()


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Any]:
    """A progress bar on standard error; yields a function that sets (done, total)."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=total)

        def update(done: int, of: int | None = None) -> None:
            bar.update(task, completed=done, total=of if of is not None else total)

        yield update


def report_rejects(rejected: Sequence[Reject], file: Path) -> None:
    """List rejected rows in a file and end with exit code 3, if there are any."""
    if not rejected:
        return
    with file.open("w", encoding="utf-8") as lines:
        for reject in rejected:
            lines.write(json.dumps(dataclasses.asdict(reject)) + "\n")
    say(f"{len(rejected)} rows were rejected; first: {rejected[0].file}, row {rejected[0].row}: {rejected[0].reason}")
    say(f"all of them are listed in {file}")
    raise typer.Exit(EXIT_REJECTED)


def quiet_libraries() -> None:
    """Keep other libraries' remarks off the screen, which belongs to our own reports."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    # it prints every rollout without a reward; ours stand in the graph, each with its reason
    logging.getLogger("trl.trainer.grpo_trainer").setLevel(logging.ERROR)


def our_trainer() -> ModuleType:
    """The `trainer` package, after checking that it is this project's and not another of that common name."""
    import trainer

    if getattr(trainer, "DISTRIBUTION", None) != "memreward-graph":
        raise MemRewardError(
            f"the module `trainer` at {trainer.__file__} is not the one of memreward-graph; another package or folder of "
            "that name comes first on sys.path: run from another folder or remove it"
        )
    return trainer
