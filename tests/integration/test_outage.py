"""What those see who are connected when the server goes away: they wait, find it again, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from memgraph.errors import ConnectionFailed, DiskFull
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from memgraph.settings import Settings
from memgraph.store.database import Database
from memgraph.store.server.backup import backup
from memgraph.store.server.home import ProcessRecord, ServerHome, free_port
from memgraph.store.server.local import LocalServer
from tests.integration.test_local_server import kill, processes_of
from tests.vectors import WordVectors

# Writes a line for each number that the memory has acknowledged, until its standard input ends.
OTHER_PROCESS = """
import sys, threading
from pathlib import Path
from memgraph.store.database import Database
from memgraph.store.server.local import LocalServer
from memgraph.settings import Settings
settings = Settings.model_validate_json(sys.argv[1])
database = Database(LocalServer(settings).find())
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
number = 0
while not ended.is_set():
    number += 1
    database.query("MERGE (:Elsewhere {number: $number})", write=True, number=number)
    print(number, flush=True)
    ended.wait(0.02)
"""


class Writers:
    """Threads that store one node after another, and note each only when the memory has said that it is stored."""

    def __init__(self, memory: Memory, count: int) -> None:
        self.acknowledged: list[str] = []
        self.errors: list[Exception] = []
        self._memory = memory
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,), daemon=True) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _write(self, writer: int) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            key = f"{writer}-{number}"
            try:
                self._memory.database.query("MERGE (:Written {key: $key})", write=True, key=key)
            except Exception as error:
                self.errors.append(error)
                return
            self.acknowledged.append(key)
            time.sleep(0.02)

    def go_on(self, more: int = 20, seconds: float = 240) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= wanted or bool(self.errors), seconds)
        assert not self.errors

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(180)
            assert not thread.is_alive()


def wait_until(come: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not come():
        assert time.monotonic() < end, f"not within {seconds:.0f} s"
        time.sleep(0.05)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    own = settings.model_copy(update={"home": tmp_path / "home", "heap_mb": 512})
    yield own
    LocalServer(own).discard()
    assert not processes_of(own)


def assert_all_there(memory: Memory, writers: Writers) -> None:
    acknowledged = set(writers.acknowledged)  # before it is looked for, since they go on
    assert acknowledged <= {row["key"] for row in memory.database.query("MATCH (w:Written) RETURN w.key AS key")}


def a_rollout(number: int) -> Rollout:
    return Rollout(query="What is 1 + 1?", response=f"#### {number}", rollout_id=str(number))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_open_memory_goes_on_after_a_crash_a_backup_and_a_stop(
    own: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One server for all three, since each start takes its time."""
    local = LocalServer(own)
    with Memory.open(own, embedder=WordVectors(16)) as memory:
        before = local.find()
        elsewhere = subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, own.model_dump_json(exclude={"password"})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        writers = Writers(memory, 3)
        try:
            writers.go_on()
            memory.add([a_rollout(1)])
            kill(own)  # nobody but those who are connected starts it again
            writers.go_on()
            assert local.find() == before, "at the same address"
            assert len(processes_of(own)) == 1, "one of four writers started it"

            backup(own, tmp_path / "backup", check=False)
            writers.go_on()

            local.stop()
            time.sleep(12)
            assert local.find() is None, "stopped on purpose, it stays so"
            local.start()
            writers.go_on()
            assert_all_there(memory, writers)
        finally:
            writers.end()
            counted, _ = elsewhere.communicate(timeout=120)
        assert elsewhere.returncode == 0
        numbers = {row["number"] for row in memory.database.query("MATCH (n:Elsewhere) RETURN n.number AS number")}
        assert {int(line) for line in counted.split()} <= numbers
        assert memory.add([a_rollout(1), a_rollout(2)]).known == 1
        assert_all_there(memory, writers)
    told = [record.getMessage() for record in caplog.records if record.name == "memgraph.store.outage"]
    first = [
        one for one in told if re.search(r"waiting for .*, 1\d of at most 300 s so far \(MEMREWARD_PATIENCE\)", one)
    ]
    assert 1 <= len(first) <= 3, "told after ten seconds, by one thread"
    assert any("answers again" in one for one in told)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_patience_ends_with_one_error_that_says_what_to_do(own: Settings) -> None:
    local = LocalServer(own)
    impatient = own.model_copy(update={"patience": 2.0})
    database = Database(LocalServer(impatient).start())
    database.query("MERGE (:Kept)", write=True)
    local.stop()
    begun = time.monotonic()
    for call in (database.query, database.autocommit, lambda cypher: list(database.stream(cypher))):
        with pytest.raises(
            ConnectionFailed, match=r"(?s)within 2 s \(MEMREWARD_PATIENCE\).*db start.*repeat the command"
        ):
            call("RETURN 1 AS one")
    assert time.monotonic() - begun < 15

    local.start()
    assert database.query("RETURN 1 AS one") == [{"one": 1}]
    local.discard()
    with pytest.raises(ConnectionFailed, match="stopped on purpose"):
        database.query("RETURN 1 AS one")
    assert not processes_of(own), "nobody starts a server again that was thrown away"
    open_files = psutil.Process().num_fds()
    for _ in range(3):
        with pytest.raises(ConnectionFailed):
            database.query("RETURN 1 AS one")
    assert psutil.Process().num_fds() <= open_files, "no driver is left open"


def test_an_empty_memory_never_comes_in_place_of_one_that_is_gone(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"home": tmp_path / "home"})
    home, known = ServerHome.of(own), ProcessRecord(1, created=1.0, bolt_port=1, http_port=2, version="x")
    with pytest.raises(ConnectionFailed, match="is gone, or no memory is in it"):
        LocalServer(own).again(known, broken=False)
    home.prepare()
    home.remember(known)
    with pytest.raises(ConnectionFailed, match="is gone, or no memory is in it"):
        LocalServer(own).again(known, broken=False)


def test_a_server_that_was_stopped_on_purpose_is_not_started_by_who_was_connected(
    settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"home": tmp_path / "home"})
    home, known = ServerHome.of(own), ProcessRecord(os.getpid(), created=1.0, bolt_port=1, http_port=2, version="x")
    home.prepare()
    home.stores[0].mkdir(parents=True)
    home.remember(known)
    assert LocalServer(own).stop() is False
    with pytest.raises(
        ConnectionFailed, match=r"stopped on purpose; `memreward db start --home .*home` starts it again"
    ):
        LocalServer(own).again(known, broken=False)
    with (
        FileLock(home.lock_file),
        pytest.raises(ConnectionFailed, match="another process is starting, stopping or backing"),
    ):
        LocalServer(own).again(known, broken=False)


def test_a_port_is_kept_where_it_is_free(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"home": tmp_path / "home"})
    home, server = ServerHome.of(own), LocalServer(own)
    home.prepare()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        home.remember(
            ProcessRecord(1, 1.0, bolt_port=free_port(), http_port=taken.getsockname()[1], version="x", stopped=True)
        )
        kept, other = server._ports(fresh=False)
        last = home.last()
        assert last is not None
        assert kept == last.bolt_port
        assert other != last.http_port
        assert kept not in server._ports(fresh=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that one can fill."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1200m", "tmpfs", str(place)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """A file that takes what is left."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"x" * 2**20)
        except OSError:
            return ballast


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_full_disk_is_named_and_all_goes_on_once_there_is_room(
    settings: Settings, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = settings.model_copy(update={"home": small_disk / "home", "heap_mb": 512})
    full = rf"disk is full: \d+ MB are free where the memory {re.escape(str(ServerHome.of(own).folder))} lies.*needs 300 MB"
    try:
        with Memory.open(own, embedder=WordVectors(16)) as memory:
            writers = Writers(memory, 2)
            writers.go_on()
            ballast = fill(small_disk)
            grow(memory.database)
            wait_until(lambda: any(re.search(full, record.getMessage()) for record in caplog.records), 120)

            begun = time.monotonic()
            with pytest.raises(DiskFull, match=full):
                Memory.open(own, embedder=WordVectors(16))
            assert time.monotonic() - begun < 5, "the next one to open it is told at once"

            ballast.unlink()
            writers.go_on()
            writers.end()
            assert not writers.errors
            assert_all_there(memory, writers)
    finally:
        LocalServer(own).stop()


def grow(database: Database) -> None:
    """Write until the store must grow and cannot; the last write ends only when there is room again."""

    def write() -> None:
        for _ in range(60):
            database.query("UNWIND range(1, 2000) AS n CREATE (:Ballast {text: $text})", write=True, text="x" * 1000)

    threading.Thread(target=write, daemon=True).start()
