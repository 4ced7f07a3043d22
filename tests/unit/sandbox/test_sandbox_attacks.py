"""Programs that try to get out of the sandbox, or to pass tests without being right. None may succeed."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memgraph.sandbox import run_python
from tests.thorough import every
from tests.unit.sandboxed import EACH_MODE, LINUX, MODES, QUICK, run_as

pytestmark = pytest.mark.skipif(not LINUX, reason="elsewhere only limits are in force, as `isolation` says")

TESTS = "assert double(2) == 4\nassert double(0) == 0"
WRONG = "def double(x): return None\n"


@pytest.fixture(scope="module")
def secret() -> Iterator[Path]:
    """A file that everybody may read, in the caller's temporary folder."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "password").open("w") as file:
        file.write("the password")
        file.flush()
        Path(folder).chmod(0o777)
        Path(file.name).chmod(0o666)
        yield Path(file.name)


@pytest.mark.parametrize("mode", EACH_MODE)
def test_it_reads_nothing_of_the_callers(mode: str, secret: Path) -> None:
    program = f"""
import os
found = []
def attempt(what, do):
    try: found.append((what, do()))
    except Exception: pass
attempt("file", lambda: open({str(secret)!r}).read())
for folder in ("/", "/root", "/home", {str(Path.home())!r}, {str(Path.cwd())!r}, "/work", "/etc", "/proc", "/var", "/tmp/.."):
    attempt(folder, lambda: os.listdir(folder))
for file in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/dev/mem", "/dev/vda", "/proc/self/environ", "/proc/self/maps"):
    attempt(file, lambda: open(file, "rb").read(10))
for process in ({os.getpid()}, os.getppid(), 1):
    for file in ("environ", "cmdline", "maps", "mem", "cwd/.", "root/etc/passwd", "fd/3"):
        attempt(file, lambda: open(f"/proc/{{process}}/{{file}}", "rb").read(10))
attempt("environment", lambda: 1 / bool(os.environ))
for descriptor in range(64):
    if descriptor not in (0, 1, 2):
        attempt(f"descriptor {{descriptor}}", lambda: (os.fstat(descriptor).st_mode & 0o170000 != 0o10000) and descriptor or 1 / 0)
attempt("link", lambda: os.symlink({str(secret)!r}, "link") or open("link").read())
attempt("hard link", lambda: os.link({str(secret)!r}, "hard") or open("hard").read())
print(found)
"""
    result = run_as(mode, program)
    assert (result.status, result.stdout) == ("ok", "[]\n")


@pytest.mark.parametrize("mode", EACH_MODE)
def test_it_sees_nothing_of_the_callers_environment(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "visible")
    assert run_as(mode, "import os; print(dict(os.environ), os.getenv('SECRET'))").stdout == "{} None\n"


@pytest.mark.parametrize("mode", EACH_MODE)
def test_it_changes_nothing_outside(mode: str, secret: Path) -> None:
    program = f"""
import os, signal, ctypes, sys
done = []
def attempt(what, do):
    try:
        if do() not in (-1,): done.append(what)
    except Exception: pass
libc = ctypes.CDLL(None, use_errno=True)
attempt("overwrite", lambda: open({str(secret)!r}, "w"))
attempt("append", lambda: open({str(secret)!r}, "a"))
attempt("remove", lambda: os.remove({str(secret)!r}))
attempt("create", lambda: open({str(secret)!r} + ".new", "w"))
attempt("library", lambda: open(os.path.join(os.path.dirname(os.__file__), "sneak.py"), "w"))
attempt("overwrite library", lambda: open(os.__file__, "r+"))
for process in ({os.getpid()}, os.getppid(), -1, 0):
    for number in (signal.SIGTERM, signal.SIGKILL, 0):
        attempt(f"kill {{process}}", lambda: os.kill(process, number))
attempt("ptrace", lambda: libc.ptrace(16, {os.getpid()}, 0, 0))
attempt("ptrace", lambda: libc.ptrace(16, os.getppid() or 1, 0, 0))
attempt("user", lambda: os.setuid(0) if os.getuid() else 1 / 0)
attempt("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, b""))
attempt("unmount", lambda: libc.umount2(b"/tmp", 2))
attempt("chroot", lambda: os.chroot("/tmp"))
attempt("host name", lambda: libc.sethostname(b"x", 1))
attempt("time", lambda: libc.stime(ctypes.byref(ctypes.c_long(0))))
attempt("node", lambda: os.mknod("disk", 0o060666, os.makedev(254, 0)))
print(done)
"""
    result = run_as(mode, program)
    assert (result.status, result.stdout) == ("ok", "[]\n")
    assert secret.read_text() == "the password"


@pytest.mark.parametrize("mode", EACH_MODE)
def test_it_reaches_no_network_and_no_socket_of_the_machine(mode: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0memreward-test")
        local.listen()
        program = f"""
import socket
reached = []
for kind, address in ((socket.AF_INET, ("127.0.0.1", {server.getsockname()[1]})), (socket.AF_INET, ("8.8.8.8", 53)),
                      (socket.AF_UNIX, "\\0memreward-test"), (socket.AF_UNIX, "/var/run/docker.sock")):
    for form in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(kind, form) as client:
                client.settimeout(1)
                client.connect(address)
                reached.append(address)
        except OSError: pass
print(reached)
"""
        assert run_as(mode, program).stdout == "[]\n"


CHEATS = {
    "exit": "import sys; sys.exit(0)",
    "hard exit": "import os; os._exit(0)",
    "exit in a call": "import os\ndef double(x): os._exit(0)",
    "system exit in a call": "def double(x): raise SystemExit(0)",
    "end of loop": "def double(x): raise StopIteration",
    "always equal": "class E:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\n"
    "    def __bool__(s): return True\ndef double(x): return E()",
    "always equal number": "class E(int):\n    def __eq__(s, o): return True\n    __hash__ = None\ndef double(x): return E(7)",
    "always equal list": "class E(list):\n    def __eq__(s, o): return True\ndef double(x): return E()",
    "any": "from unittest.mock import ANY\ndef double(x): return ANY",
    "any as the function": "from unittest.mock import _ANY as double",
    "builtins": "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\n"
    "for n in ('all', 'abs', 'len', 'isinstance', 'sorted'): setattr(builtins, n, lambda *a: True)\n" + WRONG,
    "trace": "import sys\ndef t(*a): sys.settrace(t); return t\nsys.settrace(t); sys.setprofile(t)\n" + WRONG,
    "handlers at exit": "import atexit, os\natexit.register(lambda: os._exit(0))\n" + WRONG,
    "exception hook": "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\n" + WRONG,
    "signal": "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0)); signal.setitimer(0, .01)\n"
    "def double(x):\n    while True: pass",
    "thread": "import threading, os, time\n"
    "threading.Thread(target=lambda: (time.sleep(.05), os._exit(0)), daemon=True).start()\n"
    "def double(x): time.sleep(1)",
    "fork": "import os\ndef double(x):\n    if os.fork() == 0: os._exit(0)\n    return None",
    "frames": "import sys\ndef double(x):\n    frame = sys._getframe()\n    while frame:\n"
    "        for name, value in list(frame.f_locals.items()) + list(frame.f_globals.items()):\n"
    "            if isinstance(value, str) and 'double(2) =' + '=' in value: return 4 if x == 2 else 0\n"
    "        frame = frame.f_back",
    "memory": "import gc\ndef double(x):\n    for o in gc.get_objects():\n"
    "        if isinstance(o, dict):\n            for v in list(o.values()):\n"
    "                if isinstance(v, (str, bytes)) and 'assert ' + 'double' in str(v): return 2 * x\n",
    "result pipe": "import os, json\nfor fd in range(3, 64):\n"
    '    try: os.write(fd, json.dumps({"status": "ok", "reason": "", "isolation": []}).encode() + b"\\n")\n'
    "    except OSError: pass\n" + WRONG,
    "exchange": "import os, json\ndef put(m):\n    d = json.dumps(m).encode()\n    for fd in range(3, 64):\n"
    "        try: os.write(fd, len(d).to_bytes(8, 'big') + d)\n        except OSError: pass\n"
    "put({}); put({'offered': {'double': {'builtin': 'int'}}}); put({'value': True}); put({'value': True})\n" + WRONG,
    "callback into the tests": "import os, json\ndef double(x):\n    for of in range(200):\n"
    "        d = json.dumps({'op': 'get', 'of': of, 'name': '__globals__', 'args': []}).encode()\n"
    "        for fd in range(3, 64):\n"
    "            try: os.write(fd, len(d).to_bytes(8, 'big') + d)\n            except OSError: pass\n",
    "huge value": "def double(x): return 'x' * 10**8",
    "deep value": "def double(x):\n    v = []\n    for _ in range(100000): v = [v]\n    return v",
    "module of the tests' name": "import sys, types\nm = types.ModuleType('tests'); sys.modules['tests'] = m\n" + WRONG,
    "exchange broken": "import sys\nfor m in list(sys.modules.values()):\n"
    "    for n in ('Peer', 'encode', 'Remote'):\n        if hasattr(m, n): setattr(m, n, lambda *a, **k: True)\n"
    + WRONG,
}


@pytest.mark.parametrize("status", ["ok", "unsupported", "not started", ["ok"]])
def test_a_program_does_not_choose_its_verdict(status: object) -> None:
    forged = (
        "import json, os\n"
        f"said = json.dumps({{'status': {status!r}, 'reason': 'x'}}).encode()\n"
        "for fd in range(3, 64):\n"
        "    try: os.write(fd, len(said).to_bytes(8, 'big') + said)\n"
        "    except OSError: pass\n"
    )
    assert run_python(forged + WRONG, tests=TESTS, limits=QUICK).status not in ("ok", "unsupported")


@pytest.mark.parametrize("cheat", every(2, CHEATS))
def test_no_cheat_passes(cheat: str) -> None:
    assert run_python(CHEATS[cheat], tests=TESTS, limits=QUICK).status not in ("ok", "unsupported")


ELSEWHERE = [
    *("always equal", "builtins", "frames", "result pipe"),
    *("exit in a call", "memory", "exchange", "callback into the tests"),
]


@pytest.mark.parametrize("cheat", every(2, ELSEWHERE))
@pytest.mark.parametrize("mode", MODES[-1:])
def test_no_cheat_passes_elsewhere(cheat: str, mode: str) -> None:
    assert run_as(mode, CHEATS[cheat], TESTS).status not in ("ok", "unsupported")


LOOSER_TESTS = {
    "loop": ("assert all(double(x) == 2 * x for x in range(3))", "def double(x): raise StopIteration"),
    "mapped": ("assert all(map(lambda x: double(x) == 2 * x, [1, 2]))", "def double(x): raise StopIteration"),
    "no case left": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(double(1), 2)",
        "import unittest\ndef double(x): raise unittest.SkipTest",
    ),
    "near": (
        "assert abs(double(1.5) - 3.0) < 1e-6",
        "class E:\n    def __sub__(s, o): return 0.0\n    def __abs__(s): return 0.0\n    def __lt__(s, o): return True\n"
        "def double(x): return E()",
    ),
    "own abs": ("assert abs(double(1.5) - 3.0) < 1e-6", "def abs(x): return 0.0\ndef double(x): return 1.0"),
    "own math": (
        "import math\nassert math.isclose(double(1.5), 3.0)",
        "import math\nmath.isclose = lambda *a: True\ndef double(x): return 1.0",
    ),
    "own math without import": (
        "assert math.isclose(double(1.5), 3.0)",
        "class math:\n    isclose = lambda *a: True\ndef double(x): return 1.0",
    ),
    "own all": ("assert all(double(x) == 2 * x for x in (1, 2))", "def all(x): return True\ndef double(x): return 1"),
    "own check": ("def check(f):\n    assert f(1) == 2\ncheck(double)", "def check(f): pass\ndef double(x): return 1"),
    "contains": (
        "assert 4 in double(2)",
        "class E:\n    def __contains__(s, o): return True\ndef double(x): return E()",
    ),
    "changed argument": (
        "given = [1, 2]\nassert double(given) == [2, 4]\nassert given == [1, 2]",
        "def double(x):\n    x[:] = [2, 4]\n    return x",
    ),
    "caught": (
        "try:\n    double('a')\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError\nassert double(1) == 2",
        "def double(x): raise ValueError",
    ),
    "ordered": (
        "assert 3 < double(2) < 5",
        "class E:\n    def __lt__(s, o): return True\n    def __gt__(s, o): return True\ndef double(x): return E()",
    ),
    "counted": (
        "from collections import Counter\nassert Counter(double([1])) == Counter([1, 1])",
        "from collections import Counter\nCounter.__eq__ = lambda s, o: True\ndef double(x): return Counter()",
    ),
    "hash": (
        "assert double(2) in {4: 1}",
        "class E:\n    def __hash__(s): return 4\n    def __eq__(s, o): return True\ndef double(x): return E()",
    ),
}


@pytest.mark.parametrize("kind", every(2, LOOSER_TESTS))
def test_no_cheat_passes_other_kinds_of_tests(kind: str) -> None:
    tests, program = LOOSER_TESTS[kind]
    assert run_python(program, tests=tests, limits=QUICK).status == "error"
