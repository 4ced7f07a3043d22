"""Runs new programs on their prompts' inputs, in the sandbox, and keeps how they behaved on their answer nodes.

A program waits for it under the label `Unobserved`, so an import killed in between is finished by the next one. So does a
program of which nothing was learned, because the clock ended its run or the sandbox failed: a later call tries it again,
`MOST_ATTEMPTS` times in all. What never gave a finding then counts as a program that did not run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from memgraph.domains import Domains
from memgraph.domains.checks.behaviour import (
    BEHAVIOUR_VERSION,
    NOTHING_TO_RUN_ON,
    Behaviour,
    Unobserved,
    behaviours,
    did_not_run,
)
from memgraph.domains.checks.trials import trial
from memgraph.errors import SandboxError
from memgraph.printable import printable
from memgraph.progress import Progress, silent
from memgraph.sandbox import Library, libraries, run_python
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

logger = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 3
_MOST_WITHOUT_FINDING: Final = 8  # in one call: each may take as long as the clock allows
_QUERIES = 20
_AT_ONCE = 8  # programs of one query between two looks at how many gave no finding


def run_programs(database: Database, domains: Domains, *, progress: Progress = silent) -> int:
    """Observe every program that waits for it, each at most once; returns of how many it is now known how they behave.

    Those that never were tried come first. Concurrent callers may run one program twice: the result is the same. A call
    ends early where the sandbox does not start, or where too many programs gave no finding, which can cost minutes; then
    programs go on waiting, and the log says so.
    """
    call = _Call()
    for again in (False, True):
        for waiting in _waiting(database, again):
            if call.ended:
                break
            if programs := call.not_yet_tried(waiting.programs):
                shown = libraries(domains[waiting.domain].libraries)
                _run_programs(database, waiting.prompt, programs, shown, call)
                progress(call.decided, doing="running programs")
    if call.waits or call.ended:
        logger.warning(
            "programs wait for a later import to be tried (MEMREWARD_RUN_PROGRAMS=0: never): %s", printable(call.reason)
        )
    return call.decided


@dataclass(frozen=True, slots=True)
class _Program:
    """An answer's program, and how often it was tried without a finding."""

    key: str
    text: str
    attempts: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Programs of one query that wait."""

    prompt: str
    domain: str
    programs: list[_Program]


@dataclass(slots=True)
class _Call:
    """How one call of `run_programs` goes."""

    decided: int = 0
    waits: set[str] = field(default_factory=set)  # keys of what was tried and gave no finding
    without_finding: int = 0  # runs, those of a last attempt included
    broken: bool = False
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether no further program is tried."""
        return self.broken or self.without_finding >= _MOST_WITHOUT_FINDING

    def not_yet_tried(self, programs: Sequence[_Program]) -> list[_Program]:
        """Those that were not tried in this call."""
        return [program for program in programs if program.key not in self.waits]


def _waiting(database: Database, again: bool) -> Iterator[_Waiting]:
    """What waits, query by query: what never was tried, or what was."""
    after = ""
    while rows := database.query(cypher("read/unobserved_answers"), after=after, limit=_QUERIES, again=again):
        for row in rows:
            yield _Waiting(row["query"], row["domain"], [_Program(*answer) for answer in row["answers"]])
        after = str(rows[-1]["key"])


def _run_programs(
    database: Database, prompt: str, programs: Sequence[_Program], shown: Sequence[Library], call: _Call
) -> None:
    """Observe programs of one query and keep what was found, a few at a time."""
    inputs = trial(prompt)
    for start in range(0, len(programs), _AT_ONCE):
        some = programs[start : start + _AT_ONCE]
        if call.ended:
            return
        observed: list[Behaviour | Unobserved] = (
            [NOTHING_TO_RUN_ON] * len(some)
            if inputs is None
            else behaviours(inputs, [program.text for program in some], libraries=shown)
        )
        decided: dict[str, Behaviour] = {}
        for program, behaviour in zip(some, observed, strict=True):
            if isinstance(behaviour, Behaviour):
                decided[program.key] = behaviour
                continue
            call.reason = behaviour.reason
            call.without_finding += 1
            if not behaviour.in_sandbox and not call.broken:
                call.broken = not _sandbox_starts()
            if call.broken:
                continue  # says nothing about the program
            if inputs is not None and program.attempts + 1 >= MOST_ATTEMPTS:
                decided[program.key] = did_not_run(
                    inputs, f"{MOST_ATTEMPTS} attempts gave no finding: {behaviour.reason}"
                )
            else:
                call.waits.add(program.key)
        _keep(database, decided, [program.key for program in some if program.key in call.waits])
        call.decided += len(decided)


def _keep(database: Database, decided: dict[str, Behaviour], tried: list[str]) -> None:
    rows = [
        {
            "key": key,
            "behaviour": behaviour.key,
            "examples": behaviour.examples,
            "runs": behaviour.runs,
            "reason": None if behaviour.reason is None else printable(behaviour.reason),
        }
        for key, behaviour in sorted(
            decided.items()
        )  # one order for all writers, so that none waits for another in a circle
    ]
    if rows:
        database.query(cypher("write/behaviours"), write=True, rows=rows, version=BEHAVIOUR_VERSION)
    if tried:
        database.query(cypher("write/observation_attempts"), write=True, keys=sorted(tried))


def _sandbox_starts() -> bool:
    """Whether it runs a program that does nothing, so that a failure was due to the other program."""
    try:
        run_python("pass")
    except SandboxError:
        return False
    return True
