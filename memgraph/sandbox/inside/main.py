"""Starts the program, and the tests if there are any, each in an interpreter of its own, and reports how it ended.

Called by `launching` in a process of its own.

    supervisor ─ leaves the namespaces
        └─ tests ─ first process of a namespace; writes the verdict; its end ends everything below
              └─ program ─ first process of a namespace below that; knows neither the tests nor the verdict's pipe

For tests that read what the program prints, a starter stands in the program's place, with one program at a time below it.
"""

from __future__ import annotations

import json
import os
import sys
import types
from contextlib import suppress
from typing import Any, NoReturn

from . import fence, streams
from .judging import NOT_STARTED, Judging, report
from .libraries import offer
from .peer import Peer

_UIDS = 1_000_000


def main(job_fd: int, tests_fd: int, result_fd: int) -> None:
    """Read the job, start tests and program, wait for them."""
    with os.fdopen(job_fd, "rb") as stream:
        job = json.loads(stream.read())
    _first_to_be_killed()
    try:
        force = fence.leave_namespaces()
        fence.end_with_parent()
        child = os.fork()
    except Exception as error:
        report(result_fd, NOT_STARTED, f"{type(error).__name__}: {error}", [])
        return
    if child == 0:
        _start_both(job, force, tests_fd, result_fd)
    os.close(tests_fd)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status):
        spent = os.WIFEXITED(status) and os.WEXITSTATUS(status) == fence.CPU_TIME_OVER
        report(result_fd, "timeout" if spent else "killed", "the tests did not come to an end", force)
    os.close(result_fd)
    if "own process namespace" not in force:
        while True:  # orphans of the program are this process's children now; it stays until they are killed
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break


def _first_to_be_killed() -> None:
    """When memory runs out, the kernel shall take this and not the trainer."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("1000")


def _start_both(job: Any, force: list[str], tests_fd: int, result_fd: int) -> NoReturn:
    limits, shown, program = job["limits"], job["shown"], 0
    try:
        if force:
            fence.nest()
            force += fence.own_root(
                job["folder"], job["user"] if os.getuid() == 0 else os.getuid(), limits["disk_bytes"], shown
            )
        if "own files" not in force:
            os.chdir(job["folder"])
        empty = fence.empty_folder(force, job["folder"])
        to_program_read, to_program = os.pipe()
        from_program, from_program_write = os.pipe()
        if job["mode"] != "stub":
            program = os.fork()
        if program or job["mode"] == "stub":
            os.close(to_program_read)
            os.close(from_program_write)
            with os.fdopen(tests_fd, "rb") as stream:  # only now, so that the program's memory never held them
                tests = json.loads(stream.read())
            os.fchdir(empty)
            keep = (from_program, to_program, result_fd)
            walls = fence.close_in(limits, job["user"] + _UIDS, own=[], keep=keep, shown=shown)
            offer(job["libraries"])
    except Exception as error:
        report(result_fd, NOT_STARTED, f"{type(error).__name__}: {error}", force)
        os._exit(0)
    if job["mode"] == "stub":
        Judging(0, result_fd, from_program, to_program, every=True).look(tests, force + walls)
    if not program:
        ends = (to_program_read, from_program_write)
        if job["mode"] == "streams":
            streams.serve(job, force, *ends)
        force += fence.close_in(limits, job["user"], own=force, keep=ends, shown=shown)
        offer(job["libraries"])
        _run_program(job["program"], job["mode"], force, *ends)
    Judging(program, result_fd, from_program, to_program, every=job["every"]).run(job["program"], tests)


def _run_program(text: str, name: str, force: list[str], incoming: int, outgoing: int) -> NoReturn:
    """Run the program, then answer calls of its functions until the tests are over.

    Args:
        name: of its module: `__main__` runs what stands behind a main guard.
    """

    def end(status: str, reason: str) -> NoReturn:
        os._exit(0)

    peer = Peer(incoming, outgoing, trusting=True, end=end)
    peer.send({"isolation": force})
    module = sys.modules["__main__"] = sys.modules[name] = types.ModuleType(name)
    failure = {}
    try:
        exec(compile(text, "<program>", "exec"), module.__dict__)
    except SystemExit:
        failure = {"status": "exit", "reason": "the program left"}
    except BaseException as error:
        _describe(error)
        status = "memory" if isinstance(error, MemoryError) else "error"
        failure = {"status": status, "reason": f"the program raised {type(error).__name__}"}
    _flush()
    peer.send(failure)
    if failure:
        end("exit", "there is nothing to call")
    wanted = peer.receive()["names"]
    peer.send({"offered": {name: peer.encode(vars(module)[name]) for name in wanted if name in vars(module)}})
    while True:
        request = peer.receive()
        try:
            peer.serve(request)
        except SystemExit:
            end("exit", "the program left")
        finally:
            _flush()


def _describe(error: BaseException) -> None:
    """Type and message on standard error; a full traceback would cost an import."""
    try:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
    except Exception:
        os._exit(1)


def _flush() -> None:
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
