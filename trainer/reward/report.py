"""What a reward call says about itself: to the trainer's metrics and completion tables, and to a log file."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from memgraph.domains.answer_report import AnswerReport
from trainer.reward.rule import EVALUATION, LABEL, Reward


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A rollout with its reward.

    Attributes:
        rollout: its key in the graph; empty where nothing is stored.
        answer: what it states, as it was read; None where it states none or was not read.
    """

    reward: Reward
    rollout: str = ""
    answer: str | None = None


@dataclass(slots=True)
class CallReport:
    """What one reward call did.

    Attributes:
        call: number of the call within the attempt; None for an evaluation.
        step: the trainer's, None where it does not tell.
        sources: rewards by source, those that are None under "none".
        missing: those that are None by reason.
        means: mean reward by source.
        incomplete_groups: queries scored without all `num_generations` rollouts.
        late_ranks: ranks that were not waited for any longer.
        failure: why the whole call gave no reward.
        waiting: calls whose rewards are on disk, but not in the graph yet.
        seconds: by stage.
        answers: which rollouts state no answer, and which verdicts could not be given.
        labels_spent, labels_budget: of the ledger, so far and in all; None where only another process has asked.
    """

    call: int | None
    step: int | None
    attempt: int | None = None
    sources: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    means: dict[str, float] = field(default_factory=dict)
    mean_reward: float | None = None
    incomplete_groups: int = 0
    late_ranks: list[int] = field(default_factory=list)
    failure: str | None = None
    waiting: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    answers: AnswerReport = field(default_factory=AnswerReport)
    labels_spent: int | None = None
    labels_budget: int | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - start, 4)

    def count(self, rewards: Sequence[Reward]) -> None:
        """Fill in what the rewards say."""
        by_source: dict[str, list[float]] = defaultdict(list)
        for reward in rewards:
            self.sources[reward.source] += 1
            if reward.value is None:
                self.missing[reward.reason or "no reason is known"] += 1
            else:
                by_source[reward.source].append(reward.value)
        self.means = {source: float(np.mean(values)) for source, values in by_source.items()}
        given = [value for values in by_source.values() for value in values]
        self.mean_reward = float(np.mean(given)) if given else None

    def append_to(self, file: Path, *, run: str) -> None:
        """Add a line to a JSON-lines log."""
        row = {
            "run": run,
            "attempt": self.attempt,
            "call": self.call,
            "step": self.step,
            "sources": dict(self.sources),
            "missing": dict(self.missing),
            "mean_reward": self.mean_reward,
            "incomplete_groups": self.incomplete_groups,
            "late_ranks": self.late_ranks,
            "failure": self.failure,
            "without_answer": self.answers.unanswered.total(),
            "undecided": self.answers.undecided.total(),
            "seconds": round(sum(self.seconds.values()), 4),
            "stages": self.seconds,
        }
        append_records(file, row)


def append_records(file: Path, *rows: Mapping[str, Any]) -> None:
    """More rows of a JSON-lines log, in one write, on lines of their own also where a kill has left the last one half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+b") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - 1))
        torn = log.read() not in (b"", b"\n")
        log.write((b"\n" if torn else b"") + b"".join(json.dumps(row).encode() + b"\n" for row in rows))


def read_records(file: Path) -> list[dict[str, Any]]:
    """Rows of a JSON-lines log, in order, without those that a kill has left half written; none where there is no file."""
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def log_columns(
    name: str, rewarded: Sequence[Rewarded], query_keys: Sequence[str], log_extra: Callable[[str, list[Any]], None]
) -> None:
    """One value for each rollout: where its reward comes from, why there is none, its answer, and its keys in the graph."""
    log_extra(f"{name}_source", [each.reward.source for each in rewarded])
    log_extra(f"{name}_reason", [each.reward.reason or "" for each in rewarded])
    log_extra(f"{name}_probability", [each.reward.probability for each in rewarded])
    log_extra(f"{name}_answer", [each.answer for each in rewarded])
    log_extra(f"{name}_query", list(query_keys))
    log_extra(f"{name}_rollout", [each.rollout for each in rewarded])


def log_metrics(
    name: str,
    report: CallReport,
    scorer: str | None,
    metrics: Mapping[str, float],
    log_metric: Callable[[str, float], None],
) -> None:
    """Numbers of the call. A source that gave nothing says 0, since the trainer averages over what it is told.

    Args:
        metrics: more numbers of a training call (`MemoryReward.metrics`).
    """
    usual = {"none", EVALUATION} if report.call is None else {"none", LABEL, *filter(None, [scorer])}
    total = max(report.sources.total(), 1)
    for source in sorted(usual | set(report.sources)):
        log_metric(f"{name}/source/{source}", report.sources[source] / total)
    for source, mean in sorted(report.means.items()):
        log_metric(f"{name}/mean/{source}", mean)
    log_metric(f"{name}/without_answer", report.answers.unanswered_share)
    log_metric(f"{name}/undecided", report.answers.undecided_share)
    for domain, rollouts in sorted(report.answers.rollouts.items()):
        log_metric(f"{name}/without_answer/{domain}", report.answers.unanswered[domain] / rollouts)
    log_metric(f"{name}/failed", float(report.failure is not None))
    log_metric(f"{name}/seconds", sum(report.seconds.values()))
    if report.call is not None:
        log_metric(f"{name}/incomplete_groups", float(report.incomplete_groups))
        log_metric(f"{name}/late_ranks", float(len(report.late_ranks)))
        log_metric(f"{name}/waiting_to_be_written", float(report.waiting))
        for what in ("labels_spent", "labels_budget"):
            if (number := getattr(report, what)) is not None:
                log_metric(f"{name}/{what}", float(number))
        for what, value in metrics.items():
            log_metric(f"{name}/{what}", value)
