"""One way to reach Neo4j: chooses the server, checks its version, and runs Cypher with retries."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import neo4j
from neo4j import ManagedTransaction
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    ConstraintError,
    DatabaseUnavailable,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from memgraph.endpoint import Endpoint
from memgraph.errors import ConnectionFailed
from memgraph.server.local import LocalServer
from memgraph.settings import Settings

OLDEST_SUPPORTED = (2026, 8, 1)
_RETRY_SECONDS = 30

Result = TypeVar("Result")


def open_endpoint(settings: Settings, say: Callable[[str], None] = lambda _: None) -> Endpoint:
    """NEO4J_URI if it is set, else the managed server of this home, started if need be."""
    if settings.uri is not None and settings.password is not None:
        return Endpoint(settings.uri, settings.user, settings.password, settings.database)
    return LocalServer(settings).start(say)


class Database:
    """Runs Cypher against one database: managed transactions, retried; schema commands on their own.

    On a cluster too, what one call wrote the next ones of this process read: all its sessions share their bookmarks.

    The driver is opened at first use in each process, since it survives neither fork nor pickling.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.name = endpoint.database
        self.user = endpoint.user
        self._driver: neo4j.Driver | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open driver."""
        return {**self.__dict__, "_driver": None}

    def close(self) -> None:
        """Close the driver; the next call opens another."""
        if self._driver is not None and self._process == os.getpid():
            self._driver.close()
        self._driver = None

    def query(self, cypher: str, *, write: bool = False, **parameters: Any) -> list[dict[str, Any]]:
        """All rows of one statement in a transaction of its own."""

        def run(tx: ManagedTransaction) -> list[dict[str, Any]]:
            return [dict(record) for record in tx.run(cypher, parameters)]

        return self.execute_write(run) if write else self.execute_read(run)

    def execute_read(self, work: Callable[[ManagedTransaction], Result]) -> Result:
        """Run a unit of work in a read transaction; transient failures are retried."""
        with self._session() as session, _lost_connection(self.endpoint):
            return session.execute_read(work)

    def execute_write(self, work: Callable[[ManagedTransaction], Result]) -> Result:
        """Run a unit of work in a write transaction.

        Transient failures (deadlocks, a leader change) are retried by the driver. Two writers that merge one key at the
        same time get a constraint error, which the driver does not retry: it is retried once here, and then finds the
        node.
        """
        with self._session() as session, _lost_connection(self.endpoint):
            try:
                return session.execute_write(work)
            except ConstraintError:
                return session.execute_write(work)

    def stream(self, cypher: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Rows of a reading statement as they arrive, in bounded memory; a connection that is lost is not retried."""
        with self._session() as session, _lost_connection(self.endpoint):
            for record in session.run(cypher, parameters):
                yield dict(record)

    def autocommit(self, cypher: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a statement that Neo4j allows only outside managed transactions: schema, `CALL … IN TRANSACTIONS`.

        It must be idempotent: transient failures are retried here.
        """
        retrying = Retrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, Neo4jError | DriverError) and error.is_retryable()
            ),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_delay(_RETRY_SECONDS),
            reraise=True,
        )
        with _lost_connection(self.endpoint):
            for attempt in retrying:
                with attempt, self._session() as session:
                    return [dict(record) for record in session.run(cypher, parameters)]
        raise AssertionError("tenacity ends with a result or an error")

    def _session(self) -> neo4j.Session:
        if self._driver is None or self._process != os.getpid():
            self._driver = self._connect()
            self._process = os.getpid()
        return self._driver.session(database=self.name, bookmark_manager=self._driver.execute_query_bookmark_manager)

    def _connect(self) -> neo4j.Driver:
        endpoint = self.endpoint
        if not re.match(r"(bolt|neo4j)(\+s|\+ssc)?://.", endpoint.uri):
            raise ConnectionFailed(
                f"NEO4J_URI {endpoint.uri!r} is no address of a Neo4j: bolt://host:port or neo4j://host:port is needed"
            )
        try:
            driver = neo4j.GraphDatabase.driver(
                endpoint.uri,
                auth=(endpoint.user, endpoint.password.get_secret_value()),
                max_transaction_retry_time=_RETRY_SECONDS,
                notifications_min_severity="OFF",
                user_agent="memreward-graph",
            )
        except (ConfigurationError, ValueError) as error:
            raise ConnectionFailed(f"NEO4J_URI {endpoint.uri!r} is no address of a Neo4j: {error}") from error
        try:
            check_version(_server_version(driver, self.name))
        except AuthError as error:
            driver.close()
            raise ConnectionFailed(
                f"{endpoint.uri} refuses the user {endpoint.user!r}: {error.message}; check NEO4J_USERNAME and NEO4J_PASSWORD"
            ) from error
        except ServiceUnavailable as error:
            driver.close()
            raise ConnectionFailed(
                f"nothing answers at {endpoint.uri}: {error}; start the server or mend NEO4J_URI (unset, a local one is used)"
            ) from error
        except ClientError as error:
            driver.close()
            raise ConnectionFailed(f"{endpoint.uri} has no usable database {self.name!r}: {error.message}") from error
        except (DriverError, Neo4jError) as error:
            driver.close()
            raise ConnectionFailed(f"{endpoint.uri} answers, but not as a Neo4j that can be used: {error}") from error
        except ConnectionFailed:
            driver.close()
            raise
        return driver


@contextmanager
def _lost_connection(endpoint: Endpoint) -> Iterator[None]:
    """Turns a server that went away, and did not come back while the driver tried again, into an error of ours."""
    try:
        yield
    except (ServiceUnavailable, SessionExpired, DatabaseUnavailable) as error:
        raise ConnectionFailed(
            f"the connection to {endpoint.uri} was lost and did not come back: {error}; start the server again and repeat "
            "the command: what was committed is kept, and writing it again changes nothing"
        ) from error


def check_version(found: str) -> None:
    """Refuse a server older than the line that this package is written for.

    Raises:
        ConnectionFailed: with the version found and the one needed.
    """
    numbers = tuple(int(part) for part in found.split("-")[0].split("+")[0].split(".")[:3] if part.isdigit())
    if numbers < OLDEST_SUPPORTED:
        needed = ".".join(f"{part:02d}" if index == 1 else str(part) for index, part in enumerate(OLDEST_SUPPORTED))
        raise ConnectionFailed(
            f"the server is Neo4j {found}, but {needed} or newer is needed (vector search in Cypher 25); upgrade it, or "
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
