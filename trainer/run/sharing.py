"""What processes that train together share out: each does a part, or the first does it for all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from accelerate.utils import broadcast_object_list, gather_object

from memgraph.errors import TrainingError
from memgraph.models.reward_model import RewardModel
from trainer.reward.ranks import Ranks

T = TypeVar("T")


def part(items: Sequence[T]) -> Sequence[T]:
    """This process's items: every n-th."""
    ranks = Ranks.here()
    return items[ranks.rank :: ranks.size]


def whole(parts: Sequence[T]) -> list[T]:
    """What all processes made of their `part`, in the order of the whole. Every process has to call it."""
    ranks = Ranks.here()
    if ranks.size == 1:
        return list(parts)
    by_rank: list[list[T]] = gather_object([list(parts)])
    merged: list[T | None] = [None] * sum(map(len, by_rank))
    for rank, items in enumerate(by_rank):
        merged[rank :: ranks.size] = items
    return merged  # type: ignore[return-value]


def by_first(work: Callable[[], T]) -> T:
    """What `work` returns in the first process; the others wait for it, and fail where it fails.

    Raises:
        TrainingError: in the other processes, with what went wrong in the first.
    """
    ranks = Ranks.here()
    if ranks.size == 1:
        return work()
    outcome: list[Any] = [None, "the first process ended"]
    try:
        if ranks.rank == 0:
            outcome = [work(), None]
    except Exception as error:
        outcome[1] = f"{type(error).__name__}: {error}"
        raise
    finally:
        broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise TrainingError(f"the first process failed: {outcome[1]}")
    return outcome[0]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the first process has saved a reward model."""

    key: str | None
    folder: Path

    @classmethod
    def of(cls, model: RewardModel) -> Self:
        """Of a model that a memory has registered."""
        if model.folder is None:
            raise TrainingError("a reward model that no memory has registered cannot be shared")
        return cls(model.key, model.folder)


def load_shared(saved: Checkpoint) -> RewardModel:
    """A reward model that the first process has saved, in all of them: its checkpoint may lie on another machine.

    Raises:
        ModelError: see `RewardModel.load`.
    """
    if Ranks.here().size == 1:
        model = RewardModel.load(saved.folder)
    else:
        files = by_first(lambda: {file.name: file.read_bytes() for file in saved.folder.iterdir()})
        with tempfile.TemporaryDirectory(prefix="memreward-") as copy:
            for name, content in files.items():
                (Path(copy) / name).write_bytes(content)
            model = RewardModel.load(Path(copy))
    model.key, model.folder = saved.key, saved.folder
    return model
