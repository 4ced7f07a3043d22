"""Draws queries within a budget and has the ledger reveal them."""

from __future__ import annotations

from memgraph.errors import LedgerError
from memgraph.ledger import RevealReport, draw
from memgraph.memory import Memory
from memgraph.truth import Judge, TruthSource


def parse_budget(text: str | None) -> float | int | None:
    """A share ("0.2", "20%"), a count ("50"), or None for no limit.

    Raises:
        LedgerError: for anything else.
    """
    if text is None:
        return None
    try:
        if text.endswith("%"):
            return float(text[:-1]) / 100
        return int(text) if text.lstrip("+").isdigit() else float(text)
    except ValueError:
        raise LedgerError(f"a budget is a share like 0.2 or 20%, or a number of queries like 50; found {text!r}") from None


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
