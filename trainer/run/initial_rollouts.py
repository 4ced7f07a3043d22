"""Rollouts of the untrained policy: what the memory knows before training begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from accelerate.utils import wait_for_everyone
from trl.trainer.grpo_config import GRPOConfig

from memgraph import Memory, Rollout
from memgraph.rollouts.ingest import IngestReport
from memgraph.store.cypher import cypher
from memgraph.store.keys import key_of
from trainer.reward.rows import Task
from trainer.run.config import RunConfig
from trainer.run.policy import Policy
from trainer.run.sharing import part
from trainer.sampling import stream_responses


def store_initial_rollouts(
    config: RunConfig,
    memory: Memory,
    policy: Policy,
    tasks: Sequence[Task],
    count: int,
    *,
    progress: bool = False,
) -> IngestReport:
    """Sample the untrained policy and store what it says, as the run `<name>/initial`, until each task has `count` rollouts.

    Of several processes each stores its part, and returns when all have; the report is of this one.
    """
    report = memory.add(_sampled(config, memory, policy, tasks, count, progress=progress))
    wait_for_everyone()
    return report


def _sampled(
    config: RunConfig, memory: Memory, policy: Policy, tasks: Sequence[Task], count: int, *, progress: bool
) -> Iterator[Rollout]:
    """What this process's tasks lack, in groups as large as those of training, since a scorer compares what is in a group."""
    run, group, opened = f"{config.name}/initial", group_size(config), policy.opens_thinking
    rows = memory.database.query(cypher("read/sampled_queries"), key=key_of("run", run))
    stored: dict[str, int] = {row["query"]: row["rollouts"] for row in rows}
    lacking: dict[int, list[Task]] = defaultdict(list)
    for task in part(tasks):
        if (number := stored.get(task.query_key, 0)) < count:
            lacking[number].append(task)
    for first, some in sorted(lacking.items()):
        responses = stream_responses(
            policy.model,
            policy.tokenizer,
            [policy.prompt(task.query) for task in some],
            n=count - first,
            max_new_tokens=config.max_new_tokens,
            temperature=float(config.grpo.get("temperature", 1.0)),
            seed=config.seed + first,
            progress=progress,
        )
        for position, samples in responses:
            task = some[position]
            for sample, response in enumerate(samples, start=first):
                yield Rollout(
                    query=task.query,
                    response=response,
                    query_id=task.query_id,
                    dataset=task.dataset,
                    domain=task.domain,
                    policy=config.policy.model,
                    thinking_opened=opened,
                    run=run,
                    attempt=1,
                    call=sample // group,
                    step=0,
                    sample=sample % group,
                )


def group_size(config: RunConfig) -> int:
    """Rollouts that training samples together for one query."""
    return int(config.grpo.get("num_generations", GRPOConfig.num_generations) or 1)
