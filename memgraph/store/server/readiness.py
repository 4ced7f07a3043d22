"""Whether a managed server can be used: waits for its answer, tells one that will never give it, explains why.

The driver is loaded where a server is asked, since finding and stopping one takes no driver.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from memgraph.errors import ServerError
from memgraph.progress import Say
from memgraph.store.server.endpoint import Endpoint
from memgraph.store.server.home import DATABASE, ProcessRecord, ServerHome, process_of

if TYPE_CHECKING:
    import neo4j
    from neo4j.exceptions import DriverError, Neo4jError

_START_SECONDS = 240.0


class DatabaseFailed(Exception):
    """The server runs, and its database could not be opened or gave up; only a new start helps."""


def await_bolt(home: ServerHome, endpoint: Endpoint, record: ProcessRecord, say: Say) -> None:
    """Wait until an authenticated query is answered; says now and then what is waited for.

    Raises:
        ServerError: it ended, refuses the password, or takes too long.
        DatabaseFailed: it answers, and its database does not work until the server is started again.
    """
    import neo4j
    from neo4j.exceptions import AuthError, DriverError, Neo4jError

    begun = reported = time.monotonic()
    auth = (endpoint.user, endpoint.password.get_secret_value())
    with neo4j.GraphDatabase.driver(
        endpoint.uri, auth=auth, connection_timeout=5, connection_acquisition_timeout=5
    ) as driver:
        while True:
            try:
                with driver.session(database=DATABASE) as session:
                    session.run("RETURN 1").consume()
            except AuthError as error:
                raise ServerError(
                    f"the server in {home.folder} refuses the password in {home.password_file}: {error}; the "
                    "file was changed or the data come from elsewhere: restore the file, or use another --home"
                ) from error
            except (DriverError, Neo4jError) as error:
                if process_of(record) is None:
                    raise ServerError(failure(home, "ended while starting")) from error
                if (reason := _why_failed(driver, error)) is not None:
                    raise DatabaseFailed(reason) from error
                if time.monotonic() - begun > _START_SECONDS:
                    raise ServerError(failure(home, f"does not answer after {_START_SECONDS:.0f} s")) from error
            else:
                return
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                say(f"waiting for Neo4j to answer on {endpoint.uri} ({reported - begun:.0f} s)")
            time.sleep(0.3)


def failure(home: ServerHome, what: str) -> str:
    """What happened to a server, why as far as its log tells, and the end of the log."""
    lines = home.log_tail(200)
    text = "\n".join(lines)
    cause = "see the end of its log below"
    if "No space left on device" in text:
        cause = f"the disk of {home.folder} is full ({home.free_mb():,} MB free): free some space and start again"
    elif "store_lock" in text or "Lock file has been locked" in text:
        cause = "another Neo4j holds its store: stop that one (`memreward db stop` with the same --home)"
    elif "Could not reserve enough space" in text or "insufficient memory" in text:
        cause = "there is not enough memory: make heap_mb smaller (MEMREWARD_HEAP_MB=512)"
    end = "\n".join(line for line in lines if not line.startswith("WARNING"))[-1500:]
    return f"Neo4j in {home.folder} {what}; {cause}\n{end}"


def port_was_taken(home: ServerHome) -> bool:
    """Whether a server ended because another program listens on its port."""
    return any("PortBindException" in line for line in home.log_tail(200))


def _why_failed(driver: neo4j.Driver, error: DriverError | Neo4jError) -> str | None:
    """Why a server that answers will not work however long one waits; None where it may only not be ready yet."""
    from neo4j.exceptions import DatabaseUnavailable, DriverError, Neo4jError

    from memgraph.store.outage import needs_restart

    if needs_restart(error):
        return str(error)
    if not isinstance(error, DatabaseUnavailable):
        return None
    try:
        with driver.session(database="system") as session:
            row = session.run(f"SHOW DATABASE {DATABASE} YIELD currentStatus, statusMessage").single(strict=True)
    except (DriverError, Neo4jError):
        return None
    return str(row["statusMessage"]) if row["currentStatus"] == "offline" and row["statusMessage"] else None


def ended(record: ProcessRecord, seconds: float) -> bool:
    """Wait until a server's process has ended; whether it did.

    One whose parent is another process that lives on stays a zombie, for which psutil would wait for ever.
    """
    end = time.monotonic() + seconds
    while process_of(record) is not None:
        if time.monotonic() >= end:
            return False
        time.sleep(0.05)
    return True
