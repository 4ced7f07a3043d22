from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from memgraph.errors import TrainingError
from memgraph.settings import Settings
from trainer.spool import Spool, WriteBack, spool_file


def entry(number: int) -> WriteBack:
    return WriteBack([{"key": str(number), "reward": 1.0, "source": "gnn", "reason": None}])


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


def test_each_server_has_its_own_file(tmp_path: Path) -> None:
    local = Settings(home=tmp_path).model_copy(update={"uri": None})
    one, two = (local.model_copy(update={"uri": f"bolt://{name}:7687"}) for name in ("one", "two"))
    assert len({spool_file(settings) for settings in (local, one, two)}) == 3
    assert spool_file(one).is_relative_to(tmp_path)
