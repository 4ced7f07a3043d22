"""Which readers a memory was read by: another version would name other answers, and split votes and labels silently."""

from __future__ import annotations

from collections.abc import Mapping

from memgraph.domains import Domains
from memgraph.errors import MigrationError
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.reader_versions import record_versions, recorded_versions

FIRST = "1"  # memories from before versions were kept
DEFAULT = "qa"  # reads the domains that nobody defines
_FORMER = dict.fromkeys(("code", "math", "qa"), FIRST)


def require_reader(database: Database, domains: Domains) -> None:
    """Refuse a memory whose answers were read by other versions; a new one is read by these from now on.

    Raises:
        MigrationError: naming the domains and the remedy.
    """
    refuse_stale(database, domains)
    stored, present = stored_versions(database), domains.versions
    if (together := {**stored, **present}) != stored:
        record_versions(database, together)


def refuse_stale(database: Database, domains: Domains) -> None:
    """The same, for a memory that is only read: nothing is recorded."""
    if stale := stale_domains(database, domains):
        changed = ", ".join(f"{name} ({change})" for name, change in stale.items())
        raise MigrationError(
            f"the answers of this memory were read by an earlier reader: {changed}. Run `memreward migrate`, which reads them "
            "again and moves their labels along (it says how long that takes first)"
        )


def stale_domains(database: Database, domains: Domains) -> dict[str, str]:
    """Domains whose stored answers must be read again → what changed; those that nobody defines are read as `qa` is.

    Raises:
        MigrationError: if the memory holds rollouts of a domain that was read by a reader of its own, which is not here.
    """
    stored, present = stored_versions(database), domains.versions
    row = database.query(cypher("read/reader"), domains=sorted({*stored, *present}))[0]
    if missing := [name for name in row["used"] if name not in present]:
        raise MigrationError(
            f"this memory holds rollouts of the domain {', '.join(missing)}, which nothing defines here; name it with "
            "MEMREWARD_DOMAINS (module:attribute), or hand it to Memory.open(domains=…)"
        )
    if not stored:
        return {}
    changes = {
        name: f"version {stored[name]}, now {present[name]}" if name in stored else f"read as {DEFAULT}, now by its own"
        for name in row["used"]
        if stored.get(name) != present[name]
    }
    if stored.get(DEFAULT) != present[DEFAULT]:
        change = f"version {stored.get(DEFAULT, FIRST)}, now {present[DEFAULT]}"
        others = database.query(cypher("read/unnamed_domains"), domains=sorted(present))
        changes.update((other["domain"], change) for other in others)
    if row["begun"]:
        changes = {**dict.fromkeys(row["used"], "reading it again was interrupted"), **changes}
    return dict(sorted(changes.items()))


def stored_versions(database: Database) -> dict[str, str]:
    """Domain → version of the reader that this memory was read by; none in a new memory."""
    if recorded := recorded_versions(database):
        return recorded
    row = database.query(cypher("read/reader"), domains=[])[0]
    return dict(_FORMER) if row["answers"] else {}


def read_otherwise(versions: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """Domains whose reader is another one now than when something was made of their answers.

    Args:
        versions: of then; empty for what was made before versions were kept.
    """
    return [name for name, then in (versions or _FORMER).items() if present.get(name, then) != then]
