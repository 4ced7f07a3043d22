"""No program reaches the caller, its files, the network or the machine, as far as `isolation` says so."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memgraph.sandbox import Limits, run_python
from tests.unit.sandbox_attacks.modes import MODES, Mode, in_mode
from tests.unit.sandbox_attacks.walls import ATTEMPTS, program

LIMITS = Limits(seconds=20, cpu_seconds=10, memory_bytes=256 * 2**20)


# with all walls as root and as a user, and with none
PARTS = [
    pytest.param(mode, id=mode.name, marks=() if mode in (*MODES[:2], MODES[-1]) else pytest.mark.slow)
    for mode in MODES
]


@pytest.fixture(scope="module", params=PARTS)
def mode(request: pytest.FixtureRequest) -> Mode:
    missing = request.param.missing()
    if missing is not None:
        pytest.skip(f"{request.param.name}: {missing}")
    return request.param


@pytest.fixture(scope="module")
def caller() -> Iterator[dict[str, Any]]:
    """What a program wants: a file, a process, a port, an abstract socket."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
    ):
        Path(folder).chmod(0o777)
        secret = Path(folder) / "password"
        secret.write_text("the password")
        secret.chmod(0o666)
        abstract = f"\0memreward-attack-{os.getpid()}"
        local.bind(abstract)
        local.listen()
        yield {
            "secret": str(secret),
            "folder": str(Path.cwd()),
            "caller": os.getpid(),
            "port": server.getsockname()[1],
            "abstract": abstract,
        }


def tried(mode: Mode, codes: dict[str, str], caller: dict[str, Any]) -> set[str]:
    """Names of those that succeeded."""
    text = program({name: code.format(**caller) for name, code in codes.items()})
    result = in_mode(mode, lambda: run_python(text, limits=LIMITS))
    assert result.status == "exit", (result.status, result.reason, result.stderr)  # it left when all were tried
    assert set(result.isolation) - {"own user"} == mode.expected()
    return set(result.stdout.splitlines()) - {""}


def test_no_attempt_succeeds_where_a_wall_stands_before_it(mode: Mode, caller: dict[str, Any]) -> None:
    walled = {name: one.code for name, one in ATTEMPTS.items() if one.walls & mode.expected()}
    assert len(walled) >= (20 if mode.expected() == {"limits"} else 40)
    assert tried(mode, walled, caller) == set()
    assert Path(caller["secret"]).read_text() == "the password"
    assert [file.name for file in Path(caller["secret"]).parent.iterdir()] == ["password"]


def test_what_is_like_it_and_harmless_succeeds(mode: Mode, caller: dict[str, Any]) -> None:
    """So that it was not a broken sandbox, or a mistake in the attempt's own words, that stopped it."""
    twins = {name: one.twin for name, one in ATTEMPTS.items() if one.twin_needs in (None, *mode.expected())}
    assert tried(mode, twins, caller) == set(twins)


WORKS_WITHOUT_WALLS = {
    "reads a file of the caller's",
    "reads it through /proc",
    "reads it upwards",
    "reads the users",
    "lists processes",
    "connects to the machine",
    "connects to an abstract socket",
    "keeps memory that no limit counts",
}


def test_attempts_succeed_where_no_wall_stands_before_them(caller: dict[str, Any]) -> None:
    """So that it is the walls that stop them."""
    bare = next(mode for mode in MODES if mode.withheld == {"namespaces", "landlock", "seccomp"})
    if (missing := bare.missing()) is not None:
        pytest.skip(missing)
    codes = {name: ATTEMPTS[name].code for name in WORKS_WITHOUT_WALLS}
    assert tried(bare, codes, caller) == WORKS_WITHOUT_WALLS


BUSY = 40  # threads of the same user, more than the sandbox lets a program have
ALONE = """
import os, threading
for _ in range(3):
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""
MANY = """
import os, time
started = 0
try:
    while started < 200:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        started += 1
except BlockingIOError:
    pass
print(started, flush=True)
"""


def test_other_processes_of_the_user_take_nothing_from_a_program_that_is_bounded_by_limits_only() -> None:
    only_limits = MODES[-1]
    if (missing := only_limits.missing()) is not None:
        pytest.skip(f"{only_limits.name}: {missing}")

    def on_a_busy_machine() -> tuple[Any, Any]:
        done = threading.Event()
        threads = [threading.Thread(target=done.wait) for _ in range(BUSY)]
        for thread in threads:
            thread.start()
        found = run_python(ALONE, limits=LIMITS), run_python(MANY, limits=LIMITS)
        done.set()
        return found

    alone, many = in_mode(only_limits, on_a_busy_machine)
    assert (alone.status, alone.isolation) == ("ok", ("limits",)), alone
    assert 0 < int(many.stdout) <= 2 * LIMITS.processes, many
