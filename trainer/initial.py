"""Rollouts of the untrained policy: what the memory knows before training begins."""

from __future__ import annotations

from accelerate.utils import wait_for_everyone
from trl.trainer.grpo_config import GRPOConfig

from memgraph import Memory, Rollout
from memgraph.ingest import IngestReport
from memgraph.keys import key_of
from memgraph.resources import cypher
from trainer.config import RunConfig
from trainer.data import Problems
from trainer.generate import sample_responses
from trainer.policy import Policy
from trainer.sharing import part


def store_initial_rollouts(
    config: RunConfig, memory: Memory, policy: Policy, training: Problems, *, progress: bool = False
) -> IngestReport:
    """Sample the untrained policy and store what it says, as the run `<name>/initial`; what is there is not sampled again.

    Rollouts of a query form groups as large as those of training, since a scorer compares what is in a group. Of several
    processes each stores its part, and returns when all have; the report is of this one.
    """
    run, count = f"{config.name}/initial", config.reward.initial_rollouts
    group = group_size(config)
    rows = memory.database.query(cypher("read/sampled_queries"), key=key_of("run", run), count=count)
    known = {row["query"] for row in rows}
    tasks = part([task for task in training.tasks if task.query_key not in known])
    responses = sample_responses(
        policy.model,
        policy.tokenizer,
        [policy.prompt(task.query) for task in tasks],
        n=count,
        max_new_tokens=config.max_new_tokens,
        temperature=float(config.grpo.get("temperature", 1.0)),
        seed=config.seed,
        progress=progress,
    )
    report = memory.add(
        Rollout(
            query=task.query,
            response=response,
            query_id=task.query_id,
            dataset=task.dataset,
            domain=task.domain,
            policy=config.policy.model,
            run=run,
            attempt=1,
            call=sample // group,
            step=0,
            sample=sample % group,
        )
        for task, samples in zip(tasks, responses, strict=True)
        for sample, response in enumerate(samples)
    )
    wait_for_everyone()
    return report


def group_size(config: RunConfig) -> int:
    """Rollouts that training samples together for one query."""
    return int(config.grpo.get("num_generations", GRPOConfig.num_generations) or 1)
