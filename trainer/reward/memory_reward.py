"""The reward function that TRL's GRPOTrainer calls: rollouts go into the memory, rewards come out.

completions ─► Memory.add ─► labelled queries: the ledger judges their answers ─► wait for the other ranks (ranks.py)
                                                                                        │
            rewards in order, None with a reason ◄─ rule.py ◄─ scorer on the bounded neighbourhood
                                       └─► spool.py ─► rewards and predictions in the graph, during the optimiser's step
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from memgraph import LabelView, Memory, Rollout
from memgraph.domains.answer_report import AnswerReport
from memgraph.domains.verifiers import Auto
from memgraph.errors import MemRewardError, TrainingError
from memgraph.models.scores import Scorer, reads_neighbours, reads_vectors
from memgraph.models.votes import PooledVotes
from memgraph.rollouts.preparation import RolloutPlace
from memgraph.rollouts.runs import start_attempt
from memgraph.scoring.predictions import prediction_rows
from memgraph.snapshot.read import Group, NeighbourhoodLimits
from memgraph.snapshot.snapshot import Snapshot
from trainer.reward.completions import Completion, Sample, check_columns, is_training, read_samples
from trainer.reward.ranks import Ranks
from trainer.reward.report import CallReport, Rewarded, log_columns, log_metrics
from trainer.reward.rows import TrainingRows
from trainer.reward.rule import Reward, RewardRule, labelled_rewards, predicted_rewards
from trainer.reward.spool import Spool, WriteBack, spool_file
from trainer.reward.truth import HeldOut, Judged
from trainer.reward.zero_variance import ZeroVarianceGroups

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 120.0
_ENOUGH = 100  # rollouts or verdicts, before their share says something


class MemoryReward:
    """A reward function for `trl.GRPOTrainer(reward_funcs=…)`, backed by the memory.

    The data sets carry the columns that `trainer.training_rows` makes; they carry no truth. Every training
    rollout is kept in the graph with its run, attempt, step, reward and source. Rollouts of the split "eval" leave
    nothing there. The first training call starts an attempt at the run; where the trainer then stands at a later step
    than 0 it has resumed, and what earlier attempts sampled from that step on is marked superseded (AsyncGRPO tells no
    step: there nothing is).

    Beside other reward functions a rollout without a reward from here counts by theirs alone: TRL sums what there is
    (`multi_objective_aggregation="sum_then_normalize"`), which puts it below a rollout that got 1 here. Where many rollouts
    have none, "normalize_then_sum" is fairer: it gives each function's missing rewards an advantage of 0.

    It pickles without connection, attempt and counts: a copy in another process opens its own and starts its own
    attempt. Calls take turns, whatever threads they come from.

    Args:
        memory: an open memory.
        run: name of the run; no two trainings at the same time may share it.
        rows: what is trained on, with its labelled queries (`trainer.training_rows`). It stands for `judged`, in a ledger of the
            run's name; without a scorer the rest is rewarded by pooled votes, until `trainer.refit_every` has fitted a model.
        judged: the labelled queries. Their answers are judged by the verifier through the ledger.
        scorer: a fitted scorer for all rollouts without a label; None leaves them without a reward (labelled-only training).
        model: key of the registered reward model behind the scorer, kept with its predictions.
        view: labels that are rewards, and that the scorer may see; by default those of the ledger of `judged`.
        held_out: truth for evaluation rollouts; without it they get no reward.
        kind: "threshold" gives 0 or 1, "soft" the calibrated probability.
        threshold: of the probability.
        confidence: below this probability of its verdict (½..1) a rollout gets no reward.
        skip_noise: groups whose predictions differ by less than the scorer's noise get no reward, which GRPO's
            normalisation would blow up to full advantages.
        policy: name of the policy, kept with the rollouts.
        num_generations: rollouts of a group; smaller groups are counted and say so in their reason. None does not ask.
        group_seconds: how long to wait for the rollouts of other ranks; then what is there is scored.
        max_failed_calls: so many reward calls in a row may fail (all rewards None), and so many attempts at writing
            rewards back, before training stops.
        log: a JSON-lines file to append one row for each training call of rank 0 to.
        name: of the reward in the trainer's metrics; several reward functions need several names.
        thinking_opened: whether the chat template opens the thinking in the prompt, so that a response which closes none
            has no answer. A prompt that is a text and ends inside an open thinking counts as well, whatever is said here.
        max_unanswered, max_undecided: shares (0..1) of rollouts without an answer, and of verdicts that could not be
            given, above which training stops; looked at from a hundred on.
        experience: at most so many of a query's other rollouts are read beside the group; 0 for none.

    Attributes:
        scorer, model, judged, view, max_failed_calls: may be set between calls.
        metrics: numbers of a callback that watches and fits the reward. The next training calls log them among the trainer's.
        last: what the latest call did.
        calls: training calls of this attempt.
        source_counts: rewards of all training calls, by source.
        missing_counts: those that were None, by reason.
        answers: what the rollouts of all training calls stated, and which verdicts could not be given.

    Raises:
        TrainingError: from a call, for a data set without the columns, and once too many calls have failed in a row.
    """

    def __init__(
        self,
        memory: Memory,
        *,
        run: str,
        rows: TrainingRows | None = None,
        judged: Judged | None = None,
        scorer: Scorer | None = None,
        model: str | None = None,
        view: LabelView | None = None,
        held_out: HeldOut | None = None,
        kind: Literal["threshold", "soft"] = "threshold",
        threshold: float = 0.5,
        confidence: float = 0.5,
        skip_noise: bool = True,
        policy: str = "",
        num_generations: int | None = None,
        group_seconds: float = 60.0,
        max_failed_calls: int = 3,
        log: Path | None = None,
        name: str = "memory_reward",
        thinking_opened: bool | None = None,
        max_unanswered: float = 1.0,
        max_undecided: float = 1.0,
        experience: int = NeighbourhoodLimits().experience,
    ) -> None:
        self.__name__ = name
        self.thinking_opened = thinking_opened
        self.max_unanswered = max_unanswered
        self.max_undecided = max_undecided
        self.experience = experience
        self.memory = memory
        if rows is not None:
            judged = judged or Judged(run, rows.labelled, rows.truth, Auto(memory.domains), len(rows.labelled))
            scorer = scorer or PooledVotes()
        if scorer is None and judged is None and view is None and held_out is None:
            raise TrainingError(
                "this MemoryReward has no labels and no scorer, so that every reward would be None; give rows=training_rows(…), "
                "a fitted scorer, for instance scorer=RewardModelScorer(memory.fit()), or a view of labels that the memory holds"
            )
        self.run = run
        self.judged = judged
        self.scorer = scorer
        self.model = model
        self.view = view or LabelView(ledgers=(judged.ledger,) if judged else ())
        self.held_out = held_out
        self._rule = RewardRule(kind, threshold, confidence, skip_noise)
        self._policy = policy
        self._num_generations = num_generations
        self._group_seconds = group_seconds
        self.max_failed_calls = max_failed_calls
        self._log = log
        self._begin_process()

    def _begin_process(self) -> None:
        """What belongs to one process: nothing of it is pickled."""
        self.last: CallReport | None = None
        self.calls = 0
        self.source_counts: Counter[str] = Counter()
        self.missing_counts: Counter[str] = Counter()
        self.answers = AnswerReport()
        self.metrics: dict[str, float] = {}
        self._zero_variance = ZeroVarianceGroups()
        self._attempt: int | None = None
        self._failed = 0
        self._spool: Spool | None = None
        self._turn = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Settings and scorer; no connection, attempt, thread or count."""
        own = {
            "last",
            "calls",
            "source_counts",
            "missing_counts",
            "answers",
            "metrics",
            "_zero_variance",
            "_attempt",
            "_failed",
            "_spool",
            "_turn",
        }
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy that has not been called yet."""
        self.__dict__.update(state)
        self._begin_process()

    def __call__(
        self,
        prompts: Sequence[Completion],
        completions: Sequence[Completion],
        *,
        trainer_state: Any = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """Rewards of the completions, in their order (the contract of `trl.GRPOTrainer`)."""
        check_columns(columns)
        with self._turn:
            training = is_training(columns)
            step = int(trainer_state.global_step) if trainer_state is not None else None
            report = CallReport(self.calls if training else None, step)
            self.calls += training  # here, so that ranks count alike whatever happens to one of them
            rewarded = self._rewards(prompts, completions, columns, report)
            self._publish(rewarded, columns["query_key"], report, log_extra, log_metric)
            self._stop_past_the_limit(report)
        return [each.reward.value for each in rewarded]

    def flush(self, *, seconds: float = _FLUSH_SECONDS) -> None:
        """Wait until all rewards are written back.

        Raises:
            TrainingError: if they are not within that time; they stay in the spool.
        """
        if self._spool is not None:
            self._spool.flush(seconds)

    def close(self, *, seconds: float = _FLUSH_SECONDS) -> None:
        """`flush`, and end the thread that writes; the next call starts another.

        New queries are linked then, unless the server is away: that can wait for the next process.
        """
        try:
            self.flush(seconds=seconds)
            if self._spool is not None and self.memory.database.answers():
                self._link()
        finally:
            if self._spool is not None:
                self._spool.close()
                self._spool = None

    def _rewards(
        self,
        prompts: Sequence[Completion],
        completions: Sequence[Completion],
        columns: Mapping[str, Any],
        report: CallReport,
    ) -> list[Rewarded]:
        """In the order of the completions."""
        read = partial(read_samples, completions, columns, prompts)
        try:
            if report.call is None:
                return self._evaluate(read(), report)
            rewards = self._train(read, report)
            self._failed = 0  # an evaluation that goes well says nothing about the memory
            return rewards
        except Exception as error:
            # A rank that raises leaves the others waiting for ever, so a failure is a reward of None with its reason.
            self._failed += 1
            report.failure = f"{type(error).__name__}: {error}"
            if isinstance(error, MemRewardError):  # it says itself what was wrong and what to do
                logger.warning("reward call %s failed: %s", report.call, error)
            else:
                logger.exception("reward call %s failed", report.call)
            return [Rewarded(Reward(None, "none", f"failed: {report.failure}"))] * len(completions)

    def _train(self, read: Callable[[], list[Sample]], report: CallReport) -> list[Rewarded]:
        """The rollouts are in the graph, and the rewards on disk, when it returns."""
        ranks = Ranks.here()
        with report.stage("start"):
            group = self._group(ranks, report)  # first, since ranks must agree whatever happens to one of them
        began = None
        try:
            with report.stage("store"):
                began = self.memory.now()
                samples = read()
                spool = self._open_spool()
                places = self._store(samples, group, ranks, report)
            with report.stage("judge"):
                if self.judged is not None:
                    ledger = self.judged.open(self.memory)
                    revealed = self.judged.reveal(ledger, {sample.query_key for sample in samples})
                    report.answers.add(revealed.verdicts)
                    if ranks.rank == 0:
                        report.labels_spent, report.labels_budget = ledger.spent(), self.judged.budget
        finally:
            ranks.arrive(self.memory, group, began)  # also where this rank failed: the others need not wait
        with report.stage("wait"):
            report.late_ranks = ranks.late(self.memory, group, seconds=self._group_seconds)
            query_keys = ranks.queries(self.memory, group, [sample.query_key for sample in samples])
        with report.stage("read"):
            limits = NeighbourhoodLimits(experience=self.experience if self.scorer is not None else 0)
            as_of = ranks.began(self.memory, group, began)  # what others store from then on is no experience here
            snapshot = self.memory.subgraph(
                query_keys,
                self.view,
                group=group,
                as_of=as_of,
                limits=limits,
                neighbours=reads_neighbours(self.scorer),
                vectors=reads_vectors(self.scorer),
            )
        by_key = labelled_rewards(snapshot, self.judged.query_keys if self.judged else ())
        with report.stage("score"):
            predicted, entry = self._predict(snapshot, by_key, own={place.key for place in places})
        by_key = predicted | by_key  # a person may have judged one answer of a group
        rewards = self._with_group_sizes([by_key[place.key] for place in places], places, snapshot, report)
        with report.stage("spool"):
            entry.rewards.extend(
                {"key": place.key, "reward": reward.value, "source": reward.source, "reason": reward.reason}
                for place, reward in zip(places, rewards, strict=True)
            )
            spool.put(entry)
        return [
            Rewarded(reward, place.key, place.answer.value if place.answer.valid else None)
            for reward, place in zip(rewards, places, strict=True)
        ]

    def _group(self, ranks: Ranks, report: CallReport) -> Group:
        """This call's place in the memory; the first call starts the attempt."""
        if self._attempt is None:
            self._attempt = ranks.agree(
                lambda: start_attempt(
                    self.memory.database, self.run, policy=self._policy, resume_step=report.step, ranks=ranks.size
                )
            )
        report.attempt = self._attempt
        return Group(self.run, self._attempt, self.calls - 1)

    def _store(self, samples: Sequence[Sample], group: Group, ranks: Ranks, report: CallReport) -> list[RolloutPlace]:
        place = {"run": group.run, "attempt": group.attempt, "call": group.call, "step": report.step}
        rollouts = (self._rollout(sample, **place, sample=ranks.sample(sample.position)) for sample in samples)
        # a scorer that reads neither vectors nor neighbours need not wait for them: the spool links after the call
        stored = self.memory.add(rollouts, link=reads_vectors(self.scorer) or reads_neighbours(self.scorer))
        if stored.rejected:
            raise TrainingError(f"{len(stored.rejected)} rollouts were not stored: {stored.rejected[0].reason}")
        report.answers.add(stored.answers)
        return stored.stored

    def _predict(
        self, snapshot: Snapshot, labelled: Mapping[str, Reward], *, own: Collection[str]
    ) -> tuple[dict[str, Reward], WriteBack]:
        """Rewards of the groups that are not known as a whole, and the predictions on this rank's rollouts to write back."""
        unknown = np.zeros_like(snapshot.query_targets)
        unknown[
            [
                snapshot.rollout_query[row]
                for row in snapshot.target_rollouts
                if snapshot.rollout_keys[row] not in labelled
            ]
        ] = True
        rest = snapshot.with_targets(unknown)
        if self.scorer is None:
            nothing = Reward(None, "none", "unlabelled, and no scorer was asked for")
            return {rest.rollout_keys[row]: nothing for row in rest.target_rollouts}, WriteBack([])
        scores = self.scorer.score(rest)
        rows = prediction_rows(rest, scores, model=self.model)
        predictions = [row for row in rows if row["target"] in own]
        return predicted_rewards(rest, scores, self._rule), WriteBack([], predictions, scores.source, self.model)

    def _with_group_sizes(
        self, rewards: Sequence[Reward], places: Sequence[RolloutPlace], snapshot: Snapshot, report: CallReport
    ) -> list[Reward]:
        """The rewards; those of incomplete groups say so, and are counted."""
        wanted = self._num_generations or 0
        sizes = Counter(snapshot.query_keys[query] for query in snapshot.rollout_query[snapshot.target_rollouts])
        short = {place.query_key for place in places if sizes[place.query_key] < wanted}
        report.incomplete_groups = len(short)
        if short or report.late_ranks:
            logger.warning(
                "reward call %s: ranks %s were late by more than %g s, %d groups have fewer than %d rollouts; scored with "
                "what is there",
                report.call,
                report.late_ranks,
                self._group_seconds,
                len(short),
                wanted,
            )
        reasons = {key: f"scored with {sizes[key]} of {wanted} rollouts of its group" for key in short}
        return [
            replace(reward, reason="; ".join(filter(None, [reward.reason, reasons.get(place.query_key)])) or None)
            for place, reward in zip(places, rewards, strict=True)
        ]

    def _evaluate(self, samples: Sequence[Sample], report: CallReport) -> list[Rewarded]:
        """What is known of held-out rollouts; nothing of them is stored."""
        if self.held_out is None:
            return [Rewarded(Reward(None, "none", "an evaluation rollout, and no truth was given for it"))] * len(
                samples
            )
        rollouts = [self._rollout(sample) for sample in samples]
        return self.held_out.rewards(self.memory, rollouts, report)

    def _rollout(self, completion: Sample, **place: Any) -> Rollout:
        """A completion as the memory takes it; the thinking is opened as the trainer was told, else as the prompt ends."""
        opened = completion.thinking is None and (completion.thinking_opened or bool(self.thinking_opened))
        return completion.rollout(policy=self._policy, thinking_opened=opened, **place)

    def _open_spool(self) -> Spool:
        if self._spool is None:
            memory = self.memory
            file, patience = spool_file(memory.settings), memory.settings.patience
            self._spool = Spool(file, lambda entry: entry.write(memory), idle=self._link, patience=patience)
        return self._spool

    def _link(self) -> None:
        """Embed and link new queries, those of all ranks in the first one. What fails waits for the next time."""
        if Ranks.here().rank != 0:
            return
        try:
            self.memory.link()
        except Exception as error:
            logger.warning("new queries wait for their similarity edges: %s", error)

    def _publish(
        self,
        rewarded: Sequence[Rewarded],
        query_keys: Sequence[str],
        report: CallReport,
        log_extra: Callable[[str, list[Any]], None] | None,
        log_metric: Callable[[str, float], None] | None,
    ) -> None:
        report.count([each.reward for each in rewarded])
        report.waiting = self._spool.waiting() if self._spool else 0
        self.last = report
        if log_extra is not None:
            log_columns(self.__name__, rewarded, query_keys, log_extra)
        if log_metric is not None:
            scorer = self.scorer.name if self.scorer else None
            log_metrics(self.__name__, report, scorer, self.metrics, log_metric)
        if report.call is not None:
            self.source_counts.update(report.sources)
            self.missing_counts.update(report.missing)
            self.answers.add(report.answers)
            warning = None if report.failure is not None else self._zero_variance.update(query_keys, rewarded)
            if warning is not None:
                logger.warning(warning)
            if self._log is not None and Ranks.here().rank == 0:
                report.append_to(self._log, run=self.run)

    def _stop_past_the_limit(self, report: CallReport) -> None:
        if self._failed > self.max_failed_calls:
            raise TrainingError(
                f"{self._failed} reward calls in a row failed, the last with {report.failure}; training on without rewards "
                "would teach nothing. Fix the cause and resume from the last checkpoint"
            )
        if self._spool is not None and self._spool.failures > self.max_failed_calls:
            raise TrainingError(self._spool.problem())
        self._stop_without_answers()

    def _stop_without_answers(self) -> None:
        """A format that is not read, or a truth that cannot be judged by, is better known early."""
        answers = self.answers
        for share, bound, number, what in (
            (answers.unanswered_share, self.max_unanswered, answers.rollouts.total(), "rollouts state no answer"),
            (answers.undecided_share, self.max_undecided, answers.verdicts.total(), "verdicts could not be given"),
        ):
            if number >= _ENOUGH and share > bound:
                lines = "\n".join(answers.lines())
                raise TrainingError(f"{share:.0%} of {number} {what}, more than the {bound:.0%} allowed:\n{lines}")
