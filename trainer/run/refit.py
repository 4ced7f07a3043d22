"""Keeps the reward model up with the policy: fits it again every n steps.

Labelled queries go on being sampled during RL and their rollouts judged at no cost, so each fit sees the policy as it
writes now. What a fit reads is bounded, the newest rollouts first.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from memgraph import LabelView, Memory
from memgraph.errors import ModelError
from memgraph.models import registry
from memgraph.models.reward_model import RewardModel, RewardModelConfig
from memgraph.store.keys import draw_position
from trainer.reward.report import append_records
from trainer.run.config import RefitSection, RunConfig

logger = logging.getLogger(__name__)

REWARD_MODEL: Final = "reward_model"  # folder in a trainer's checkpoint
_WEAK_ORDER = 0.65  # AUC within queries; real sets have .70 to .95 (docs/rl_llm.md)


@dataclass(frozen=True, slots=True)
class FitRecord:
    """One fit during training.

    Attributes:
        model: key of the registered reward model, None where the labels did not suffice and the former one stays.
        metrics: of the model, among them its calibration on held-out labelled queries (`held_out_ece`, `held_out_auc`).
    """

    step: int
    seconds: float
    model: str | None
    metrics: dict[str, float | None]


def fit_queries(memory: Memory, ledger: str, training: Collection[str], *, limit: int, seed: int) -> list[str]:
    """At most `limit` queries to fit on: those with labels first, then others of the run, in a fixed random order."""
    view = LabelView(ledgers=(ledger,))
    purposes = memory.ledger(ledger).purposes()
    labelled = {key for key, purpose in purposes.items() if purpose in view.purposes}
    rest = set(training) - labelled
    ordered = [sorted(keys, key=lambda key: draw_position(seed, [key])) for keys in (labelled, rest)]
    return [key for keys in ordered for key in keys][:limit]


def held_out(model: RewardModel) -> dict[str, float | None]:
    """A model's AUC, AUC within queries and calibration error on held-out labels, by the names of its metrics."""
    return {name: model.metrics.get(name) for name in ("held_out_auc", "held_out_within_query_auc", "held_out_ece")}


def quality(model: RewardModel) -> str:
    """How good a model is on held-out labels, with a warning where it hardly knows which rollout of a query is right."""
    auc, within, ece = held_out(model).values()
    if auc is None or ece is None:
        return "not measured on held-out labels"
    if within is None:
        return f"held-out AUC {auc:.3f}, ECE {ece:.3f}"
    measured = f"held-out AUC {auc:.3f}, within queries {within:.3f}, ECE {ece:.3f}"
    if within >= _WEAK_ORDER:
        return measured
    return (
        f"{measured}: which rollout of a query is right it hardly knows, and training on that may teach the policy to agree with "
        "itself; `reward.scorer: none` trains on the labelled queries alone"
    )


def keep_model(model: RewardModel, checkpoint: Path) -> None:
    """Save a model within a trainer's checkpoint, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=checkpoint) as written:
        model.save(Path(written) / REWARD_MODEL)
        shutil.rmtree(checkpoint / REWARD_MODEL, ignore_errors=True)  # of a step that was discarded
        (Path(written) / REWARD_MODEL).rename(checkpoint / REWARD_MODEL)


class Refit:
    """Decides when to fit again, and does so.

    Args:
        training: keys of the run's training queries.
        every: steps between fits, or what `after` counts in their place; None never fits again.
        log: a JSON-lines file, a row for each fit; None for none.
    """

    def __init__(
        self,
        memory: Memory,
        section: RefitSection,
        *,
        ledger: str,
        training: Collection[str],
        every: int | None,
        config: RewardModelConfig,
        seed: int,
        log: Path | None,
    ) -> None:
        self._memory = memory
        self._section = section
        self._ledger = ledger
        self._training = training
        self._every = every
        self._config = config
        self._seed = seed
        self._log = log
        self._due = False
        self._step: int | None = None
        self.records: list[FitRecord] = []

    @classmethod
    def of(cls, config: RunConfig, memory: Memory, training: Collection[str], *, every: int | None) -> Self:
        """As a run's file says, but for `every`."""
        return cls(
            memory,
            config.refit,
            ledger=config.ledger,
            training=training,
            every=every,
            config=RewardModelConfig(checks=tuple(config.reward.checks)),
            seed=config.seed,
            log=config.folder / "refits.jsonl",
        )

    def fit(self) -> RewardModel:
        """Fit on the labels so far, within the section's bounds.

        Raises:
            ModelError: if the labels do not suffice.
        """
        section = self._section
        queries = section.max_rollouts // section.rollouts_per_query
        return self._memory.fit(
            LabelView(ledgers=(self._ledger,)),
            seed=self._seed,
            config=self._config,
            query_keys=fit_queries(self._memory, self._ledger, self._training, limit=queries, seed=self._seed),
            rollouts=section.rollouts_per_query,
        )

    def kept(self, checkpoint: Path | None) -> RewardModel | None:
        """The model in a trainer's checkpoint (`keep_model`), registered in this memory; None where none can be used."""
        if checkpoint is None or not (folder := checkpoint / REWARD_MODEL).is_dir():
            return None
        memory, readers = self._memory, self._memory.domains.versions
        try:
            model = RewardModel.load(folder, readers=readers)
        except ModelError as error:
            logger.warning("the reward model of %s is not used: %s", checkpoint, error)
            return None
        home = memory.settings.home  # known there already, unless the checkpoint comes from another memory
        registry.register(memory, model, home, readers=readers, ledger=self._ledger, seed=self._seed)
        return model

    def after(self, step: int) -> RewardModel | None:
        """After a step a new model, where one was due and could be fitted.

        Where the memory is out of reach, a fit stays due at the next step; so does one of a step that nobody asked about.
        """
        before, self._step = step - 1 if self._step is None else self._step, step
        self._due = self._due or (self._every is not None and step // self._every > before // self._every)
        if not self._due:
            return None
        start = time.perf_counter()
        fitted: RewardModel | None = None
        try:
            fitted = self.fit()
        except ModelError as error:
            logger.warning("the reward model stays as it is at step %d: %s", step, error)
        self._due = False
        seconds = round(time.perf_counter() - start, 2)
        record = FitRecord(step, seconds, *((fitted.key, fitted.metrics) if fitted else (None, {})))
        self.records.append(record)
        if self._log is not None:
            append_records(self._log, asdict(record))
        return fitted
