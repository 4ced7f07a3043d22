"""How many labels a run may spend, how they are chosen, and what they serve."""

from __future__ import annotations

from dataclasses import dataclass

from memgraph import Memory
from memgraph.domains import Judge
from memgraph.labelling import Acquisition, Spending, label_within_budget
from memgraph.labels.truth import TruthSource


@dataclass(frozen=True, slots=True)
class LabelBudget:
    """A share of the distinct training queries (float) or a number of them (int).

    Draws at random are nested: the queries of a 10 % budget are among those of a 20 % one.

    Attributes:
        seed: of the random draws.
        acquisition: "informative" lets the reward model choose three quarters of the queries (`memgraph.acquisition`).
        monitor: share of the budget, or number of queries, that watch the reward and train nothing.
        reuse: names of ledgers whose queries are known at no cost.
    """

    amount: float | int
    seed: int = 0
    acquisition: Acquisition = "random"
    monitor: float | int = 0
    reuse: tuple[str, ...] = ()

    def spend(self, memory: Memory, source: TruthSource, *, ledger: str, judge: Judge) -> Spending:
        """Label stored queries of the source; what the ledger has spent before counts against the budget.

        Raises:
            LedgerError: for an amount that is no budget.
        """
        return label_within_budget(
            memory,
            source,
            ledger=ledger,
            budget=self.amount,
            seed=self.seed,
            judge=judge,
            acquisition=self.acquisition,
            monitor=self.monitor,
            reuse=self.reuse,
        )
