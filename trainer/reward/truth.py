"""The truth that a reward function may ask for: of labelled queries within a budget, of held-out ones for metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from memgraph import Memory, Rollout
from memgraph.domains import Judge, Verdict
from memgraph.labels.judging import RevealReport
from memgraph.labels.ledger import Ledger, StatedAnswer
from memgraph.labels.truth import TruthSource
from memgraph.rollouts.preparation import stated_by
from memgraph.store.keys import query_key
from trainer.reward.report import CallReport, Rewarded
from trainer.reward.rule import EVALUATION, Reward


@dataclass(frozen=True, slots=True)
class Judged:
    """The queries whose answers the ledger may judge, and what it needs for that."""

    ledger: str
    query_keys: Collection[str]
    source: TruthSource
    judge: Judge
    budget: int

    def open(self, memory: Memory) -> Ledger:
        """The ledger, with its budget."""
        return memory.ledger(self.ledger, budget=self.budget)

    def reveal(self, ledger: Ledger, query_keys: Iterable[str]) -> RevealReport:
        """Have the ledger judge the answers that are new; of other queries none."""
        labelled = set(query_keys).intersection(self.query_keys)
        return ledger.reveal(self.source, labelled, judge=self.judge) if labelled else RevealReport()


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The truth about evaluation rollouts, read for metrics only and counted in the ledger."""

    ledger: str
    source: TruthSource
    judge: Judge

    def rewards(self, memory: Memory, rollouts: Sequence[Rollout], report: CallReport) -> list[Rewarded]:
        """What the ledger's evaluation says of each rollout; none of them is stored."""
        answers = []
        for rollout in rollouts:
            stated = stated_by(rollout, memory.domains)
            report.answers.read(rollout.domain, stated.answer is not None, rollout.response)
            key = query_key(rollout.dataset, rollout.query)
            answers.append(StatedAnswer(key, stated.answer, rollout.domain, rollout.query))
        with report.stage("judge"):
            verdicts = memory.ledger(self.ledger).evaluate_answers(self.source, answers, judge=self.judge)
        for answer, verdict in zip(answers, verdicts, strict=True):
            if answer.answer is not None:
                report.answers.judged(answer.domain, verdict.score, verdict.reason, answer.answer)
        return [
            Rewarded(_reward(verdict), answer=answer.answer) for answer, verdict in zip(answers, verdicts, strict=True)
        ]


def _reward(verdict: Verdict) -> Reward:
    if verdict.score is None:
        return Reward(None, "none", f"an evaluation rollout that cannot be judged: {verdict.reason}")
    return Reward(verdict.score, EVALUATION)
