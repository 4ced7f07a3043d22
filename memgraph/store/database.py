"""One way to reach Neo4j: chooses the server, checks its version, and runs Cypher with retries."""

from __future__ import annotations

import logging
import os
import random
import re
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import neo4j
from neo4j import ManagedTransaction
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
)

from memgraph.errors import ConnectionFailed, ReadOnlyError, ServerError
from memgraph.progress import Say, silent
from memgraph.settings import Settings
from memgraph.store.outage import Outage, is_outage, needs_restart
from memgraph.store.server.endpoint import Endpoint
from memgraph.store.server.local import LocalServer

logger = logging.getLogger(__name__)

OLDEST_SUPPORTED = (2026, 8, 1)
_RETRY_SECONDS = 30
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_WRITES = "Neo.ClientError.Statement.AccessMode"  # a statement that writes, in a session that reads
_GONE = "Neo.ClientError.Statement.EntityNotFound"  # another transaction has deleted it since it was found

Result = TypeVar("Result")


def open_endpoint(settings: Settings, say: Say = silent) -> Endpoint:
    """NEO4J_URI if it is set, else the managed server of this home, started if need be."""
    if settings.uri is not None and settings.password is not None:
        return Endpoint(settings.uri, settings.user, settings.password, settings.database, patience=settings.patience)
    return LocalServer(settings).start(say)


class Database:
    """Runs Cypher against one database: managed transactions, retried; schema commands on their own.

    On a cluster reads go to followers, and what one call wrote the next ones of this process read: all its sessions share
    their bookmarks.

    The driver is opened at first use in each process, since it survives neither fork nor pickling. The first connection
    is tried once, so that a wrong address is reported within seconds. A server that was reached before and goes away is
    waited for as long as the endpoint's patience lasts, looked for at its present address, and everything is sent again:
    also a commit whose acknowledgement was lost. So every write must be idempotent.

    One that is only read refuses to write: here, and by the access mode of its sessions in the server too.
    """

    def __init__(self, endpoint: Endpoint, *, read_only: bool = False) -> None:
        self.endpoint = endpoint
        self.read_only = read_only
        self.name = endpoint.database
        self.user = endpoint.user
        self._reached = False
        self._begin_process()
        _databases.add(self)

    def _begin_process(self) -> None:
        """What belongs to one process: nothing of it is pickled or inherited."""
        self._driver: _Driver | None = None
        self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
        self._opening = threading.Lock()
        self._recovering = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """The address, and whether it is known to be right."""
        return {name: self.__dict__[name] for name in ("endpoint", "read_only", "name", "user", "_reached")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy that opens its own driver."""
        self.__dict__.update(state)
        self._begin_process()
        _databases.add(self)

    def close(self) -> None:
        """Close the driver; the next call opens another."""
        with self._opening:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.retire()

    def answers(self) -> bool:
        """Whether the server answers now: nothing is waited for, as for a call."""
        for _ in range(2):  # a connection may have been idle for too long; the next one tells
            try:
                with ExitStack() as stack:
                    driver = self._open()
                    stack.callback(driver.leave)
                    driver.driver.verify_connectivity()
            except (ConnectionFailed, DriverError, Neo4jError):
                continue
            return True
        return False

    def require_writable(self) -> None:
        """Refuse to go on where this would be for nothing.

        Raises:
            ReadOnlyError: if it was opened to be read only.
        """
        if self.read_only:
            raise ReadOnlyError(
                "this memory was opened to be read only, and this would write to it; open it without read_only=True"
            )

    def query(self, cypher: str, *, write: bool = False, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of one statement in a transaction of its own."""

        def run(tx: ManagedTransaction) -> list[dict[str, Any]]:
            return [dict(record) for record in tx.run(cypher, parameters)]

        return self.execute_write(run) if write else self.execute_read(run)

    def execute_read(self, work: Callable[[ManagedTransaction], Result]) -> Result:
        """Run a unit of work in a read transaction; transient failures are retried.

        Raises:
            ConnectionFailed: the server went away and did not come back in time.
        """
        return self._repeat(lambda session: session.execute_read(work))

    def execute_write(self, work: Callable[[ManagedTransaction], Result]) -> Result:
        """Run an idempotent unit of work in a write transaction; transient failures (deadlocks, a leader change) are retried.

        Two writers that merge one key at the same time get a constraint error: it is retried once, and then finds the node.

        Raises:
            ConnectionFailed: the server went away and did not come back in time; DiskFull says that its disk is the reason.
            ReadOnlyError: it was opened to be read only.
        """
        self.require_writable()
        try:
            return self._repeat(lambda session: session.execute_write(work))
        except ConstraintError:
            return self._repeat(lambda session: session.execute_write(work))

    def stream(self, cypher: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Rows of a reading statement as they arrive, in bounded memory.

        Raises:
            ConnectionFailed: also where the connection is lost after the first row, since rows were handed out already.
        """

        with ExitStack() as kept:

            def begin(session: neo4j.Session) -> neo4j.Result:
                result = session.run(cypher, parameters)
                result.peek()
                return result

            result = self._repeat(begin, kept=kept, access=neo4j.READ_ACCESS)
            try:
                for record in result:
                    yield dict(record)
            except (DriverError, Neo4jError) as error:
                if not is_outage(error, self.endpoint):
                    raise
                raise ConnectionFailed(
                    f"the connection to {self.endpoint.uri} was lost while rows were read: {error}; repeat the command"
                ) from error

    def autocommit(self, cypher: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a statement that Neo4j allows only outside managed transactions: schema, `CALL … IN TRANSACTIONS`.

        It must be idempotent: transient failures are retried here.

        Raises:
            ReadOnlyError: it was opened to be read only.
        """
        self.require_writable()
        return self._repeat(lambda session: [dict(record) for record in session.run(cypher, parameters)])

    def _repeat(
        self,
        work: Callable[[neo4j.Session], Result],
        *,
        kept: ExitStack | None = None,
        access: str = neo4j.WRITE_ACCESS,
    ) -> Result:
        """Run work in a session of its own until it succeeds, patience ends, or it fails by its own fault.

        Args:
            kept: takes over the session of the run that succeeds; by default it is closed.
            access: of what work sends outside `execute_read` and `execute_write`; a cluster sends reads to followers.
        """
        if self.read_only:
            access = neo4j.READ_ACCESS
        outage: Outage | None = None
        transient: float | None = None
        pause = _SHORTEST_PAUSE
        while True:
            try:
                driver = self._open()
            except ConnectionFailed as error:
                if not self._reached:
                    raise
                outage = outage or Outage(self.endpoint)
                self._recover(None, error, outage)
                continue
            try:
                with ExitStack() as stack:
                    stack.callback(driver.leave)
                    session = stack.enter_context(
                        driver.driver.session(
                            database=self.name, bookmark_manager=self._bookmarks, default_access_mode=access
                        )
                    )
                    result = work(session)
                    if kept is not None:
                        kept.push(stack.pop_all())
            except (DriverError, Neo4jError) as error:
                if self.read_only and isinstance(error, Neo4jError) and error.code == _WRITES:
                    self.require_writable()
                if is_outage(error, self.endpoint):
                    outage = outage or Outage(self.endpoint)
                    self._recover(driver, error, outage)
                elif error.is_retryable() or (isinstance(error, Neo4jError) and error.code == _GONE):
                    transient = transient or time.monotonic()
                    if time.monotonic() - transient > _RETRY_SECONDS:
                        raise
                    time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    raise
            else:
                if outage is not None:
                    outage.ended()
                return result

    def _open(self) -> _Driver:
        """The driver of this process, entered: whoever gets it leaves it."""
        with self._opening:
            if self._driver is None:
                self._driver = _Driver(_connect(self.endpoint))
                self._reached = True
            self._driver.enter()
            return self._driver

    def _recover(self, failed: _Driver | None, error: Exception, outage: Outage) -> None:
        """Return as soon as it makes sense to send the work again. One thread of a process looks, the others wait for it.

        Raises:
            ConnectionFailed: if the server did not come back in time, or cannot be started.
        """
        outage.failures += 1
        if outage.failures == 1 and isinstance(error, DriverError):
            return  # a connection may have been idle for too long; the next one tells
        reason: Exception = error
        broken = False
        with self._recovering:
            while self._driver is failed:
                if outage.failures > 2:  # it was looked for already, or found and failed again
                    outage.wait(reason)
                outage.failures += 1
                broken = broken or needs_restart(reason) or needs_restart(reason.__cause__)
                try:
                    self._find_again(failed, broken=broken)
                except ConnectionFailed as failure:
                    reason = failure
                except ServerError as failure:
                    raise ConnectionFailed(
                        f"the connection to {self.endpoint.uri} was lost, and {failure}"
                    ) from failure

    def _find_again(self, failed: _Driver | None, *, broken: bool) -> None:
        """Put a driver that works in place of the one that failed."""
        endpoint = self.endpoint
        if endpoint.keeper is not None:
            endpoint = endpoint.keeper.again(broken=broken, say=logger.warning)
        driver = _Driver(_connect(endpoint))
        with self._opening:
            if self._driver is not failed:  # closed meanwhile, and perhaps opened again
                driver.retire()
                return
            self.endpoint, self._driver = endpoint, driver
            if endpoint.keeper is not None:  # one server, whose restore may have taken it back in time
                self._bookmarks = neo4j.GraphDatabase.bookmark_manager()
        if failed is not None:
            failed.retire()


class _Driver:
    """A driver that is closed once it is retired and nobody is in it any more."""

    def __init__(self, driver: neo4j.Driver) -> None:
        self.driver = driver
        self._lock = threading.Lock()
        self._inside = 0
        self._retired = False

    def enter(self) -> None:
        """Keep it open until `leave`."""
        with self._lock:
            self._inside += 1

    def leave(self) -> None:
        """One user less."""
        with self._lock:
            self._inside -= 1
            last = self._retired and self._inside == 0
        if last:
            self.driver.close()

    def retire(self) -> None:
        """Close it, or have the last user do so."""
        with self._lock:
            self._retired = True
            unused = self._inside == 0
        if unused:
            self.driver.close()


_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _forget_parent() -> None:
    """In a forked child: locks may be held by threads that do not exist here, sockets belong to the parent."""
    for database in _databases:
        database._begin_process()


os.register_at_fork(after_in_child=_forget_parent)


def _connect(endpoint: Endpoint) -> neo4j.Driver:
    """A driver for a server that answers and is new enough; tried once.

    Raises:
        ConnectionFailed: saying what is wrong with the address, the credentials or the server.
    """
    if not re.match(r"(bolt|neo4j)(\+s|\+ssc)?://.", endpoint.uri):
        raise ConnectionFailed(
            f"NEO4J_URI {endpoint.uri!r} is no address of a Neo4j: bolt://host:port or neo4j://host:port is needed"
        )
    try:
        driver = neo4j.GraphDatabase.driver(
            endpoint.uri,
            auth=(endpoint.user, endpoint.password.get_secret_value()),
            max_transaction_retry_time=0,  # `Database` retries, since the address may change
            notifications_min_severity="OFF",
            user_agent="memreward-graph",
        )
    except (ConfigurationError, ValueError) as error:
        raise ConnectionFailed(f"NEO4J_URI {endpoint.uri!r} is no address of a Neo4j: {error}") from error
    try:
        check_version(_server_version(driver, endpoint.database))
    except AuthError as error:
        driver.close()
        raise ConnectionFailed(
            f"{endpoint.uri} refuses the user {endpoint.user!r}: {error.message}; check NEO4J_USERNAME and NEO4J_PASSWORD"
        ) from error
    except ServiceUnavailable as error:
        driver.close()
        raise ConnectionFailed(
            f"nothing answers at {endpoint.uri}: {error}; start the server or fix NEO4J_URI (unset, a local one is used)"
        ) from error
    except ClientError as error:
        driver.close()
        raise ConnectionFailed(
            f"{endpoint.uri} has no usable database {endpoint.database!r}: {error.message}"
        ) from error
    except (DriverError, Neo4jError) as error:
        driver.close()
        raise ConnectionFailed(f"{endpoint.uri} answers, but not as a Neo4j that can be used: {error}") from error
    except ConnectionFailed:
        driver.close()
        raise
    return driver


def check_version(version: str) -> None:
    """Refuse a server older than the line that this package is written for.

    Raises:
        ConnectionFailed: with the version found and the one needed.
    """
    numbers = tuple(int(part) for part in version.split("-")[0].split("+")[0].split(".")[:3] if part.isdigit())
    if numbers < OLDEST_SUPPORTED:
        needed = ".".join(f"{part:02d}" if index == 1 else str(part) for index, part in enumerate(OLDEST_SUPPORTED))
        raise ConnectionFailed(
            f"the server is Neo4j {version}, but {needed} or newer is needed (vector search in Cypher 25); upgrade it, or "
            "unset NEO4J_URI to use the managed local server"
        )


def _server_version(driver: neo4j.Driver, database: str) -> str:
    with driver.session(
        database=database, default_access_mode=neo4j.READ_ACCESS
    ) as session:  # not retried: fails at once
        result = session.run(
            "CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version"
        )
        return str(result.single(strict=True)["version"])
