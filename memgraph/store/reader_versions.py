"""By which version of each domain's reader a memory's answers were read, as the memory itself says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memgraph.store.cypher import cypher
from memgraph.store.database import Database


def recorded_versions(database: Database) -> dict[str, str]:
    """Domain → version as the memory itself says it; none in a new memory, and in one from before versions were kept."""
    row = database.query(cypher("read/reader"), domains=[])[0]
    return versions_of(row["versions"] or ())


def record_versions(database: Database, versions: Mapping[str, str]) -> None:
    """Keep what a memory is read by."""
    database.query(cypher("write/reader"), write=True, versions=as_list(versions))


def as_list(versions: Mapping[str, str]) -> list[str]:
    """Versions as the graph holds them."""
    return [f"{name}={version}" for name, version in sorted(versions.items())]


def versions_of(listed: Iterable[str]) -> dict[str, str]:
    """Versions from what the graph holds."""
    return dict(version.split("=", 1) for version in listed)
