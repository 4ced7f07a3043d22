"""The memory's rewards for trainers that ask rollout by rollout.

verl and verifiers call a reward function once for each rollout, many calls at a time. What an unlabelled rollout is worth
depends on its group (votes, spread), so the calls of one group wait for each other:

a rollout ─► the group of its query ─► full, or nobody joined for `wait` seconds ─► one call of `MemoryReward`
          ◄─ its own reward        ◄──────────────────────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Literal

from memgraph import Memory
from memgraph.domains import Judge
from memgraph.domains.verifiers import verifier
from memgraph.errors import InputError, SettingsError
from memgraph.labels.ledger import Ledger
from memgraph.labels.view import Purpose
from memgraph.models.scorers import RewardModelScorer
from memgraph.models.scores import DEFAULT_SCORER
from memgraph.settings import Settings
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.rows import Task
from trainer.reward.truth import Judged
from trainer.run.accuracy import answer_of_response
from trainer.run.config import RunConfig
from trainer.run.data import Problems, load_problems
from trainer.run.refit import Refit, quality
from trainer.run.reward import reward_of

logger = logging.getLogger(__name__)

Split = Literal["train", "test", "ood"]
WAIT_SECONDS: Final = 300.0

# One thread for all that blocks: embedding and scoring models are not made for several, and groups keep their order.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory-reward")


@dataclass(frozen=True, slots=True)
class RolloutReward:
    """What a trainer that knows no `None` gets for one rollout.

    Attributes:
        score: the reward; where there is none, the mean of its group's rewards, which is an advantage of 0 in GRPO and
            leaves the others' baseline where it was (0 if the whole group has none).
        source: "label", "evaluation", the scorer's name, or "none".
        reason: why there is none, or what is wrong with the one there is; else empty.
    """

    score: float
    source: str
    reason: str


@dataclass(slots=True)
class _Group:
    """Rollouts of one query that wait for the rest of their group."""

    task: Task
    responses: list[str] = field(default_factory=list)
    waiting: list[asyncio.Future[RolloutReward]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class RolloutRewards:
    """Rewards of single rollouts, from a `MemoryReward` that sees whole groups. Belongs to one event loop.

    Args:
        reward: asked once for each group.
        splits: the run's problems. Rollouts of "train" enter the memory; those of "test" and "ood" never do, they are
            judged for evaluation only, and counted as such in the ledger.
        ledger: account of the run.
        judge: of rollouts for evaluation.
        group_size: rollouts of one query in a step.
        wait: seconds without a newcomer after which an incomplete group is scored as it is. Whoever comes later begins a
            group of its own, and its votes count among those who joined it only.
        refit: fits the reward model again, after so many groups of training as its `every`; None never does.
    """

    def __init__(
        self,
        reward: MemoryReward,
        splits: Mapping[str, Problems],
        ledger: Ledger,
        judge: Judge,
        *,
        group_size: int,
        wait: float = WAIT_SECONDS,
        refit: Refit | None = None,
    ) -> None:
        self._reward = reward
        self._splits = splits
        self._ledger = ledger
        self._judge = judge
        self._tasks = {(split, task.query_key): task for split, problems in splits.items() for task in problems.tasks}
        self._group_size = group_size
        self._wait = wait
        self._refit = refit
        self._scored = 0
        self._groups: dict[str, _Group] = {}
        self._scoring: set[asyncio.Task[None]] = set()

    async def reward(self, split: str, query_key: str, response: str) -> RolloutReward:
        """The reward of one rollout; waits for its group.

        Raises:
            InputError: if the run's problems hold no such query.
            TrainingError: if too many reward calls failed in a row.
        """
        task = self._tasks.get((split, query_key))
        if task is None:
            raise InputError(
                f"the run's {split} problems hold no query {query_key!r}; make the trainer's data from the same run "
                "configuration (docs/other_trainers.md)"
            )
        loop = asyncio.get_running_loop()
        if split != "train":
            return await loop.run_in_executor(_thread, self._evaluate, self._splits[split], task, response)
        return await self._join(task, response, loop)

    async def _join(self, task: Task, response: str, loop: asyncio.AbstractEventLoop) -> RolloutReward:
        group = self._groups.setdefault(task.query_key, _Group(task))
        future: asyncio.Future[RolloutReward] = loop.create_future()
        group.responses.append(response)
        group.waiting.append(future)
        if group.timer is not None:
            group.timer.cancel()
        if len(group.responses) == self._group_size:
            self._close(group)
        else:
            group.timer = loop.call_later(self._wait, self._close, group)
        return await future

    def _close(self, group: _Group) -> None:
        """Nobody joins any more: have the group scored."""
        del self._groups[group.task.query_key]
        if len(group.responses) < self._group_size:
            logger.warning(
                "only %d of %d rollouts of a query came within %g s, so votes count among these; all rollouts of a query "
                "must reach the same process (verl: reward.num_workers=1), and group_size must be the trainer's",
                len(group.responses),
                self._group_size,
                self._wait,
            )
        scoring = asyncio.get_running_loop().create_task(self._score(group))
        self._scoring.add(scoring)
        scoring.add_done_callback(self._scoring.discard)

    async def _score(self, group: _Group) -> None:
        try:
            rewards = await asyncio.get_running_loop().run_in_executor(_thread, self._rewards, group)
        except Exception as error:
            for future in group.waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for future, reward in zip(group.waiting, rewards, strict=True):
            if not future.done():  # a caller may have been cancelled meanwhile
                future.set_result(reward)
        _thread.submit(self._keep_up)

    def _rewards(self, group: _Group) -> list[RolloutReward]:
        """Rewards of the group, as `MemoryReward` gives them to TRL, without its `None`s."""
        task, n = group.task, len(group.responses)
        extras: dict[str, list[Any]] = {}
        values = self._reward(
            prompts=[task.query] * n,
            completions=group.responses,
            query_key=[task.query_key] * n,
            query=[task.query] * n,
            domain=[task.domain] * n,
            dataset=[task.dataset] * n,
            log_extra=extras.__setitem__,
        )
        sources, reasons = (
            next(values for name, values in extras.items() if name.endswith(ending))
            for ending in ("_source", "_reason")
        )
        return [
            RolloutReward(score, source, reason)
            for score, source, reason in zip(without_none(values), sources, reasons, strict=True)
        ]

    def _keep_up(self) -> None:
        """Fit the reward model again where that is due: the policy has moved on since."""
        self._scored += 1
        try:
            fitted = None if self._refit is None else self._refit.after(self._scored)
        except Exception:  # nobody waits for this thread; the fit stays due, and rewards go on with the former model
            logger.warning("the reward model could not be fitted again after %d groups", self._scored, exc_info=True)
            return
        if fitted is not None:
            logger.info("reward model fitted again after %d groups (%s)", self._scored, quality(fitted))
            self._reward.scorer, self._reward.model = RewardModelScorer(fitted), fitted.key

    def _evaluate(self, problems: Problems, task: Task, response: str) -> RolloutReward:
        opened = bool(self._reward.thinking_opened)
        stated = answer_of_response(self._reward.memory.domains, task, response, thinking_opened=opened)
        (verdict,) = self._ledger.evaluate_answers(problems.truth, [stated], judge=self._judge)
        if verdict.score is None:
            return RolloutReward(0.0, "none", f"the verifier could not judge the answer: {verdict.reason}")
        return RolloutReward(verdict.score, "evaluation", "")


def without_none(values: Sequence[float | None]) -> list[float]:
    """A group's rewards with the mean of the given ones in place of those that are missing."""
    given = [value for value in values if value is not None]
    mean = fmean(given) if given else 0.0
    return [mean if value is None else value for value in values]


async def opened_rewards(
    run_config: str, *, group_size: int, wait: float = WAIT_SECONDS, home: str | None = None
) -> RolloutRewards:
    """The rewards of a run, opened at the first call in this process and kept open until it ends.

    Args:
        run_config: the run's YAML file: problems, ledger, and how predictions become rewards.
        home: folder of the managed server, where the memory is not at NEO4J_URI or in the user's own folder.

    Raises:
        SettingsError: if the file does not fit, or asks for a scorer that needs no saved reward model.
        ModelError: if no reward model was fitted for the run's ledger.
    """
    open_once = partial(open_rewards, run_config, group_size=group_size, wait=wait, home=home)
    return await asyncio.get_running_loop().run_in_executor(_thread, open_once)


@cache
def open_rewards(run_config: str, *, group_size: int, wait: float, home: str | None) -> RolloutRewards:
    """See `opened_rewards`."""
    config = RunConfig.load(Path(run_config))
    if config.reward.scorer not in (DEFAULT_SCORER, "none"):
        raise SettingsError(
            f"reward.scorer of {run_config} is {config.reward.scorer!r}; other trainers than TRL take the saved reward "
            f"model, `{DEFAULT_SCORER}`, or `none` for labelled-only training"
        )
    problems = load_problems(config.data)
    memory = Memory.open(Settings.load(home=home), say=logger.info)
    judge = verifier(config.labels.verifier, memory.domains)
    atexit.register(memory.close)
    ledger = memory.ledger(config.ledger)
    revealed = {key for key, purpose in ledger.purposes().items() if purpose is not Purpose.MONITOR}
    training = frozenset(revealed.intersection(problems.train.truth.query_keys()))
    scorer = key = refit = None
    if config.reward.scorer == DEFAULT_SCORER:
        model = memory.model(ledger=config.ledger)
        scorer, key = RewardModelScorer(model), model.key
        refit = Refit.of(config, memory, problems.train.query_keys, every=config.refit.groups)
    reward = reward_of(
        config,
        memory,
        Judged(config.ledger, training, problems.train.truth, judge, len(ledger.revealed())),
        scorer=scorer,
        model=key,
        group_size=group_size,
        thinking_opened=config.policy.thinking_opened,
    )
    atexit.register(reward.close)  # before the memory closes: the last to register is the first to run
    splits = {"train": problems.train, "test": problems.test, "ood": problems.ood}
    return RolloutRewards(reward, splits, ledger, judge, group_size=group_size, wait=wait, refit=refit)
