"""Accuracy of a policy on held-out problems, and whether a change of it is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from memgraph.answers import normalise
from memgraph.ledger import Ledger
from memgraph.parsing import parse_response
from memgraph.truth import Judge
from trainer.data import Problems, Task
from trainer.generate import sample_responses


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
        """In words, and honest about chance."""
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
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Any],
    problems: Problems,
    *,
    ledger: Ledger,
    judge: Judge,
    max_new_tokens: int,
    batch_size: int = 64,
    progress: bool = False,
) -> NDArray[np.float64]:
    """[problems] 1 where the policy's greedy answer is right; an answer that could not be judged counts as wrong.

    The truth is read for evaluation only, and counted as such in the ledger.
    """
    responses = sample_responses(
        model,
        tokenizer,
        prompts,
        n=1,
        max_new_tokens=max_new_tokens,
        temperature=0.0,
        batch_size=batch_size,
        progress=progress,
    )
    answers = [stated_answer(task, response) for task, (response,) in zip(problems.tasks, responses, strict=True)]
    scores = ledger.evaluate_answers(problems.truth, answers, judge=judge)
    return np.array([score or 0.0 for score in scores], np.float64)


def stated_answer(task: Task, response: str) -> tuple[str, str | None, str]:
    """(query key, normalised answer or None where missing, domain), as `Ledger.evaluate_answers` takes it."""
    answer = normalise(parse_response(response, task.domain).answer, task.domain)
    return task.query_key, answer.value if answer.valid else None, task.domain
