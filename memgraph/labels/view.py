"""Kinds and purposes of labels, and which of them a consumer may see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from memgraph.store.times import utc


class LabelKind(StrEnum):
    """Where a label comes from, in falling order of precedence."""

    GROUND_TRUTH = "ground_truth"
    HUMAN = "human"
    CODE = "code"
    JUDGE = "judge"


class Purpose(StrEnum):
    """What a label was spent for.

    `CALIBRATE` queries were drawn at random: models train on them, and calibration and held-out metrics rest on them alone
    where there are any. `TRAIN` queries were chosen otherwise: models train on them only. `MONITOR` queries watch the
    reward during RL and train nothing. `EVALUATE` is recorded, never readable by training.
    """

    TRAIN = "train"
    CALIBRATE = "calibrate"
    MONITOR = "monitor"
    EVALUATE = "evaluate"


@dataclass(frozen=True, slots=True)
class LabelView:
    """Which labels a consumer may see: every reader of labels takes one.

    Attributes:
        ledgers: names of the ledgers whose labels count; None means labels of every ledger and those outside any.
        kinds: label kinds that count.
        purposes: EVALUATE may not be asked for.
        as_of: only labels created at or before this time (UTC where it names no zone).
        runs: names of the runs whose labels count: those on their rollouts, and on answers that one of these gave.
    """

    ledgers: tuple[str, ...] | None = None
    kinds: tuple[LabelKind, ...] = tuple(LabelKind)
    purposes: tuple[Purpose, ...] = (Purpose.TRAIN, Purpose.CALIBRATE)
    as_of: datetime | None = None
    runs: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if Purpose.EVALUATE in self.purposes:
            raise ValueError("labels spent for evaluation are never readable; leave EVALUATE out of the purposes")
        if self.as_of is not None:
            object.__setattr__(self, "as_of", utc(self.as_of))

    def until(self, time: datetime) -> LabelView:
        """The same without what was created after a time; an earlier `as_of` stays."""
        return replace(self, as_of=utc(time) if self.as_of is None else min(self.as_of, utc(time)))


DEFAULT_VIEW = LabelView(ledgers=("default",))
"""Labels of the ledger `default`, which the command line uses where none is named."""
