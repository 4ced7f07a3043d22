"""What a memory may forget: rollouts that nobody judged, and predictions that newer ones have superseded.

Labels of people and ground truth are never dropped, nor are those of programs and judges: a rollout that has one, or whose
answer has one, stays, and so does the answer. Queries stay too. Every step is idempotent and runs in small transactions, so
that a call that was stopped goes on when it is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memgraph.errors import InputError
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.meant import require_known
from memgraph.store.times import utc


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was dropped, or would be.

    Attributes:
        rollouts: with their thinkings and vectors.
        predictions: of these rollouts, and superseded ones of others.
        answers: that no other rollout gave; None in a preview, which does not count them.
        labelled: rollouts that were meant but stay, because they or their answers were judged.
    """

    rollouts: int
    predictions: int
    answers: int | None
    labelled: int


def prune(
    database: Database,
    *,
    superseded: bool = False,
    runs: Sequence[str] | None = None,
    before: datetime | None = None,
    compact: bool = False,
    preview: bool = False,
) -> Pruned:
    """Drop rollouts and predictions.

    Args:
        superseded: rollouts of training steps that were discarded.
        runs, before: rollouts of these runs, stored before that time; either alone, or both together.
        compact: of each rollout's predictions keep the first, which the trainer got, and the newest.
        preview: only count.

    Raises:
        InputError: if nothing is meant, or a run is unknown.
    """
    if not (superseded or runs is not None or before is not None or compact):
        raise InputError(
            "nothing was named that may be dropped: rollouts of discarded steps, of runs, of a time, or predictions"
        )
    require_known(database, {"run": runs})
    meant: dict[str, Any] = {
        "superseded": superseded,
        "runs": None if runs is None else list(runs),
        "before": before and utc(before),
    }
    (counts,) = database.query(cypher("read/prunable"), **meant)
    if preview:
        between = database.query(cypher("read/compactable"), **meant)[0]["predictions"] if compact else 0
        return Pruned(counts["rollouts"], counts["predictions"] + between, None, counts["labelled"])
    (dropped,) = database.autocommit(cypher("write/prune_rollouts"), **meant)
    between = database.autocommit(cypher("write/compact_predictions"))[0]["predictions"] if compact else 0
    return Pruned(dropped["rollouts"], dropped["predictions"] + between, dropped["answers"], counts["labelled"])
