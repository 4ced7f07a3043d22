"""Small frozen records that pass between stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal


class LabelKind(StrEnum):
    """Where a label comes from, in falling order of precedence."""

    GROUND_TRUTH = "ground_truth"
    HUMAN = "human"
    CODE = "code"
    JUDGE = "judge"
    GNN = "gnn"
    VOTE = "vote"


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
class Reference:
    """The truth about a query, once revealed: a gold answer, or the hidden tests of a programming problem."""

    kind: Literal["gold", "tests"]
    value: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """One response of a policy to a query, as it comes in.

    `query` and `response` are required; all else is used where present. There is no field for the truth: what a source
    file knows about right and wrong is read by the ledger only (DESIGN.md §5).

    Attributes:
        thinking, answer: given fields win over what is parsed from the response.
        features: optional numeric features, for instance the policy's mean log-probability.
        attempt, call, sample: where RL sampled it; a key is made of them when `call` is not None.
    """

    query: str
    response: str
    query_id: str | None = None
    rollout_id: str | None = None
    dataset: str = "default"
    domain: str = "qa"
    policy: str = ""
    thinking: str | None = None
    answer: str | None = None
    run: str = "import"
    attempt: int = 0
    call: int | None = None
    step: int | None = None
    sample: int | None = None
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LabelView:
    """Which labels a consumer may see: every reader of labels takes one.

    Attributes:
        ledgers: names of the ledgers whose labels count; None means labels of every ledger and those outside any.
        kinds: label kinds that count. GNN and VOTE labels are predictions, never inputs or targets of a model.
        purposes: EVALUATE may not be asked for.
        as_of: only labels created at or before this time.
    """

    ledgers: tuple[str, ...] | None = None
    kinds: tuple[LabelKind, ...] = (LabelKind.GROUND_TRUTH, LabelKind.HUMAN, LabelKind.CODE, LabelKind.JUDGE)
    purposes: tuple[Purpose, ...] = (Purpose.TRAIN, Purpose.CALIBRATE)
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        if Purpose.EVALUATE in self.purposes:
            raise ValueError("labels spent for evaluation are never readable; leave EVALUATE out of the purposes")
        if {LabelKind.GNN, LabelKind.VOTE} & set(self.kinds):
            raise ValueError("GNN and VOTE labels are predictions; they are never inputs or targets of a model")
