"""Runs a program as a script, once for each input, in a fresh process each time, and reads what it prints.

    tests ──► {"stdin": …}  ──►  starter ── forks ──► the program, closed in
          ◄── {"stdout": …} ◄──

The starter never holds what the program is to print, so the program's memory does not either.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import types
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from . import fence
from .libraries import offer
from .peer import Peer

_CHUNK = 2**16
_OUTPUT_BYTES = 64 * 2**10


def serve(job: Any, force: list[str], incoming: int, outgoing: int) -> NoReturn:
    """Run the program for each input that is asked for, until the tests are over."""

    def end(status: str, reason: str) -> NoReturn:
        os._exit(0)

    fence.close_all_but((incoming, outgoing))
    fence.end_with_parent()
    peer = Peer(incoming, outgoing, trusting=True, end=end)
    while True:
        request = peer.receive()
        peer.send(_run(job, force, request["stdin"].encode("utf-8", "surrogatepass"), request["bytes"], peer))


def _run(job: Any, force: list[str], stdin: bytes, most: int, peer: Peer) -> dict[str, Any]:
    """How one run went, and what it printed."""
    read, write = os.pipe()
    in_force_read, in_force = os.pipe()
    given_read, given = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(given_read, 0)
            os.dup2(write, 1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            force = force + fence.close_in(job["limits"], job["user"], own=force, keep=(in_force,), shown=job["shown"])
            offer(job["libraries"])
            os.write(in_force, "\n".join(force).encode())
            os.close(in_force)
        except BaseException:
            os._exit(1)
        _script(job["program"])
    for descriptor in (write, in_force, given_read):
        os.close(descriptor)
    try:
        with os.fdopen(in_force_read, "rb") as stream:
            isolation = stream.read().decode()
        if not isolation:
            return {"how": "not started"}
        peer.send({"isolation": isolation.split("\n")})  # from here on, whatever happens is the program's doing
        how, printed = _talk(child, given, read, stdin, most, time.monotonic() + 2 * job["limits"]["seconds"])
    finally:
        for descriptor in (given, read):
            with suppress(OSError):
                os.close(descriptor)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        if os.getpid() == 1:  # the first process of the program's namespace: whatever it started ends, too
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0 if os.getpid() == 1 else os.WNOHANG)[0]:
                pass
    if how == "ended":
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        how = "timeout" if code == fence.CPU_TIME_OVER else "killed" if code < 0 else "error" if code else "ok"
    return {"how": how, "stdout": printed.decode("utf-8", "replace")}


def _talk(child: int, given: int, read: int, stdin: bytes, most: int, deadline: float) -> tuple[str, bytes]:
    """Write the input and read the output until the program has ended, prints too much or takes too long."""
    printed = bytearray()
    end = os.pidfd_open(child)
    os.set_blocking(given, False)
    poll = select.poll()
    poll.register(read, select.POLLIN)
    poll.register(end, select.POLLIN)
    writing = bool(stdin)
    if writing:
        poll.register(given, select.POLLOUT)
    else:
        os.close(given)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    ended, closed, rest = False, False, memoryview(stdin)
    try:
        while not ended and len(printed) <= most:
            left = deadline - time.monotonic()
            if left <= 0:
                return "timeout", bytes(printed)
            for descriptor, event in poll.poll(left * 1000):
                if descriptor == end:
                    ended = True
                elif descriptor == read:
                    chunk = os.read(read, _CHUNK)
                    printed += chunk
                    if not chunk:
                        poll.unregister(read)
                        closed = True
                elif writing:
                    try:
                        rest = rest[os.write(given, rest[:_CHUNK]) :] if not event & select.POLLERR else rest[:0]
                    except OSError:
                        rest = rest[:0]
                    if not rest:
                        poll.unregister(given)
                        os.close(given)
                        writing = False
        os.set_blocking(read, False)
        with suppress(BlockingIOError):
            while not closed and len(printed) <= most:  # what it left in the pipe
                chunk = os.read(read, _CHUNK)
                printed += chunk
                closed = not chunk
    finally:
        os.close(end)
    return ("ended" if len(printed) <= most else "output"), bytes(printed)


def _script(text: str) -> NoReturn:
    """Run a program as Python would run it from a file."""
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    sys.argv[:] = ["program.py"]
    code = 0
    try:
        exec(compile(text, "<program>", "exec"), vars(module))
    except SystemExit as left:
        code = 0 if left.code in (None, 0, False) else 1
    except BaseException:
        code = 1
    with suppress(BaseException):
        for finish in (_threads_end, sys.stdout.flush):
            finish()
        os._exit(code)
    os._exit(1)


def _threads_end() -> None:
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    atexit = sys.modules.get("atexit")
    if atexit is not None:
        atexit._run_exitfuncs()


def judge(peer: Peer, streams: list[dict[str, str]], *, every: bool, on_begin: Callable[[list[str]], None]) -> Any:
    """Number of inputs with the right output, and how the first of the others went.

    Args:
        every: whether to go on after one that is wrong.
        on_begin: told what is in force, with each run.
    """
    passed, status, reason = 0, "ok", ""
    for number, stream in enumerate(streams, 1):
        most = 2 * len(stream["stdout"].encode("utf-8", "surrogatepass")) + _OUTPUT_BYTES
        peer.send({"stdin": stream["stdin"], "bytes": most})
        begun = peer.receive()
        if "isolation" not in begun:
            peer.end("not started", "the program's interpreter could not be closed in")
        on_begin(begun["isolation"])
        reply = peer.receive()
        how = str(reply["how"])
        if how == "ok" and _lines(reply["stdout"]) == _lines(stream["stdout"]):
            passed += 1
            continue
        if status == "ok":
            status = how if how != "ok" else "error"
            reason = _WORDS.get(how, "ended with an error") + f" on input {number} of {len(streams)}"
        if not every:
            break
    return passed, status, reason


_WORDS = {
    "ok": "another output",
    "timeout": "beyond its time",
    "output": "too much output",
    "killed": "ended by a signal",
}


def _lines(text: str) -> list[str]:
    """Lines without trailing blanks, and without blank ones at the end."""
    return [line.rstrip() for line in text.rstrip().split("\n")]
