"""What a person means who gives a name or the beginning of a key: one rule for all that the memory holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from memgraph.errors import InputError
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

Keyed = Literal["query", "rollout", "model"]

_SHOWN = 5


class _Kind(NamedTuple):
    """How things of a kind are found in `cypher/read/<plural>_meant.cypher`, and named to people."""

    plural: str
    key: str  # column
    known_by: str  # column
    found_by: str
    listed_by: str


KEYED: dict[Keyed, _Kind] = {
    "query": _Kind("queries", "key", "text", "query's key or text", "isolated_queries` and `labelled_queries"),
    "rollout": _Kind("rollouts", "rollout", "query", "rollout's key, and no query's key or text,", "query_group"),
    "model": _Kind("models", "key", "ledger", "reward model's key", "reward_models"),
}

NAMED = {"run": "run", "dataset": "data set", "ledger": "ledger"}


def require_known(database: Database, names: Mapping[str, Any]) -> None:
    """Refuse names that the memory does not hold.

    Args:
        names: one or several under `run`, `dataset` and `ledger`, or None. What stands under other words is passed over.

    Raises:
        InputError: naming those that it holds.
    """
    for field, kind in NAMED.items():
        given = names.get(field)
        wanted = {given} if isinstance(given, str) else set(given or ())
        held = [row["name"] for row in database.query(cypher(f"read/{field}_names"))] if wanted else []
        if missing := sorted(wanted.difference(held)):
            raise InputError(
                f"there is no {kind} {', '.join(map(repr, missing))} in this memory; known: {', '.join(held) or 'none yet'}"
            )


def ledger_to_read(database: Database, named: str | None = None) -> str:
    """The ledger that a command reads: the one that is named, else `default`, else the only one there is.

    Raises:
        InputError: if there is none of that name, or several and none is named. A memory without any needs no name.
    """
    if named is not None:
        require_known(database, {"ledger": named})
        return named
    held = [row["name"] for row in database.query(cypher("read/ledger_names"))]
    if (only := ledger_among(held)) is None:
        raise InputError(
            f"this memory has several ledgers, and none is called default; choose one by --ledger: {', '.join(held)}"
        )
    return only


def ledger_among(held: Collection[str]) -> str | None:
    """The ledger that is meant where none is named: `default`, else the only one. None where there are several others."""
    if not held or "default" in held:
        return "default"
    return next(iter(held)) if len(held) == 1 else None


def meant_key(database: Database, kind: Keyed, text: str, *, dataset: str | None = None) -> str | None:
    """Key of the only one whose key begins so; None without any.

    A query is meant by its text, or the beginning of it, as well, and so is a rollout by that of its query. What is given as a
    whole counts before what only begins so.

    Args:
        dataset: of the query.

    Raises:
        InputError: if several are meant, naming some.
    """
    names = KEYED[kind]
    rows = database.query(cypher(f"read/{names.plural}_meant"), text=text, dataset=dataset, limit=_SHOWN + 1)
    rows = [row for row in rows if row.get("whole")] or rows
    if len(rows) > 1:
        named = ", ".join(f"{row[names.key][:12]} ({str(row[names.known_by])[:40]!r})" for row in rows[:_SHOWN])
        raise InputError(f"{text!r} means several {names.plural}: {named}; give the key of one")
    return rows[0][names.key] if rows else None


def nothing_meant(kind: Keyed, text: str) -> InputError:
    """The error for a beginning that no key has, with where to see some."""
    names = KEYED[kind]
    return InputError(f"no {names.found_by} begins with {text!r}; `memreward inspect {names.listed_by}` shows some")
