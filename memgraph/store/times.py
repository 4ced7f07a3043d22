"""Points in time, as the memory compares them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(time: datetime) -> datetime:
    """A point in time; one without a zone is meant in UTC. Cypher finds a time without a zone neither before nor after one with."""
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
