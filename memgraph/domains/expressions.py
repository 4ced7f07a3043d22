"""Whether two mathematical expressions are equal, by math-verify in processes that can be killed.

A worker is this file run as a module: lines of JSON in, lines of JSON out. multiprocessing would import the caller's main
script again in its child, and run a training script a second time that has no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

Pair = tuple[str, str]
PairOutcome = Literal["equal", "different", "too costly", "not read", "not settled", "no worker"]

_WORKERS: Final = 4
_PROCESSOR_SECONDS: Final = 2.0  # of one pair
_WALL_SECONDS: Final = 6.0  # of one pair, on a busy machine
_START_SECONDS: Final = 60.0
_BYTES: Final = 4 * 2**30
_MOST_TRIES: Final = 2
_KEPT: Final = 10_000
_LONGEST_LINE: Final = 2**20
_READY: Final = b"ready"
_DIGITS: Final = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a pair.

    Attributes:
        kind: "not settled" where time ran out before it was judged, "too costly" where it took more processor time than it
            may, "not read" where math-verify failed on it, "no worker" where none starts.
        message: of math-verify, where it failed.
    """

    kind: PairOutcome
    message: str = ""

    @property
    def equal(self) -> bool | None:
        """Whether they are equal, None where that is not known."""
        return self.kind == "equal" if self.kind in ("equal", "different") else None


class Pool:
    """A few processes that compare side by side. They start at first use, and again after one had to be killed."""

    def __init__(self, workers: int | None = None) -> None:
        self._size = min(_WORKERS, workers or os.cpu_count() or 1)
        self._workers: list[_Worker] = []
        self._outcomes: OrderedDict[Pair, Outcome] = OrderedDict()
        self._tries: dict[Pair, int] = {}
        self._turn = Lock()

    def settled(self, one: str, other: str) -> bool | None:
        """What earlier calls found."""
        outcome = self._outcomes.get(_ordered((one, other)))
        return None if outcome is None else outcome.equal

    def compare(self, pairs: Sequence[Pair], seconds: float) -> list[Outcome]:
        """Compare pairs, in order; identical ones once.

        Args:
            seconds: bound of the whole call. What is not settled by then is "not settled".
        """
        until = time.monotonic() + seconds
        if not self._turn.acquire(timeout=max(0.0, seconds)):
            return [Outcome("not settled")] * len(pairs)
        try:
            wanted = list(dict.fromkeys(_ordered(pair) for pair in pairs))
            outcomes = {pair: self._outcomes[pair] for pair in wanted if pair in self._outcomes}
            outcomes |= self._judge([pair for pair in wanted if pair not in outcomes], until)
        finally:
            self._turn.release()
        return [outcomes[_ordered(pair)] for pair in pairs]

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.kill()
        self._workers = []

    def _judge(self, pairs: list[Pair], until: float) -> dict[Pair, Outcome]:
        outcomes: dict[Pair, Outcome] = {}
        waiting = pairs[::-1]
        failed_starts = 0
        while len(outcomes) < len(pairs) and time.monotonic() < until:
            self._workers = [worker for worker in self._workers if worker.alive]
            while len(self._workers) < min(self._size, len(pairs) - len(outcomes)) and failed_starts < 2 * self._size:
                self._workers.append(_Worker())
            if not self._workers:
                return outcomes | {pair: Outcome("no worker") for pair in pairs if pair not in outcomes}
            for worker in self._workers:
                if worker.idle and waiting:
                    worker.ask(waiting.pop())
            for worker, line in _lines(self._workers, min(until, time.monotonic() + 0.2)):
                was_starting, pair = worker.starting, worker.pair
                outcome = worker.receive(line)
                failed_starts += was_starting and not worker.alive
                if pair is not None and outcome is not None:
                    outcomes[pair] = outcome
                    self._keep(pair, outcome)
            for worker in self._workers:
                if worker.late and worker.pair is not None:
                    outcomes[worker.pair] = Outcome("not settled")
                    self._give_up(worker)
                elif worker.late:
                    worker.kill()
        for worker in self._workers:
            if worker.pair is not None:  # what it still works on, nobody waits for
                self._give_up(worker)
        return outcomes | {pair: Outcome("not settled") for pair in pairs if pair not in outcomes}

    def _give_up(self, worker: _Worker) -> None:
        """End a worker over its pair. On a busy machine that says little of the pair, so it gets another try."""
        if worker.pair is not None and worker.seconds >= _PROCESSOR_SECONDS:
            self._tries[worker.pair] = self._tries.get(worker.pair, 0) + 1
            if self._tries[worker.pair] >= _MOST_TRIES:
                self._keep(worker.pair, Outcome("too costly"))
                del self._tries[worker.pair]
        worker.kill()

    def _keep(self, pair: Pair, outcome: Outcome) -> None:
        self._outcomes[pair] = outcome
        while len(self._outcomes) > _KEPT:
            self._outcomes.popitem(last=False)


class _Worker:
    """One process.

    Attributes:
        starting: it has not said yet that it is ready.
        pair: that it works on.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name if __spec__ is not None else __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # nothing else of the caller's environment, which may hold passwords
            env={
                "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path),
                "PATH": os.environ.get("PATH", ""),
            },
            bufsize=0,
        )
        assert self._process.stdout is not None
        self.pipe = self._process.stdout
        self.starting = True
        self.pair: Pair | None = None
        self._begun = time.monotonic()
        self._buffer = b""

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def idle(self) -> bool:
        return not self.starting and self.pair is None and self.alive

    @property
    def seconds(self) -> float:
        """Since it was started, or was asked."""
        return time.monotonic() - self._begun

    @property
    def late(self) -> bool:
        """Whether it takes longer than it may."""
        if self.pair is None and not self.starting:
            return False
        return self.seconds > (_START_SECONDS if self.starting else _WALL_SECONDS)

    def ask(self, pair: Pair) -> None:
        assert self._process.stdin is not None
        self.pair, self._begun = pair, time.monotonic()
        with suppress(OSError):  # it died: reading tells
            self._process.stdin.write(json.dumps(pair).encode() + b"\n")

    def receive(self, data: bytes) -> Outcome | None:
        """Take in what it wrote; gives the outcome of its pair once that is there, or once it died over it."""
        if not data or len(self._buffer) > _LONGEST_LINE:
            self.kill()
            costly = self._process.returncode in (-signal.SIGPROF, -signal.SIGSEGV)
            pair, self.pair, self.starting = self.pair, None, False
            return None if pair is None else Outcome("too costly" if costly else "not read", "the worker died over it")
        self._buffer += data
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = rest
        if self.starting:
            self.starting = line != _READY
            return None
        self.pair = None
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            return Outcome("not read", str(reply["error"]))
        return Outcome("equal" if reply["equal"] else "different")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _lines(workers: list[_Worker], until: float) -> list[tuple[_Worker, bytes]]:
    """What workers wrote; an empty text where one ended."""
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(worker.pipe, selectors.EVENT_READ, worker)
        ready = selector.select(max(0.0, until - time.monotonic()))
    return [(key.data, os.read(key.data.pipe.fileno(), 65_536)) for key, _ in ready]


def _ordered(pair: Pair) -> Pair:
    return (pair[0], pair[1]) if pair[0] <= pair[1] else (pair[1], pair[0])


@cache
def _pool(process: int) -> Pool:
    return Pool()


def pool() -> Pool:
    """The pool of this process (none survives a fork)."""
    return _pool(os.getpid())


def _equal(one: str, other: str) -> bool:
    """Whether two texts have one value by latex2sympy and math-verify, to sixty digits instead of six.

    Sums, products, integrals and limits are evaluated first: math-verify compares them by their shape only.
    """
    from latex2sympy2_extended import latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig
    from math_verify import verify
    from sympy import Basic, simplify

    left, right = (
        latex2sympy(text, conversion_config=ConversionConfig(lowercase_symbols=False)) for text in (one, other)
    )
    if left is None or right is None or not isinstance(left, Basic) or not isinstance(right, Basic):
        raise ValueError("no expression")
    if left == right:
        return True
    left, right = left.doit(), right.doit()
    if left == right or bool(simplify(left - right) == 0):
        return True
    return bool(verify(left, right, float_rounding=_DIGITS, numeric_precision=_DIGITS, timeout_seconds=None))


def _serve() -> None:
    """Answer lines until the caller closes the pipe."""
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    logging.disable(logging.CRITICAL)
    # what a library prints must not pass for an answer
    answers, sys.stdout = sys.stdout, sys.stderr
    _equal("\\sum_{k=1}^{2} k", "3")
    print(_READY.decode(), file=answers, flush=True)
    for line in sys.stdin:
        # the signal ends the process, even within a long multiplication, and also when the caller is gone
        signal.setitimer(signal.ITIMER_PROF, _PROCESSOR_SECONDS)
        try:
            reply: dict[str, object] = {"equal": _equal(*json.loads(line))}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
