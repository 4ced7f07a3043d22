"""What is written back after a reward was returned waits on the local disk until the database has it.

reward call ─► put: one row in SQLite, on disk before it returns ─► a thread writes it to the graph, then deletes the row

A process that is killed leaves rows; the next one with the same file writes them first. Writing a row twice changes
nothing, so several processes may share a file.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from memgraph import Memory
from memgraph.errors import DiskFull, TrainingError
from memgraph.models.scores import DEFAULT_SCORER
from memgraph.rollouts.runs import record_rewards
from memgraph.scoring.predictions import write_prediction_rows
from memgraph.settings import Settings
from memgraph.store import keys

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.02
_SHORTEST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_CLOSING_SECONDS = 5.0
_ROOM_SECONDS = 2.0  # between looks for room on a full disk
_LEAST_FREE_BYTES = 2**20  # SQLite's journal and pages beside the entry itself
_DISK_ERRORS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)  # of a full disk too, and of many other things
_TABLE = "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT, body TEXT)"


@dataclass(frozen=True, slots=True)
class WriteBack:
    """What one reward call leaves on its rollouts.

    Attributes:
        rewards: rows of `memgraph.rollouts.runs.record_rewards`.
        predictions: rows of `memgraph.scoring.predictions.prediction_rows`.
        scorer: that made them.
        model: key of the registered model that made them.
    """

    rewards: list[dict[str, Any]]
    predictions: list[dict[str, Any]] = field(default_factory=list)
    scorer: str = DEFAULT_SCORER
    model: str | None = None

    def write(self, memory: Memory) -> None:
        """Into the graph; again changes nothing."""
        write_prediction_rows(memory, self.predictions, scorer=self.scorer, model=self.model)
        record_rewards(memory.database, self.rewards)


def spool_file(settings: Settings) -> Path:
    """Where write-backs to the settings' database wait."""
    server = "local" if settings.uri is None else keys.key_of("server", settings.uri, settings.database)[:16]
    return settings.home / "spool" / f"{server}.sqlite"


class Spool:
    """A queue on disk that a thread empties.

    Args:
        file: SQLite file, made if need be.
        write: takes one entry to where it belongs; called again after a failure.
        idle: work for when nothing waits, which may not raise.
        patience: seconds that `put` waits for room on a full disk.

    Attributes:
        failures: how often writing the present entry has failed in a row.
        error: why it failed last.
    """

    def __init__(
        self,
        file: Path,
        write: Callable[[WriteBack], None],
        *,
        idle: Callable[[], object] = lambda: None,
        patience: float = 0.0,
    ) -> None:
        self.file = file
        self.failures = 0
        self.error: Exception | None = None
        self._write = write
        self._idle = idle
        self._patience = patience
        self._owner = uuid.uuid4().hex
        self._work = threading.Event()
        self._stop = threading.Event()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._connected() as db:
            db.execute(_TABLE)
            self._left_over = int(db.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()[0])
        self._work.set()
        self._thread = threading.Thread(target=self._run, name="memreward-spool", daemon=True)
        self._thread.start()

    def put(self, entry: WriteBack) -> None:
        """Keep an entry; it is on disk when this returns.

        Raises:
            DiskFull: if there is no room for it, nor within the spool's patience. Nothing of it is kept then, and what waits
                already stays.
        """
        body = json.dumps(asdict(entry))
        began = time.monotonic()
        told = False
        while True:
            try:
                with self._connected(len(body)) as db:
                    db.execute("INSERT INTO entries (owner, body) VALUES (?, ?)", (self._owner, body))
                break
            except DiskFull as error:
                if time.monotonic() - began >= self._patience:
                    raise
                if not told:
                    logger.warning("%s. Waiting for room, at most %.0f s (MEMREWARD_PATIENCE)", error, self._patience)
                    told = True
                time.sleep(min(_ROOM_SECONDS, self._patience))
        self._work.set()

    def waiting(self) -> int:
        """Entries of this process, and left over from earlier ones, that are not written yet."""
        with self._connected() as db:
            counted = db.execute(
                "SELECT count(*) FROM entries WHERE owner = ? OR id <= ?", (self._owner, self._left_over)
            )
            return int(counted.fetchone()[0])

    def flush(self, seconds: float) -> None:
        """Wait until all is written.

        Raises:
            TrainingError: if it takes longer than that.
        """
        end = time.monotonic() + seconds
        while self.waiting():
            if time.monotonic() >= end:
                raise TrainingError(self.problem())
            time.sleep(_POLL_SECONDS)

    def problem(self) -> str:
        """What stands in the way, in words."""
        why = "" if self.error is None else f", the last time with {type(self.error).__name__}: {self.error}"
        return (
            f"rewards of {self.waiting()} calls could not be written to the memory, tried {self.failures} times without success{why}; "
            f"they are safe in {self.file} and will be written when training starts again with the database within reach"
        )

    def close(self, *, seconds: float = _CLOSING_SECONDS) -> None:
        """Stop the thread; what is not written stays in the file.

        A thread that waits for a server which is away is left behind after these seconds, with a warning. It ends by itself
        after the entry that it is at; should the next process write that entry as well, nothing changes.
        """
        self._stop.set()
        self._work.set()
        self._thread.join(seconds)
        if self._thread.is_alive() and (waiting := self.waiting()):
            logger.warning(
                "the memory did not take rewards within %g s: those of %d calls are safe in %s and will be written when "
                "training starts again with the database within reach",
                seconds,
                waiting,
                self.file,
            )

    def _run(self) -> None:
        while not self._stop.is_set():
            self._work.wait()
            self._work.clear()
            self._drain()

    def _drain(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._stop.is_set():
            try:
                row = self._oldest()
                if row is None:
                    break
                self._write(WriteBack(**json.loads(row[1])))
                self._delete(row[0])
            except Exception as error:
                if self._stop.is_set():  # `close` has said what is left
                    return
                self.failures += 1
                self.error = error
                logger.warning("writing rewards back failed for the %d. time: %s", self.failures, error)
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self.failures = 0
                pause = _SHORTEST_PAUSE
        if not self._stop.is_set():
            self._idle()

    def _oldest(self) -> tuple[int, str] | None:
        with self._connected() as db:
            row: tuple[int, str] | None = db.execute(
                "SELECT id, body FROM entries WHERE owner = ? OR id <= ? ORDER BY id LIMIT 1",
                (self._owner, self._left_over),
            ).fetchone()
            return row

    def _delete(self, entry: int) -> None:
        with self._connected() as db:
            db.execute("DELETE FROM entries WHERE id = ?", (entry,))

    @contextmanager
    def _connected(self, entry_bytes: int = 0) -> Iterator[sqlite3.Connection]:
        """One transaction, in which an entry of that length is to find room."""
        try:
            with closing(self._open()) as db, db:
                yield db
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the details
            needed, free = entry_bytes + _LEAST_FREE_BYTES, shutil.disk_usage(self.file.parent).free
            if code == sqlite3.SQLITE_FULL or (code in _DISK_ERRORS and free < needed):
                raise DiskFull(
                    f"the disk is full: {free / 2**20:,.1f} MB are free in {self.file.parent}, where rewards wait until the "
                    f"memory has them, and {needed / 2**20:,.1f} MB are needed; free some space there. What waits there "
                    "already is kept"
                ) from error
            raise

    def _open(self) -> sqlite3.Connection:
        """A connection of its own each time: they survive neither threads nor forks. Commits are synced to disk."""
        db = sqlite3.connect(self.file, timeout=60)
        db.execute("PRAGMA synchronous=FULL")
        return db
