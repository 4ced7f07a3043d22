"""Whether two mathematical expressions are equal, by math-verify in a worker process that can be killed.

The worker is this file run as a module: a line of JSON in, a line of JSON out. multiprocessing would import the caller's
main script again in its child, and run a training script a second time that has no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import selectors
import subprocess
import sys
from functools import cache
from threading import Lock
from typing import Final

from math_verify import LatexExtractionConfig, parse, verify

_START_SECONDS: Final = 120.0
_SECONDS: Final = 5.0
_BYTES: Final = 16 * 2**30
_READY: Final = "ready"


class ExpressionError(Exception):
    """math-verify could not tell, with what it said."""


class Worker:
    """A process that compares, one pair at a time; it is started at first use and after each that had to be killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = Lock()

    def equal(self, answer: str, wanted: str) -> bool:
        """Whether they have the same value.

        Raises:
            TimeoutError: if that is not known within five seconds, or the worker died over it.
            ExpressionError: if math-verify fails on them, or does not start.
        """
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._process = self._start()
            found = self._ask(self._process, json.dumps([answer, wanted]))
        if "error" in found:
            raise ExpressionError(found["error"])
        return bool(found["equal"])

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # nothing else of the caller's environment, which may hold passwords
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", "")},
        )
        try:
            _read_line(process, _START_SECONDS)
        except TimeoutError as error:  # says nothing about the expressions
            raise ExpressionError(f"the worker that compares expressions did not start ({error})") from error
        return process

    def _ask(self, process: subprocess.Popen[bytes], line: str) -> dict[str, str]:
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise TimeoutError("the worker that compares expressions died") from None
        found: dict[str, str] = json.loads(_read_line(process, _SECONDS))
        return found


def _read_line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line; the process is killed where none comes in time."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(seconds) else b""
    if not line:
        process.kill()
        process.wait()
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    return line


@cache
def worker(process: int) -> Worker:
    """The worker of a process (one does not survive a fork)."""
    return Worker()


def _equal(answer: str, wanted: str) -> bool:
    """math-verify without its own timers: the caller has one that works."""
    one, other = (
        parse(f"${text}$", extraction_config=[LatexExtractionConfig()], parsing_timeout=None)
        for text in (answer, wanted)
    )
    return bool(verify(other, one, timeout_seconds=None))


def _serve() -> None:
    """Answer lines until the caller closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    # what a library prints must not pass for an answer
    answers, sys.stdout = sys.stdout, sys.stderr
    print(_READY, file=answers, flush=True)
    for line in sys.stdin:
        try:
            found: dict[str, object] = {"equal": _equal(*json.loads(line))}
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
