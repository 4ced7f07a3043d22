"""Training runs and their attempts: when they began, what they discarded, and the rewards that they got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from neo4j import ManagedTransaction

from memgraph.errors import InputError
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.times import utc


def record_run(database: Database, name: str, *, started: datetime | None = None) -> None:
    """Record a run once.

    Args:
        started: when it began, in UTC where it names no zone; None for now, or whatever is known.

    Raises:
        InputError: if the run is known to have begun at another time: its rollouts stand in that order already.
    """
    began = None if started is None else utc(started)
    row = database.query(cypher("write/run"), write=True, key=keys.key_of("run", name), name=name, started=began)[0]
    stored = row["started_at"].to_native()
    if began is not None and stored != began:
        raise InputError(
            f"the run {name!r} began at {stored.isoformat()} and cannot begin at {began.isoformat()} too: its rollouts are "
            "stored in the order of experience; leave the start out, or give the run another name"
        )


def record_config(database: Database, run: str, config: str, *, policy: str = "") -> None:
    """Keep the settings of a training (JSON text) with its run, in place of those of an earlier attempt."""
    key = keys.key_of("run", run)
    database.query(cypher("write/run_config"), write=True, key=key, name=run, policy=policy, config=config)


def start_attempt(
    database: Database, run: str, *, policy: str = "", resume_step: int | None = None, ranks: int = 1
) -> int:
    """Number of a new attempt at a training run, from 1.

    Args:
        resume_step: where the run goes on; None or 0 where it starts from the beginning. What is discarded is superseded.
        ranks: how many processes train together.
    """
    key = keys.key_of("run", run)

    def start(tx: ManagedTransaction) -> int:
        if resume_step:
            tx.run(cypher("write/supersede"), key=key, step=resume_step).consume()
        started = tx.run(
            cypher("write/attempt"),
            key=key,
            name=run,
            policy=policy,
            fresh=not resume_step,
            ranks=ranks,
        )
        return int(started.single(strict=True)["attempt"])

    return database.execute_write(start)


def supersede(database: Database, run: str, step: int) -> int:
    """Mark the rollouts that a run sampled at `step` and later, which it discards by going on from there.

    Starting the next attempt does it too; before that, it keeps them out of what a scorer is fitted on.
    """
    rows = database.query(cypher("write/supersede"), write=True, key=keys.key_of("run", run), step=step)
    return int(rows[0]["superseded"])


def record_rewards(database: Database, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep with each rollout the reward that the trainer got, its source, and the reason where there was none."""
    ordered = sorted(rows, key=lambda row: str(row["key"]))
    database.query(cypher("write/rewards"), write=True, rows=ordered)
