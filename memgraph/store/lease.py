"""The right to read a memory again: one process has it, for as long as it lives."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from types import TracebackType
from typing import Self

import psutil
from neo4j import ManagedTransaction

from memgraph.errors import MemRewardError, MigrationError
from memgraph.progress import Say, silent
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

_SECONDS = 120
_RENEWED = 30.0  # seconds between
_PATIENCE = 180.0


class Lease:
    """Held inside a `with` block, and renewed meanwhile.

    A process that ended without giving it back loses it: at once where it ran on this machine, else after two minutes.

    Raises:
        MigrationError: if another process has it, and keeps it.
    """

    def __init__(self, database: Database, say: Say = silent) -> None:
        self._database = database
        self._say = say
        started = int(psutil.Process().create_time())
        self._holder = f"{socket.gethostname()} {os.getpid()} {started} {uuid.uuid4().hex[:8]}"
        self._ended = threading.Event()
        self._renewal = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Self:
        deadline, announced = time.monotonic() + _PATIENCE, False
        gone: list[str] = []
        while (holder := self._hold(gone)) is not None:
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"another process (host, process: {' '.join(holder.split()[:2])}) is reading this memory again; wait for it "
                    "to end. If it is gone, `memreward migrate --unlock` releases what it left"
                )
            if _is_gone(holder):
                gone = [holder]
                continue
            if not announced:
                self._say("waiting for another process that is reading this memory again")
                announced = True
            time.sleep(1)
        self._renewal.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._renewal.join()
        try:
            self._database.query(cypher("write/reread_release"), write=True, holder=self._holder)
        except MemRewardError:  # the server is gone, and what it was about is being reported
            if error is None:
                raise

    def check_in(self, tx: ManagedTransaction) -> None:
        """Hold it for this transaction, so that nobody takes over before its end.

        Raises:
            MigrationError: if somebody has taken over.
        """
        row = tx.run(cypher("write/reread_hold"), holder=self._holder, seconds=_SECONDS, gone=[]).single(strict=True)
        if not row["held"]:
            raise MigrationError(
                f"another process ({row['by']}) took over and reads this memory again; what this one did is kept"
            )

    def check(self) -> None:
        """The same in a transaction of its own."""
        self._database.execute_write(self.check_in)

    def _hold(self, gone: list[str]) -> str | None:
        """Who else has it."""
        row = self._database.query(
            cypher("write/reread_hold"), write=True, holder=self._holder, seconds=_SECONDS, gone=gone
        )[0]
        return None if row["held"] else str(row["by"])

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED):
            try:
                self._hold([])
            except MemRewardError:
                return  # the next transaction says what is wrong


def release(database: Database) -> int:
    """Take it from whoever has it; returns how many had."""
    return int(database.query(cypher("write/reread_release"), write=True, holder=None)[0]["released"])


def _is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine that has ended."""
    host, process, started, *_ = holder.split()
    if host != socket.gethostname():
        return False
    try:
        return int(psutil.Process(int(process)).create_time()) != int(started)
    except psutil.NoSuchProcess:
        return True
