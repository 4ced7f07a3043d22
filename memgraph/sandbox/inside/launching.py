"""The inner side of `memgraph.sandbox.launcher`: forks a process for each run, and waits for those that ended."""

from __future__ import annotations

import builtins
import os
import socket
import sys
from typing import NoReturn

from .main import main

_FILES = 6  # standard input, output and error, job, tests, result


def serve(number: int) -> NoReturn:
    """Answer requests until their sender is gone. Everything that was started ends then.

    Args:
        number: descriptor of the socket. A request is `start` with the files of a run, answered by the number of its process,
            or the number of a process that ends, answered when it has.
    """
    sys.path.pop(0)
    sys.argv[1:] = []
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # which `site` would have added
    with socket.socket(fileno=number) as requests:
        while True:
            request, files, _, _ = socket.recv_fds(requests, 64, _FILES)
            if not request:
                os._exit(0)
            if request != b"start\n":
                os.waitpid(int(request), 0)
                requests.sendall(b"done\n")
                continue
            child = os.fork()
            if child == 0:
                requests.close()
                _run(files)
            for file in files:
                os.close(file)
            requests.sendall(b"%d\n" % child)


def _run(files: list[int]) -> NoReturn:
    """What the forked process does."""
    try:
        os.setsid()
        for number, file in enumerate(files[:3]):
            os.dup2(file, number)
            os.close(file)
        # the streams of before were made for files of another kind
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            former = getattr(sys, name)
            buffering = 1 if name == "stderr" else -1  # line by line, as Python has it
            stream = open(number, former.mode, buffering, former.encoding, former.errors, closefd=False)  # noqa: SIM115
            vars(sys).update({name: stream, f"__{name}__": stream})
        main(*files[3:])
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)
