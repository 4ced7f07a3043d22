"""Tests of a program in the three forms that the sandbox runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PythonTests:
    """Python code that raises where the program is wrong.

    Module-level code runs, then what pytest and unittest would collect, then an uncalled `check(candidate)`.

    Attributes:
        entry_point: the function that `check` is called with, None where it is not known.
        setup: code that runs before.
    """

    text: str
    entry_point: str | None = None
    setup: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments, as data of JSON, and the value that the call returns."""

    arguments: tuple[Any, ...]
    expected: Any


@dataclass(frozen=True, slots=True)
class CallTests:
    """Calls of one function of the program, or of one method of its class `Solution`."""

    name: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What the program reads from standard input, and what it is to print."""

    stdin: str
    stdout: str


@dataclass(frozen=True, slots=True)
class StreamTests:
    """Runs of the program as a script, each in a process of its own."""

    streams: tuple[Stream, ...]


Tests = PythonTests | CallTests | StreamTests


def as_job(tests: Tests | None) -> dict[str, Any]:
    """The tests as the sandbox's inner side reads them."""
    return {"kind": "none"} if tests is None else {"kind": _KINDS[type(tests)], **asdict(tests)}


_KINDS: dict[type, str] = {PythonTests: "python", CallTests: "calls", StreamTests: "streams"}
