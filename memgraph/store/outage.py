"""What an error says about the server, and how its return is waited for: within a bound, and not in silence."""

from __future__ import annotations

import logging
import random
import time

from neo4j.exceptions import (
    DatabaseError,
    DatabaseUnavailable,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from memgraph.errors import ConnectionFailed, DiskFull
from memgraph.store.server.endpoint import Endpoint

logger = logging.getLogger(__name__)

_SILENT_SECONDS = 10.0
_SAY_EVERY_SECONDS = 30.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

# A store that cannot grow first turns read-only, then gives up until it is started again; so do other faults of the disk.
_GAVE_UP = "Neo.DatabaseError.Transaction.TransactionStartFailed"
_READ_ONLY = (
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
)
_NOT_APPLIED = "Neo.DatabaseError.Transaction.TransactionCommitFailed"  # though it may be in the log


def is_lost(error: DriverError | Neo4jError) -> bool:
    """Whether nobody answers, or not for this database."""
    return isinstance(error, ServiceUnavailable | SessionExpired | DatabaseUnavailable)


def needs_restart(error: BaseException | None) -> bool:
    """Whether the server answers, and its database takes nothing more until it is started again."""
    return isinstance(error, Neo4jError) and (error.code == _GAVE_UP or error.code in _READ_ONLY)


def is_outage(error: DriverError | Neo4jError, endpoint: Endpoint) -> bool:
    """Whether the server failed, and not the statement."""
    if is_lost(error):
        return True
    if not isinstance(error, Neo4jError):
        return False
    if error.code in _READ_ONLY:  # a server that others run may be meant to be so
        return endpoint.keeper is not None
    if error.code in (_GAVE_UP, _NOT_APPLIED):
        return True
    return isinstance(error, DatabaseError) and endpoint.keeper is not None and endpoint.keeper.disk_is_full()


class Outage:
    """One call's wait for a server: pauses that grow, a message after ten seconds and then now and again.

    A full disk is told at once, since only a person can end it.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._begun = time.monotonic()
        self._pause = _SHORTEST_PAUSE
        self._tell_at = self._begun + _SILENT_SECONDS
        self._disk_announced = False
        self.failures = 0

    def wait(self, reason: Exception) -> None:
        """Sleep until it makes sense to look again.

        Raises:
            ConnectionFailed: when patience is at its end. It is a DiskFull where a full disk is the reason.
        """
        now = time.monotonic()
        waited, patience = now - self._begun, self._endpoint.patience
        if waited >= patience:
            kind = DiskFull if isinstance(reason, DiskFull) else ConnectionFailed
            raise kind(
                f"the connection to {self._endpoint.uri} was lost and did not come back within {patience:.0f} s "
                f"(MEMREWARD_PATIENCE): {reason}; once the server is back, repeat the command: what was committed is kept, "
                "and writing it again changes nothing"
            ) from reason
        at_once = isinstance(reason, DiskFull) and not self._disk_announced
        if at_once or now >= self._tell_at:
            self._disk_announced = isinstance(reason, DiskFull)
            self._tell_at = now + _SAY_EVERY_SECONDS
            logger.warning(
                "waiting for the memory's server, %.0f of at most %.0f s so far (MEMREWARD_PATIENCE): %s",
                waited,
                patience,
                reason,
            )
        # apart from one another, so that many processes do not come back at one moment
        pause = self._pause * random.uniform(0.5, 1.5)  # noqa: S311 (no secret)
        time.sleep(min(pause, max(0.0, patience - waited)))
        self._pause = min(1.5 * self._pause, _LONGEST_PAUSE)

    def ended(self) -> None:
        """Say that it goes on, where it was said that it did not."""
        if self._disk_announced or self._tell_at > self._begun + _SILENT_SECONDS:
            logger.warning("the memory's server answers again after %.0f s; going on", time.monotonic() - self._begun)
