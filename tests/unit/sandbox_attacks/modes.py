"""The walls that a kernel may or may not give, each withheld from a child process as a container's profile would do it.

The sandbox is never told what it lacks. A filter of system calls (seccomp) in the child makes the kernel refuse it, and
what is in force must come out of that. Whether a mode can be entered on this machine is found out by asking the kernel,
apart from the sandbox: where it can, the mode is no excuse to skip.
"""

from __future__ import annotations

import ctypes
import errno
import os
import pickle
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LINUX = sys.platform == "linux"
NOBODY = 65534
LIBC: Any = ctypes.CDLL(None, use_errno=True) if LINUX else None

NAMESPACES = frozenset({"no network", "own process namespace", "own files"})
_NEW = 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x00020000  # process, network, messages, host name, mounts
_NEW_USER = 0x10000000
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38

# system call: number on x86_64, on aarch64
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_UNSHARE, _SETNS, _CLONE, _CLONE3 = (272, 97), (308, 268), (56, 220), (435, 435)
_PRCTL, _SECCOMP = (157, 167), (317, 277)
_LANDLOCK = ((444, 444), (445, 445), (446, 446))
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_ALL_NEW = 0x7E020000


@dataclass(frozen=True)
class Mode:
    """A machine as the sandbox may find it.

    Attributes:
        root: whether the caller is root, or a user without rights.
        withheld: "namespaces", "landlock", "seccomp".
    """

    name: str
    root: bool
    withheld: frozenset[str]

    def expected(self) -> frozenset[str]:
        """What the sandbox must say is in force, by what the kernel gives; "own user" is asked for apart."""
        found = {"limits"}
        if "namespaces" not in self.withheld:
            found |= NAMESPACES | (set() if self.root else {"own user namespace"})
        return frozenset(found | ({"landlock", "seccomp"} - self.withheld))

    def missing(self) -> str | None:
        """Why this machine cannot be made into that one; None if it can."""
        if not LINUX:
            return "there are no walls but limits on this platform"
        if os.uname().machine not in _MACHINES:
            return f"system calls of {os.uname().machine} are not known here"
        if self.root and os.getuid():
            return "the tests do not run as root"
        if not (self.root or os.getuid()) and not _as_user_possible():
            return "there is no Python 3.11 that another user than root may read"
        if self.withheld and not _kernel_gives("seccomp", self.root):
            return "the kernel takes no filter, so nothing can be withheld"
        for wall in ("namespaces", "landlock", "seccomp"):
            if wall not in self.withheld and not _kernel_gives(wall, self.root):
                return f"the kernel gives {'root' if self.root else 'a user'} no {wall} here"
        return None


def _mode(root: bool, *withheld: str) -> Mode:
    return Mode(
        f"{'root' if root else 'user'}{''.join(f', no {wall}' for wall in withheld)}", root, frozenset(withheld)
    )


AS_ROOT = LINUX and os.getuid() == 0
MODES = [
    _mode(True),
    _mode(False),
    _mode(AS_ROOT, "namespaces"),
    _mode(False, "landlock"),
    _mode(AS_ROOT, "seccomp"),
    _mode(False, "namespaces", "landlock"),
    _mode(False, "namespaces", "landlock", "seccomp"),
]


def in_mode(mode: Mode, what: Callable[[], Any]) -> Any:
    """What a function returns in a child process from which the kernel withholds something.

    Raises:
        Exception: what the function raised.
    """
    return _in_child(lambda: (_enter(mode), what())[1])


def _enter(mode: Mode) -> None:
    python = (_other_python() if not _open_to_all(Path(os.__file__)) and not mode.root else None) or sys.executable
    if not mode.root and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # as a process that was started by that user
        os.environ["HOME"] = "/"
        sys.executable = python
    if mode.withheld:
        withhold(mode.withheld)


def withhold(walls: frozenset[str]) -> None:
    """Let the kernel refuse what walls are made of, for good, to this process and all that it starts."""
    column, audit = _MACHINES[os.uname().machine]
    refused: dict[int, int] = {}
    if "namespaces" in walls:
        refused |= {_UNSHARE[column]: errno.EPERM, _SETNS[column]: errno.EPERM, _CLONE3[column]: errno.ENOSYS}
    if "landlock" in walls:
        refused |= {numbers[column]: errno.ENOSYS for numbers in _LANDLOCK}
    if "seccomp" in walls:
        refused[_SECCOMP[column]] = errno.ENOSYS
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _FAIL | errno.ENOSYS), (_LOAD, 0, 0, 0)]
    for number, error in refused.items():
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | error)]
    if "namespaces" in walls:
        lines += _refused_by_argument(_CLONE[column], _ANY_BIT, _ALL_NEW, errno.EPERM)
    if "seccomp" in walls:
        lines += _refused_by_argument(_PRCTL[column], _EQUAL, _PR_SET_SECCOMP, errno.EINVAL)
    lines.append((_RETURN, 0, 0, _ALLOW))
    assert install(lines), "the kernel took no filter, though it did when it was asked"


def _refused_by_argument(number: int, test: int, value: int, error: int) -> list[tuple[int, int, int, int]]:
    """A call is refused for what its first argument is; the number is loaded again for what follows."""
    refuse = [(_LOAD, 0, 0, 16), (test, 0, 1, value), (_RETURN, 0, 0, _FAIL | error), (_LOAD, 0, 0, 0)]
    return [(_EQUAL, 0, len(refuse), number), *refuse]


def install(lines: list[tuple[int, int, int, int]]) -> bool:
    """Put this process under a filter."""
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(buffer))
    LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(LIBC.prctl(_PR_SET_SECCOMP, 2, header, 0, 0) == 0)


@cache
def _kernel_gives(wall: str, root: bool) -> bool:
    """Asked of the kernel by a child that uses it, and ends."""

    def ask() -> bool:
        _enter(Mode("asking", root, frozenset()))
        if wall == "landlock":
            return int(LIBC.syscall(444, None, 0, 1)) >= 1
        if wall == "seccomp":
            return install([(_RETURN, 0, 0, _ALLOW)])
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            uid, gid = os.getuid(), os.getgid()
            if LIBC.unshare(_NEW | (0 if root else _NEW_USER)) != 0:
                return False
            if not root:
                for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
                    Path(f"/proc/self/{file}").write_text(text)
            private, safe = ctypes.c_ulong(16384 | 1 << 18), ctypes.c_ulong(2 | 4)
            mounted = (
                LIBC.mount(b"none", b"/", b"", private, b"") == 0
                and LIBC.mount(b"tmpfs", folder.encode(), b"tmpfs", safe, b"") == 0
            )
            LIBC.umount2(folder.encode(), 2)  # detached: the folder could not be removed beneath it
            return mounted

    try:
        return bool(_in_child(ask))
    except OSError:
        return False


def _in_child(what: Callable[[], Any]) -> Any:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                found: tuple[bool, Any] = (True, what())
            except Exception as error:
                found = (False, error)
            with os.fdopen(write, "wb") as stream:
                pickle.dump(found, stream)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    succeeded, result = pickle.loads(data)
    if not succeeded:
        raise result
    return result


def _open_to_all(file: Path) -> bool:
    return all(folder.stat().st_mode & 0o1 for folder in file.parents)


@cache
def _other_python() -> str | None:
    """A Python that another user may run, new enough for the inner side of the sandbox."""
    for path in sorted(Path("/usr/bin").glob("python3.[0-9]*"), reverse=True):
        digits = path.name.removeprefix("python3.")
        if digits.isdigit() and int(digits) >= 11:
            return str(path)
    return None


def _as_user_possible() -> bool:
    return _open_to_all(Path(os.__file__)) or _other_python() is not None
