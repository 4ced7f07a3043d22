"""Accuracy of a policy on held-out problems, and whether a change of it is more than chance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from memgraph.domains import Domains, Judge
from memgraph.domains.verifiers import verifier
from memgraph.labels.ledger import Ledger, StatedAnswer
from trainer.reward.rows import Task
from trainer.run.config import RunConfig
from trainer.run.data import Problems
from trainer.run.narrator import Narrator
from trainer.run.policy import Policy
from trainer.run.sharing import part, whole
from trainer.sampling.generate import sample_responses

RightBySplit = dict[str, NDArray[np.float64]]
"""[problems] of each split, 1 where the greedy answer is right."""


@dataclass(frozen=True, slots=True)
class PairedChange:
    """Difference of two accuracies over the same problems, with a 95 % bootstrap interval over problems."""

    before: float
    after: float
    change: float
    low: float
    high: float
    problems: int

    @property
    def verdict(self) -> str:
        """In words: significant where the interval leaves out 0."""
        if self.low > 0:
            return "significantly better"
        if self.high < 0:
            return "significantly worse"
        return "no significant change"


def paired_change(before: NDArray[np.float64], after: NDArray[np.float64], *, seed: int = 0) -> PairedChange:
    """Compare [problems] scores before and after, problem by problem."""
    difference = after - before
    if np.ptp(difference) == 0:
        low = high = float(difference.mean())
    else:
        interval = bootstrap(
            (difference,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(seed)
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return PairedChange(float(before.mean()), float(after.mean()), float(difference.mean()), low, high, len(difference))


def greedy_scores(
    policy: Policy,
    problems: Problems,
    *,
    ledger: Ledger,
    judge: Judge,
    domains: Domains,
    max_new_tokens: int,
    batch_size: int = 64,
    progress: bool = False,
) -> NDArray[np.float64]:
    """[problems] 1 where the policy's greedy answer is right; an answer that could not be judged counts as wrong.

    The truth is read for evaluation only, and counted as such in the ledger.
    """
    responses = sample_responses(
        policy.model,
        policy.tokenizer,
        [policy.prompt(task.query) for task in problems.tasks],
        n=1,
        max_new_tokens=max_new_tokens,
        temperature=0.0,
        batch_size=batch_size,
        progress=progress,
    )
    opened = policy.opens_thinking
    answers = [
        answer_of_response(domains, task, response, thinking_opened=opened)
        for task, (response,) in zip(problems.tasks, responses, strict=True)
    ]
    verdicts = ledger.evaluate_answers(problems.truth, answers, judge=judge)
    return np.array([verdict.score or 0.0 for verdict in verdicts], np.float64)


def answer_of_response(domains: Domains, task: Task, response: str, *, thinking_opened: bool = False) -> StatedAnswer:
    """What a response to a problem states."""
    stated = domains[task.domain].read(response, query=task.query, thinking_opened=thinking_opened)
    return StatedAnswer(task.query_key, stated.answer, task.domain, task.query)


def evaluate(
    config: RunConfig,
    policy: Policy,
    held_out: Mapping[str, Problems],
    ledger: Ledger,
    narrator: Narrator,
    domains: Domains,
    *,
    together: bool = False,
) -> RightBySplit:
    """Answer the held-out problems greedily.

    Args:
        together: every process answers all problems, in step with the others, as weights that are sharded over them need.
    """
    policy.ready_to_sample()
    judge = verifier(config.labels.verifier, domains)
    scores = {}
    for split, problems in held_out.items():
        if not problems.tasks:
            continue
        mine = problems if together else Problems(tuple(part(problems.tasks)), problems.truth)
        correct = greedy_scores(
            policy,
            mine,
            ledger=ledger,
            judge=judge,
            domains=domains,
            max_new_tokens=config.max_new_tokens,
            progress=narrator.shows_progress,
        )
        scores[split] = correct if together else np.array(whole(correct.tolist()), np.float64)
        narrator.say(f"{split}: {scores[split].mean():.1%} right")
    return scores


def changes(before: RightBySplit, after: RightBySplit, held_out: Mapping[str, Problems]) -> dict[str, PairedChange]:
    """By split and domain: "all", "math", … of the test problems, "ood", "ood/math", … of the others."""
    changed = {}
    for split in before:
        domains = np.array([task.domain for task in held_out[split].tasks])
        changed["all" if split == "test" else split] = paired_change(before[split], after[split])
        for domain in sorted(set(domains)):
            name = str(domain) if split == "test" else f"{split}/{domain}"
            changed[name] = paired_change(before[split][domains == domain], after[split][domains == domain])
    return changed


def keep_scores(file: Path, before: RightBySplit, after: RightBySplit, held_out: Mapping[str, Problems]) -> None:
    """Problem by problem, so that runs can be compared in pairs."""
    rows = [
        {"split": split, "query_key": task.query_key, "domain": task.domain, "before": first, "after": last}
        for split in before
        for task, first, last in zip(held_out[split].tasks, before[split].tolist(), after[split].tolist(), strict=True)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows) + "\n", encoding="utf-8")
