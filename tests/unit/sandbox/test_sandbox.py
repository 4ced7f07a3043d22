"""What a run in the sandbox gives back, and what its limits do."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from memgraph.domains import Item
from memgraph.domains.code import Code
from memgraph.domains.references import Reference
from memgraph.errors import SandboxError
from memgraph.sandbox import Limits, SandboxResult, launcher, run_python
from tests.unit.sandboxed import EACH_MODE, MODES, QUICK, in_child, run_all_as, run_as, run_side_by_side

MEBIBYTE = 2**20
OPEN_LIBRARY = all(folder.stat().st_mode & 1 for folder in Path(os.__file__).parents)


def run(program: str) -> SandboxResult:
    return run_python(program, limits=QUICK)


@pytest.mark.parametrize("mode", MODES)
def test_it_says_what_is_in_force(mode: str) -> None:
    expected = {
        "root": {"no network", "own process namespace", "own files", "own user", "limits", "landlock", "seccomp"},
        "user": {
            *("no network", "own process namespace", "own user namespace"),
            *("own files", "limits", "landlock", "seccomp"),
        },
        # only where the interpreter does not lie in root's own home
        "root in a container": {"limits", "landlock", "seccomp", *(["own user"] if OPEN_LIBRARY else [])},
        "user in a container": {"limits", "landlock", "seccomp"},
    }
    assert set(run_as(mode, "pass").isolation) == expected[mode]


@pytest.mark.parametrize("mode", EACH_MODE)
def test_a_program_has_the_standard_library(mode: str) -> None:
    program = (
        "import math, collections, json, socket, decimal, re, random, datetime, hashlib, sqlite3, asyncio\n"
        "asyncio.run(asyncio.sleep(0))\nprint(math.floor(2.5))"
    )
    result = run_as(mode, program)
    assert (result.status, result.stdout, result.stderr) == ("ok", "2\n", "")


def test_a_program_reads_its_input_and_has_a_small_disk() -> None:
    result = run_python("print(input())\nopen('a', 'w').write('b')\nprint(open('a').read())", stdin="hello\n")
    assert (result.status, result.stdout) == ("ok", "hello\nb\n")


@pytest.mark.parametrize(
    ("what", "when"),
    [
        ("fence.leave_namespaces", "True"),
        ("fence.close_in", "len(named['keep']) == 3"),  # where the tests run
        ("fence.close_in", "len(named['keep']) == 2"),  # where the program runs
        ("main.json.loads", "True"),
    ],
)
def test_a_sandbox_that_does_not_start_says_nothing_about_the_program(
    monkeypatch: pytest.MonkeyPatch, what: str, when: str
) -> None:
    start = (
        "import sys; sys.path.insert(0, sys.argv[1]); from inside import fence, launching, main\n"
        f"real = {what}\n"
        "def broken(*given, **named):\n"
        f"    if {when}: raise OSError(28, 'no space')\n"
        "    return real(*given, **named)\n"
        f"{what} = broken\n"
        "launching.serve(int(sys.argv[2]))"
    )
    broken = launcher.Launcher(start=start)
    monkeypatch.setattr(launcher, "_here", broken)
    with pytest.raises(SandboxError, match=r"could not start a program: .*(no space|closed in)"):
        run("pass")
    verdict = Code().verify([Item("def f(x): return x", Reference("tests", "assert f(1) == 1"), "code")])[0]
    assert verdict.score is None
    broken.close()


def test_a_launcher_that_was_killed_is_replaced() -> None:
    assert run("print(1)").stdout == "1\n"
    killed = launcher._here
    assert killed is not None
    killed._process.kill()
    killed._process.wait()
    assert run("print(2)").stdout == "2\n"
    assert launcher._here is not killed


def test_a_forked_process_has_a_launcher_of_its_own() -> None:
    assert run("print(1)").stdout == "1\n"
    ours = launcher._here

    def forked() -> bool:
        assert launcher._here is None
        return run("print(2)").stdout == "2\n"

    assert in_child("root", forked)
    assert launcher._here is ours
    assert run("print(3)").stdout == "3\n"


def test_errors_are_results_with_their_message() -> None:
    result = run("1 / 0")
    assert (result.status, result.stderr) == ("error", "ZeroDivisionError: division by zero\n")
    assert run("def f(:").status == "error"


@pytest.mark.parametrize("program", ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit"])
def test_a_program_that_leaves_is_reported_at_once(program: str) -> None:
    result = run(program)
    assert result.status == "exit"
    assert result.seconds < QUICK.seconds


ENDLESS: dict[str, set[str]] = {
    "while True: pass": {"timeout"},
    "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass": {"killed", "timeout"},
    "import time; time.sleep(60)": {"timeout"},
    "x = [0] * 10**9": {"memory"},
    "while True: print('x' * 1000)": {"output"},
    "import os\nwhile True: os.write(2, b'x' * 1000)": {"output"},
    "open('a', 'wb').write(b'x' * 10**8)": {"error", "killed"},
    "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass": {"timeout"},
    "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()": {"error"},
    "import ctypes; ctypes.string_at(0)": {"killed"},
    "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()": {"killed", "error", "memory", "timeout"},
}


@pytest.mark.parametrize(
    ("mode", "step"),  # with and without namespaces, and one program in so many
    [(MODES[0], 1), (MODES[-1], 3), pytest.param(MODES[-1], 1, marks=pytest.mark.slow)],
)
def test_limits_end_it(mode: str, step: int) -> None:
    programs = list(ENDLESS)[::step]
    found = run_all_as(mode, programs, limits=Limits(seconds=2.5, cpu_seconds=1))
    for program, result in zip(programs, found, strict=True):
        assert result.status in ENDLESS[program], program
        assert result.seconds < 15, program


@pytest.mark.parametrize("mode", EACH_MODE)
def test_memory_is_bounded_for_all_processes_together(mode: str) -> None:
    program = (
        "import os, time\nfor _ in range(9):\n    try:\n        if os.fork() == 0: break\n    except OSError: break\n"
        f"x = bytearray(100 * {MEBIBYTE})\nfor n in range(0, len(x), 4096): x[n] = 1\ntime.sleep(60)"
    )
    alone = mode.endswith("container")  # there it cannot fork at all
    limits = Limits(seconds=2 if alone else 5, cpu_seconds=5, memory_bytes=300 * MEBIBYTE)
    assert run_as(mode, program, limits=limits).status == ("timeout" if alone else "memory")


@pytest.mark.parametrize("mode", EACH_MODE)
def test_files_are_bounded_together(mode: str) -> None:
    program = f"""
written = 0
try:
    for number in range(10000):
        with open(f"file{{number}}", "wb") as file:
            written += file.write(bytes({MEBIBYTE} // 2))
except OSError:
    pass
print(written)
"""
    result = run_as(mode, program)
    assert result.status == "ok"
    assert int(result.stdout) <= (0 if mode.endswith("container") else QUICK.disk_bytes)


@pytest.mark.parametrize("mode", EACH_MODE)
def test_the_number_of_files_is_bounded(mode: str) -> None:
    program = """
made = 0
try:
    for made in range(100000): open(f"f{made}", "w").close()
except OSError:
    pass
print(made)
"""
    assert int(run_as(mode, program).stdout) <= (0 if mode.endswith("container") else 1024)


WAYS_ROUND = """
import ctypes, resource
libc = ctypes.CDLL(None)
ways = {
    "shared memory": lambda: libc.shmget(1, 2**20, 0o1600) >= 0,
    "memory file": lambda: libc.memfd_create(b"x", 0) >= 0,
    "user namespace": lambda: libc.unshare(0x10000000 | 0x20000) == 0,
    "clone": lambda: libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0) >= 0,
    "limits": lambda: resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40)) is None,
    "none": lambda: libc.getpid() > 0,
}
for way, taken in ways.items():
    try:
        if taken(): print(way)
    except (OSError, ValueError): pass
"""


@pytest.mark.parametrize("mode", EACH_MODE)
def test_no_way_round_the_limits(mode: str) -> None:
    result = run_as(mode, WAYS_ROUND)
    assert (result.status, result.stdout) == ("ok", "none\n")


def is_orphan_of_sandbox(process: psutil.Process) -> bool:
    """Whether it came from a sandbox and the one that started the sandbox is gone, or is this process."""
    try:
        family = [process, *process.parents()]
        inside = ["from inside.main import main" in " ".join(member.cmdline()) for member in family]
    except psutil.Error:
        return False
    starter = next((member.pid for member, is_inside in zip(family, inside, strict=True) if not is_inside), 1)
    return inside[0] and starter in (1, os.getpid())


@pytest.mark.parametrize("mode", EACH_MODE)
def test_nothing_is_left_of_it(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = """
import os, time
for _ in range(3):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(47.11)
            os._exit(0)
    except OSError: pass
try:
    os.makedirs("a/b"); os.symlink("/", "a/link"); os.symlink("..", "a/up"); os.chmod("a", 0)
    deep = ""
    for _ in range(1500): os.mkdir("d"); os.chdir("d")
except OSError: pass
"""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    running = {process.pid for process in psutil.process_iter()}
    result = run_as(mode, program, "assert True", limits=Limits(seconds=5, cpu_seconds=1))
    assert result.seconds < 5
    assert not list(folder.iterdir())
    folder.rmdir()
    left = [
        process for process in psutil.process_iter() if process.pid not in running and is_orphan_of_sandbox(process)
    ]
    assert not left


def test_a_run_ends_with_the_process_that_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # a process that is killed leaves the run's folder

    def start_and_die() -> int:
        if os.fork() == 0:
            run_python("import time; time.sleep(60)", limits=Limits(seconds=100))
        time.sleep(1.5)
        children = psutil.Process().children(recursive=True)
        ours = [child.pid for child in children if "inside.launching" in " ".join(child.cmdline())]
        for child in psutil.Process().children():
            child.kill()
        for _ in range(100):
            time.sleep(0.1)
            left = [process for process in psutil.process_iter(["status"]) if process.pid in ours]
            left = [process for process in left if process.info["status"] != psutil.STATUS_ZOMBIE]
            if not left:
                break
        return len(ours) * 100 + len(left)

    started, left = divmod(in_child("root" if os.getuid() == 0 else "user", start_and_die), 100)
    assert started >= 4  # the launcher, and what it started
    assert left == 0


def test_many_run_side_by_side_in_order() -> None:
    programs = [f"print({n})\nassert {n} < 2" for n in range(4)]
    results = run_side_by_side(programs)
    assert [(r.status, r.stdout) for r in results] == [("ok", "0\n"), ("ok", "1\n"), ("error", "2\n"), ("error", "3\n")]


@pytest.mark.skipif(sys.platform == "linux", reason="the platforms without namespaces")
def test_elsewhere_only_limits_are_in_force() -> None:
    assert run("pass").isolation == ("limits",)


def test_a_flood_that_outruns_the_report_of_its_beginning_is_the_programs_own_doing() -> None:
    flood = "import os\nwhile True: os.write(2, b'x' * 60000)"
    statuses = [result.status for result in run_side_by_side([flood] * 12)]
    assert statuses == ["output"] * 12
