"""Programs that read and print run once for each input, apart from each other and from what they are to print."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from memgraph.sandbox import Limits, SandboxResult, Stream, StreamTests, run_python
from tests.unit.sandboxed import EACH_MODE, LINUX, in_child

pytestmark = pytest.mark.skipif(not LINUX, reason="programs are started in namespaces and filters of Linux")
LIMITS = Limits(seconds=3, cpu_seconds=1)
ECHO = "print(input())"


def run(program: str, *pairs: tuple[str, str], every: bool = False, limits: Limits = LIMITS) -> SandboxResult:
    tests = StreamTests(tuple(Stream(*pair) for pair in pairs))
    return run_python(program, tests=tests, limits=limits, every=every)


@pytest.mark.parametrize("mode", EACH_MODE)
def test_each_input_is_a_run_in_every_mode(mode: str) -> None:
    def both() -> tuple[SandboxResult, SandboxResult]:
        pairs = [(f"{n}\n", f"{n}\n") for n in range(5)]
        return run(ECHO, *pairs), run("print(3)", *pairs, every=True)

    right, wrong = both() if mode == "root" else in_child(mode, both)
    assert (right.status, right.passed, right.total) == ("ok", 5, 5)
    assert (wrong.status, wrong.passed, wrong.total) == ("error", 1, 5)
    assert "seccomp" in right.isolation
    assert ("own process namespace" in right.isolation) is not mode.endswith("container")


def test_runs_know_nothing_of_each_other_and_nothing_of_what_they_are_to_print() -> None:
    program = """
import gc, os, sys
seen = []
for d in range(3, 64):
    try: os.fstat(d)
    except OSError: continue
    seen.append(d)
state = globals().get("state", 0) + 1
texts = [v for o in gc.get_objects() if isinstance(o, dict) for v in list(o.values()) if isinstance(v, str)]
held = [text for text in texts if "False 1 " + "__main" in text]
print(seen, state, bool(held), len(sys.argv), __name__)
"""
    assert run(program, ("", "[] 1 False 1 __main__"), ("", "[] 1 False 1 __main__")).reason == "all outputs are right"


FAILING = {
    "while True: pass": "timeout",
    "import time; time.sleep(60)": "timeout",
    "while True: print('x' * 1000)": "output",
    "import os\nwhile True: os.write(1, b'x' * 1000)": "output",
    "print(1)\nraise ValueError": "error",
    "print(1)\nimport sys; sys.exit(3)": "error",
    "print(1, flush=True)\nimport os; os._exit(1)": "error",
    "import ctypes; ctypes.string_at(0)": "killed",
    "def f(:": "error",
    "import os\nos.kill(os.getppid(), 9)\nprint(2)": "error",
}


def run_all(programs: Iterable[str], *pairs: tuple[str, str]) -> list[SandboxResult]:
    """Some side by side, since there are those that wait for their end."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda program: run(program, *pairs), programs))


def test_programs_that_fail() -> None:
    found = run_all(FAILING, ("", "1"))
    assert dict(zip(FAILING, ((result.status, result.passed) for result in found), strict=True)) == {
        program: (status, 0) for program, status in FAILING.items()
    }
    assert all(result.seconds < 12 for result in found)


PRINTING = [
    "print(1)",
    "print(1, end='')",
    "print('1  \\n\\n')",
    "import sys; sys.stdout.write('1\\r\\n')",
    "print(1); exit()",
    "print(1); quit(0)",
    "import os; os.write(1, b'1'); os._exit(0)",
    "import threading\nthreading.Thread(target=lambda: print(1)).start()",
    "import atexit\natexit.register(print, 1)",
    "import os\nif os.fork() == 0:\n    import time; time.sleep(60)\nprint(1)",
    "def main():\n    print(1)\nif __name__ == '__main__':\n    main()",
]


def test_programs_that_print_what_they_shall() -> None:
    found = run_all(PRINTING, ("", "1\n"))
    assert [program for program, result in zip(PRINTING, found, strict=True) if result.status != "ok"] == []


def test_other_lines_are_another_output() -> None:
    printed = ["1 2", " 1\n2", "1\n\n2", "2\n1", "1.0\n2"]
    found = run_all((f"print({text!r})" for text in printed), ("", "1\n2"))
    assert [result.reason for result in found] == ["another output on input 1 of 1"] * len(printed)


def test_large_inputs_and_outputs_pass_through() -> None:
    text = "\n".join(str(n) for n in range(200_000))
    assert run("import sys\nsys.stdout.write(sys.stdin.read())", (text, text)).status == "ok"
    assert run("print(1)", (text, "1")).status == "ok"  # it need not read


def test_many_inputs_take_little_longer_than_one() -> None:
    one = run(ECHO, ("1", "1"), limits=Limits())
    many = run(ECHO, *[("1", "1")] * 20, limits=Limits())
    assert many.passed == 20
    assert many.seconds < 10 * one.seconds
