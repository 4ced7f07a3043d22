"""Rollouts of the untrained policy: what the memory knows before training begins."""

from __future__ import annotations

from collections.abc import Sequence

from accelerate.utils import wait_for_everyone
from trl.trainer.grpo_config import GRPOConfig

from memgraph import Memory
from memgraph.errors import TrainingError
from memgraph.printable import PrintableConsole
from memgraph.store.named_queries import run_inspection
from trainer.reward.rows import Task
from trainer.run.config import RunConfig
from trainer.run.policy import Policy
from trainer.run.sharing import part
from trainer.sampling.config import open_sampler
from trainer.sampling.progress import SamplingProgress
from trainer.sampling.questions import Question
from trainer.sampling.sampler import Decoding, Request
from trainer.sampling.store import Place, SampleReport, lacking, sample_into

_BATCH = 512
_MOST_UNANSWERED = 0.95  # of the initial rollouts


def store_initial_rollouts(
    config: RunConfig,
    memory: Memory,
    policy: Policy,
    tasks: Sequence[Task],
    count: int,
    *,
    progress: bool = False,
) -> SampleReport:
    """Sample the untrained policy and store what it says, as the run `<name>/initial`, until each task has `count` rollouts.

    Groups are as large as those of training, since a scorer compares what is in a group. Of several processes each stores its
    part, and returns when all have; the report is of this one.

    Raises:
        SamplingError: where the policy cannot be sampled.
        TrainingError: where a sampler refuses most of the tasks.
    """
    place = Place(_initial(config), attempt=1, step=0, group=group_size(config))
    questions = [_question(task, policy) for task in part(tasks)]
    requests = lacking(memory, questions, place, count)
    report = SampleReport()
    if requests:
        report = _sample(config, memory, policy, questions, requests, place, progress=progress)
    wait_for_everyone()
    return report


def require_answers(config: RunConfig, memory: Memory) -> None:
    """Refuse to pay for labels where too many of the initial rollouts state no answer: more than 95 %, or `reward.max_unanswered`.

    What is stored counts, so that processes agree, and a run that is started again is refused again.

    Raises:
        TrainingError: saying what to do.
    """
    run = _initial(config)
    (row,) = run_inspection(memory.database, "without_answer", {"run": run}) or [{"rollouts": 0, "without": 0}]
    rollouts, unanswered = row["rollouts"], row["without"]
    if rollouts and unanswered / rollouts > min(config.reward.max_unanswered, _MOST_UNANSWERED):
        raise TrainingError(
            f"{unanswered} of {rollouts} initial rollouts state no answer, so that labels would hardly tell anything apart; none "
            "was paid for. Look at the examples above, or with `memreward browse`: the limit of tokens (max_new_tokens), the "
            f"prompt or the domain does not fit this policy. Change that, and drop these rollouts with `memreward forget --run {run}`"
        )


def _initial(config: RunConfig) -> str:
    """Name of the run that holds the initial rollouts."""
    return f"{config.name}/initial"


def _sample(
    config: RunConfig,
    memory: Memory,
    policy: Policy,
    questions: Sequence[Question],
    requests: Sequence[Request],
    place: Place,
    *,
    progress: bool,
) -> SampleReport:
    sampler = open_sampler(
        config.policy.sampler,
        config.policy.model,
        loaded=(policy.model, policy.tokenizer),
        thinking_opened=policy.opens_thinking,
    )
    temperature = float(config.grpo.get("temperature", 1.0))
    try:
        wanted = sum(len(request.samples) for request in requests)
        with SamplingProgress(PrintableConsole(stderr=True), wanted, shown=progress) as bar:
            report = sample_into(
                memory,
                sampler,
                questions,
                requests,
                place=place,
                decoding=Decoding(config.max_new_tokens, temperature, config.seed),
                batch=_BATCH,
                on_response=bar,
            )
    finally:
        sampler.close()
    if len(report.rejected) * 2 > len(questions):
        raise TrainingError(
            f"{len(report.rejected)} of {len(questions)} training queries got no rollouts, the first because of: "
            f"{report.rejected[0].reason}"
        )
    return report


def _question(task: Task, policy: Policy) -> Question:
    return Question(task.query, policy.prompt(task.query), task.query_id, task.dataset, task.domain)


def group_size(config: RunConfig) -> int:
    """Rollouts that training samples together for one query."""
    return int(config.grpo.get("num_generations", GRPOConfig.num_generations) or 1)
