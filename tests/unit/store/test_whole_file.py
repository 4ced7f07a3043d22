"""A full disk says which one it is."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memgraph.errors import ConnectionFailed, DiskFull
from memgraph.models.registry import register
from memgraph.store.whole_file import room_for


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(tmp_path: Path, number: int) -> None:
    said = f"the disk of {tmp_path} is full, so that the index could not be written"
    with pytest.raises(DiskFull, match=said), room_for("the index", tmp_path):
        raise OSError(number, "No space left on device")


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), room_for("the index", tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_reward_model_that_finds_no_room_can_be_saved_later(tmp_path: Path) -> None:
    """Training goes on with the former one, as where the server is away."""

    def save(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    model: Any = SimpleNamespace(save=save, fingerprint=lambda: "f")
    store: Any = SimpleNamespace(space=SimpleNamespace(key="space"))
    with pytest.raises(ConnectionFailed, match=r"models.* is full, so that the reward model could not be written"):
        register(store, model, tmp_path, readers={}, ledger=None, seed=0)
