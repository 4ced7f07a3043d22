"""Runs the sandbox as other users and platforms would: as root and as a user, on a machine and in a container."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from memgraph.sandbox import Limits, SandboxResult, run_python
from memgraph.sandbox.inside import fence, seccomp

QUICK = Limits(seconds=6, cpu_seconds=1)
NOBODY = 65534
LINUX = sys.platform == "linux"
AS_ROOT = LINUX and os.getuid() == 0
_MODES = ["root", "user", "root in a container", "user in a container"]
MODES = [mode for mode in _MODES if LINUX and (AS_ROOT or mode.startswith("user"))]
# the most walls and the fewest always; those between them where it may take long
EACH_MODE = [pytest.param(mode, marks=() if mode in (MODES[0], MODES[-1]) else pytest.mark.slow) for mode in MODES]


def run_as(mode: str, program: str, tests: str = "", *, limits: Limits = QUICK) -> SandboxResult:
    """Run in the sandbox under another user or without namespaces, in a child process."""
    if mode == "root":
        return run_python(program, tests=tests, limits=limits)
    return in_child(mode, lambda: run_python(program, tests=tests, limits=limits))


def run_all_as(mode: str, programs: Sequence[str], *, limits: Limits = QUICK) -> list[SandboxResult]:
    """As `run_as` for several programs, some side by side, since many wait for their end without a processor."""
    what = partial(run_side_by_side, programs, limits=limits)
    return what() if mode == "root" else in_child(mode, what)


def run_side_by_side(programs: Sequence[str], *, limits: Limits = QUICK) -> list[SandboxResult]:
    """Run four programs at a time; results in order."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(partial(run_python, limits=limits), programs))


def in_child(mode: str, what: Callable[[], Any]) -> Any:
    """What a function returns in a child process of that mode."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _become(mode)
            with os.fdopen(write, "wb") as stream:
                pickle.dump(what(), stream)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    return pickle.loads(data)


def _become(mode: str) -> None:
    if os.getuid() == 0 and mode.startswith("user"):
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        fence.libc.prctl(4, 1, 0, 0, 0)  # as a process that was started by that user
        if not os.access(sys.executable, os.X_OK):
            sys.executable = next(str(path) for path in (Path("/usr/bin/python3"),) if path.exists())
    if mode.endswith("container"):  # as Docker's profile has it
        seccomp._DENIED = {"unshare": seccomp._DENIED["unshare"]}
        seccomp._ONLY_TO_ITSELF = {}
        assert seccomp.install(fence.libc, forks=True)
