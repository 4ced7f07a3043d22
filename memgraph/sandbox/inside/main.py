"""Starts the program, and the tests if there are any, each in an interpreter of its own, and reports how it ended.

Run by `memgraph.sandbox.run` as `python -I -S -c … FOLDER JOB_FD TESTS_FD RESULT_FD`.

    supervisor ─ leaves the namespaces
        └─ tests ─ first process of a namespace; writes the verdict; its end ends everything below
              └─ program ─ first process of a namespace below that; knows neither the tests nor the verdict's pipe
"""

from __future__ import annotations

import ast
import json
import os
import sys
import types
from contextlib import suppress
from typing import Any, NoReturn

from . import fence, names
from .peer import Peer

_UIDS = 1_000_000
_FAILURES = ("exit", "error", "memory")
NOT_STARTED = "not started"  # a status: nothing of the program has run, so that it says nothing about it


def main() -> None:
    """Read the job, start tests and program, wait for them."""
    job_fd, tests_fd, result_fd = (int(argument) for argument in sys.argv[2:5])
    sys.path.pop(0)
    sys.argv[1:] = []
    with os.fdopen(job_fd, "rb") as stream:
        job = json.loads(stream.read())
    _first_to_be_killed()
    try:
        force = fence.leave_namespaces()
        fence.end_with_parent()
        child = os.fork()
    except Exception as error:
        _report(result_fd, NOT_STARTED, f"{type(error).__name__}: {error}", [])
        return
    if child == 0:
        _start_both(job, force, tests_fd, result_fd)
    os.close(tests_fd)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status):
        spent = os.WIFEXITED(status) and os.WEXITSTATUS(status) == fence.CPU_TIME_OVER
        _report(result_fd, "timeout" if spent else "killed", "the tests did not come to an end", force)
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
    limits = job["limits"]
    try:
        if force:
            fence.nest()
            force += fence.own_root(
                job["folder"], job["user"] if os.getuid() == 0 else os.getuid(), limits["disk_bytes"]
            )
        if "own files" not in force:
            os.chdir(job["folder"])
        to_program_read, to_program = os.pipe()
        from_program, from_program_write = os.pipe()
        program = os.fork()
        if program:
            with os.fdopen(tests_fd, "rb") as stream:  # only now, so that the program's memory never held them
                tests = stream.read().decode("utf-8", "surrogatepass")
            fence.close_in(limits, job["user"] + _UIDS, own=[], keep=(from_program, to_program, result_fd))
    except Exception as error:
        _report(result_fd, NOT_STARTED, f"{type(error).__name__}: {error}", force)
        os._exit(0)
    if not program:
        ends = (to_program_read, from_program_write)
        force += fence.close_in(limits, job["user"], own=force, keep=ends)
        _run_program(job["program"], force, *ends)
    _Judging(program, result_fd, from_program, to_program).run(job["program"], tests)


def _run_program(text: str, force: list[str], incoming: int, outgoing: int) -> NoReturn:
    """Run the program, then answer calls of its functions until the tests are over."""

    def end(status: str, reason: str) -> NoReturn:
        os._exit(0)

    peer = Peer(incoming, outgoing, trusting=True, end=end)
    peer.send({"isolation": force})
    module = sys.modules["__main__"] = types.ModuleType("__main__")
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


class _Judging:
    """The tests' end: waits for the program, runs the tests on what it offers, writes the verdict and ends."""

    def __init__(self, program: int, result_fd: int, incoming: int, outgoing: int) -> None:
        self._program = program
        self._result_fd = result_fd
        self._force: list[str] | None = None  # until the program's side says what is in force, and begins
        self._peer = Peer(incoming, outgoing, trusting=False, end=self._end)

    def run(self, program: str, tests: str) -> NoReturn:
        self._force = self._peer.receive()["isolation"]
        failure = self._peer.receive()
        if failure:  # as the program's side has it, where a program may write what it likes: never "ok"
            status = failure.get("status")
            self._end(status if status in _FAILURES else "error", str(failure.get("reason"))[:200])
        if not tests.strip():
            self._end("ok", "the program came to its end")
        try:
            tree = ast.parse(tests)
        except SyntaxError as error:
            self._end("unsupported", f"the tests are no Python: {error}")
        reason = names.reach_in(tree)
        if reason is not None:
            self._end("unsupported", f"the tests use {reason}, which needs the program in their own interpreter")
        wanted = names.asked_of_program(tree)
        self._peer.send({"names": wanted})
        offered = self._peer.receive().get("offered")
        if not isinstance(offered, dict) or not set(offered) <= set(wanted):
            self._end("error", "the program broke into the exchange with its tests")
        found = names.of_program({name: self._peer.decode(data) for name, data in offered.items()})
        found.update(names.shared_imports(program, set(wanted)))
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        vars(module).update(found)
        try:
            exec(compile(tree, "<tests>", "exec"), vars(module))
            names.run_collected(vars(module))
        except SystemExit as error:
            if error.code not in (None, 0, False):
                self._end("error", "the tests were left with a failure")
        except BaseException as error:
            status = "memory" if isinstance(error, MemoryError) else "error"
            self._end(status, f"{type(error).__name__}{_line(error)}")
        if not found:
            self._end("unsupported", "the tests use nothing of the program")
        self._end("ok", "all tests passed")

    def _end(self, status: str, reason: str) -> NoReturn:
        """Write the verdict. A program that is gone is asked how it went."""
        if status == "exit":
            _, how = os.waitpid(self._program, 0)
            if self._force is None:
                status, reason = NOT_STARTED, f"the program's interpreter could not be closed in (ended with {how})"
            elif os.WIFSIGNALED(how):
                status, reason = "killed", f"the program was ended by signal {os.WTERMSIG(how)}"
            elif os.WEXITSTATUS(how) == fence.CPU_TIME_OVER:
                status, reason = "timeout", "the program used up its processor time"
        _report(self._result_fd, status, reason, self._force or [])
        os._exit(0)


def _report(result_fd: int, status: str, reason: str, force: list[str]) -> None:
    os.write(result_fd, json.dumps({"status": status, "reason": reason, "isolation": force}).encode() + b"\n")


def _line(error: BaseException) -> str:
    """Where in the tests; not what stands there, for they are hidden."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" in line {line} of the tests" if line else ""


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
