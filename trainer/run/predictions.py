"""What the reward predicted for a run's rollouts, for the monitor to read each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memgraph import Memory
from memgraph.store import keys
from memgraph.store.cypher import cypher


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probability of being right that one rollout got when it was rewarded."""

    call: int
    query: str
    rollout: str
    probability: float


class Predictions:
    """Hands out the predictions of a run's newest attempt, each once, those of all ranks."""

    def __init__(self, memory: Memory, run: str) -> None:
        self._memory = memory
        self._run = keys.key_of("run", run)
        self._next_call = 0

    def new(self) -> list[Prediction]:
        """Those of the reward calls since the last time, in order of call and rollout."""
        rows = self._memory.database.query(cypher("read/predictions"), run=self._run, call=self._next_call)
        new = [Prediction(row["call"], row["query"], row["rollout"], row["probability"]) for row in rows]
        self._next_call = max((prediction.call + 1 for prediction in new), default=self._next_call)
        return new


def by_group(predictions: Sequence[Prediction]) -> dict[tuple[int, str], list[Prediction]]:
    """Predictions of rollouts that were sampled together: (call, query) → group."""
    groups: dict[tuple[int, str], list[Prediction]] = {}
    for prediction in predictions:
        groups.setdefault((prediction.call, prediction.query), []).append(prediction)
    return groups
