"""A Python interpreter that has the sandbox's modules loaded and forks once for each run, which spares most of its start.

It reads no job: a run's process inherits nothing but modules from it. It ends with the process that started it, and takes
all runs with it.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK_SECONDS = 0.002
_START = "import sys; sys.path.insert(0, sys.argv[1]); from inside.launching import serve; serve(int(sys.argv[2]))"


class Launcher:
    """Starts the processes of runs. Threads may share it; a forked process makes one of its own (`started_run`)."""

    def __init__(self, *, start: str = _START) -> None:
        ours, its = socket.socketpair()
        self._socket = ours
        self._turn = threading.Lock()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", start, str(Path(__file__).parent), str(its.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                pass_fds=(its.fileno(),),
                start_new_session=True,
            )

    def start(self, files: Sequence[int]) -> int:
        """Number of a new process, first of a session of its own. It stays until `reap`, so that the number stays its own.

        Args:
            files: its standard input, output and error, and the job, the tests and the result.

        Raises:
            OSError: if the launcher is gone.
        """
        with self._turn:
            socket.send_fds(self._socket, [b"start\n"], list(files))
            return int(self._answer())

    def reap(self, number: int) -> None:
        """Wait for the end of a process that was killed."""
        with self._turn, suppress(OSError):  # where the launcher is gone, its processes are too
            self._socket.sendall(b"%d\n" % number)
            self._answer()

    def close(self) -> None:
        """End it, and all that it started."""
        self._socket.close()
        self._process.wait()

    def forget(self) -> None:
        """Leave it to the process that it belongs to."""
        self._socket.close()
        self._process.returncode = 0  # it is no child of this process

    def _answer(self) -> bytes:
        if not (answer := self._socket.recv(64)):
            raise ConnectionResetError("the launcher of sandboxed programs is gone")
        return answer


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run's first process, the supervisor.

    Attributes:
        pipes: descriptors of its "stdout", "stderr" and "result".
    """

    launcher: Launcher
    process: psutil.Process
    pipes: dict[str, int]

    def wait(self, seconds: float) -> None:
        """Give it so long to end by itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_LOOK_SECONDS)

    def kill(self) -> None:
        """Kill all descendants, and the supervisor last: whatever they fork meanwhile becomes its child."""
        while children := descendants(self.process):
            for child in children:
                with suppress(psutil.Error):
                    child.kill()
            time.sleep(_LOOK_SECONDS)
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(self.process.pid, signal.SIGKILL)
        self.launcher.reap(self.process.pid)


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """Processes below a process; none where it has ended."""
    try:
        return process.children(recursive=True)  # type: ignore[no-any-return]
    except psutil.Error:
        return []


@contextmanager
def started_run(stdin: int, job: int, tests: int) -> Iterator[StartedRun]:
    """Start a run by this process's launcher, which is started first if need be. What is left of it must be killed inside.

    Raises:
        OSError: if it does not start.
    """
    with ExitStack() as stack:
        ends = {name: os.pipe() for name in ("stdout", "stderr", "result")}
        for read, _ in ends.values():
            stack.callback(os.close, read)
        out, err, result = (write for _, write in ends.values())
        try:
            launcher, number = _start((stdin, out, err, job, tests, result))
        finally:
            for write in (out, err, result):
                os.close(write)
        yield StartedRun(launcher, psutil.Process(number), {name: read for name, (read, _) in ends.items()})


_here: Launcher | None = None
_changing = threading.Lock()


def _start(files: Sequence[int]) -> tuple[Launcher, int]:
    """A new process by this process's launcher; one that is gone is replaced once."""
    launcher = _launcher()
    try:
        return launcher, launcher.start(files)
    except OSError:
        launcher = _launcher(instead_of=launcher)
        return launcher, launcher.start(files)


def _launcher(instead_of: Launcher | None = None) -> Launcher:
    global _here
    with _changing:
        if _here is not None and _here is instead_of:
            _here.close()
            _here = None
        if _here is None:
            _here = Launcher()
        return _here


def _close() -> None:
    if _here is not None:
        _here.close()


def _in_forked_child() -> None:
    global _here, _changing
    _changing = threading.Lock()
    if _here is not None:
        _here.forget()
        _here = None


atexit.register(_close)
os.register_at_fork(after_in_child=_in_forked_child)
