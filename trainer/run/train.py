"""A whole run: rollouts → memory → labels → reward model → GRPO → accuracy before and after."""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from transformers.trainer import TRAINER_STATE_NAME
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from memgraph import LabelView, Memory
from memgraph.domains import Judge
from memgraph.domains.verifiers import verifier
from memgraph.errors import TrainingError
from memgraph.labels.budget import Spending
from memgraph.models.scorers import SCORERS, RewardModelScorer
from memgraph.models.scores import DEFAULT_SCORER, Scorer, reads_vectors
from memgraph.rollouts.runs import record_config, supersede
from memgraph.settings import Settings
from trainer.reward.memory_reward import MemoryReward
from trainer.reward.ranks import Ranks
from trainer.reward.rows import Task
from trainer.reward.truth import HeldOut, Judged
from trainer.run.accuracy import RightBySplit, changes, evaluate, keep_scores
from trainer.run.callback import RewardCallback
from trainer.run.config import RunConfig
from trainer.run.data import Problems, Splits, load_problems, training_dataset
from trainer.run.initial_rollouts import group_size, require_answers, store_initial_rollouts
from trainer.run.monitor import Monitor
from trainer.run.narrator import Narrator, RewardProgress
from trainer.run.plots import plot_training
from trainer.run.policy import Policy, load_policy
from trainer.run.prompts import one_pass
from trainer.run.refit import Refit, quality
from trainer.run.result import RunResult
from trainer.run.reward import reward_of
from trainer.run.sharing import Checkpoint, by_first, load_shared
from trainer.sampling.store import SampleReport

_LONGEST_WAIT = 4 * 3600.0  # seconds; of the others while the first process samples, labels or fits


def train(config: RunConfig, *, home: Path | None = None, resume: bool = False, quiet: bool = False) -> RunResult:
    """Run a configuration against the user's memory.

    It writes `summary.json`, `rewards.jsonl`, `training.png` and `report.html` to the run's folder.
    """
    settings = Settings.load(home=home)
    on_cpu = settings.device == "cpu" or not torch.cuda.is_available()
    wait = timedelta(seconds=float(config.grpo.get("ddp_timeout", _LONGEST_WAIT)))
    processes = PartialState(cpu=on_cpu, timeout=wait)  # as the trainer will have it
    settings.require_common_server(gather_object([socket.gethostname()]))
    narrator = Narrator(quiet=quiet, silent=not processes.is_main_process)
    with Memory.open(settings, say=narrator.say) as memory:
        return run(config, memory, narrator=narrator, resume=resume)


def run(config: RunConfig, memory: Memory, *, narrator: Narrator, resume: bool = False) -> RunResult:
    """Run a configuration against an open memory.

    Of several processes each samples and evaluates its part; the first one labels, fits and writes.

    Raises:
        TrainingError: if there is nothing to resume, or rewards keep failing.
    """
    one = _Run(config, memory, narrator, resume=resume)
    policy, problems = one.load()
    one.sample(policy, problems.train)
    judged, spent = one.label(problems.train)
    if config.reward.samples_labelled:
        one.sample_labelled(policy, problems.train, judged)
    fitted = one.fit(problems.train, judged, spent)
    before = one.measure("before", policy, problems) if config.evaluate else None
    trainer = one.train(policy, problems, judged, fitted)
    if before is not None:
        sharded = trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled
        after = one.measure("after", policy, problems, together=sharded)
        one.compare(before, after, problems)
    if one.is_first:
        one.result.report = write_report(config, memory, narrator)
        one.result.write(config.folder)
    narrator.result(one.result)
    return one.result


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What rewards the rollouts without a label.

    Attributes:
        scorer: None where they get no reward.
        refit: fits the reward model again during training; None for another scorer.
        monitor: of the watched queries; None where none are.
    """

    scorer: Scorer | None
    refit: Refit | None
    monitor: Monitor | None


class _Run:
    """A run, stage by stage: each method is one.

    Attributes:
        result: what was done so far.
        is_first: whether this process labels, fits and writes for all.
    """

    def __init__(self, config: RunConfig, memory: Memory, narrator: Narrator, *, resume: bool) -> None:
        self._config = config
        self._memory = memory
        self._narrator = narrator
        self._checkpoint: Path | None = None
        resumed_at: int | None = None
        if resume:
            self._checkpoint, resumed_at = _checkpoint(config)
        self.result = RunResult(config.name, resumed_at=resumed_at)
        self.is_first = Ranks.here().rank == 0
        if resumed_at is not None:
            narrator.stage(f"going on from step {resumed_at}: {self._checkpoint}")
            discarded = by_first(lambda: supersede(memory.database, config.name, resumed_at))
            narrator.say(f"{discarded} rollouts that were sampled after it count nowhere")
        self._judge = verifier(config.labels.verifier, memory.domains)

    @contextmanager
    def _stage(self, name: str, what: str) -> Iterator[None]:
        """Say what begins, and keep under a name how long it took."""
        self._narrator.stage(what)
        start = time.perf_counter()
        yield
        self.result.seconds[name] = round(time.perf_counter() - start, 2)
        self._narrator.done(self.result.seconds[name])

    def load(self) -> tuple[Policy, Splits]:
        """The policy, and what it is trained and measured on."""
        with self._stage("load", "loading the policy and the problems"):
            policy = load_policy(self._config.policy, device=self._memory.settings.device)
            problems = load_problems(self._config.data)
            counts = (
                f"{len(problems.train.tasks)} training, {len(problems.test.tasks)} test and {len(problems.ood.tasks)} ood "
                "problems"
            )
            self._narrator.say(f"{policy.describe()}; {counts}")
        return policy, problems

    def sample(self, policy: Policy, training: Problems) -> None:
        """Initial rollouts into the memory, before anything is paid for."""
        config, narrator = self._config, self._narrator
        count = config.reward.initial_rollouts
        with self._stage("sample", f"sampling {count} initial rollouts of each training problem into the memory"):
            report = store_initial_rollouts(
                config, self._memory, policy, training.tasks, count, progress=narrator.shows_progress
            )
            narrator.sampled(report)
            require_answers(config, self._memory)

    def label(self, training: Problems) -> tuple[Judged, Spending]:
        """The labelled queries, and what was spent on them."""
        config, narrator = self._config, self._narrator
        with self._stage("label", "labelling within the budget"):
            spent = by_first(lambda: label(config, self._memory, training, self._judge))
            judged = Judged(config.ledger, spent.training, training.truth, self._judge, spent.limit)
            narrator.say(
                f"{len(spent.training)} of {len(training.tasks)} queries labelled in ledger {config.ledger!r} ({spent.reused} "
                f"known at no cost), {len(spent.monitored)} more watch the reward"
            )
            if spent.revealed.undecided:
                narrator.say(
                    f"{len(spent.revealed.undecided)} answers have no label, since the verifier {config.labels.verifier!r} could "
                    "not judge them"
                )
            self.result.spending = {
                "training_queries": len(training.tasks),
                "queries_paid": len(judged.open(self._memory).revealed()),
                "budget": spent.limit,
                "queries_watched": len(spent.monitored),
                "queries_reused": spent.reused,
            }
        return judged, spent

    def sample_labelled(self, policy: Policy, training: Problems, judged: Judged) -> None:
        """More rollouts of the labelled queries, which are judged at no further cost."""
        config, narrator = self._config, self._narrator
        what = f"sampling {config.reward.labelled_rollouts} rollouts of each labelled problem, and judging them"
        with self._stage("sample labelled", what):
            report = store_labelled_rollouts(
                config, self._memory, policy, training.tasks, judged, progress=narrator.shows_progress
            )
            narrator.sampled(report, judged=True)

    def fit(self, training: Problems, judged: Judged, spent: Spending) -> _Fitted:
        """The scorer of the rollouts without a label, and who watches it."""
        config, narrator = self._config, self._narrator
        with self._stage("fit", f"fitting the scorer {config.reward.scorer}"):
            refit = None
            if config.reward.scorer == DEFAULT_SCORER:
                refit = Refit.of(config, self._memory, training.query_keys, every=config.refit.every)
            scorer = fit_scorer(config, self._memory, refit, self.result, self._checkpoint)
            if isinstance(scorer, RewardModelScorer) and scorer.model is not None:
                narrator.say(quality(scorer.model))
            monitor = make_monitor(config, self._memory, judged, spent.monitored, scorer, self.result.resumed_at)
            if monitor is not None and monitor.baseline_gap > config.monitor.tolerance:
                narrator.say(
                    f"on the {len(spent.monitored)} watched queries the scorer is right {monitor.baseline_gap:.0%} less often than "
                    "it expects already: the alarm allows for as much, since a few queries may be harder than they look"
                )
        return _Fitted(scorer, refit, monitor)

    def measure(self, when: str, policy: Policy, problems: Splits, *, together: bool = False) -> RightBySplit:
        """Accuracy on the held-out problems, before or after training."""
        config = self._config
        with self._stage(f"measure {when}", f"accuracy on held-out problems {when} training"):
            ledger = self._memory.ledger(config.ledger)
            return evaluate(
                config, policy, problems.held_out, ledger, self._narrator, self._memory.domains, together=together
            )

    def train(self, policy: Policy, problems: Splits, judged: Judged, fitted: _Fitted) -> GRPOTrainer:
        """GRPO on what has a reward; the summary is written whatever ends it."""
        config, narrator, training = self._config, self._narrator, problems.train
        scored = judged.query_keys if fitted.scorer is None else set(training.query_keys)
        rewarded = Problems(one_pass(training.tasks, scored, seed=config.seed), training.truth)
        if not rewarded.tasks:
            raise TrainingError(
                f"no training query has a reward: scorer {config.reward.scorer!r} and a label budget of {config.labels.budget}"
            )
        if self.is_first:
            record_config(self._memory.database, config.name, config.model_dump_json(), policy=config.policy.model)
        with self._stage("train", "training"):
            reward = reward_of(
                config,
                self._memory,
                judged,
                scorer=fitted.scorer,
                model=self.result.reward_model.get("key"),
                group_size=group_size(config),
                thinking_opened=policy.opens_thinking,
                held_out=HeldOut(config.ledger, problems.test.truth, self._judge),
            )
            trainer = make_trainer(config, policy, rewarded, reward, narrator, held_out=problems.test)
            trainer.add_callback(
                RewardCallback(
                    reward,
                    monitor=fitted.monitor,
                    refit=fitted.refit,
                    stop_after=config.monitor.stop_after,
                    narrator=narrator,
                    resumes=False,
                )
            )
            try:
                trainer.train(resume_from_checkpoint=None if self._checkpoint is None else str(self._checkpoint))
                reward.close()
                for line in reward.answers.lines():
                    narrator.say(line)
                reward.source_counts = sum(gather_object([reward.source_counts]), Counter())
                reward.missing_counts = sum(gather_object([reward.missing_counts]), Counter())
            finally:  # a run that is stopped by an alarm leaves its summary as well
                self._keep(reward, fitted, steps=int(trainer.state.global_step))
            if self.is_first:
                plot_training(config.folder / "rewards.jsonl", config.folder / "training.png")
                narrator.say(f"reward by step is drawn in {config.folder / 'training.png'}")
        return trainer

    def _keep(self, reward: MemoryReward, fitted: _Fitted, *, steps: int) -> None:
        """What training did, in the result and in the run's folder."""
        result = self.result
        result.steps = steps
        result.reward_sources = dict(reward.source_counts)
        result.missing_rewards = dict(reward.missing_counts.most_common())
        result.refits = fitted.refit.records if fitted.refit is not None else []
        result.monitor = fitted.monitor.agreement if fitted.monitor is not None else None
        if self.is_first:
            result.write(self._config.folder)

    def compare(self, before: RightBySplit, after: RightBySplit, problems: Splits) -> None:
        """What training changed on the held-out problems."""
        self.result.accuracy = changes(before, after, problems.held_out)
        if self.is_first:
            keep_scores(self._config.folder / "scores.json", before, after, problems.held_out)


def write_report(config: RunConfig, memory: Memory, narrator: Narrator) -> str | None:
    """The page about the run, in its folder. A finished run never fails for it: what went wrong is said."""
    try:
        return str(memory.report(config.folder / "report.html", run=config.name, ledger=config.ledger))
    except Exception as error:
        narrator.say(f"no report could be written: {error}")
        return None


def label(config: RunConfig, memory: Memory, training: Problems, judge: Judge) -> Spending:
    """Choose queries within the budget and have the ledger reveal them."""
    labels = config.labels
    return memory.reveal(
        training.truth,
        ledger=config.ledger,
        budget=labels.budget,
        seed=labels.seed,
        judge=judge,
        acquisition=labels.acquisition,
        # without a scorer there is no prediction to watch
        monitor=labels.monitor if config.reward.scorer != "none" else 0,
        reuse=labels.reuse,
    )


def store_labelled_rollouts(
    config: RunConfig, memory: Memory, policy: Policy, tasks: Sequence[Task], judged: Judged, *, progress: bool = False
) -> SampleReport:
    """Sample more of the labelled queries among `tasks`, and judge what is said."""
    labelled = [task for task in tasks if task.query_key in judged.query_keys]
    count = config.reward.labelled_rollouts
    report = store_initial_rollouts(config, memory, policy, labelled, count, progress=progress)
    by_first(lambda: judged.reveal(judged.open(memory), judged.query_keys))
    return report


def fit_scorer(
    config: RunConfig, memory: Memory, refit: Refit | None, result: RunResult, checkpoint: Path | None = None
) -> Scorer | None:
    """The scorer for unlabelled rollouts, fitted on the ledger's labels; the reward model is saved and registered.

    Args:
        checkpoint: from which the run goes on, with the reward model that was in force there.
    """
    if refit is not None:
        saved = by_first(lambda: Checkpoint.of(refit.kept(checkpoint) or refit.fit()))
        model = load_shared(saved)
        result.reward_model = {"key": model.key, "folder": str(model.folder), **model.metrics}
        return RewardModelScorer(model)
    if config.reward.scorer == "none":
        return None
    if config.reward.scorer not in SCORERS:
        raise TrainingError(f"unknown scorer {config.reward.scorer!r}; known: {', '.join(SCORERS)}, none")
    scorer = SCORERS[config.reward.scorer]()
    view = LabelView(ledgers=(config.ledger,))
    scorer.fit(memory.snapshot(view, vectors=reads_vectors(scorer)), seed=config.seed)
    return scorer


def make_monitor(
    config: RunConfig,
    memory: Memory,
    judged: Judged,
    watched: Collection[str],
    scorer: Scorer | None,
    resumed_at: int | None,
) -> Monitor | None:
    """What compares predicted rewards with the verifier, if there are watched queries and predictions."""
    if scorer is None or not watched:
        return None
    monitor = Monitor(
        memory,
        ledger=judged.ledger,
        query_keys=watched,
        source=judged.source,
        judge=judged.judge,
        tolerance=config.monitor.tolerance,
        threshold=config.monitor.false_alarm,
        log=config.folder / "monitor.jsonl",
    )
    by_first(lambda: monitor.start(scorer, resumed_at=resumed_at))  # the others never ask it
    return monitor


def trl_config(config: RunConfig, *, on_gpu: bool) -> GRPOConfig:
    """TRL's settings of this run; `grpo` of the configuration wins over the defaults here.

    Who says how often to save wants it done: `save_steps` needs no `save_strategy` beside it.
    """
    defaults: dict[str, Any] = {
        "output_dir": str(config.folder),
        "run_name": config.name,  # in trackers
        "seed": config.seed,
        "max_completion_length": config.max_new_tokens,
        "report_to": [],
        "use_cpu": not on_gpu,
        "bf16": on_gpu,
        "disable_tqdm": True,
        "logging_steps": 1,
        "num_completions_to_print": 0,  # TRL prints them as they are, control sequences too; its files have them all
        "save_strategy": "steps" if "save_steps" in config.grpo else "no",
        "gradient_checkpointing": False,
    }
    return GRPOConfig(**{**defaults, **config.grpo})


def make_trainer(
    config: RunConfig,
    policy: Policy,
    training: Problems,
    reward: MemoryReward,
    narrator: Narrator,
    *,
    held_out: Problems,
) -> GRPOTrainer:
    """TRL's trainer with this run's settings.

    With `eval_strategy` in there, the held-out problems are sampled and judged during training as well.
    """
    formatted: dict[str, Any] = {"format_prompt": policy.format_prompt, "system_prompt": config.policy.system_prompt}
    arguments = trl_config(config, on_gpu=policy.model.device.type == "cuda")
    watched = arguments.eval_strategy != "no" and held_out.tasks
    trainer = GRPOTrainer(
        model=policy.model,
        processing_class=policy.tokenizer,
        reward_funcs=reward,
        args=arguments,
        train_dataset=training_dataset(training.tasks, **formatted),
        eval_dataset=training_dataset(held_out.tasks, split="eval", **formatted) if watched else None,
        peft_config=policy.peft_config,
    )
    RewardProgress.attach(trainer, narrator)
    return trainer


def _checkpoint(config: RunConfig) -> tuple[Path, int]:
    """The newest checkpoint that was written to its end, and its step."""
    folders = {
        int(step): state.parent
        for state in config.folder.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")
        if (step := state.parent.name.removeprefix("checkpoint-")).isdigit() and _is_whole(state)
    }
    if not folders:
        raise TrainingError(
            f"there is no checkpoint in {config.folder} to resume from; set grpo.save_steps in the "
            "configuration, or start without --resume"
        )
    newest = max(folders)
    return folders[newest], newest


def _is_whole(state: Path) -> bool:
    """Whether the file that is written last of a checkpoint can be read."""
    try:
        json.loads(state.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
