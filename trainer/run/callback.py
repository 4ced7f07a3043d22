"""After each step: is the reward still right (monitor), and does it need a new fit (refit)? Checkpoints keep the model in force.

One process reads, judges and fits; the others load the model that it registered, all at the same step, so that a group
that is spread over several processes is scored by one model. A step at which the memory is out of reach is made up for at
the next; so many in a row stop training as may reward calls.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from memgraph.errors import ConnectionFailed, TrainingError
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.models.scorers import RewardModelScorer
from memgraph.printable import percent
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.ranks import Ranks
from trainer.reward.rows import TrainingRows
from trainer.run.config import RefitSection
from trainer.run.monitor import Agreement, Monitor
from trainer.run.narrator import LINE_EVERY, Narrator
from trainer.run.predictions import Prediction, Predictions
from trainer.run.refit import Refit, held_out, keep_model, quality
from trainer.run.sharing import Checkpoint, by_first, load_shared

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from a step: a new model to score with, why training must stop, why nothing was seen; None where not so."""

    model: Checkpoint | None = None
    stop: str | None = None
    missed: str | None = None


def refit_every(reward: MemoryReward, rows: TrainingRows, steps: int = 5, *, seed: int = 0) -> RewardCallback:
    """A callback that fits the reward model every so many steps, on the labels of the reward's ledger so far.

    A policy learns within ten steps what a model that stays as it is takes for right, so few are better than many
    (docs/experiments/2026-12-01.md).
    A fit for which the labels do not suffice yet leaves the former scorer in place. Each checkpoint of the trainer holds the
    model in force, in its folder `reward_model`, and a trainer that resumes from it goes on with that one.
    """
    if reward.judged is None:
        raise TrainingError("refit_every needs a reward with labelled queries: MemoryReward(memory, run=…, rows=…)")
    refit = Refit(
        reward.memory,
        RefitSection(),
        ledger=reward.judged.ledger,
        training=rows.query_keys,
        every=steps,
        config=RewardModelConfig(),
        seed=seed,
        log=None,
    )
    return RewardCallback(reward, monitor=None, refit=refit, stop_after=None, narrator=Narrator(quiet=True))


class RewardCallback(TrainerCallback):
    """After each step shows the monitor what was predicted, and puts a new model into the reward where one was fitted.

    Args:
        stop_after: alarms of the monitor after which training stops; None goes on with a warning each time.
        resumes: a trainer that goes on from a checkpoint gets the reward model there. False where the reward has it already.

    Raises:
        TrainingError: after too many alarms, or steps at which the memory was out of reach; on every process.
    """

    def __init__(
        self,
        reward: MemoryReward,
        *,
        monitor: Monitor | None,
        refit: Refit | None,
        stop_after: int | None,
        narrator: Narrator,
        resumes: bool = True,
    ) -> None:
        self._reward = reward
        self._predictions = Predictions(reward.memory, reward.run)
        self._monitor = monitor
        self._refit = refit
        self._stop_after = stop_after
        self._narrator = narrator
        self._resumes = resumes
        self._unseen: list[Prediction] = []  # by the monitor
        self._said: int | None = None  # step at which a fit was told of
        self._missed = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Go on with the reward model of the checkpoint that the trainer resumes from, if it holds one."""
        if self._resumes and state.global_step and self._refit is not None:
            refit, checkpoint = self._refit, _checkpoint(args, state)
            kept = by_first(lambda: None if (model := refit.kept(checkpoint)) is None else Checkpoint.of(model))
            if kept is not None:
                self._use(kept)
        self._tell()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Put the reward model in force beside the policy."""
        if state.is_world_process_zero and (model := self._model()) is not None:
            keep_model(model, _checkpoint(args, state))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Watch and fit in one process, then do in all of them what follows from it."""
        if self._monitor is None and self._refit is None:
            return
        if all(gather_object([self._written()])):
            decision = by_first(lambda: self._decide(state.global_step))
        else:
            decision = Decision(missed="rewards are still on their way into it")
        self._missed = 0 if decision.missed is None else self._missed + 1
        if decision.missed is not None and self._missed > self._reward.max_failed_calls:
            raise TrainingError(
                f"at {self._missed} steps in a row the memory was out of reach (reward.max_failed_calls), the last time since "
                f"{decision.missed}. Fix the cause and resume from the last checkpoint"
            )
        if decision.model is not None:
            self._use(decision.model)
        self._tell()
        if decision.stop is not None:
            raise TrainingError(decision.stop)

    def _model(self) -> RewardModel | None:
        """The reward model in force; None where another scorer predicts, or none."""
        model = getattr(self._reward.scorer, "model", None)
        return model if isinstance(model, RewardModel) else None

    def _use(self, saved: Checkpoint) -> None:
        model = load_shared(saved)
        self._reward.scorer, self._reward.model = RewardModelScorer(model), saved.key

    def _tell(self) -> None:
        """Let the reward log how watching and fitting stand and how good the model is, in the process that knows."""
        if Ranks.here().rank != 0:
            return
        if self._refit is not None:
            self._reward.metrics["refits"] = float(sum(record.model is not None for record in self._refit.records))
        if (model := self._model()) is not None:
            for name, metric in held_out(model).items():
                if metric is not None:
                    self._reward.metrics[f"model/{name}"] = metric
        if self._monitor is not None:
            agreement = self._monitor.agreement
            for name in ("observed", "expected", "evidence", "alarms"):
                if (value := getattr(agreement, name)) is not None:
                    self._reward.metrics[f"agreement/{name}"] = float(value)

    def _written(self) -> bool:
        """Whether this process's rewards are in the memory: what is on its way can only be watched later."""
        try:
            self._reward.flush()
        except Exception as error:  # a rank that raises leaves the others waiting
            logger.warning("the reward is not watched at this step: %s", error)
            return False
        return True

    def _decide(self, step: int) -> Decision:
        try:
            return self._watch(step)
        except ConnectionFailed as error:
            logger.warning("the reward could not be watched at step %d: %s", step, error)
            return Decision(missed=str(error))

    def _watch(self, step: int) -> Decision:
        if self._monitor is not None:
            self._unseen += self._predictions.new()
            alarm, self._unseen = self._monitor.observe(step, self._unseen), []
            if alarm and (stop := self._alarm(step, self._monitor.agreement)) is not None:
                return Decision(stop=stop)
        if self._refit is not None and (fitted := self._refit.after(step)) is not None:
            if self._said is None or step - self._said >= LINE_EVERY:
                self._said = step
                self._narrator.say(f"step {step}: reward model fitted again ({quality(fitted)})")
            return Decision(Checkpoint.of(fitted))
        return Decision()

    def _alarm(self, step: int, agreement: Agreement) -> str | None:
        """Warn; why training must stop, if it must."""
        message = (
            f"step {step}: the predicted reward is no longer calibrated: on {agreement.rollouts} rollouts of {agreement.queries} "
            f"watched queries it agrees with the verifier on {percent(agreement.observed)} so far, {percent(agreement.expected)} were "
            "expected. The policy may have learned to please the scorer: look at rewards.jsonl and monitor.jsonl, label more, refit "
            "more often"
        )
        logger.warning(message)
        if self._stop_after is None or agreement.alarms < self._stop_after:
            return None
        return f"{message}. Stopped after {agreement.alarms} alarms (monitor.stop_after)"


def _checkpoint(args: Any, state: Any) -> Path:
    """Where the trainer saves its present step."""
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
