"""What all commands share: where output goes, how errors end, how a memory is opened.

All that a person sees passes through `console` or `progress_console`, and what other code says on standard error through
`only_printable`. Texts from rollouts may stand anywhere in it: their control characters are left out, and square brackets
and colons in them are no markup. `--json` escapes everything but ASCII.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import logging
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from memgraph.errors import MemRewardError
from memgraph.extras import installed
from memgraph.printable import PrintableConsole, printable
from memgraph.progress import Progress
from memgraph.settings import Settings

if TYPE_CHECKING:
    from memgraph.inspection.filters import Filters
    from memgraph.memory import Memory
    from memgraph.rollouts.files import Reject
    from memgraph.store.database import Database

EXIT_REJECTED = 3
_EVERY_SECONDS = 10.0  # a line of progress where there is no terminal


console = PrintableConsole()
progress_console = PrintableConsole(stderr=True)


def _or_before(name: str) -> Callable[[typer.Context, Any], Any]:
    """A callback that gives an option's value as it stands before the command, where it does not stand after it."""
    return lambda context, value: value or context.find_root().params.get(name)


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        callback=_or_before("home"),
        help="Folder of the memory (server, data, models); several make several memories.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_or_before("as_json"),
        help="Print one JSON document on standard output, nothing else.",
    ),
]
RejectsOption = Annotated[
    Path, typer.Option("--rejects", help="Where rejected rows are listed, with file, row number and reason.")
]
RunOption = Annotated[str, typer.Option("--run", help="Run of rows that name none.")]
DatasetOption = Annotated[str | None, typer.Option("--dataset", help="Data set of rows that name none.")]
DomainOption = Annotated[str | None, typer.Option("--domain", help="Domain of rows that name none: math, qa, code.")]
QueryColumnOption = Annotated[
    str | None, typer.Option("--query", help="Column with the query, where its layout is not a known one.")
]
ResponseColumnOption = Annotated[
    str | None, typer.Option("--response", help="Column with the response, or with a list of responses.")
]
AnswerColumnOption = Annotated[
    str | None, typer.Option("--answer", help="Column with what each rollout answered (not the gold).")
]
GoldColumnOption = Annotated[str | None, typer.Option("--gold", help="Column with the gold answer; never stored.")]
TestsColumnOption = Annotated[str | None, typer.Option("--tests", help="Column with tests of programs; never stored.")]
CorrectColumnOption = Annotated[
    str | None, typer.Option("--correct", help="Column that says whether the response is right; never stored.")
]
ThinkingOpenedOption = Annotated[
    bool,
    typer.Option(
        "--thinking-opened", help="The prompts opened the thinking: a response that never ends it has no answer."
    ),
]
LedgerOption = Annotated[str, typer.Option("--ledger", help="Account that labels are spent in and read from.")]
ReadLedgerOption = Annotated[
    str | None,
    typer.Option("--ledger", help="Account whose labels count.  [default: the one called default, else the only one]"),
]
ConfidenceOption = Annotated[
    float,
    typer.Option(
        "--confidence",
        min=0.5,
        max=1,
        help="Give no score where the verdict, right or wrong, is less probable than this.",
    ),
]
UnplacedOption = Annotated[
    Path,
    typer.Option("--unplaced", help="Where labels are listed whose answer came apart, so that they count nowhere."),
]
NewFolderArgument = Annotated[
    Path, typer.Argument(file_okay=False, help="A folder of its own, which must not exist yet.")
]
ConfigArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="A run's configuration, for instance configs/tiny.yaml.")
]
REJECTS, UNPLACED = Path("memreward.rejects.jsonl"), Path("memreward.unplaced.jsonl")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How the rows of files are read."""

    dataset: DatasetOption = None
    domain: DomainOption = None
    query: QueryColumnOption = None
    response: ResponseColumnOption = None
    answer: AnswerColumnOption = None
    gold: GoldColumnOption = None
    tests: TestsColumnOption = None
    correct: CorrectColumnOption = None

    @property
    def arguments(self) -> dict[str, Any]:
        """As `Memory.import_file` and its like take them."""
        named = {
            option.name: getattr(self, option.name)
            for option in fields(self)
            if option.name not in ("dataset", "domain")
        }
        columns = {field: name for field, name in named.items() if name is not None}
        return {"dataset": self.dataset, "domain": self.domain, "columns": columns}


@dataclass(frozen=True, slots=True)
class ScopeOptions:
    """Which rollouts are scored."""

    run: Annotated[
        list[str] | None,
        typer.Option("--run", help="Only rollouts of this run; repeatable. The others still count as context."),
    ] = None
    dataset: Annotated[
        list[str] | None, typer.Option("--dataset", help="Only queries of this data set; repeatable.")
    ] = None


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What is counted."""

    run: Annotated[str | None, typer.Option("--run", help="Count the rollouts of this run alone.")] = None
    dataset: Annotated[str | None, typer.Option("--dataset", help="Count the queries of this data set alone.")] = None
    ledger: Annotated[str | None, typer.Option("--ledger", help="Count the labels of this account alone.")] = None

    @property
    def names(self) -> Filters:
        """As `Memory.report` and its like take them."""
        return {"run": self.run, "dataset": self.dataset, "ledger": self.ledger}


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters that are dataclasses stand for the options in them."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if (kind := groups.get(name)) is None:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(kind, include_extras=True)
        parameters += [
            inspect.Parameter(
                option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=types[option.name]
            )
            for option in fields(kind)
        ]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{option.name: given.pop(option.name) for option in fields(kind)})
        command(**given)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {option.name: option.annotation for option in parameters}
    return called


def choose(given: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    """Names that a repeatable option was given, one by one or separated by commas; `all` are all.

    Raises:
        typer.BadParameter: naming the unknown ones and those that there are.
    """
    names = [name.strip() for value in given for name in value.split(",")]
    if names == ["all"]:
        return list(known)
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(f"unknown {what} {', '.join(unknown)}; known: {', '.join(known)}")
    return list(dict.fromkeys(names))


def say(message: str) -> None:
    """Tell a person what goes on; never on standard output, which belongs to results."""
    progress_console.print(message, style="dim", highlight=False, soft_wrap=True)


def say_error(error: BaseException) -> None:
    """Tell a person that and why a command failed."""
    message = Text.assemble(("error: ", "red"), str(error))
    progress_console.print(message, highlight=False, soft_wrap=True)


def emit(document: Any) -> None:
    """Print one JSON document on standard output, in ASCII; a number that JSON does not have is null."""
    text = json.dumps(document, default=_plain)
    sys.stdout.write(json.dumps(json.loads(text, parse_constant=lambda _: None), indent=2, allow_nan=False) + "\n")


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), lines=True)


def only_printable() -> None:
    """Let what other code says on standard error, logs, warnings and tracebacks, be no more than text either."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_Printable())
    plain = warnings.formatwarning

    def shown(message: Warning | str, *given: Any, **named: Any) -> str:
        return printable(plain(message, *given, **named), lines=True)

    warnings.formatwarning = shown
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without a letter is no reason to fail


def say_traceback() -> None:
    """Show an error that nobody expected with all that helps to find it."""
    sys.stderr.write(printable(traceback.format_exc(), lines=True))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


@contextmanager
def open_memory(home: Path | None, *, read_only: bool = False) -> Iterator[Memory]:
    """The user's memory, for the length of a command; read only, nothing in it changes, not even its schema."""
    from memgraph.memory import Memory

    memory = Memory.open(Settings.load(home=home), read_only=read_only, say=say)
    try:
        yield memory
    finally:
        memory.close()


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of a memory with its schema brought up to date, without asking for an embedding model."""
    from memgraph.store.database import Database, open_endpoint
    from memgraph.store.migrations import migrate

    database = Database(open_endpoint(settings, say))
    try:
        migrate(database, say=say)
        yield database
    finally:
        database.close()


@contextmanager
def progress(description: str, expected: int | None = None) -> Iterator[Progress]:
    """A progress bar on standard error, or a line now and then without a terminal; yields the `Progress` that moves it."""
    if not progress_console.is_terminal:
        yield _progress_lines(description, expected)
        return
    with Bar(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=progress_console,
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=expected)

        def update(done: int, total: int | None = None, doing: str = "") -> None:
            of = total if total is not None or doing else expected
            bar.update(task, completed=done, total=of, description=doing or description)

        yield update


def _progress_lines(description: str, expected: int | None) -> Progress:
    last = time.monotonic()

    def update(done: int, total: int | None = None, doing: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY_SECONDS:
            last = time.monotonic()
            of = total if total is not None or doing else expected
            say(f"{doing or description}: {done:,}" + ("" if of is None else f" of {of:,}"))

    return update


def report_rejects(rejected: Sequence[Reject], file: Path) -> None:
    """List rejected rows in a file and end with exit code 3, if there are any."""
    if not rejected:
        return
    with file.open("w", encoding="utf-8") as lines:
        for reject in rejected:
            lines.write(json.dumps(dataclasses.asdict(reject)) + "\n")
    say(
        f"{len(rejected)} rows were rejected; first: {rejected[0].file}, row {rejected[0].row}: {printable(rejected[0].reason)}"
    )
    say(f"all of them are listed in {file}")
    raise typer.Exit(EXIT_REJECTED)


def quiet_libraries() -> None:
    """Keep other libraries' remarks off the screen, which belongs to our own reports."""
    with installed("trl"):
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
