"""What processes that train together share out: each does a part, or the first does it for all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from accelerate.utils import broadcast_object_list, gather_object

from memgraph.errors import TrainingError
from memgraph.memory import RegisteredModel
from memgraph.reward_model import RewardModel
from trainer.groups import Ranks

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
    found: list[T | None] = [None] * sum(map(len, by_rank))
    for rank, items in enumerate(by_rank):
        found[rank :: ranks.size] = items
    return found  # type: ignore[return-value]


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


def load_shared(registered: RegisteredModel, *, space: str) -> RewardModel:
    """A reward model that the first process has saved, in all of them: its checkpoint may lie on another machine.

    Raises:
        ModelError, EmbeddingSpaceError: see `RewardModel.load`.
    """
    folder = Path(registered.folder)
    if Ranks.here().size == 1:
        return RewardModel.load(folder, space=space)
    files = by_first(lambda: {file.name: file.read_bytes() for file in folder.iterdir()})
    with tempfile.TemporaryDirectory(prefix="memreward-") as copy:
        for name, content in files.items():
            (Path(copy) / name).write_bytes(content)
        return RewardModel.load(Path(copy), space=space)
