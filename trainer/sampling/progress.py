"""How far sampling is: a bar on a terminal, a line now and then without one."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from memgraph.printable import PrintableConsole

_EVERY_SECONDS = 10.0


class SamplingProgress:
    """Shows rollouts and tokens a second. Use it in a `with` block; the end is said in both cases.

    Args:
        total: rollouts that are wanted.
        shown: False says nothing at all.
    """

    def __init__(self, console: PrintableConsole, total: int, *, shown: bool = True) -> None:
        self._console, self._total, self._shown = console, total, shown
        self._done = self._tokens = 0
        self._began = self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn("  sampling", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._shown and self._done:
            self._say()

    def __call__(self, rollouts: int, tokens: int) -> None:
        """So many more are sampled."""
        self._done += rollouts
        self._tokens += tokens
        self._bar.update(self._task, completed=self._done, description=self._rate())
        if self._shown and not self._console.is_terminal and time.monotonic() - self._last_line >= _EVERY_SECONDS:
            self._say()

    def _say(self) -> None:
        self._last_line = time.monotonic()
        self._console.print(
            f"  sampled {self._done:,} of {self._total:,} rollouts, {self._rate()}", style="dim", highlight=False
        )

    def _rate(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        tokens = f", {self._tokens / seconds:,.0f} tokens/s" if self._tokens else ""
        return f"{self._done / seconds:,.1f} rollouts/s{tokens}"
