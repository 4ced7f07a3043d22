"""Which errors mean that the server is away, and how its return is waited for. test_outage.py beside the integration tests
has the same on a real server."""

from __future__ import annotations

import logging
import os
import pickle
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable, SessionExpired
from pydantic import SecretStr

from memgraph.errors import ConnectionFailed, DiskFull, ServerError
from memgraph.store import database as connections
from memgraph.store import outage
from memgraph.store.database import Database
from memgraph.store.outage import Outage, is_outage, needs_restart
from memgraph.store.server.endpoint import Endpoint


class Kept:
    """Stands for the keeper of a managed server."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.asked: list[bool] = []
        self.answer: Callable[[], Endpoint] = lambda: endpoint(keeper=self)

    def again(self, *, broken: bool, say: Callable[[str], None]) -> Endpoint:
        self.asked.append(broken)
        return self.answer()

    def disk_is_full(self) -> bool:
        return self.full


def endpoint(*, keeper: Kept | None = None, patience: float = 5) -> Endpoint:
    return Endpoint("bolt://127.0.0.1:1", "neo4j", SecretStr("secret"), patience=patience, keeper=keeper)


def from_server(code: str) -> Neo4jError:
    return Neo4jError._hydrate_neo4j(code=code, message="as the server said")


@pytest.mark.parametrize(
    ("error", "managed", "full", "expected"),
    [
        (ServiceUnavailable("refused"), False, False, True),
        (SessionExpired("leader left"), False, False, True),
        (from_server("Neo.TransientError.General.DatabaseUnavailable"), False, False, True),
        (from_server("Neo.DatabaseError.Transaction.TransactionStartFailed"), False, False, True),
        (from_server("Neo.DatabaseError.Transaction.TransactionCommitFailed"), False, False, True),
        (from_server("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"), False, False, False),
        (from_server("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"), True, False, True),
        (from_server("Neo.DatabaseError.Statement.ExecutionFailed"), True, True, True),
        (from_server("Neo.DatabaseError.Statement.ExecutionFailed"), True, False, False),
        (from_server("Neo.DatabaseError.Statement.ExecutionFailed"), False, False, False),
        (from_server("Neo.ClientError.Statement.SyntaxError"), True, True, False),
        (from_server("Neo.TransientError.Transaction.DeadlockDetected"), True, True, False),
    ],
)
def test_what_the_server_is_to_blame_for_is_told_from_what_the_statement_is(
    error: DriverError | Neo4jError, managed: bool, full: bool, expected: bool
) -> None:
    assert is_outage(error, endpoint(keeper=Kept(full=full) if managed else None)) is expected


def test_only_a_server_that_gave_up_needs_a_restart() -> None:
    assert needs_restart(from_server("Neo.DatabaseError.Transaction.TransactionStartFailed"))
    assert needs_restart(from_server("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"))
    assert not needs_restart(from_server("Neo.TransientError.General.DatabaseUnavailable"))
    assert not needs_restart(ServiceUnavailable("refused"))
    assert not needs_restart(None)


def test_a_wait_is_silent_at_first_then_speaks_now_and_again_and_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(monkeypatch)
    waiting = Outage(endpoint(patience=100))
    with pytest.raises(
        ConnectionFailed, match=r"within 100 s \(MEMREWARD_PATIENCE\): refused; once .* repeat the command"
    ):
        wait_for_ever(waiting, ServiceUnavailable("refused"))
    assert clock.now == pytest.approx(100), "not longer than its patience"
    spoken_at = [float(re.findall(r"(\d+) of at most", record.getMessage())[0]) for record in caplog.records]
    assert len(spoken_at) == 3
    longest_pause = 7.5  # pauses differ by chance, up to half as long again as five seconds
    for silent, seconds in zip((10, 30, 30), np.diff([0.0, *spoken_at]), strict=True):
        assert silent - 1 <= seconds <= silent + longest_pause + 1  # messages have whole seconds
    waiting.ended()
    assert "answers again after 100 s" in caplog.records[-1].getMessage()


def test_a_short_wait_is_silent(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    Clock(monkeypatch)
    waiting = Outage(endpoint())
    for _ in range(3):
        waiting.wait(ServiceUnavailable("refused"))
    waiting.ended()
    assert not caplog.records


def test_a_full_disk_is_told_at_once_and_stays_the_kind_of_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Clock(monkeypatch)
    waiting = Outage(endpoint(patience=5))
    waiting.wait(DiskFull("3 MB are free"))
    assert ["3 MB are free" in record.getMessage() for record in caplog.records] == [True]
    with pytest.raises(DiskFull, match="3 MB are free"):
        wait_for_ever(waiting, DiskFull("3 MB are free"))
    assert issubclass(DiskFull, ConnectionFailed), "who waits for a server waits for its disk too"
    assert issubclass(DiskFull, ServerError)
    assert len(caplog.records) == 1, "and is not told again and again"


def wait_for_ever(waiting: Outage, reason: Exception) -> None:
    while True:
        waiting.wait(reason)


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(outage.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(outage.time, "sleep", self._pass)
        logging.getLogger("memgraph.store.outage").setLevel(logging.NOTSET)

    def _pass(self, seconds: float) -> None:
        self.now += seconds


class Server:
    """Stands for drivers: its sessions fail while it is away. A real server is in the integration tests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failure: Exception | None = None
        self.open = 0
        self.connected = 0
        monkeypatch.setattr(connections, "_connect", self._connect)

    def _connect(self, endpoint: Endpoint) -> Any:
        if self.failure is not None:
            raise ConnectionFailed("nothing answers") from self.failure
        self.open += 1
        self.connected += 1
        return self

    def close(self) -> None:
        self.open -= 1

    def session(self, **_: Any) -> Session:
        return Session(self)


class Session:
    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def run(self, cypher: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        if self._server.failure is not None:
            raise self._server.failure
        return [{"said": cypher}]


AWAY = ServiceUnavailable("Connection reset by peer")


def test_the_first_connection_is_tried_once_and_a_later_one_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    server.failure = AWAY
    database = Database(endpoint())
    begun = time.monotonic()
    with pytest.raises(ConnectionFailed, match="nothing answers"):
        database.autocommit("a")
    assert time.monotonic() - begun < 0.1
    server.failure = None
    assert database.autocommit("a") == [{"said": "a"}]
    for known in (database, pickle.loads(pickle.dumps(database))):
        server.failure = AWAY
        threading.Timer(0.5, lambda: setattr(server, "failure", None)).start()
        assert known.autocommit("b") == [{"said": "b"}]


def test_many_threads_that_lose_a_server_open_one_driver_and_leave_none_open(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    kept = Kept()
    database = Database(endpoint(keeper=kept))
    database.autocommit("a")
    server.failure = AWAY
    kept.answer = lambda: refuse_until(server, kept)
    answered: list[object] = []
    threads = [threading.Thread(target=lambda: answered.append(database.autocommit("b"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answered) == 20
    assert len(kept.asked) == 4, "one of them looks, the others wait for it"
    assert (server.connected, server.open) == (2, 1)
    database.close()
    assert server.open == 0


def refuse_until(server: Server, kept: Kept) -> Endpoint:
    if len(kept.asked) < 4:
        raise ConnectionFailed("another process is starting it")
    server.failure = None
    return endpoint(keeper=kept)


def test_a_server_that_gave_up_is_asked_to_be_restarted_until_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    kept = Kept(full=True)
    database = Database(endpoint(keeper=kept))
    database.autocommit("a")
    server.failure = from_server("Neo.DatabaseError.Transaction.TransactionStartFailed")

    def full_at_first() -> Endpoint:
        if len(kept.asked) == 1:
            raise DiskFull("0 MB are free")
        server.failure = None
        return endpoint(keeper=kept)

    kept.answer = full_at_first
    assert database.autocommit("b") == [{"said": "b"}]
    assert kept.asked == [True, True], "also after the disk was the reason"


def test_a_server_that_cannot_be_started_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    kept = Kept()
    database = Database(endpoint(keeper=kept))
    database.autocommit("a")
    server.failure = AWAY

    def fails() -> Endpoint:
        raise ServerError("it ended while starting")

    kept.answer = fails
    with pytest.raises(ConnectionFailed, match="was lost, and it ended while starting"):
        database.autocommit("b")


def test_a_forked_child_is_not_held_up_by_a_thread_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    Server(monkeypatch)
    database = Database(endpoint())
    database.autocommit("a")
    with database._opening, database._recovering:
        child = os.fork()
        if child == 0:
            os._exit(0 if database.autocommit("b") == [{"said": "b"}] else 1)
    end = time.monotonic() + 10
    while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert found[1] == 0
