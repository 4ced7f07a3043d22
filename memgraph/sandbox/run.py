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
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from memgraph.errors import SandboxError
from memgraph.sandbox.inside.main import NOT_STARTED

Status = Literal["ok", "error", "exit", "timeout", "memory", "output", "killed", "unsupported"]

_START = "import sys; sys.path.insert(0, sys.argv[1]); from inside.main import main; main()"
_FIRST_USER, _USERS = 1_000_000, 1_000_000  # the tests run as the user that stands _USERS higher
_WATCH_SECONDS, _LEAVING_SECONDS = 0.2, 0.05


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
    """

    status: Status
    reason: str
    stdout: str
    stderr: str
    seconds: float
    isolation: tuple[str, ...]


def run_python(program: str, *, tests: str = "", limits: Limits = Limits(), stdin: str = "") -> SandboxResult:
    """Run a Python program in the sandbox, and tests against the functions that it defines.

    Args:
        tests: Python code that raises where the program is wrong. What it hands to the program and gets back are plain
            data, the program's own objects, and functions; tests of printed output are not supported.

    Raises:
        SandboxError: if the sandbox itself failed; a program that fails is a result.
    """
    start = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="memreward-sandbox-", ignore_cleanup_errors=True) as folder,
            tempfile.TemporaryFile() as job_file,
            tempfile.TemporaryFile() as tests_file,
            tempfile.TemporaryFile() as input_file,
        ):
            job = {
                "program": program,
                "user": _FIRST_USER + secrets.randbelow(_USERS),
                "folder": folder,
                "limits": asdict(limits),
            }
            contents = {job_file: json.dumps(job), tests_file: tests, input_file: stdin}
            for file, text in contents.items():
                file.write(text.encode("utf-8", "surrogatepass"))
                file.seek(0)
            result_read, result_write = os.pipe()
            passed = (job_file.fileno(), tests_file.fileno(), result_write)
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _START, str(Path(__file__).parent), *map(str, passed)],
                    stdin=input_file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={},
                    cwd="/",
                    pass_fds=passed,
                    start_new_session=True,
                )
            finally:
                os.close(result_write)
            with os.fdopen(result_read, "rb"):
                read, cut = _watch(process, result_read, limits, start)
    except OSError as error:
        raise SandboxError(f"the sandbox could not start a program: {error}") from error
    seconds = time.monotonic() - start
    reports = read["result"].splitlines()
    stdout, stderr = (read[name][: limits.output_bytes].decode("utf-8", "replace") for name in ("stdout", "stderr"))
    ending: dict[str, Any] = json.loads(reports[0]) if reports else {"isolation": ()}
    if cut is not None:
        ending.update(status=cut, reason=f"beyond its limit: {cut}")
    elif not reports or ending["status"] == NOT_STARTED:
        said = ending.get("reason") or (stderr.strip().splitlines() or ["it gave no result"])[-1]
        raise SandboxError(f"the sandbox could not start a program: {said}")
    return SandboxResult(ending["status"], ending["reason"], stdout, stderr, seconds, tuple(ending["isolation"]))


def run_many(
    programs: Sequence[str | tuple[str, str]],
    *,
    limits: Limits = Limits(),
    workers: int | None = None,
) -> list[SandboxResult]:
    """Run several programs, or (program, tests), `workers` at a time (default: one for each core), results in order."""
    pairs = [(item, "") if isinstance(item, str) else item for item in programs]
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        return list(pool.map(lambda pair: run_python(pair[0], tests=pair[1], limits=limits), pairs))


_Cut = Literal["timeout", "memory", "output"]


def _watch(
    process: subprocess.Popen[bytes], result: int, limits: Limits, start: float
) -> tuple[dict[str, bytes], _Cut | None]:
    """Read "stdout", "stderr" and "result" until the result is there or a limit is passed; then nothing is left of it."""
    read = {"stdout": bytearray(), "stderr": bytearray(), "result": bytearray()}
    cut: _Cut | None = None
    next_look = start + _WATCH_SECONDS
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(result, selectors.EVENT_READ, "result")
            for name in ("stdout", "stderr"):
                pipe = getattr(process, name)
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, name)
            ended = False
            while not ended and cut is None:
                now = time.monotonic()
                for key, _ in selector.select(max(0.0, min(next_look, start + limits.seconds) - now)):
                    chunk = os.read(key.fd, 65536)
                    read[key.data] += chunk
                    if not chunk:
                        selector.unregister(key.fileobj)
                        ended = ended or key.data == "result"
                now = time.monotonic()
                if len(read["stdout"]) + len(read["stderr"]) > limits.output_bytes:
                    cut = "output"
                elif not ended and now >= start + limits.seconds:
                    cut = "timeout"
                elif not ended and now >= next_look:
                    next_look = now + _WATCH_SECONDS
                    if _memory(process) > limits.memory_bytes:
                        cut = "memory"
        if ended:  # by itself within a moment, unless something of the program is left
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LEAVING_SECONDS)
    finally:
        _kill_tree(process)
    for name in ("stdout", "stderr"):
        with getattr(process, name) as pipe:
            read[name] += pipe.read(limits.output_bytes) or b""
    return {name: bytes(data) for name, data in read.items()}, cut


def _descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)  # type: ignore[no-any-return]
    except psutil.Error:
        return []


def _memory(process: subprocess.Popen[bytes]) -> int:
    """Bytes that the run's processes hold together."""
    total = 0
    for child in _descendants(process):
        with suppress(psutil.Error):
            total += child.memory_info().rss
    return total


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill all descendants, and the supervisor last: whatever they fork meanwhile becomes its child."""
    while process.poll() is None and (children := _descendants(process)):
        for child in children:
            with suppress(psutil.Error):
                child.kill()
        time.sleep(0.002)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
