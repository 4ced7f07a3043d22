"""Processes that train together: one attempt for all, and no scoring before every rank's rollouts are in the memory.

rank 0  store, judge ─► arrived ─┐
rank 1  store, judge ─► arrived ─┴─► all have arrived ─► each scores the whole call, and returns its own rewards

A query's generations may sit on several ranks, and a rollout's neighbours may too. All ranks read the same graph and
score the same queries, so a reward depends neither on how a batch was split nor on which rank was first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import torch
import torch.distributed as dist

from memgraph import Memory
from memgraph.errors import TrainingError
from memgraph.snapshot.read import Group
from memgraph.store import keys
from memgraph.store.cypher import cypher

_POLL_SECONDS = 0.02
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1

    @classmethod
    def here(cls) -> Self:
        """As torch.distributed has it; alone where no trainer has started it, as in the child process of AsyncGRPO."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    def sample(self, position: int) -> int:
        """A number for a rollout of this rank that no other rank gives."""
        return position * self.size + self.rank

    def agree(self, decide: Callable[[], int]) -> int:
        """What rank 0 decides. All ranks must call it at the same time; a failure there is one everywhere.

        Over a group of its own on the CPU, so that it works from any thread and beside any backend.

        Raises:
            TrainingError: if rank 0 could not decide.
        """
        if self.size == 1:
            return decide()
        decision: list[Any] = [None, None]
        if self.rank == 0:
            try:
                decision[0] = decide()
            except Exception as error:
                decision[1] = f"{type(error).__name__}: {error}"
        group: Any = dist.new_group(backend="gloo")
        try:
            dist.broadcast_object_list(decision, src=0, group=group, device=torch.device("cpu"))
        finally:
            dist.destroy_process_group(group)
        if decision[1] is not None:
            raise TrainingError(f"rank 0 could not start the attempt: {decision[1]}")
        return int(decision[0])

    def arrive(self, memory: Memory, group: Group, began: datetime | None) -> None:
        """Tell the other ranks that this one's rollouts are stored and judged.

        Args:
            began: when it began the call, by the database's clock; None where it could not learn that.

        Raises:
            TrainingError: if a newer attempt at the run has begun meanwhile.
        """
        if self.size == 1:
            return
        place: dict[str, Any] = {"attempt": group.attempt, "rank": self.rank, "call": group.call}
        place["began"] = 0 if began is None else (began - _EPOCH) // _MICROSECOND
        if not memory.database.query(cypher("write/arrival"), write=True, key=_run_key(group), **place):
            raise TrainingError(
                f"another process has begun a newer attempt at the run {group.run!r} than {group.attempt}, which goes on "
                "here; give each training that runs at the same time its own name"
            )

    def late(self, memory: Memory, group: Group, *, seconds: float) -> list[int]:
        """Wait until all ranks have arrived, at most so long; returns those that have not."""
        if self.size == 1:
            return []
        end = time.monotonic() + seconds
        while True:
            (row,) = memory.database.query(cypher("read/arrivals"), key=_run_key(group))
            missing = [rank for rank, call in enumerate(row["arrived"]) if call < group.call]
            if not missing or time.monotonic() >= end:
                return missing
            time.sleep(_POLL_SECONDS)

    def began(self, memory: Memory, group: Group, own: datetime) -> datetime:
        """When the first of the ranks that have arrived began the call: the same for all of them, whoever asks.

        Args:
            own: when this one did.
        """
        if self.size == 1:
            return own
        (row,) = memory.database.query(cypher("read/arrivals"), key=_run_key(group))
        arrivals = [at for call, at in zip(row["arrived"], row["began"], strict=True) if call >= group.call and at]
        first: datetime = min([own, *(_EPOCH + at * _MICROSECOND for at in arrivals)])
        return first

    def queries(self, memory: Memory, group: Group, own: list[str]) -> list[str]:
        """Keys of the queries that all ranks sampled in this call, sorted."""
        if self.size == 1:
            return sorted(set(own))
        place: dict[str, Any] = {"run": group.run, "attempt": group.attempt, "call": group.call}
        return [row["key"] for row in memory.database.query(cypher("read/call_queries"), **place)]


def _run_key(group: Group) -> str:
    return keys.key_of("run", group.run)
