"""The reward function that TRL's GRPOTrainer calls: rollouts go into the memory, rewards come out.

completions ─► Memory.add ─► labelled queries: the ledger judges their answers
                         └─► the others: a scorer on the bounded neighbourhood
            ◄─ rewards in order, None with a reason where there is none
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memgraph import LabelView, Memory, Rollout
from memgraph.errors import TrainingError
from memgraph.export import Group
from memgraph.records import LabelKind
from memgraph.scorers import Scorer, Scores
from memgraph.snapshot import Snapshot
from memgraph.truth import Judge, TruthSource

logger = logging.getLogger(__name__)

Messages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reward:
    """One rollout's reward, where it came from, and why there is none if there is none."""

    value: float | None
    source: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The queries whose answers the ledger may judge, and what it needs for that."""

    ledger: str
    query_keys: Collection[str]
    source: TruthSource
    judge: Judge
    budget: int


class MemoryReward:
    """A reward function for `trl.GRPOTrainer(reward_funcs=…)`, backed by the memory.

    The training data set carries the columns query_key, query, domain, dataset and query_id (see
    `trainer.data.training_dataset`); it carries no truth. Every rollout is kept in the graph with its run, attempt,
    step, reward and source.

    Args:
        memory: an open memory.
        run: name of the run; a resumed one continues under a new attempt.
        judged: the labelled queries. Their answers are judged by the verifier through the ledger.
        scorer: a fitted scorer for all others; None leaves them without a reward (labelled-only training).
        kind: "threshold" gives 0 or 1, "soft" the calibrated probability.
        threshold: of the probability.
        confidence: below this probability of its verdict (½..1) a rollout gets no reward.
        skip_noise: groups whose predictions differ by less than the scorer's noise get no reward, which GRPO's
            normalisation would blow up to full advantages.
        policy: name of the policy, kept with the rollouts.
        max_failed_calls: so many reward calls in a row may fail (all rewards None) before training stops.
        log: a JSON-lines file to append one row for each call to.

    Raises:
        TrainingError: from a call, once too many have failed in a row.
    """

    __name__ = "memory_reward"

    def __init__(
        self,
        memory: Memory,
        *,
        run: str,
        judged: Judged | None = None,
        scorer: Scorer | None = None,
        kind: Literal["threshold", "soft"] = "threshold",
        threshold: float = 0.5,
        confidence: float = 0.5,
        skip_noise: bool = True,
        policy: str = "",
        resume_step: int | None = None,
        max_failed_calls: int = 3,
        log: Path | None = None,
    ) -> None:
        self.memory = memory
        self.run = run
        self.scorer = scorer
        self._judged = judged
        self._kind = kind
        self._threshold = threshold
        self._confidence = confidence
        self._skip_noise = skip_noise
        self._policy = policy
        self._max_failed_calls = max_failed_calls
        self._log = log
        self._view = LabelView(ledgers=(judged.ledger,)) if judged else LabelView(ledgers=())
        self._attempt = memory.start_attempt(run, policy=policy, resume_step=resume_step)
        self._call = 0
        self._failed = 0
        self.source_counts: Counter[str] = Counter()

    def __call__(
        self,
        prompts: Sequence[str | Messages],
        completions: Sequence[str | Messages],
        *,
        query_key: Sequence[str],
        query: Sequence[str],
        domain: Sequence[str],
        dataset: Sequence[str],
        trainer_state: Any = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """Rewards of the completions, in their order (the contract of `trl.GRPOTrainer`)."""
        start = time.perf_counter()
        group = Group(self.run, self._attempt, self._call)
        self._call += 1
        step = int(trainer_state.global_step) if trainer_state is not None else None
        rollouts = [
            Rollout(
                query=text,
                response=_text(completion),
                dataset=data,
                domain=kind,
                policy=self._policy,
                run=self.run,
                attempt=self._attempt,
                call=group.call,
                step=step,
                sample=position,
            )
            for position, (completion, text, kind, data) in enumerate(
                zip(completions, query, domain, dataset, strict=True)
            )
        ]
        try:
            rewards = self._reward(rollouts, list(query_key), group)
            self._failed = 0
        except Exception as error:
            # A rank that raises leaves the others waiting for ever, so a failure is a reward of None with its reason.
            self._failed += 1
            logger.exception("reward call %d failed", group.call)
            if self._failed > self._max_failed_calls:
                raise TrainingError(
                    f"{self._failed} reward calls in a row failed, the last with {type(error).__name__}: {error}; training "
                    "on without rewards would teach nothing. Mend the cause and resume from the last checkpoint"
                ) from error
            rewards = [Reward(None, "none", f"failed: {type(error).__name__}: {error}")] * len(rollouts)
        self._report(rewards, step, group, time.perf_counter() - start, log_extra, log_metric)
        return [reward.value for reward in rewards]

    def _reward(self, rollouts: Sequence[Rollout], query_keys: Sequence[str], group: Group) -> list[Reward]:
        stored = self.memory.add(rollouts).stored
        if [place.query_key for place in stored] != list(query_keys):
            raise TrainingError(
                "the column query_key does not belong to the columns dataset and query; make the data set "
                "with trainer.data.training_dataset"
            )
        if self._judged is not None:
            labelled = sorted(set(query_keys) & set(self._judged.query_keys))
            ledger = self.memory.ledger(self._judged.ledger, budget=self._judged.budget)
            ledger.reveal(self._judged.source, labelled, judge=self._judged.judge)
        snapshot = self.memory.subgraph(query_keys, self._view, group=group)
        by_key = self._known(snapshot)
        by_key.update(self._predicted(snapshot, by_key))
        rewards = [by_key[place.key] for place in stored]
        self.memory.record_rewards(
            [
                {"key": place.key, "reward": reward.value, "source": reward.source, "reason": reward.reason}
                for place, reward in zip(stored, rewards, strict=True)
            ]
        )
        return rewards

    def _known(self, snapshot: Snapshot) -> dict[str, Reward]:
        """Rewards of the labelled queries' rollouts; a judge that cannot tell leaves None."""
        labelled = self._judged.query_keys if self._judged is not None else ()
        known = {}
        for row in snapshot.target_rollouts:
            label = float(snapshot.labels[row])
            if snapshot.query_keys[snapshot.rollout_query[row]] in labelled:
                known[snapshot.rollout_keys[row]] = (
                    Reward(None, "none", "the verifier could not judge the answer")
                    if np.isnan(label)
                    else Reward(label, "label")
                )
        return known

    def _predicted(self, snapshot: Snapshot, known: Mapping[str, Reward]) -> dict[str, Reward]:
        """Rewards of all other rollouts, by the scorer; its predictions are kept as labels too."""
        open_queries = np.ones(len(snapshot.query_keys), np.bool_)
        for row in snapshot.target_rollouts:
            if snapshot.rollout_keys[row] in known:
                open_queries[snapshot.rollout_query[row]] = False
        rest = snapshot.with_targets(snapshot.query_targets & open_queries)
        if self.scorer is None:
            return {
                rest.rollout_keys[row]: Reward(None, "none", "unlabelled, and no scorer was asked for")
                for row in rest.target_rollouts
            }
        scores = self.scorer.score(rest)
        kind = LabelKind.GNN if scores.source == "gnn" else LabelKind.VOTE
        self.memory.write_predictions(rest, scores, kind=kind)
        noisy = self._noisy_queries(rest, scores)
        predicted = {}
        for row, probability, reason in zip(scores.rollout_rows, scores.probability, scores.reasons, strict=True):
            if np.isnan(probability):
                found = Reward(None, "none", reason or "the scorer abstained")
            elif rest.rollout_query[row] in noisy:
                found = Reward(
                    None, "none", f"the group's predictions differ by less than their noise, {scores.noise:.3f}"
                )
            elif max(probability, 1 - probability) < self._confidence:
                found = Reward(None, "none", f"the scorer is less than {self._confidence:.0%} sure")
            else:
                found = Reward(self._value(float(probability)), scores.source)
            predicted[rest.rollout_keys[row]] = found
        return predicted

    def _noisy_queries(self, snapshot: Snapshot, scores: Scores) -> set[int]:
        """Rows of the queries whose rollouts are predicted so alike that their order means nothing."""
        if not self._skip_noise or not scores.noise:
            return set()
        query = snapshot.rollout_query[scores.rollout_rows]
        return {
            int(row)
            for row in np.unique(query)
            if (query == row).sum() > 1 and np.nanstd(scores.probability[query == row]) < scores.noise
        }

    def _value(self, probability: float) -> float:
        return probability if self._kind == "soft" else float(probability >= self._threshold)

    def _report(
        self,
        rewards: Sequence[Reward],
        step: int | None,
        group: Group,
        seconds: float,
        log_extra: Callable[[str, list[Any]], None] | None,
        log_metric: Callable[[str, float], None] | None,
    ) -> None:
        sources = Counter(reward.source for reward in rewards)
        self.source_counts.update(sources)
        values = [reward.value for reward in rewards if reward.value is not None]
        if log_extra is not None:
            log_extra("reward_source", [reward.source for reward in rewards])
            log_extra("reward_reason", [reward.reason or "" for reward in rewards])
        if log_metric is not None:
            for source, count in sources.items():
                log_metric(f"reward_source/{source}", count / len(rewards))
            log_metric("reward_seconds", seconds)
        if self._log is not None:
            row = {
                "run": self.run,
                "attempt": group.attempt,
                "call": group.call,
                "step": step,
                "sources": dict(sources),
                "mean_reward": float(np.mean(values)) if values else None,
                "seconds": round(seconds, 4),
            }
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def _text(completion: str | Messages) -> str:
    """A completion's text: itself, or the content of its last message."""
    return completion if isinstance(completion, str) else str(completion[-1].get("content") or "")
