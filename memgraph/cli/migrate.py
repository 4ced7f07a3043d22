"""`memreward migrate`: an older memory is brought to what this package reads and writes."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from memgraph.cli.common import (
    UNPLACED,
    HomeOption,
    JsonOption,
    UnplacedOption,
    console,
    emit,
    progress,
    say,
)
from memgraph.errors import MigrationError
from memgraph.settings import Settings

if TYPE_CHECKING:
    from memgraph.labels.reread import Plan, RereadReport
    from memgraph.store.database import Database

_SHOWN = 5


def migrate(
    status: Annotated[bool, typer.Option("--status", help="Only show what is applied and what is pending.")] = False,
    unlock: Annotated[bool, typer.Option("--unlock", help="Release a lock that a crashed migrator left.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Read again without asking.")] = False,
    unplaced: UnplacedOption = UNPLACED,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a memory up to date: its schema, and its answers where they were read by an earlier reader.

    Every command that opens a memory brings the schema up to date. Reading answers again takes longer, so this command says
    first about how long and how much disk, and asks. It moves labels along, leaves what was paid for and the budgets as they
    are, and may be interrupted at any time: the same command goes on. Stop other programs that use the memory first; one
    that still runs an earlier version cannot be seen, and what it writes meanwhile needs this command once more.

    Example: memreward migrate --status
    """
    from memgraph.store import lease, migrations
    from memgraph.store.database import Database, open_endpoint

    settings = Settings.load(home=home)
    database = Database(open_endpoint(settings, say))
    try:
        if unlock:
            say(f"released {migrations.unlock(database) + lease.release(database)} lock(s)")
        states = migrations.status(database) if status else migrations.migrate(database, say=say)
        applied = all(state.applied_at for state in states)
        plan, report = (None, None) if status or not applied else reread_answers(database, settings, ask=not yes)
    finally:
        database.close()
    if as_json:
        listed = [{name: getattr(state, name) for name in state.__slots__} for state in states]
        emit(listed if report is None else {"migrations": listed, "plan": plan, "reread": report})
    else:
        table = Table("version", "description", "applied", "took")
        for state in states:
            took = f"{state.milliseconds} ms" if state.milliseconds is not None else ""
            table.add_row(state.version, state.description, state.applied_at or Text("pending", "yellow"), took)
        console.print(table)
    if report is not None:
        tell(report, unplaced, as_json)


def reread_answers(database: Database, settings: Settings, *, ask: bool) -> tuple[Plan | None, RereadReport | None]:
    """Read a memory's answers again where an earlier reader read them; None where there are none.

    Args:
        ask: whether a person at a terminal is asked first.

    Raises:
        MigrationError: if that person declines, or the disk of the managed server is too small.
    """
    from memgraph.domains import Domains
    from memgraph.labels.reread import plan, reread
    from memgraph.rollouts.program_runs import run_programs
    from memgraph.store.spaces import active_space

    if active_space(database) is None:
        return None, None  # nothing was ever stored
    domains = Domains.of(settings)
    what = plan(database, domains)
    if not what.domains:
        return None, None
    say("answers were read by an earlier reader: " + ", ".join(f"{k} ({v})" for k, v in what.domains.items()))
    say(
        f"{what.rollouts:,} rollouts are to be read again: about {_duration(what.seconds)}, and {what.megabytes:,.0f} MB of disk "
        "(programs that changed are run again on top); a backup first costs little: `memreward db backup`"
    )
    free = shutil.disk_usage(settings.home).free / 1e6 if settings.uri is None else None
    if free is not None and free < what.megabytes:
        raise MigrationError(
            f"reading the memory again takes about {what.megabytes:,.0f} MB, and {free:,.0f} MB are free where {settings.home} "
            "lies; make room, or move the home to another disk"
        )
    if ask and sys.stdin.isatty() and not typer.confirm("Read them again now?", default=True, err=True):
        raise MigrationError("nothing was read again, and the memory cannot be opened by this version until it is")
    with progress("reading again", what.rollouts) as update:
        report = reread(database, domains, progress=update, say=say)
    if settings.run_programs:
        run_programs(database, domains)
    return what, report


def tell(report: RereadReport, unplaced: Path, as_json: bool) -> None:
    """Say what reading again did, and list in a file what needs a person."""
    if report.unplaced:
        with unplaced.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(asdict(answer), ensure_ascii=False) + "\n" for answer in report.unplaced)
    if as_json:
        return
    console.print(
        f"{report.rollouts:,} rollouts read again, {report.changed:,} of them otherwise; {report.judged_again:,} verdicts by stored "
        "truth are new; what was paid for stays paid for. Reward models of before are refused: run memreward fit",
        highlight=False,
        soft_wrap=True,
    )
    if report.unplaced:
        console.print(
            f"{len(report.unplaced):,} labels are on answers that came apart, and it is not known on which part: they count "
            f"nowhere, and are listed in {unplaced}. Judge again by rollout, or reveal their files again (ground truth costs nothing)",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    for conflict in report.conflicts[:_SHOWN]:
        verdicts = ", ".join(f"{(author or conflict.kind)!r} {score:g}" for author, score in conflict.scores)
        written = conflict.written or ""
        _warn(f"labels differ on one answer now: {conflict.query[:60]!r} {written[:40]!r}: {verdicts}")
    if len(report.conflicts) > _SHOWN:
        _warn(f"and {len(report.conflicts) - _SHOWN:,} more; --json lists all")


def _warn(text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
