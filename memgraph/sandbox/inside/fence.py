"""Walls around a process: namespaces, a root folder with nearly nothing in it, limits, no rights, no open files.

Each function returns what came into force, in the words of `SandboxResult.isolation`; where the platform refuses, the
other walls still stand.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from . import seccomp

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER = 1, 4, 24, 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITIES_VERSION, _CAPABILITIES = 0x20080522, 64
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_RIGHTS = (
    0,
    13,
    14,
    15,
    15,
    16,
    16,
    16,
)  # number of file rights by version; the newest known counts for later
_LANDLOCK_READ, _LANDLOCK_FILE = 0b1101, 0b1100000000000110  # execute, read files and folders; what files have of all
_LANDLOCK_SCOPES = 0b11  # abstract sockets and signals, since version 6
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
WORK = "/tmp"  # noqa: S108 (inside the sandbox's own root)
EMPTY = "/tests"  # where tests run: nobody writes there
CPU_TIME_OVER = 152  # exit code; a program that leaves with it deceives nobody to its advantage

libc: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Be killed when the process that started this one ends; changes of user undo it."""
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def leave_namespaces() -> list[str]:
    """Leave the network, the mounts and the other processes; without root in a user namespace."""
    if libc is None:
        return []
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # where no namespace ends with it, its orphans stay its own
    flags = _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWNS
    uid, gid = os.getuid(), os.getgid()
    left = ["no network", "own process namespace"]
    if uid == 0 and libc.unshare(flags) == 0:
        return left
    if libc.unshare(flags | _CLONE_NEWUSER) != 0:
        return []
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        try:
            with open(f"/proc/self/{file}", "w") as stream:
                stream.write(text)
        except OSError:
            break
    return [*left, "own user namespace"]


def nest() -> None:
    """A further process namespace for the next child: it cannot name, and so not signal, the process that made it."""
    if libc is not None:
        libc.unshare(_CLONE_NEWPID)


def own_root(folder: str, owner: int, disk_bytes: int, shown: Sequence[str]) -> list[str]:
    """Change into a root that holds Python's library, system libraries (all read-only) and an empty, small /tmp.

    No home, no /proc, no programs. The paths of the library stay, so that the interpreter finds it where it was.

    Args:
        folder: an empty one, to mount on.
        owner: user of /tmp.
        disk_bytes: size of /tmp, which lies in memory and ends with the run.
        shown: files and folders of libraries, read-only like Python's own.
    """
    small = f"mode=0755,size={2**20},nr_inodes=512"
    safe = _MS_NOSUID | _MS_NODEV
    below = sorted({WORK + "/" + path.split("/")[2] for path in shown if path.startswith(WORK + "/")} - set(shown))
    mode = "0711" if below else "0700"  # the tests' user has to pass through to libraries, and may list nothing
    work = f"mode={mode},uid={owner},gid={owner},size={disk_bytes},nr_inodes=1024"
    if not (_mount("none", "/", "", _MS_REC | _MS_PRIVATE) and _mount("tmpfs", folder, "tmpfs", safe, small)):
        return []
    os.mkdir(folder + WORK)
    os.mkdir(folder + EMPTY)
    if not _mount("tmpfs", folder + WORK, "tmpfs", safe | _MS_NOEXEC, work):
        return []
    # Libraries may lie below the work folder, as those of an environment in /tmp do. The folder belongs to the program: what
    # leads to them is a mount of its own, which cannot be renamed to put something else in its place.
    for path in below:
        os.mkdir(folder + path)
        if not _mount("tmpfs", folder + path, "tmpfs", safe, small):
            return []
    for path in (*_shown(shown), *_DEVICES):
        _show(path, folder + path)
    for path in (*below, ""):
        if not _mount("none", folder + path, "", _MS_REMOUNT | _MS_BIND | _MS_RDONLY | safe):
            return []
    os.chdir(folder)
    if libc.pivot_root(b".", b".") != 0 or libc.umount2(b".", _MNT_DETACH) != 0:
        return []
    os.chdir(WORK)
    return ["own files"]


def _shown(more: Sequence[str]) -> list[str]:
    library = os.path.dirname(os.path.dirname(os.__file__))
    wanted = [library, "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", *more]
    shown: list[str] = []
    for path in wanted:
        if os.path.exists(path) and not any(path == other or path.startswith(other + "/") for other in shown):
            shown.append(path)
    return sorted(shown, key=len)


def _show(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source) and source.count("/") == 1:  # /lib → usr/lib
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    kept = os.statvfs(source).f_flag & (_MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)  # may not be taken away
    device = source in _DEVICES
    if _mount(source, target, "", _MS_BIND | _MS_REC) and not device:
        _mount("none", target, "", _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV | kept)


def _mount(source: str, target: str, kind: str, flags: int, data: str = "") -> bool:
    return bool(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()) == 0)


def close_in(
    limits: Mapping[str, int], user: int, *, own: list[str], keep: tuple[int, ...], shown: Sequence[str]
) -> list[str]:
    """Give up everything for good, in the process that is to run foreign code.

    Without files of its own it writes none, and without a process namespace it starts no process, as nothing would bound
    how many there are or end them.

    Args:
        limits: the fields of `memgraph.sandbox.Limits`.
        user: number of the user to become, where that is possible.
        own: what is in force already.
        keep: file descriptors that stay open beside the three standard ones.
        shown: files and folders that may be read beside Python's library.
    """
    force: list[str] = []
    writes, forks = "own files" in own, "own process namespace" in own
    close_all_but(keep)
    os.umask(0o077)
    _limit(resource.RLIMIT_CORE, 0)
    # an init is spared by the default actions of signals: so a handler, and then the hard limit
    signal.signal(signal.SIGXCPU, lambda *_: os._exit(CPU_TIME_OVER))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_seconds"], limits["cpu_seconds"] + 1))
    _limit(resource.RLIMIT_FSIZE, limits["file_bytes"] if writes else 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _limit(resource.RLIMIT_NOFILE, limits["open_files"])
    # a library that root alone can read, in its home, must stay readable: then landlock has to do
    if os.getuid() == 0 and (
        writes or all(map(_open_to_all, (os.path.dirname(os.__file__), *shown))) or _landlock_version() < 1
    ):
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            force.append("own user")
    others = 0 if forks else _tasks_of_user()  # counted here, as landlock hides them
    _limit(resource.RLIMIT_AS, limits["memory_bytes"])
    force.append("limits")
    if libc is not None:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        end_with_parent()
        _drop_capabilities()
        if _landlock(writes, shown):
            force.append("landlock")
        if seccomp.install(libc, forks=forks):
            force.append("seccomp")
    if forks or "seccomp" not in force:
        _limit(resource.RLIMIT_NPROC, others + limits["processes"])
    os.environ.clear()
    return force


def _tasks_of_user() -> int:
    """Processes and threads that the user has already: the kernel's limit counts them all, whoever started them."""
    user, tasks = os.getuid(), 0
    with suppress(OSError):
        for name in os.listdir("/proc"):
            with suppress(OSError):
                if name.isdigit() and os.stat(f"/proc/{name}").st_uid == user:
                    tasks += os.stat(f"/proc/{name}/task").st_nlink - 2
    return tasks


def _limit(kind: int, value: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def empty_folder(own: list[str], folder: str) -> int:
    """Where tests run, as a descriptor: no file is there and none can be made, so no import finds one of the program's.

    Args:
        folder: a fresh one, for where there are no own files.
    """
    if "own files" in own:
        return os.open(EMPTY, os.O_PATH | os.O_DIRECTORY)
    place = os.path.join(folder, "tests")
    os.mkdir(place)
    descriptor = os.open(place, os.O_PATH | os.O_DIRECTORY) if hasattr(os, "O_PATH") else os.open(place, os.O_RDONLY)
    os.rmdir(place)  # a folder that is no longer there takes no files
    return descriptor


def close_all_but(keep: tuple[int, ...]) -> None:
    """Close every file but the standard ones and these."""
    first = 3
    for descriptor in sorted(keep):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, resource.getrlimit(resource.RLIMIT_NOFILE)[0] if first < 2**16 else first)


def _drop_capabilities() -> None:
    """A process in a user namespace of its own has them all there."""
    for capability in range(_CAPABILITIES):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.capset(struct.pack("Ii", _CAPABILITIES_VERSION, 0), bytes(24))


def _open_to_all(folder: str) -> bool:
    if not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while os.stat(folder).st_mode & 0o5 == 0o5 and folder != "/":
        folder = os.path.dirname(folder)
    return folder == "/"


def _landlock_version() -> int:
    return int(libc.syscall(_LANDLOCK_CREATE, None, 0, 1)) if libc is not None else 0


def _landlock(writes: bool, shown: Sequence[str]) -> bool:
    """Reading in the shown folders and devices only, writing in the work folder only, where at all."""
    version = _landlock_version()
    if version < 1:
        return False
    every = (1 << _LANDLOCK_RIGHTS[min(version, len(_LANDLOCK_RIGHTS) - 1)]) - 1
    network = 0b11 if version >= 4 else 0
    rules = struct.pack("QQQ", every, network, _LANDLOCK_SCOPES if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(_LANDLOCK_CREATE, rules, size, 0)
    if ruleset < 0:
        return False
    allowed = dict.fromkeys(_shown(shown), _LANDLOCK_READ) | dict.fromkeys(_DEVICES, _LANDLOCK_FILE)
    if writes:
        allowed[WORK] = every
    for path, rights in allowed.items():
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rights &= every if os.path.isdir(path) else every & _LANDLOCK_FILE
        libc.syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", rights, place), 0)
        os.close(place)
    done = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return bool(done)
