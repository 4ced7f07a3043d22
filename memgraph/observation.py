"""Runs new programs on their prompts' inputs, in the sandbox, and keeps how they behaved on their answer nodes.

A program waits for it under the label `Unobserved`, so an import killed in between is finished by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from memgraph.checks.behaviour import BEHAVIOUR_VERSION, Behaviour, behaviours, trial
from memgraph.connect import Database
from memgraph.errors import SandboxError
from memgraph.resources import cypher

logger = logging.getLogger(__name__)

_QUERIES = 20


def observe(database: Database, *, progress: Callable[[int], None] | None = None) -> int:
    """Observe every program that waits for it; returns how many there were.

    Concurrent callers may run one program twice: the result is the same. Where the sandbox does not start, programs go on
    waiting.
    """
    done, failure = 0, None
    while failure is None and (waiting := database.query(cypher("read/unobserved_answers"), limit=_QUERIES)):
        rows = []
        for query in waiting:
            keys, programs = zip(*query["answers"], strict=True)
            try:
                observed = _observed(query["query"], programs)
            except SandboxError as error:
                failure = error
                continue
            for key, found in zip(keys, observed, strict=True):
                rows.append({"key": key, "behaviour": found.key, "examples": found.examples, "runs": found.runs})
        rows.sort(key=lambda row: str(row["key"]))
        database.query(cypher("write/behaviours"), write=True, rows=rows, version=BEHAVIOUR_VERSION)
        done += len(rows)
        if progress is not None:
            progress(done)
    if failure is not None:
        logger.warning("programs wait for a later import to be tried (MEMREWARD_RUN_PROGRAMS=0: never): %s", failure)
    return done


def _observed(prompt: str, programs: Sequence[str]) -> list[Behaviour]:
    found = trial(prompt)
    return [Behaviour(None, None, None)] * len(programs) if found is None else behaviours(found, programs)
