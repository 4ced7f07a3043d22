"""The outer side of the sandbox: starts the program, watches time and output, kills what is left.

What holds where:

- Linux as root: another user for each run, no network, a process namespace of its own, limits.
- Linux with user namespaces: no network, a process namespace, limits; files that the caller can read stay readable.
- otherwise: limits and time only, with the caller's rights. `SandboxResult.isolation` says what was in force.

A program is believed to have come to its end only by a random token of its run, so that leaving early (`sys.exit`,
`os._exit`, a crash) never counts as success. A program that searches the interpreter's frames could still find it.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from memgraph.errors import SandboxError

Status = Literal["ok", "error", "exit", "timeout", "memory", "output", "killed"]

_INSIDE = Path(__file__).with_name("inside.py")
_CPU_TIME_OVER = 152  # as in inside.py, which cannot be imported
_FIRST_UID, _UIDS = 1_000_000, 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run.

    Attributes:
        seconds: wall-clock time, start of the interpreter included.
        cpu_seconds: processor time.
        memory_bytes: address space.
        output_bytes: of standard output and error together.
    """

    seconds: float = 10.0
    cpu_seconds: int = 8
    memory_bytes: int = 512 * 2**20
    processes: int = 16
    open_files: int = 32
    file_bytes: int = 2**20
    output_bytes: int = 64 * 2**10


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a program ended.

    Attributes:
        status: "ok" only if it ran to its end; "exit" if it left early, "error" if it raised, "killed" by a signal.
        stdout, stderr: what it printed, up to the output limit.
        isolation: what was in force.
    """

    status: Status
    stdout: str
    stderr: str
    seconds: float
    isolation: tuple[str, ...]


def run_python(program: str, *, limits: Limits = Limits(), stdin: str = "") -> SandboxResult:
    """Run a Python program in the sandbox.

    Raises:
        SandboxError: if the sandbox itself failed; a program that fails is a result.
    """
    token = secrets.token_hex(16)
    uid = _FIRST_UID + secrets.randbelow(_UIDS)
    base = Path(tempfile.mkdtemp(prefix="memreward-sandbox-"))
    base.chmod(0o711)
    folder, library = base / "work", base / "python"
    start = time.monotonic()
    try:
        folder.mkdir(0o700)
        library.mkdir(0o755)
        if os.getuid() == 0:
            os.chown(folder, uid, uid)
        job = {
            "program": program,
            "token": token,
            "uid": uid,
            "folder": str(folder),
            "library": str(library),
            "limits": asdict(limits),
        }
        with tempfile.TemporaryFile() as job_file, tempfile.TemporaryFile() as input_file:
            job_file.write(json.dumps(job).encode())
            job_file.seek(0)
            input_file.write(stdin.encode("utf-8", "surrogatepass"))
            input_file.seek(0)
            result_read, result_write = os.pipe()
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_INSIDE), str(job_file.fileno()), str(result_write)],
                    stdin=input_file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={},
                    cwd="/",
                    pass_fds=(job_file.fileno(), result_write),
                    start_new_session=True,
                )
            finally:
                os.close(result_write)
        with os.fdopen(result_read, "rb") as results:
            stdout, stderr, cut = _watch(process, limits, start)
            report = results.read(65536)
    except OSError as error:
        raise SandboxError(f"the sandbox could not start a program: {error}") from error
    finally:
        shutil.rmtree(base, ignore_errors=True)
    seconds = time.monotonic() - start
    status, isolation = _ending(report, token)
    return SandboxResult(cut or status, stdout, stderr, seconds, isolation)


def run_many(
    programs: Sequence[str],
    *,
    limits: Limits = Limits(),
    workers: int | None = None,
) -> list[SandboxResult]:
    """Run several programs, `workers` at a time (by default one for each core), results in order."""
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        return list(pool.map(lambda program: run_python(program, limits=limits), programs))


def _watch(
    process: subprocess.Popen[bytes], limits: Limits, start: float
) -> tuple[str, str, Literal["timeout", "output"] | None]:
    """Read what the program prints until it ends, its time is over or it printed too much; then nothing is left of it."""
    outputs: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    cut: Literal["timeout", "output"] | None = None
    try:
        with selectors.DefaultSelector() as selector:
            for name in outputs:
                selector.register(getattr(process, name), selectors.EVENT_READ, name)
            while selector.get_map() and cut is None:
                left = start + limits.seconds - time.monotonic()
                if left <= 0:
                    cut = "timeout"
                    break
                for key, _ in selector.select(left):
                    chunk = os.read(key.fd, 65536)
                    outputs[key.data] += chunk
                    if not chunk:
                        selector.unregister(key.fileobj)
                if sum(map(len, outputs.values())) > limits.output_bytes:
                    cut = "output"
        if cut is None:
            try:
                process.wait(max(0.01, start + limits.seconds - time.monotonic()))
            except subprocess.TimeoutExpired:
                cut = "timeout"
    finally:
        _kill_tree(process)
        for name in outputs:
            getattr(process, name).close()
    text = {name: bytes(data[: limits.output_bytes]).decode("utf-8", "replace") for name, data in outputs.items()}
    return text["stdout"], text["stderr"], cut


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill the program first: it is the init of its namespace, so the kernel takes all its processes with it."""
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()


def _ending(report: bytes, token: str) -> tuple[Status, tuple[str, ...]]:
    """Status and isolation from the supervisor's report; without the run's token nothing is believed."""
    try:
        supervisor = json.loads(report)
    except ValueError:
        return "killed", ()
    try:
        program = json.loads(supervisor["report"])
    except ValueError:
        if supervisor["code"] == _CPU_TIME_OVER:
            return "timeout", ()
        return ("killed" if supervisor["signal"] else "exit"), ()
    if program.get("token") != token:
        return "exit", ()
    return program["status"], tuple(program["isolation"])
