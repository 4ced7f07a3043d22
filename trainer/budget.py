"""How many labels a run may spend, and on which queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memgraph.ledger import draw


@dataclass(frozen=True, slots=True)
class LabelBudget:
    """A share of the distinct training queries (float) or a number of them (int), drawn at random by `seed`.

    Draws are nested: the queries of a 10 % budget are among those of a 20 % one.
    """

    amount: float | int
    seed: int = 0

    def choose(self, units: Sequence[Sequence[str]]) -> list[str]:
        """Keys of the queries to label, out of near-duplicate units (`Memory.units`)."""
        return draw(units, self.amount, self.seed)
