"""What a run did, for people and programs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainer.run.accuracy import PairedChange
from trainer.run.monitor import Agreement
from trainer.run.refit import FitRecord


@dataclass(slots=True)
class RunResult:
    """What a run did.

    Attributes:
        seconds: by stage: load, sample, label, sample labelled, fit, measure before, train, measure after.
        accuracy: on the held-out problems, before and after: all, by domain, and the same of the ood ones.
        spending: of the ledger.
        steps: of training, those before a resume included.
        resumed_at: step from which this process went on; None where it began the run.
        reward_sources: rewards given during training, by source; since the resume, if there was one.
        missing_rewards: those of the source "none", by reason.
        reward_model: the first one, with its calibration on held-out labelled queries; since the resume, if there was one.
        refits: later ones, each with its calibration; since the resume, if there was one.
        monitor: agreement of the predicted rewards with the verifier on the watched queries, and alarms.
        report: path of the HTML page about the run; None where it could not be written.
    """

    name: str
    steps: int = 0
    resumed_at: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    accuracy: dict[str, PairedChange] = field(default_factory=dict)
    spending: dict[str, Any] = field(default_factory=dict)
    reward_sources: dict[str, int] = field(default_factory=dict)
    missing_rewards: dict[str, int] = field(default_factory=dict)
    reward_model: dict[str, Any] = field(default_factory=dict)
    refits: list[FitRecord] = field(default_factory=list)
    monitor: Agreement | None = None
    report: str | None = None

    def write(self, folder: Path) -> None:
        """As `summary.json` of a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
