from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from memgraph.sandbox import Limits, SandboxResult, run_many, run_python

QUICK = Limits(seconds=3, cpu_seconds=1)
ESCAPE = Path(tempfile.gettempdir()) / "memreward-escape"
AS_ROOT = sys.platform == "linux" and os.getuid() == 0
as_root = pytest.mark.skipif(
    not AS_ROOT, reason="full isolation needs root on Linux; the weaker modes say so in `isolation`"
)


def run(program: str) -> SandboxResult:
    return run_python(program, limits=QUICK)


@as_root
def test_as_root_everything_is_in_force() -> None:
    assert set(run("pass").isolation) == {"no network", "own process namespace", "own mounts", "own user", "limits"}


def test_a_program_runs_with_the_standard_library_and_its_input() -> None:
    program = "import math, collections, json, socket, decimal, re, random, datetime\nprint(math.floor(2.5), input())"
    result = run_python(program, stdin="hello\n")
    assert (result.status, result.stdout, result.stderr) == ("ok", "2 hello\n", "")


def test_errors_are_results_with_their_message() -> None:
    result = run("1 / 0")
    assert (result.status, result.stderr) == ("error", "ZeroDivisionError: division by zero\n")
    assert run("def f(:").status == "error"


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("while True: pass", {"timeout"}),
        ("import time; time.sleep(60)", {"timeout"}),
        ("x = [0] * 10**9", {"memory"}),
        ("while True: print('x' * 1000)", {"output"}),
        ("open('a', 'wb').write(b'x' * 10**8)", {"error", "killed"}),
        ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", {"timeout"}),
        ("import ctypes; ctypes.string_at(0)", {"killed"}),
    ],
)
def test_limits_end_it(program: str, status: set[str]) -> None:
    start = time.monotonic()
    assert run(program).status in status
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "raise SystemExit",
        "print('ok'); import os; os._exit(0)",
        'import os; os.write(1, b\'{"status": "ok"}\'); os.abort()',
        "import os\nfor fd in range(3, 30):\n"
        '    try: os.write(fd, b\'{"status": "ok", "token": "x"}\')\n    except OSError: pass\nos._exit(0)',
    ],
)
def test_leaving_early_never_counts_as_success(program: str) -> None:
    assert run(program + "\nassert False").status != "ok"


def test_it_sees_nothing_of_the_callers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "visible")
    assert run("import os; print(dict(os.environ))").stdout == "{}\n"


@as_root
@pytest.mark.parametrize(
    "program",
    [
        f"open('/proc/{os.getpid()}/environ').read()",
        f"import os; os.kill({os.getpid()}, 9)",
        "open('/etc/memreward', 'w')",
        f"open({str(ESCAPE)!r}, 'w').write('x'); import os; os.chown({str(ESCAPE)!r}, 0, 0)",
        "import socket; socket.create_connection(('127.0.0.1', 22), timeout=1)",
        "import socket; socket.create_connection(('8.8.8.8', 53), timeout=1)",
        "import os; os.setuid(0)",
        f"import os; os.listdir({str(Path.home())!r})",
    ],
)
def test_the_world_outside_is_closed(program: str) -> None:
    assert run(program).status == "error"
    ESCAPE.unlink(missing_ok=True)


@as_root
def test_nothing_is_left_of_it() -> None:
    before = set(Path("/tmp").glob("memreward-sandbox-*"))
    program = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(47.11)\nopen('left', 'w').write('x')"
    )
    assert run(program).status == "ok"
    assert set(Path("/tmp").glob("memreward-sandbox-*")) == before
    lines = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [line for line in lines if "inside.py" in line]


def test_many_run_side_by_side_in_order() -> None:
    assert [r.stdout for r in run_many([f"print({n})" for n in range(6)], limits=QUICK)] == [f"{n}\n" for n in range(6)]
