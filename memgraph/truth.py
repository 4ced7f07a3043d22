"""What sources know about right and wrong. Only `memgraph.ledger` may ask them, and it keeps account."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from memgraph import keys
from memgraph.ingest import RolloutKeys
from memgraph.reading import Reject, read_rows
from memgraph.records import Reference

Judge = Callable[[str | None, Reference, str], float | None]
"""(normalised answer or None, reference, domain) → 0..1, or None where it cannot tell."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a source reveals about one query: its reference, and the rollouts that it judged itself."""

    reference: Reference | None = None
    rollouts: Mapping[str, float] = field(default_factory=dict)


class TruthSource(Protocol):
    """Where truth comes from once the ledger has paid for it: a file, a problem set, a person's queue."""

    def query_keys(self) -> Sequence[str]:
        """Distinct queries that the source knows something about."""

    def truth(self, query_key: str) -> Truth | None:
        """All it knows about a query; None for one it does not know."""


class FileTruth:
    """The fields `correct`, `gold` and `tests` of the files that the rollouts were imported from."""

    def __init__(self, files: Sequence[Path], *, run: str, dataset: str | None = None) -> None:
        self.rejected: list[Reject] = []
        self._truth: dict[str, Truth] = {}
        judged: dict[str, dict[str, float]] = {}
        references: dict[str, Reference] = {}
        for file in files:
            key_of_rollout = RolloutKeys()
            for row in read_rows(file, run=run, dataset=dataset):
                if isinstance(row, Reject):
                    self.rejected.append(row)
                    continue
                query, rollout = keys.query_key(row.rollout.dataset, row.rollout.query), key_of_rollout(row.rollout)
                try:
                    reference, correct = _reference(row.raw), _correct(row.raw)
                    if reference is not None and references.get(query, reference) != reference:
                        raise ValueError(f"its truth differs from an earlier row's: {references[query].value[:80]!r}")
                except ValueError as error:
                    self.rejected.append(Reject(str(file), row.number, str(error)))
                    continue
                if reference is not None:
                    references[query] = reference
                if correct is not None:
                    judged.setdefault(query, {})[rollout] = correct
        for query in {**references, **judged}:
            self._truth[query] = Truth(references.get(query), judged.get(query, {}))

    def query_keys(self) -> Sequence[str]:
        """Distinct queries with any truth in the files, sorted."""
        return sorted(self._truth)

    def truth(self, query_key: str) -> Truth | None:
        """The query's `gold` or `tests`, and each rollout's `correct`."""
        return self._truth.get(query_key)


def _reference(raw: Mapping[str, Any]) -> Reference | None:
    if raw.get("tests") is not None:
        if not isinstance(raw["tests"], str):
            raise ValueError(f"'tests' must be text, found {type(raw['tests']).__name__}")
        return Reference("tests", raw["tests"])
    gold = raw.get("gold")
    if gold is None:
        return None
    if isinstance(gold, bool) or not isinstance(gold, (str, int, float)):
        raise ValueError(f"'gold' must be text or a number, found {type(gold).__name__}")
    if isinstance(gold, float):
        if not math.isfinite(gold):
            raise ValueError(f"'gold' must be finite, found {gold}")
        return Reference("gold", str(int(gold)) if gold.is_integer() and abs(gold) < 1e15 else repr(gold))
    return Reference("gold", str(gold))


def _correct(raw: Mapping[str, Any]) -> float | None:
    value = raw.get("correct")
    if value is None:
        return None
    if isinstance(value, bool) or (isinstance(value, (int, float)) and 0 <= value <= 1):
        return float(value)
    raise ValueError(f"'correct' must be true, false or a number from 0 to 1, found {value!r}")
