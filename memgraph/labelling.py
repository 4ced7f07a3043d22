"""Spends a label budget: on which queries, for what, and what is known already at no cost.

known queries ──► their later answers are judged, free
the others, in a random order ──► its end: queries that watch the reward
                              └─► its beginning: queries to calibrate and train on; all that are left, or with the
                                  informative rule a quarter of them, and the rule chooses the rest batch by batch
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from memgraph.acquisition import acquire
from memgraph.domains import Judge
from memgraph.errors import InputError, ModelError
from memgraph.labels.truth import TruthSource
from memgraph.ledger import Ledger, RevealReport, in_random_order, limit_of, take
from memgraph.memory import Memory
from memgraph.records import LabelView, Purpose

Acquisition = Literal["random", "informative"]

_RANDOM_SHARE = 0.25
_BATCHES = 5
_ROLLOUTS_READ = 16  # newest of each query, to decide what to label


@dataclass(frozen=True, slots=True)
class Spending:
    """What a budget was spent on, and what it gave.

    Attributes:
        limit: queries that may be paid for.
        training: keys of the queries whose labels models may train on.
        monitored: keys of the queries that watch the reward.
        reused: how many of the training queries cost nothing, because another ledger had paid.
        revealed: what the ledger wrote.
        absent: how many queries of the source are not in the memory.
    """

    limit: int
    training: frozenset[str]
    monitored: frozenset[str]
    reused: int
    revealed: RevealReport
    absent: int


def label_within_budget(
    memory: Memory,
    source: TruthSource,
    *,
    ledger: str,
    budget: float | int | None,
    seed: int = 0,
    judge: Judge | None = None,
    acquisition: Acquisition = "random",
    monitor: float | int = 0,
    reuse: Sequence[str] = (),
) -> Spending:
    """Label as many of the source's stored queries as the budget allows, whole near-duplicate units at a time.

    What the ledger has paid for before counts against the budget, so that a second call, or another run with the same
    ledger, spends only what is left.

    Args:
        budget: share of the distinct stored queries that the source knows, a number of them, or None for all.
        acquisition: "random", or "informative": a quarter of the training queries are drawn at random, and calibration
            rests on these alone; the others are chosen by `memgraph.acquisition`.
        monitor: share of the budget, or number of queries, that watch the reward and are never trained on.
        reuse: names of other ledgers; the training queries that they have paid for are taken over at no cost.

    Raises:
        LedgerError: for a budget that is none.
        InputError: if nothing that the source knows is stored.
    """
    known = source.query_keys()
    units = in_random_order(memory.units(known), seed)
    queries = {key for unit in units for key in unit}
    if known and not queries:
        raise InputError(
            f"none of the {len(known)} queries is in this memory; import their rollouts first with `memreward import`, or say "
            "with --dataset and --home where they went"
        )
    limit = limit_of(budget, len(queries))
    account = memory.ledger(ledger, budget=None if budget is None else limit, seed=seed)
    if reuse:
        account.reuse(LabelView(ledgers=tuple(reuse)), queries)
    purse = _Purse(account, source, judge, units, limit)
    purse.reveal(queries & account.purposes().keys(), Purpose.TRAIN)
    purse.draw(reversed(units), limit_of(monitor, limit) - purse.paid(Purpose.MONITOR), Purpose.MONITOR)
    if acquisition == "informative":
        at_random = round(_RANDOM_SHARE * (limit - purse.paid(Purpose.MONITOR)))
        purse.draw(units, at_random - purse.paid(Purpose.CALIBRATE), Purpose.CALIBRATE)
        _choose(memory, purse, sorted(queries), ledger, seed)
    else:
        purse.draw(units, limit, Purpose.CALIBRATE)

    purposes = account.purposes()
    monitored = frozenset(key for key in queries & purposes.keys() if purposes[key] is Purpose.MONITOR)
    training = frozenset(queries & purposes.keys()) - monitored
    return Spending(
        limit, training, monitored, len(training - account.revealed()), purse.report, len(known) - len(queries)
    )


def _choose(memory: Memory, purse: _Purse, query_keys: Sequence[str], ledger: str, seed: int) -> None:
    """Spend what is left on queries that the rule chooses, anew after each batch.

    As long as the labels are all of one class there is no model to ask, and a batch is drawn at random.
    """
    if not purse.left:
        return
    if purse.left >= len(set(query_keys) - purse.closed()):  # nothing to choose
        purse.draw(purse.units, purse.left, Purpose.CALIBRATE)
        return
    view = LabelView(ledgers=(ledger,))
    snapshot = memory.snapshot(view, query_keys=query_keys, rollouts=_ROLLOUTS_READ)
    for batches in range(min(_BATCHES, purse.left), 0, -1):
        count, closed = math.ceil(purse.left / batches), purse.closed()
        try:
            chosen = acquire(snapshot, count, np.array([key in closed for key in snapshot.query_keys]), seed=seed)
        except ModelError:
            purse.draw(purse.units, count, Purpose.CALIBRATE)
        else:
            purse.reveal(chosen, Purpose.TRAIN)
        snapshot = snapshot.with_labels(memory.labels(snapshot, view))


@dataclass(slots=True)
class _Purse:
    """A ledger, and how much of it may be spent on some units."""

    account: Ledger
    source: TruthSource
    judge: Judge | None
    units: Sequence[Sequence[str]]
    limit: int
    report: RevealReport = field(default_factory=RevealReport)

    @property
    def left(self) -> int:
        """Queries that can still be paid for."""
        return max(0, self.limit - self.account.spent())

    def paid(self, purpose: Purpose) -> int:
        """Queries paid for, for one purpose."""
        purposes = self.account.purposes()
        return sum(purposes[key] is purpose for key in self.account.revealed())

    def closed(self) -> set[str]:
        """Queries that are known, and those near a watched one: to train on them would be to train on it."""
        purposes = self.account.purposes()
        watched = {key for unit in self.units for key in unit if any(purposes.get(k) is Purpose.MONITOR for k in unit)}
        return watched | purposes.keys()

    def draw(self, ordered: Iterable[Sequence[str]], count: int, purpose: Purpose) -> None:
        """Reveal the first open units."""
        closed = self.closed()
        if purpose is Purpose.MONITOR:
            # nothing near what is watched may be trained on, nor single answers that were judged
            closed |= self.account.judged()
            ordered = (unit for unit in ordered if not closed.intersection(unit))
        open_units = ([key for key in unit if key not in closed] for unit in ordered)
        self.reveal(take(open_units, min(count, self.left)), purpose)

    def reveal(self, query_keys: Iterable[str], purpose: Purpose) -> None:
        """Pay for queries and label their answers."""
        self.report.add(self.account.reveal(self.source, query_keys, judge=self.judge, purpose=purpose))
