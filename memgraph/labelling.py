"""Draws queries within a budget and has the ledger reveal them."""

from __future__ import annotations

from memgraph.ledger import RevealReport, draw
from memgraph.memory import Memory
from memgraph.truth import Judge, TruthSource


def label_within_budget(
    memory: Memory,
    source: TruthSource,
    *,
    ledger: str,
    budget: float | int | None,
    seed: int = 0,
    judge: Judge | None = None,
) -> RevealReport:
    """Label as many of the source's stored queries as the budget allows, whole near-duplicate units at a time.

    Args:
        budget: share of the distinct stored queries that the source knows, a number of them, or None for all.
    """
    units = memory.units(source.query_keys())
    chosen = draw(units, budget, seed)
    account = memory.ledger(ledger, budget=None if budget is None else len(chosen), seed=seed)
    return account.reveal(source, chosen, judge=judge)
