"""Spends a label budget: on which queries, for what, and what is known already at no cost.

known queries ──► their later answers are judged, free
the others, in a random order ──► its end: queries that watch the reward
                              └─► its beginning: queries to calibrate and train on; all that are left, or with the
                                  informative rule a quarter of them, and the rule chooses the rest batch by batch
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from memgraph.domains import Judge
from memgraph.labels.draw import limit_of, take
from memgraph.labels.judging import RevealReport
from memgraph.labels.ledger import Ledger
from memgraph.labels.truth import TruthSource
from memgraph.labels.view import LabelView, Purpose

Acquisition = Literal["random", "informative"]
Choose = Callable[[int, Set[str]], Sequence[str] | None]
"""Gives so many queries to label next, none of those that are closed; None where it cannot tell yet."""

_RANDOM_SHARE = 0.25
_BATCHES = 5


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


def spend(
    account: Ledger,
    source: TruthSource,
    clusters: Sequence[Sequence[str]],
    *,
    limit: int,
    judge: Judge | None = None,
    monitor: float | int = 0,
    reuse: Sequence[str] = (),
    choose: Choose | None = None,
) -> Spending:
    """Label as many of some stored queries as the limit allows, whole near-duplicate clusters at a time.

    What the ledger has paid for before counts, so that a second call, or another run with the same ledger, spends only what
    is left.

    Args:
        clusters: keys of the queries that the source knows, by cluster, in the order in which they are drawn.
        limit: queries that may be paid for.
        monitor: share of the limit, or number of queries, that watch the reward and are never trained on.
        reuse: names of other ledgers; the training queries that they have paid for are taken over at no cost.
        choose: the rule for three quarters of the training queries; the others are drawn at random, and calibration rests on
            these alone. None draws all at random.
    """
    queries = {key for cluster in clusters for key in cluster}
    if reuse:
        account.reuse(LabelView(ledgers=tuple(reuse)), queries)
    remaining = _RemainingBudget(account, source, judge, clusters, limit)
    remaining.reveal(queries & account.purposes().keys(), Purpose.TRAIN)
    remaining.draw(reversed(clusters), limit_of(monitor, limit) - remaining.paid(Purpose.MONITOR), Purpose.MONITOR)
    if choose is None:
        remaining.draw(clusters, limit, Purpose.CALIBRATE)
    else:
        at_random = round(_RANDOM_SHARE * (limit - remaining.paid(Purpose.MONITOR)))
        remaining.draw(clusters, at_random - remaining.paid(Purpose.CALIBRATE), Purpose.CALIBRATE)
        _choose(remaining, queries, choose)

    purposes = account.purposes()
    monitored = frozenset(key for key in queries & purposes.keys() if purposes[key] is Purpose.MONITOR)
    training = frozenset(queries & purposes.keys()) - monitored
    offered = len(set(source.query_keys()))
    return Spending(
        limit, training, monitored, len(training - account.revealed()), remaining.report, offered - len(queries)
    )


def _choose(remaining: _RemainingBudget, queries: Set[str], choose: Choose) -> None:
    """Spend what is left on queries that the rule chooses, again after each batch; at random where it cannot tell yet."""
    if not remaining.left:
        return
    if remaining.left >= len(queries - remaining.closed()):  # nothing to choose
        remaining.draw(remaining.clusters, remaining.left, Purpose.CALIBRATE)
        return
    for batches in range(min(_BATCHES, remaining.left), 0, -1):
        count = math.ceil(remaining.left / batches)
        chosen = choose(count, remaining.closed())
        if chosen is None:
            remaining.draw(remaining.clusters, count, Purpose.CALIBRATE)
        else:
            remaining.reveal(chosen, Purpose.TRAIN)


@dataclass(slots=True)
class _RemainingBudget:
    """A ledger, and how much of it may be spent on some clusters."""

    account: Ledger
    source: TruthSource
    judge: Judge | None
    clusters: Sequence[Sequence[str]]
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
        watched = {
            key
            for cluster in self.clusters
            for key in cluster
            if any(purposes.get(k) is Purpose.MONITOR for k in cluster)
        }
        return watched | purposes.keys()

    def draw(self, ordered: Iterable[Sequence[str]], count: int, purpose: Purpose) -> None:
        """Reveal the first open clusters."""
        closed = self.closed()
        if purpose is Purpose.MONITOR:
            # nothing near what is watched may be trained on, nor single answers that were judged
            closed |= self.account.judged()
            ordered = (cluster for cluster in ordered if not closed.intersection(cluster))
        open_clusters = ([key for key in cluster if key not in closed] for cluster in ordered)
        self.reveal(take(open_clusters, min(count, self.left)), purpose)

    def reveal(self, query_keys: Iterable[str], purpose: Purpose) -> None:
        """Pay for queries and label their answers."""
        self.report.add(self.account.reveal(self.source, query_keys, judge=self.judge, purpose=purpose))
