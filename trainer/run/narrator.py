"""Tells a person what a run does: stages with their times, a bar for training, a table at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text
from transformers import PrinterCallback, TrainerCallback
from transformers.utils.logging import disable_progress_bar

from memgraph.printable import PrintableConsole, percent

if TYPE_CHECKING:
    from trainer.run.result import RunResult
    from trainer.sampling.store import SampleReport


_REASONS = 3  # for which most rewards are missing
_MUCH_LESS = 0.1  # agreement than expected
_WORTH_SAYING = 0.05  # of responses: those cut off, and those without an answer
LINE_EVERY = 10  # steps, where there is no terminal to show a bar on


class Narrator:
    """Talks on standard error, and prints the result on standard output unless quiet.

    Args:
        silent: says nothing at all, as processes besides the first should.
    """

    def __init__(self, *, quiet: bool = False, silent: bool = False) -> None:
        self.console = PrintableConsole(stderr=True, quiet=silent)
        self._quiet = quiet or silent
        self.shows_progress = not self._quiet and self.console.is_terminal

    def stage(self, what: str) -> None:
        """A stage begins."""
        self.console.print(f"▸ {what}", style="bold", highlight=False)

    def say(self, message: str) -> None:
        """A detail of the present stage."""
        self.console.print(f"  {message}", style="dim", highlight=False)

    def sampled(self, report: SampleReport, *, judged: bool = False) -> None:
        """Rollouts were sampled and stored."""
        added = "judged at no cost" if judged else f"{report.ingest.linked} queries linked to similar ones"
        self.say(f"{report.ingest.new} rollouts new, {added}")
        if max(report.cut_off_share, report.ingest.answers.unanswered_share) > _WORTH_SAYING:
            for line in report.lines():
                self.say(line)

    def done(self, seconds: float) -> None:
        """The stage ended."""
        self.console.print(Text.assemble("  ", ("✓", "green"), f" {seconds:.1f} s"), highlight=False)

    def result(self, result: RunResult) -> None:
        """The run ended: accuracy, labels, sources of reward."""
        if self._quiet:
            return
        console = PrintableConsole()
        if result.accuracy:
            table = Table("held-out problems", "n", "before", "after", "change (95 % interval)", "")
            for name, change in result.accuracy.items():
                interval = f"{change.change:+.1%} ({change.low:+.1%} to {change.high:+.1%})"
                table.add_row(
                    name, str(change.problems), f"{change.before:.1%}", f"{change.after:.1%}", interval, change.verdict
                )
            console.print(table)
        total = sum(result.reward_sources.values())
        shares = ", ".join(
            f"{source} {percent(count / total)}" for source, count in sorted(result.reward_sources.items())
        )
        spending = result.spending
        console.print(
            f"labels: {spending['queries_paid']} of {spending['training_queries']} training queries paid for; "
            f"{total} rewards in {result.steps - (result.resumed_at or 0)} steps: {shares}"
        )
        for reason, count in list(result.missing_rewards.items())[:_REASONS]:
            console.print(f"no reward for {count}: {reason}", highlight=False)
        if result.monitor is not None and result.monitor.observed is not None:
            monitor = result.monitor
            console.print(
                f"watched: on {monitor.rollouts} rollouts the reward agrees with the verifier on {percent(monitor.observed)}, "
                f"{percent(monitor.expected)} were expected; {monitor.alarms} alarms, {len(result.refits)} refits"
            )
        if result.report is not None:
            console.print(f"what the memory knows of the run: {result.report}", highlight=False)


class RewardProgress(TrainerCallback):
    """A bar for GRPO that shows the mean reward and where rewards came from, step by step."""

    def __init__(self, narrator: Narrator) -> None:
        self._bar = Progress(
            TextColumn("  GRPO"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=narrator.console,
        )
        self._task: Any = None

    @classmethod
    def attach(cls, trainer: Any, narrator: Narrator) -> None:
        """Put it in the place of the callback that prints logs to standard output, and of transformers' bars for each file."""
        disable_progress_bar()  # type: ignore[no-untyped-call]
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(cls(narrator))

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Show the bar."""
        self._task = self._bar.add_task("", total=state.max_steps, completed=state.global_step)
        self._bar.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Say the mean reward, and what each source gave."""
        values = logs or {}
        if "reward" in values:
            reward = values["reward"]  # None where no rollout of the step got one
            cut = values.get("completions/clipped_ratio", 0.0)
            ends = f"  cut off {cut:.0%}" if cut > _WORTH_SAYING else ""
            line = f"reward {'none' if reward is None else f'{reward:.2f}'}  {_sources(values)}{ends}{_watched(values)}"
            self._bar.update(self._task, description=line)
            if not self._bar.console.is_terminal and state.global_step % LINE_EVERY == 0:
                self._bar.console.print(f"  step {state.global_step} of {state.max_steps}: {line}", highlight=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave the finished bar on the screen."""
        self._bar.stop()


def _sources(logs: dict[str, Any]) -> str:
    """Share of the rewards by source, with the mean of each where there are several: predicted rewards that stay high while labels
    say that all is wrong show so."""
    share = {name.rpartition("/")[2]: value for name, value in sorted(logs.items()) if "/source/" in name and value}
    mean = {name.rpartition("/")[2]: value for name, value in logs.items() if "/mean/" in name}
    several = len(share.keys() & mean.keys()) > 1
    return " ".join(
        f"{source} {percent(value)}{f' (mean {mean[source]:.2f})' if several and source in mean else ''}"
        for source, value in share.items()
    )


def _watched(logs: dict[str, Any]) -> str:
    """How often scorer and verifier agree on watched queries, where that is much less than was expected. An alarm takes more."""
    found = {name.rpartition("/")[2]: value for name, value in logs.items() if "/agreement/" in name}
    observed, expected = found.get("observed"), found.get("expected")
    if observed is None or expected is None or expected - observed <= _MUCH_LESS:
        return ""
    return f"  watched: right {percent(observed)}, expected {percent(expected)}"
