"""Files that are there as a whole or not at all, and disks that are full."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from memgraph.errors import DiskFull


@contextmanager
def whole_file(file: Path) -> Iterator[IO[bytes]]:
    """A file that is on disk under its name when the block ends; one that fails leaves what was there before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def room_for(what: str, place: Path) -> Iterator[None]:
    """A full disk says which one it is, and what was to be written there.

    Raises:
        DiskFull: in place of the system's error.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"the disk of {place} is full, so that {what} could not be written; free some space there"
            ) from error
        raise
