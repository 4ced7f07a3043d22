from __future__ import annotations

import logging
import os
import re
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from memgraph.errors import DiskFull, TrainingError
from memgraph.settings import Settings
from trainer.reward import spool as spool_module
from trainer.reward.spool import Spool, WriteBack, spool_file


def entry(number: int) -> WriteBack:
    return WriteBack([{"key": str(number), "reward": 1.0, "source": "reward_model", "reason": None}])


def test_entries_are_written_in_order_and_once(tmp_path: Path) -> None:
    written: list[WriteBack] = []
    spool = Spool(tmp_path / "new" / "spool.sqlite", written.append)
    for number in range(20):
        spool.put(entry(number))
    spool.flush(30)
    assert spool.waiting() == 0
    spool.close()
    assert written == [entry(number) for number in range(20)]


def test_what_a_killed_process_left_is_written_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "spool.sqlite"
    child = os.fork()
    if child == 0:  # a process whose database never answers, and that is killed right after `put` returned
        spool = Spool(file, lambda _: threading.Event().wait())
        for number in range(3):
            spool.put(entry(number))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    written: list[WriteBack] = []
    spool = Spool(file, written.append)
    spool.flush(30)
    spool.close()
    assert written == [entry(number) for number in range(3)]


def test_a_failing_write_is_tried_again_and_surfaces(tmp_path: Path) -> None:
    written: list[WriteBack] = []
    reachable = threading.Event()

    def write(entry: WriteBack) -> None:
        if not reachable.is_set():
            raise ConnectionError("the database is away")
        written.append(entry)

    spool = Spool(tmp_path / "spool.sqlite", write)
    spool.put(entry(1))
    spool.put(entry(2))
    end = time.monotonic() + 30
    while spool.failures < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert spool.failures >= 2
    with pytest.raises(
        TrainingError, match=r"rewards of 2 calls .* ConnectionError: the database is away; they are safe"
    ):
        spool.flush(0)
    reachable.set()
    spool.flush(30)
    assert spool.failures == 0
    spool.close()
    assert written == [entry(1), entry(2)]


def test_processes_with_one_file_do_not_wait_for_each_other(tmp_path: Path) -> None:
    file = tmp_path / "spool.sqlite"
    stuck = Spool(file, lambda _: threading.Event().wait())
    quick = Spool(file, lambda _: None)
    stuck.put(entry(1))
    quick.put(entry(2))
    quick.flush(30)
    assert stuck.waiting() == 1
    quick.close()


def test_closing_does_not_wait_for_a_server_that_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "spool.sqlite"
    begun, back = threading.Event(), threading.Event()
    written: list[WriteBack] = []

    def patient(entry: WriteBack) -> None:  # waits for the server within one call, as the memory does
        begun.set()
        assert back.wait(60)
        written.append(entry)

    spool = Spool(file, patient)
    spool.put(entry(1))
    spool.put(entry(2))
    assert begun.wait(30)
    start = time.monotonic()
    with caplog.at_level(logging.WARNING):
        spool.close(seconds=0.1)
    assert time.monotonic() - start < 10
    assert re.search(rf"those of 2 calls are safe in {re.escape(str(file))}", caplog.text)

    later: list[WriteBack] = []
    again = Spool(file, later.append)
    again.flush(30)
    again.close()
    assert later == [entry(1), entry(2)], "what was left is written at the next start"
    back.set()  # the thread that was left behind ends after its entry, which changes nothing
    end = time.monotonic() + 30
    while any(thread.name == "memreward-spool" for thread in threading.enumerate() if thread is spool._thread):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert written == [entry(1)]


class SmallDisk(Spool):
    """On a disk of so many pages of 4 KB: SQLite's own error, by a bound of SQLite's own."""

    pages = 8

    def _open(self) -> sqlite3.Connection:
        db = super()._open()
        db.execute(f"PRAGMA max_page_count={self.pages}")
        return db


def test_a_full_disk_is_named_and_nothing_of_before_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "spool.sqlite"
    away = threading.Event()
    written: list[WriteBack] = []

    def write(entry: WriteBack) -> None:
        if not away.is_set():
            raise ConnectionError("the database is away")
        written.append(entry)

    large = WriteBack([{"key": "x" * 2**20, "reward": 1.0, "source": "reward_model", "reason": None}])
    spool = SmallDisk(file, write)
    spool.put(entry(1))
    with pytest.raises(
        DiskFull, match=rf"[\d,.]+ MB are free in {re.escape(str(tmp_path))}.* and 2\.0 MB are needed"
    ) as full:
        spool.put(large)
    assert isinstance(full.value.__cause__, sqlite3.OperationalError)
    assert spool.waiting() == 1
    spool.pages = 2**20  # room again
    spool.put(large)
    away.set()
    spool.flush(30)
    spool.close()
    assert written == [entry(1), large]


def test_room_is_waited_for_as_long_as_patience_lasts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_ROOM_SECONDS", 0.05)
    large = WriteBack([{"key": "x" * 2**20, "reward": 1.0, "source": "reward_model", "reason": None}])
    spool = SmallDisk(tmp_path / "spool.sqlite", lambda _: None, patience=60)
    threading.Timer(0.5, setattr, (spool, "pages", 2**20)).start()
    spool.put(large)
    spool.flush(30)
    told = [record.getMessage() for record in caplog.records if "Waiting for room, at most 60 s" in record.getMessage()]
    assert len(told) == 1
    spool.close()

    impatient = SmallDisk(tmp_path / "other.sqlite", lambda _: None, patience=0.2)
    with pytest.raises(DiskFull):
        impatient.put(large)
    impatient.close()


def test_an_error_that_is_none_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite", lambda _: None)
    spool.close()
    spool.file.write_text("no database at all, " * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        spool.put(entry(1))


def test_each_server_has_its_own_file(tmp_path: Path) -> None:
    local = Settings(home=tmp_path).model_copy(update={"uri": None})
    one, two = (local.model_copy(update={"uri": f"bolt://{name}:7687"}) for name in ("one", "two"))
    assert len({spool_file(settings) for settings in (local, one, two)}) == 3
    assert spool_file(one).is_relative_to(tmp_path)


def test_other_work_is_done_when_nothing_waits(tmp_path: Path) -> None:
    done: list[str] = []
    rested = threading.Event()

    def idle() -> None:
        done.append("idle")
        rested.set()

    spool = Spool(tmp_path / "spool.sqlite", lambda entry: done.append(entry.rewards[0]["key"]), idle=idle)
    assert rested.wait(30)  # what an earlier process left behind
    for number in range(3):
        rested.clear()
        spool.put(entry(number))
        assert rested.wait(30)
    spool.close()
    assert [what for what in done if what != "idle"] == ["0", "1", "2"]
    assert done[-1] == "idle"
