"""Which queries a budget labels: a random order that depends on keys and seed alone, so that draws are nested."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from memgraph.errors import LedgerError
from memgraph.store import keys


def draw(clusters: Iterable[Sequence[str]], budget: float | int | None, seed: int) -> list[str]:
    """Query keys to label: whole near-duplicate clusters in a fixed random order, until the budget is used.

    Args:
        clusters: query keys that belong together; each query in one cluster.
        budget: a share of the distinct queries (float, 0..1), a number of queries (int), or None for all.
        seed: of the order. Draws with one seed are nested across budgets.
    """
    ordered = in_random_order(clusters, seed)
    return take(ordered, limit_of(budget, sum(len(cluster) for cluster in ordered)))


def in_random_order(clusters: Iterable[Sequence[str]], seed: int) -> list[Sequence[str]]:
    """The order in which clusters are drawn: by keys and seed only, whatever the order they come in."""
    return sorted(clusters, key=lambda cluster: (keys.draw_position(seed, cluster), min(cluster)))


def take(ordered: Iterable[Sequence[str]], count: int) -> list[str]:
    """Queries of the first clusters, at most `count`.

    A cluster that no longer fits ends it, so that a larger count never loses a query of a smaller one.
    """
    taken: list[str] = []
    for cluster in ordered:
        if len(taken) + len(cluster) > count:
            break
        taken.extend(sorted(cluster))
    return taken


def limit_of(budget: float | int | None, total: int) -> int:
    """Number of queries out of `total` that a budget stands for.

    Raises:
        LedgerError: for a share outside 0..1 or a negative number.
    """
    if budget is None:
        return total
    if isinstance(budget, float):
        if not 0 <= budget <= 1:
            raise LedgerError(
                f"a share of labels lies between 0 and 1, found {budget}; give a whole number for a count"
            )
        return math.ceil(budget * total - 1e-9)
    if budget < 0:
        raise LedgerError(f"a number of labels cannot be negative, found {budget}")
    return min(budget, total)


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
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        raise LedgerError(
            f"a budget is a share like 0.2 or 20%, or a number of queries like 50; found {text!r}"
        ) from None
