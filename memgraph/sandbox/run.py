"""The outer side of the sandbox: starts the program, watches time, memory and output, kills what is left.

What is in force, said by `SandboxResult.isolation`:

- Linux as root: own user, no network, own process namespace, own files (a root folder with Python's library and a small
  disk in memory, nothing else), landlock, seccomp, limits.
- Linux with user namespaces: all of that, but for the user.
- Linux without (in many containers): landlock (Linux 5.13 or newer: reads Python's library only, writes nothing), seccomp
  (no sockets, no signals to others), limits. Its processes share the caller's user and process namespace.
- otherwise: limits and time only, with the caller's rights. Run nothing there that you do not trust.

Tests run in an interpreter of their own, which the program can send plain values to and nothing else. So "ok" of a run
with tests is a verdict; without tests it says only what the program says itself, that it came to its end.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from memgraph.errors import SandboxError
from memgraph.sandbox.inside.judging import NOT_STARTED
from memgraph.sandbox.launcher import StartedRun, descendants, started_run
from memgraph.sandbox.libraries import Library
from memgraph.sandbox.tests import PythonTests, StreamTests, Tests, as_job

Status = Literal["ok", "error", "exit", "timeout", "memory", "output", "killed", "unsupported"]

_FIRST_USER, _USERS = 1_000_000, 1_000_000  # the tests run as the user that stands _USERS higher
_WATCH_SECONDS, _LEAVING_SECONDS = 0.2, 0.05
_MOST_RUNS = 6  # whose seconds tests with many inputs get together
_MOST_STARVED = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run.

    Attributes:
        seconds: wall-clock time, start of the interpreter included.
        cpu_seconds: processor time.
        memory_bytes: address space of each process, and memory of all together.
        file_bytes, disk_bytes: of one file, of all files; nothing can be written where there are no own files.
        output_bytes: of standard output and error together.
    """

    seconds: float = 10.0
    cpu_seconds: int = 8
    memory_bytes: int = 512 * 2**20
    processes: int = 16
    open_files: int = 32
    file_bytes: int = 2**20
    disk_bytes: int = 16 * 2**20
    output_bytes: int = 64 * 2**10


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a program ended.

    Attributes:
        status: "ok" only if it and the tests ran to their end; "exit" if it left early, "error" if it or a test raised,
            "killed" by a signal; "unsupported" if the tests cannot be run in another interpreter than the program.
        reason: of the status, in words; line numbers of the tests, never their text.
        stdout, stderr: what it printed, up to the output limit.
        isolation: what was in force.
        passed, total: tests, as far as they were run and counted.
    """

    status: Status
    reason: str
    stdout: str
    stderr: str
    seconds: float
    isolation: tuple[str, ...]
    passed: int = 0
    total: int = 0


def run_python(
    program: str,
    *,
    tests: str | Tests | None = None,
    limits: Limits = Limits(),
    stdin: str = "",
    libraries: Sequence[Library] = (),
    every: bool = False,
) -> SandboxResult:
    """Run a Python program in the sandbox, and tests against it.

    Without tests, and with tests of what it prints, it runs as `__main__`; else it is imported, so that what stands behind
    a main guard does not run.

    Args:
        tests: Python code that raises where the program is wrong (what it hands to the program and gets back are plain
            data, the program's own objects, and functions), or tests in another form.
        libraries: packages that program and tests may import beside Python's own.
        every: whether to go on after a test that fails, to count those that pass.

    Raises:
        SandboxError: if the sandbox itself failed; a program that fails is a result.
    """
    if isinstance(tests, str):
        tests = PythonTests(tests) if tests.strip() else None
    mode = "streams" if isinstance(tests, StreamTests) else "__main__" if tests is None else "solution"
    runs = min(_MOST_RUNS, len(tests.streams)) if isinstance(tests, StreamTests) else 1
    seconds = limits.seconds * max(runs, 1)
    return _run({"program": program, "mode": mode, "every": every}, tests, limits, seconds, stdin, libraries)


def look_at_tests(tests: PythonTests, *, limits: Limits = Limits(), libraries: Sequence[Library] = ()) -> SandboxResult:
    """Run tests on a stub in the program's place: "ok" if they can judge a program.

    They cannot ("unsupported", with the reason) where they need what is not there, fail by themselves, or ask the program
    nothing. No program has a part in it.

    Raises:
        SandboxError: if the sandbox itself failed.
    """
    return _run({"program": "", "mode": "stub", "every": True}, tests, limits, limits.seconds, "", libraries)


def _run(
    job: dict[str, Any], tests: Tests | None, limits: Limits, seconds: float, stdin: str, libraries: Sequence[Library]
) -> SandboxResult:
    start = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="memreward-sandbox-", ignore_cleanup_errors=True) as folder,
            tempfile.TemporaryFile() as job_file,
            tempfile.TemporaryFile() as tests_file,
            tempfile.TemporaryFile() as input_file,
        ):
            job |= {
                "user": _FIRST_USER + secrets.randbelow(_USERS),
                "folder": folder,
                "limits": asdict(limits),
                "libraries": [{"name": library.name, "origin": library.origin} for library in libraries],
                "shown": [path for library in libraries for path in library.shown],
            }
            contents = {job_file: json.dumps(job), tests_file: json.dumps(as_job(tests)), input_file: stdin}
            for file, text in contents.items():
                file.write(text.encode("utf-8", "surrogatepass"))
                file.seek(0)
            with started_run(input_file.fileno(), job_file.fileno(), tests_file.fileno()) as run:
                read, cut = _watch(run, limits, start + seconds)
    except OSError as error:
        raise SandboxError(f"the sandbox could not start a program: {error}") from error
    stdout, stderr = (read[name][: limits.output_bytes].decode("utf-8", "replace") for name in ("stdout", "stderr"))
    return _result(read["result"].splitlines(), cut, stdout, stderr, time.monotonic() - start)


def _report(line: bytes) -> dict[str, Any] | None:
    """One report of the supervisor; None for a line that a limit has cut short."""
    try:
        report = json.loads(line)
    except ValueError:
        return None
    return report if isinstance(report, dict) and "status" in report else None


def _result(lines: Sequence[bytes], cut: _Cut | None, stdout: str, stderr: str, seconds: float) -> SandboxResult:
    """What the reports of a run say: that the program began, and how it ended."""
    reports = [report for line in lines if (report := _report(line)) is not None]
    begun = [report for report in reports if report["status"] == "begun"]
    ending = next((report for report in reports if report["status"] != "begun"), None)
    # What runs before the program writes no flood and fills no memory, so a cut for these says as well that it began: a fast
    # one may be cut before its beginning is reported.
    has_begun = bool(begun) or cut in ("output", "memory")
    if not has_begun or (ending is not None and ending["status"] == NOT_STARTED):
        reason = (ending and ending["reason"]) or cut or (stderr.strip().splitlines() or ["it gave no result"])[-1]
        raise SandboxError(f"the sandbox could not start a program: {reason}")
    isolation = tuple(next((report["isolation"] for report in reports), ()))
    if cut is not None:
        return SandboxResult(cut, f"beyond its limit: {cut}", stdout, stderr, seconds, isolation)
    if ending is None:
        return SandboxResult("killed", "it gave no result", stdout, stderr, seconds, isolation)
    return SandboxResult(
        ending["status"], ending["reason"], stdout, stderr, seconds, isolation, ending["passed"], ending["total"]
    )


_Cut = Literal["timeout", "memory", "output"]


def _watch(run: StartedRun, limits: Limits, deadline: float) -> tuple[dict[str, bytes], _Cut | None]:
    """Read "stdout", "stderr" and "result" until the result is there or a limit is passed; then nothing is left of it."""
    read = {"stdout": bytearray(), "stderr": bytearray(), "result": bytearray()}
    cut: _Cut | None = None
    next_look = time.monotonic() + _WATCH_SECONDS
    waited = 0.0
    try:
        with selectors.DefaultSelector() as selector:
            for name, pipe in run.pipes.items():
                os.set_blocking(pipe, False)
                selector.register(pipe, selectors.EVENT_READ, name)
            ended = False
            while not ended and cut is None:
                now = time.monotonic()
                for key, _ in selector.select(max(0.0, min(next_look, deadline) - now)):
                    chunk = os.read(key.fd, 65536)
                    read[key.data] += chunk
                    if not chunk:
                        selector.unregister(key.fileobj)
                        ended = ended or key.data == "result"
                now = time.monotonic()
                if len(read["stdout"]) + len(read["stderr"]) > limits.output_bytes:
                    cut = "output"
                elif not ended and now >= deadline:
                    # time that the machine gave to others is not the program's; its own processes' is
                    longer = min(_starved(run.process, limits), _MOST_STARVED * limits.seconds) - waited
                    if longer < _WATCH_SECONDS:
                        cut = "timeout"
                    deadline, waited = deadline + longer, waited + longer
                elif not ended and now >= next_look:
                    next_look = now + _WATCH_SECONDS
                    if _memory(run.process) > limits.memory_bytes:
                        cut = "memory"
        if ended:  # by itself within a moment, unless something of the program is left
            run.wait(_LEAVING_SECONDS)
    finally:
        run.kill()
    for name, pipe in run.pipes.items():  # the report that the program began may lie behind a flood of its output
        most = None if name == "result" else limits.output_bytes
        with suppress(BlockingIOError):
            while (most is None or len(read[name]) <= most) and (chunk := os.read(pipe, 65536)):
                read[name] += chunk
    return {name: bytes(data) for name, data in read.items()}, cut


def _memory(process: psutil.Process) -> int:
    """Bytes that the run's processes hold together."""
    total = 0
    for child in descendants(process):
        with suppress(psutil.Error):
            total += child.memory_info().rss
    return total


def _starved(process: psutil.Process, limits: Limits) -> float:
    """Seconds that the run's processes were ready and waited for a processor that others had; 0 where that is not known."""
    used = longest = 0.0
    for child in descendants(process):
        with suppress(psutil.Error, OSError, ValueError, IndexError):
            used += sum(child.cpu_times()[:4])  # those of its ended children, too
            longest = max(longest, int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[1]) / 1e9)
    return longest if used < limits.cpu_seconds else 0.0
