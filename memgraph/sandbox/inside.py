"""The inner side of the sandbox: a script that fences itself in and then runs the program. Never imported.

Run as `python -I -S inside.py JOB_FD RESULT_FD` by `memgraph.sandbox.run`. It may use the standard library only.

    parent ──► supervisor (leaves the network, makes a PID namespace) ──► program (other user, limits, nothing open)
                     └── reports how the program ended on RESULT_FD, with what isolation was in force
"""

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
CPU_TIME_OVER = 152  # exit code; a program that leaves with it deceives nobody to its advantage


def main() -> None:
    job_fd, result_fd = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(job_fd, "rb") as stream:
        job = json.loads(stream.read())
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    isolation = leave_namespaces(libc)
    if "own mounts" in isolation:
        show_library(libc, job["library"])
    token_read, token_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(token_read)
        os.close(result_fd)
        run(job, libc, isolation, token_write)
    os.close(token_write)
    with os.fdopen(token_read, "rb") as stream:
        report = stream.read(4096)
    _, status = os.waitpid(child, 0)
    result = {
        "report": report.decode("utf-8", "replace"),
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1,
    }
    os.write(result_fd, json.dumps(result).encode())


def leave_namespaces(libc: Any) -> list[str]:
    """Leave the network and make a PID namespace, whose end takes every process of the program with it."""
    if libc is None:
        return []
    flags = _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    if os.getuid() == 0 and libc.unshare(flags | _CLONE_NEWNS) == 0:
        return ["no network", "own process namespace", "own mounts"]
    if libc.unshare(flags | _CLONE_NEWUSER) == 0:
        return ["no network", "own process namespace", "own user namespace"]
    return []


def show_library(libc: Any, target: str) -> None:
    """Mount Python's own library where every user can read it: an interpreter in somebody's home may be closed."""
    source = os.path.dirname(os.__file__)
    libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    if libc.mount(source.encode(), target.encode(), None, _MS_BIND, None) == 0:
        sys.path[:] = [target, os.path.join(target, "lib-dynload")]
        sys.path_importer_cache.clear()
        for module in list(sys.modules.values()):
            if hasattr(module, "__path__"):
                module.__path__ = [folder.replace(source, target) for folder in module.__path__]


def run(job: Any, libc: Any, isolation: list[str], report_fd: int) -> None:
    """Drop everything, run the program, report `token` only if it came to its end."""
    token = job["token"]
    os.chdir(job["folder"])
    os.umask(0o077)
    limits = job["limits"]
    set_limit(resource.RLIMIT_CORE, 0)
    # the program is its namespace's init, which default actions of signals spare: so a handler, and then the hard limit
    signal.signal(signal.SIGXCPU, lambda *_: os._exit(CPU_TIME_OVER))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_seconds"], limits["cpu_seconds"] + 1))
    set_limit(resource.RLIMIT_FSIZE, limits["file_bytes"])
    set_limit(resource.RLIMIT_NOFILE, limits["open_files"])
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(job["uid"], job["uid"], job["uid"])
        os.setresuid(job["uid"], job["uid"], job["uid"])
        isolation.append("own user")
    set_limit(resource.RLIMIT_NPROC, limits["processes"])
    set_limit(resource.RLIMIT_AS, limits["memory_bytes"])
    isolation.append("limits")
    if libc is not None:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.environ.clear()
    status = "error"
    try:
        exec(compile(job["program"], "<program>", "exec"), {"__name__": "__main__"})
        status = "ok"
    except MemoryError:
        status = "memory"
    except SystemExit:
        status = "exit"
    except BaseException as error:
        describe(error)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        status = "error" if status == "ok" else status
    os.write(report_fd, json.dumps({"status": status, "token": token, "isolation": isolation}).encode())
    os._exit(0)


def describe(error: BaseException) -> None:
    """Type and message on standard error; a full traceback would cost an import."""
    try:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
    except Exception:
        os._exit(1)


def set_limit(kind: int, value: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


main()
