"""After each step: is the reward still right (monitor), and does it need a new fit (refit)?

One process reads, judges and fits; the others load the model that it registered, all at the same step, so that a group
that is spread over several processes is scored by one model.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate.utils import wait_for_everyone
from transformers import TrainerCallback

from memgraph.errors import TrainingError
from memgraph.memory import RegisteredModel
from memgraph.reward_model import RewardModel
from memgraph.scorers import GnnScorer
from trainer.monitor import Agreement, Monitor
from trainer.predictions import Predictions
from trainer.progress import Narrator
from trainer.refit import Refit
from trainer.reward import MemoryReward
from trainer.sharing import by_first

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a step: a new model to score with, and why training must stop, if so."""

    model: RegisteredModel | None = None
    stop: str | None = None


class RewardUpkeep(TrainerCallback):
    """Feeds each step's predictions to the monitor and the refit, and puts a new model into the reward.

    Args:
        stop_after: alarms of the monitor after which training stops; None goes on with a warning each time.

    Raises:
        TrainingError: after too many alarms, on every process.
    """

    def __init__(
        self,
        reward: MemoryReward,
        *,
        monitor: Monitor | None,
        refit: Refit | None,
        stop_after: int | None,
        narrator: Narrator,
    ) -> None:
        self._reward = reward
        self._predictions = Predictions(reward.memory, reward.run)
        self._monitor = monitor
        self._refit = refit
        self._stop_after = stop_after
        self._narrator = narrator

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Watch and fit in one process, then do in all of them what follows from it."""
        self._reward.flush()  # what is still on its way into the memory could not be watched
        wait_for_everyone()
        decision = by_first(lambda: self._watch(state.global_step))
        if decision.model is not None:
            model = RewardModel.load(Path(decision.model.folder), space=self._reward.memory.space.key)
            self._reward.scorer, self._reward.model = GnnScorer(model), decision.model.key
        if decision.stop is not None:
            raise TrainingError(decision.stop)

    def _watch(self, step: int) -> Decision:
        predictions = self._predictions.new()
        found = stop = None
        if self._monitor is not None and self._monitor.observe(step, predictions):
            stop = self._alarm(step, self._monitor.agreement)
        if self._refit is not None and (fitted := self._refit.observe(step, predictions)) is not None:
            model, found = fitted
            auc, ece = model.metrics["held_out_auc"], model.metrics["held_out_ece"]
            said = f"held-out AUC {auc:.3f}, ECE {ece:.3f}" if auc is not None and ece is not None else "not measured"
            self._narrator.say(f"step {step}: reward model fitted anew ({self._refit.records[-1].reason}; {said})")
        return Decision(found, stop)

    def _alarm(self, step: int, found: Agreement) -> str | None:
        """Warn; why training must stop, if it must."""
        message = (
            f"step {step}: the predicted reward no longer keeps its promise: on {found.rollouts} rollouts of {found.queries} "
            f"watched queries it agrees with the verifier on {found.agreed:.0%} so far, {found.promised:.0%} were promised. "
            "The policy may have learned to please the scorer: look at rewards.jsonl and monitor.jsonl, label more, refit "
            "more often"
        )
        logger.warning(message)
        if self._stop_after is None or found.alarms < self._stop_after:
            return None
        return f"{message}. Stopped after {found.alarms} alarms (monitor.stop_after)"
