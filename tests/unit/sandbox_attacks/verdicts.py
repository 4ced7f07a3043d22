# ruff: noqa: E501 (a program and its twin are best read side by side)
"""Programs that want to pass tests without being right, or to make their verdict "cannot tell"; each with a harmless twin.

The twin does the same kind of thing and is right: where it passes, it was not a broken sandbox that stopped the attack.
"""

from __future__ import annotations

from dataclasses import dataclass

TESTS = "assert double(2) == 4\nassert double(0) == 0\n"
RIGHT = "def double(x): return 2 * x\n"
WRONG = "def double(x): return None\n"

NEAR = "import math\nassert math.isclose(double(1.5), 3.0)\nassert abs(double(2.5) - 5.0) < 1e-6\n"
ALL = "assert all(double(x) == 2 * x for x in range(4))\nassert sorted(map(double, [2, 1])) == [2, 4]\n"
SETS = "assert set([double(1), double(2)]) == {2, 4}\nassert len([double(3)]) == 1 and double(3) in {6: 1}\n"
TYPED = "value = double(2)\nassert isinstance(value, int) and value == 4\n"
UNITTEST = (
    "import unittest\nclass T(unittest.TestCase):\n    def test_two(self): self.assertEqual(double(2), 4)\n"
    "    def test_none(self): self.assertIsNone(None)\n"
)
PYTEST = "def test_two():\n    assert double(2) == 4\n"
CALLBACK = "assert double(lambda: 2) == 4\n"
TWICE = "def double(f): return 2 * f()\n"
WORDS = "assert double('a') == 'aa'\n"
LISTS = "assert double([1]) == [2]\nassert list(double([3])) == [6]\n"
OF_LISTS = "def double(xs): return [2 * x for x in xs]\n"


@dataclass(frozen=True)
class Attack:
    """A program that wants to pass, its harmless twin, and the tests of both."""

    program: str
    twin: str
    tests: str = TESTS


def _fds(*payloads: str) -> str:
    """Writes to whatever is open."""
    return (
        "import os, json\n"
        f"payloads = [{', '.join(payloads)}]\n"
        "for fd in range(3, 64):\n"
        "    for payload in payloads:\n"
        "        try: os.write(fd, payload)\n"
        "        except OSError: pass\n"
    )


def _framed(message: str) -> str:
    return f"(lambda d: len(d).to_bytes(8, 'big') + d)(json.dumps({message}).encode())"


def _class(base: str, *methods: str) -> str:
    return f"class E{base}:\n" + "".join(f"    {method}\n" for method in methods or ("pass",))


EQUAL = ("def __eq__(s, o): return True", "def __ne__(s, o): return False", "def __hash__(s): return 4")

LEAVING = {
    "leaves with 0": Attack("import sys\nsys.exit(0)\n", "import sys\n" + RIGHT),
    "leaves hard with 0": Attack("import os\nos._exit(0)\n", "import os\n" + RIGHT),
    "leaves in a call": Attack("import sys\ndef double(x): sys.exit(0)\n", "import sys\n" + RIGHT),
    "leaves hard in a call": Attack("import os\ndef double(x): os._exit(0)\n", "import os\n" + RIGHT),
    "leaves in a call of the tests' cases": Attack("def double(x): raise SystemExit(0)\n", RIGHT, UNITTEST),
    "leaves in a call of the tests' functions": Attack("def double(x): raise SystemExit\n", RIGHT, PYTEST),
    "leaves with the code of spent time": Attack("import os\ndef double(x): os._exit(152)\n", RIGHT),
    "interrupts": Attack("def double(x): raise KeyboardInterrupt\n", "KeyboardInterrupt\n" + RIGHT),
    "closes a generator": Attack("def double(x): raise GeneratorExit\n", RIGHT),
    "raises no Exception": Attack(
        "class E(BaseException): pass\ndef double(x): raise E\n", "class E(BaseException): pass\n" + RIGHT
    ),
    "skips": Attack("import unittest\ndef double(x): raise unittest.SkipTest\n", "import unittest\n" + RIGHT, UNITTEST),
    "skips at import": Attack("import unittest\nraise unittest.SkipTest\n", "import unittest\n" + RIGHT),
    "ends the tests' loop": Attack("def double(x): raise StopIteration\n", RIGHT, ALL),
    "ends the tests' loop at the second": Attack(
        "def double(x):\n    if x: raise StopIteration\n    return 0\n", RIGHT, ALL
    ),
    "ends an asynchronous loop": Attack("def double(x): raise StopAsyncIteration\n", RIGHT, ALL),
    "handler at exit": Attack(
        "import atexit, os\natexit.register(lambda: os._exit(0))\n" + WRONG,
        "import atexit\natexit.register(print)\n" + RIGHT,
    ),
    "exception hook": Attack(
        "import sys, os\nsys.excepthook = lambda *a: os._exit(0)\n" + WRONG,
        "import sys\nsys.excepthook = print\n" + RIGHT,
    ),
    "hook of what cannot be raised": Attack(
        "import sys, os\nsys.unraisablehook = lambda *a: os._exit(0)\nclass E:\n    def __del__(s): 1 / 0\ndouble = lambda x: E() and None\n",
        "import sys\nsys.unraisablehook = lambda *a: None\n" + RIGHT,
    ),
    "alarm": Attack(
        "import signal, os\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0)); signal.setitimer(0, .01)\n"
        "def double(x):\n    while True: pass\n",
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None); signal.setitimer(0, .001)\n" + RIGHT,
    ),
    "thread": Attack(
        "import threading, os, time\nthreading.Thread(target=lambda: (time.sleep(.05), os._exit(0)), daemon=True).start()\n"
        "def double(x): time.sleep(1)\n",
        "import threading\nthreading.current_thread()\n" + RIGHT,
    ),
    "child that leaves": Attack(
        "import os\ndef double(x):\n    try:\n        if os.fork() == 0: os._exit(0)\n    except OSError: pass\n",
        "import os\ndef double(x):\n    try:\n        if os.fork() == 0: os._exit(0)\n    except OSError: pass\n    return 2 * x\n",
    ),
    "child that answers too": Attack(
        "import os\ntry: os.fork()\nexcept OSError: pass\ndef double(x): return os.getpid()\n",
        "import os\ntry:\n    if os.fork() == 0: os._exit(0)\nexcept OSError: pass\n" + RIGHT,
    ),
    "another program in its place": Attack(
        "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])\n", "import os, sys\n" + RIGHT
    ),
    "aborts": Attack("import os\ndef double(x): os.abort()\n", "import os\n" + RIGHT),
    "crashes": Attack(
        "import ctypes\ndef double(x): ctypes.string_at(0)\n", "import ctypes\nctypes.string_at(b'x')\n" + RIGHT
    ),
    "terminates itself": Attack(
        "import os\ndef double(x): os.kill(os.getpid(), 15)\n", "import os\nos.kill(os.getpid(), 0)\n" + RIGHT
    ),
}

LYING = {
    "equal to all": Attack(_class("", *EQUAL) + "def double(x): return E()\n", _class("", *EQUAL) + RIGHT),
    "true and equal to all": Attack(
        _class("", *EQUAL, "def __bool__(s): return True") + "def double(x): return E()\n", RIGHT
    ),
    "number equal to all": Attack(
        _class("(int)", *EQUAL) + "def double(x): return E(7)\n", _class("(int)") + "def double(x): return E(2 * x)\n"
    ),
    "float equal to all": Attack(
        _class("(float)", *EQUAL) + "def double(x): return E(7)\n",
        _class("(float)") + "def double(x): return E(2 * x)\n",
    ),
    "text equal to all": Attack(
        _class("(str)", *EQUAL) + "def double(x): return E('b')\n",
        _class("(str)") + "def double(x): return E(2 * x)\n",
        WORDS,
    ),
    "list equal to all": Attack(
        _class("(list)", *EQUAL) + "def double(x): return E([0])\n",
        _class("(list)") + "def double(x): return E([2 * y for y in x])\n",
        LISTS,
    ),
    "tuple equal to all": Attack(
        _class("(tuple)", *EQUAL) + "def double(x): return E((0,))\n",
        "def double(x): return (2 * x[0],)\n",
        "assert double([1]) == (2,)\n",
    ),
    "dictionary equal to all": Attack(
        _class("(dict)", *EQUAL) + "def double(x): return E()\n",
        "def double(x): return {x: 2}\n",
        "assert double(1) == {1: 2}\n",
    ),
    "set equal to all": Attack(
        _class("(set)", *EQUAL) + "def double(x): return E()\n",
        "def double(x): return {2 * x}\n",
        "assert double(1) == {2}\n",
    ),
    "text that is another when it is read": Attack(
        _class("(str)", "def __str__(s): return 'aa'", "def __repr__(s): return \"'aa'\"", *EQUAL)
        + "def double(x): return E('b')\n",
        "def double(x): return str(2 * x)\n",
        WORDS,
    ),
    "metaclass": Attack(
        "class M(type):\n    def __eq__(s, o): return True\n    __hash__ = None\nclass E(metaclass=M): pass\ndef double(x): return E\n",
        "class M(type): pass\nclass E(metaclass=M): pass\n" + RIGHT,
    ),
    "any": Attack(
        "from unittest.mock import ANY\ndef double(x): return ANY\n", "from unittest.mock import ANY\n" + RIGHT
    ),
    "any as the function": Attack(
        "from unittest.mock import _ANY as double\n", "from unittest.mock import _ANY\n" + RIGHT
    ),
    "mock": Attack(
        "from unittest.mock import MagicMock\ndouble = MagicMock()\n",
        "from unittest.mock import MagicMock\n" + RIGHT,
        TYPED,
    ),
    "type that is another": Attack(
        _class("", "__class__ = int", *EQUAL) + "def double(x): return E()\n",
        _class("(int)") + "def double(x): return 2 * x\n",
        TYPED,
    ),
    "member of all": Attack(
        _class("", "def __contains__(s, o): return True") + "def double(x): return E()\n",
        "def double(x): return [2 * x]\n",
        "assert 4 in double(2)\n",
    ),
    "hash of another": Attack(_class("", *EQUAL) + "def double(x): return E()\n", RIGHT, SETS),
    "near to all": Attack(
        _class(
            "",
            "def __sub__(s, o): return 0.0",
            "def __rsub__(s, o): return 0.0",
            "def __abs__(s): return 0.0",
            "def __float__(s): return 3.0",
        )
        + "def double(x): return E()\n",
        RIGHT,
        NEAR,
    ),
    "between all": Attack(
        _class("", "def __lt__(s, o): return True", "def __gt__(s, o): return True") + "def double(x): return E()\n",
        RIGHT,
        "assert 3 < double(2) < 5\n",
    ),
    "difference that is near": Attack(
        _class("(float)", "def __sub__(s, o): return E(0)", "def __abs__(s): return 0.0")
        + "def double(x): return E(1)\n",
        RIGHT,
        NEAR,
    ),
    "no number": Attack("def double(x): return float('nan')\n", "NAN = float('nan')\n" + RIGHT),
    "changed argument": Attack(
        "def double(x):\n    x[:] = [2, 4]\n    return x\n",
        "def double(x): return [2 * y for y in x]\n",
        "given = [1, 2]\nassert double(given) == [2, 4]\nassert given == [1, 2]\n",
    ),
    "changed expectation": Attack(
        "def double(x):\n    x.clear()\n    return []\n",
        "def double(x): return x + x\n",
        "given = [1]\nexpected = [1, 1]\nassert double(expected[:1]) == expected\nassert double(given) == given * 2 != []\n",
    ),
}

# name, what one in its place would give, tests that would then pass
SHADOWED = (
    ("all", "True", "assert all(double(x) == 2 * x for x in range(4))"),
    ("any", "False", "assert not any(double(x) != 2 * x for x in range(4))"),
    ("abs", "0.0", "assert abs(double(2.5) - 5.0) < 1e-6"),
    ("round", "2.5", "assert round(double(1.26), 1) == 2.5"),
    ("sum", "6", "assert sum([double(1), double(2)]) == 6"),
    ("max", "4", "assert max(double(1), double(2)) == 4"),
    ("len", "2", "assert len({double(1), double(2)}) == 2"),
    ("set", "{2, 4}", "assert set([double(1), double(2)]) == {2, 4}"),
    ("list", "[2, 4]", "assert list(double(x) for x in [1, 2]) == [2, 4]"),
    ("sorted", "[2, 4]", "assert sorted([double(2), double(1)]) == [2, 4]"),
    ("map", "[2, 4]", "assert [*map(double, [1, 2])] == [2, 4]"),
    ("zip", "()", "for x, y in zip([1, 2], [2, 4]): assert double(x) == y"),
    ("range", "()", "for x in range(1, 4): assert double(x) == 2 * x"),
    ("isinstance", "True", "assert isinstance(double('a'), str)"),
    ("type", "''.__class__", "assert type(double('a')) is str"),
    ("str", "'aa'", "assert str(double('a')) == 'aa'"),
    ("callable", "True", "assert callable(double) and double(2) == 4"),
)

PATCHING = {
    "built-in functions": Attack(
        "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\n"
        "for n in ('all', 'abs', 'len', 'isinstance', 'sorted', 'set', 'print'): setattr(builtins, n, lambda *a: True)\n"
        + WRONG,
        "import builtins\nbuiltins.mine = 1\n" + RIGHT,
    ),
    **{
        f"its own {name}": Attack(
            f"def {name}(*a, **k): return {made}\ndef double(x): return 1\n",
            f"def my_{name}(*a): pass\n" + RIGHT,
            tests + "\n",
        )
        for name, made, tests in SHADOWED
    },
    "its own int": Attack(
        _class("", *EQUAL).replace("class E", "class int") + "def double(x): return int()\n", RIGHT, TYPED
    ),
    "its own math": Attack(
        "class math:\n    isclose = lambda *a: True\ndef double(x): return 1.0\n", "import math\n" + RIGHT, NEAR
    ),
    "its own math, which the tests do not import": Attack(
        "class math:\n    isclose = lambda *a: True\ndef double(x): return 1.0\n",
        "import math\n" + RIGHT,
        NEAR.split("\n")[1],
    ),
    "another math": Attack(
        "import math\nmath.isclose = lambda *a: True\ndef double(x): return 1.0\n",
        "import math\nmath.mine = 1\n" + RIGHT,
        NEAR,
    ),
    "another unittest": Attack(
        "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\nunittest.TestCase.debug = lambda *a: None\n"
        + WRONG,
        "import unittest\nunittest.TestCase.mine = 1\n" + RIGHT,
        UNITTEST,
    ),
    "its own unittest": Attack(
        "class unittest:\n    class TestCase: pass\n    main = lambda *a: None\n" + WRONG,
        "import unittest\n" + RIGHT,
        UNITTEST + "unittest.main()\n",
    ),
    "modules in the tests' names": Attack(
        "import sys, types\nfor n in ('math', 'unittest', 'tests', 'pytest'): sys.modules[n] = types.ModuleType(n)\n"
        + WRONG,
        "import sys, types\nsys.modules['mine'] = types.ModuleType('mine')\n" + RIGHT,
        UNITTEST,
    ),
    "its own check": Attack(
        "def check(f): pass\ndef double(x): return 1\n", RIGHT, "def check(f):\n    assert f(1) == 2\ncheck(double)\n"
    ),
    "its own test functions": Attack("def test_two(): pass\n" + WRONG, "def test_mine(): pass\n" + RIGHT, PYTEST),
    "its own cases": Attack("class T: pass\n" + WRONG, "class Mine: pass\n" + RIGHT, UNITTEST),
    "Counter": Attack(
        "from collections import Counter\nCounter.__eq__ = lambda s, o: True\ndef double(x): return Counter()\n",
        "from collections import Counter\ndef double(x): return Counter(x + x)\n",
        "from collections import Counter\nassert double([1]) == Counter([1, 1])\n",
    ),
    "Decimal": Attack(
        "import decimal\nclass D(decimal.Decimal):\n    def __eq__(s, o): return True\n    __hash__ = None\ndef double(x): return D(7)\n",
        "import decimal\ndef double(x): return decimal.Decimal(2 * x)\n",
    ),
    "trace": Attack(
        "import sys\ndef t(*a): return t\nsys.settrace(t); sys.setprofile(t)\n" + WRONG,
        "import sys\nsys.settrace(None)\n" + RIGHT,
    ),
    "import hook": Attack(
        "import sys\nclass F:\n    def find_spec(*a): raise SystemExit(0)\nsys.meta_path.insert(0, F())\nsys.path_hooks.insert(0, F)\n"
        + WRONG,
        "import sys\nsys.path.append('x')\n" + RIGHT,
        UNITTEST,
    ),
    "exchange": Attack(
        "import sys\nfor m in list(sys.modules.values()):\n"
        "    for n in ('Peer', 'encode', 'Remote', 'plain_of'):\n        if hasattr(m, n): setattr(m, n, lambda *a, **k: True)\n"
        + WRONG,
        "import sys\nlist(sys.modules)\n" + RIGHT,
    ),
    "answers of the exchange": Attack(
        "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Peer':\n"
        "        o._answer = lambda request: {'value': True, 'changed': [[0, 2]]}\n"
        "        type(o)._answer = lambda s, request: {'value': {'stand': 'yours', 'of': 1}, 'changed': []}\n" + WRONG,
        "import gc\ngc.get_objects()\n" + RIGHT,
    ),
    "recursion limit": Attack(
        "import sys\nsys.setrecursionlimit(50)\n" + WRONG, "import sys\nsys.setrecursionlimit(900)\n" + RIGHT
    ),
}

# what such a module does at import is to happen in the tests' interpreter, so in the program's own there are fakes
FAKES = (
    "import sys, types\nfor n in ('unittest', 'unittest.__main__', 'ensurepip.__main__', 'venv.__main__', 'zipfile.__main__', 'json.tool',\n"
    "          'this', 'idlelib.idle', 'lib2to3.__main__', 'antigravity', 'test.autotest'):\n"
    "    sys.modules[n] = types.ModuleType(n); sys.modules[n].main = sys.modules[n].double = None\n"
)

IMPORTING = {
    **{
        line: Attack(f"{FAKES}{line}\n{WRONG}", f"{twin}\n{RIGHT}", tests)
        for line, twin, tests in (
            ("from unittest.__main__ import *", "from unittest import *", TESTS),
            ("from unittest.__main__ import double", "from unittest import main", TESTS),
            ("import unittest.__main__", "import unittest.case", UNITTEST),
            ("from unittest.__main__ import main as unittest", "import unittest", UNITTEST),
            ("from ensurepip.__main__ import *", "from ensurepip import *", TESTS),
            ("from venv.__main__ import *", "from string import *", TESTS),
            ("from zipfile.__main__ import *", "from zipfile import ZipFile", TESTS),
            ("from json.tool import *", "from json import *", TESTS),
            ("from this import *", "from math import *", TESTS),
            ("from idlelib.idle import *", "from fractions import *", TESTS),
            ("from lib2to3.__main__ import *", "from itertools import *", TESTS),
            ("from antigravity import *", "from bisect import *", TESTS),
            ("from test.autotest import *", "from heapq import *", TESTS),
            ("from __main__ import *", "from operator import *", TESTS),
            ("from builtins import *", "from cmath import phase", TESTS),
        )
    },
    "a module of its own beside the tests": Attack(
        "for n in ('math', 'unittest', 'decimal', 'helper', 'double', 'pytest'):\n"
        "    for p in ('', '/tmp/', '/tests/'):\n"
        "        try: open(p + n + '.py', 'w').write('import os\\nos._exit(0)')\n        except OSError: pass\n"
        "from decimal import *\n" + WRONG,
        "try: open('notes.txt', 'w').write('x')\nexcept OSError: pass\n" + RIGHT,
        UNITTEST + NEAR,
    ),
    "modules that Python looks for by itself": Attack(
        "for n in ('sitecustomize', 'usercustomize', 'site', 'encodings/__init__', '__main__'):\n"
        "    try: open(n + '.py', 'w').write('import os\\nos._exit(0)')\n    except OSError: pass\n" + WRONG,
        "try: open('a.txt', 'w').write('x')\nexcept OSError: pass\n" + RIGHT,
        UNITTEST,
    ),
    "compiled modules": Attack(
        "import os\nfor f in (os.path.dirname(os.__file__), os.path.dirname(os.__file__) + '/__pycache__'):\n"
        "    for n in ('math.py', 'unittest.py', 'decimal.cpython-311.pyc'):\n"
        "        try: open(f + '/' + n, 'w').write('import os\\nos._exit(0)')\n        except OSError: pass\n" + WRONG,
        "import os\nos.listdir(os.path.dirname(os.__file__))\n" + RIGHT,
        NEAR,
    ),
    "environment": Attack(
        "import os\nos.environ.update(PYTHONPATH='/tmp', PYTHONSTARTUP='/tmp/a.py', PYTHONINSPECT='1')\n" + WRONG,
        "import os\nos.environ['MINE'] = '1'\n" + RIGHT,
    ),
}

READING = {
    "frames": Attack(
        "import sys\ndef double(x):\n    frame = sys._getframe()\n    while frame:\n"
        "        for name, value in list(frame.f_locals.items()) + list(frame.f_globals.items()):\n"
        "            if isinstance(value, (str, bytes)) and 'double(2) =' + '=' in str(value): return 4 if x == 2 else 0\n"
        "        frame = frame.f_back\n",
        "import sys\ndef double(x): return 2 * x if sys._getframe().f_back else 0\n",
    ),
    "frames of all threads": Attack(
        "import sys\ndef double(x):\n    for frame in sys._current_frames().values():\n        while frame:\n"
        "            if 'tests' in frame.f_locals or 'tree' in frame.f_locals: return 2 * x\n            frame = frame.f_back\n",
        "import sys\ndef double(x): return 2 * x if sys._current_frames() else 0\n",
    ),
    "memory": Attack(
        "import gc\ndef double(x):\n    for o in gc.get_objects():\n        if isinstance(o, dict):\n            for v in list(o.values()):\n"
        "                if isinstance(v, (str, bytes)) and 'assert ' + 'double' in str(v): return 2 * x\n",
        "import gc\ndef double(x): return 2 * x if gc.get_objects() else 0\n",
    ),
    "memory of the whole process": Attack(
        "def double(x):\n    for line in open('/proc/self/maps'):\n        a, b = (int(v, 16) for v in line.split()[0].split('-'))\n"
        "        with open('/proc/self/mem', 'rb') as m:\n            m.seek(a)\n"
        "            if b'assert ' + b'double(2)' in m.read(b - a): return 2 * x\n",
        "def double(x):\n    try: open('/proc/self/maps').close()\n    except OSError: pass\n    return 2 * x\n",
    ),
    "memory of the tests' interpreter": Attack(
        "import os\ndef double(x):\n    for p in (os.getppid(), 1, 2, 3):\n        for f in ('mem', 'maps', 'environ', 'fd/0', 'fd/3', 'fd/4', 'fd/5'):\n"
        "            try:\n                if open(f'/proc/{p}/{f}', 'rb').read(1) and f != 'fd/0' and p == os.getppid() and f != 'environ': return 2 * x\n"
        "            except (OSError, OverflowError, ValueError): pass\n",
        "import os\ndef double(x): return 2 * x if os.getppid() >= 0 else 0\n",
    ),
    "ptrace of the tests' interpreter": Attack(
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "def double(x):\n    if os.getppid() and libc.ptrace(0x4206, os.getppid(), 0, 0) == 0: return 2 * x\n",
        "import ctypes\nlibc = ctypes.CDLL(None)\ndef double(x): return 2 * x if libc.getpid() else 0\n",
    ),
    "memory of the tests' interpreter by a system call": Attack(
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nclass V(ctypes.Structure): _fields_ = [('p', ctypes.c_void_p), ('n', ctypes.c_size_t)]\n"
        "here = ctypes.create_string_buffer(8)\ndef double(x):\n    one = V(ctypes.addressof(here), 1)\n    there = V(id(None), 1)\n"
        "    if os.getppid() and libc.process_vm_readv(os.getppid(), ctypes.byref(one), 1, ctypes.byref(there), 1, 0) == 1: return 2 * x\n",
        "import ctypes\nhere = ctypes.create_string_buffer(8)\n" + RIGHT,
    ),
    "descriptors": Attack(
        "import os\nfound = b''\nfor fd in range(3, 64):\n    try:\n        os.lseek(fd, 0, 0)\n        found += os.read(fd, 10**6)\n"
        "    except OSError: pass\ndef double(x): return 2 * x if b'double(' in found else None\n",
        "import os\nos.fstat(1)\n" + RIGHT,
    ),
    "files": Attack(
        "import os\nfound = ''\nfor folder in ('.', '/', '/tmp', '/tests', '/work', '/var/tmp', '/dev/shm', '/proc/self/fd'):\n"
        "    try: names = os.listdir(folder)\n    except OSError: continue\n    for name in names:\n"
        "        try: found += open(folder + '/' + name, errors='ignore').read(10**5) if os.path.isfile(folder + '/' + name) else ''\n"
        "        except OSError: pass\n"
        "def double(x): return 2 * x if 'assert double(2)' + ' == 4' in found else None\n",
        "import os\nos.getcwd()\n" + RIGHT,
    ),
    "what a function of the tests belongs to": Attack(
        "def double(f):\n    for n in ('__globals__', '__code__', '__closure__', '__self__', 'f_globals', 'gi_frame'):\n"
        "        try:\n            if getattr(f, n): return 4\n        except Exception: pass\n"
        "        try:\n            if object.__getattribute__(f, n) and n == '__globals__': return 4\n        except Exception: pass\n",
        TWICE,
        CALLBACK,
    ),
    "an error of the tests": Attack(
        "def double(f):\n    try: f(1, 2, 3)\n    except Exception as error:\n        trace = error.__traceback__\n        while trace:\n"
        "            if 'double' in trace.tb_frame.f_globals and 'assert' in str(trace.tb_frame.f_locals): return 4\n"
        "            trace = trace.tb_next\n",
        TWICE,
        CALLBACK,
    ),
    "a function of the tests asked for more": Attack(
        "import os, json\ndef double(f):\n    for of in range(200):\n"
        "        d = json.dumps({'op': 'get', 'of': of, 'name': '__globals__', 'args': []}).encode()\n"
        "        for fd in range(3, 64):\n            try: os.write(fd, len(d).to_bytes(8, 'big') + d)\n            except OSError: pass\n",
        TWICE,
        CALLBACK,
    ),
}

WRITING = {
    "report": Attack(_fds("""b'{"status": "ok", "reason": "all tests passed", "isolation": [], "passed": 9, "total": 9}\\n'""") + WRONG, "import os\nos.write(1, b'x')\n" + RIGHT),
    "report, framed": Attack(_fds(_framed("{'status': 'ok', 'reason': 'all tests passed', 'isolation': []}")) + WRONG, "import json\njson.dumps({})\n" + RIGHT),
    "report on its output": Attack(
        'print(\'{"status": "ok", "reason": "all tests passed", "isolation": [], "passed": 9, "total": 9}\')\n' + WRONG, "print('ok')\n" + RIGHT
    ),
    "values before they are asked for": Attack(
        _fds(_framed("{}"), _framed("{'offered': {'double': {'builtin': 'int'}}}"), _framed("{'value': True}")) + WRONG, RIGHT
    ),
    "a type as the function": Attack(_fds(_framed("{}"), _framed("{'offered': {'double': {'builtin': 'bool'}}}")), "double = lambda x: x + x\n"),
    "values that count as all": Attack(
        "import os, json\ndef double(x):\n    d = json.dumps({'value': {'stand': 'mine', 'of': 7, 'plain': True}}).encode()\n"
        "    for fd in range(3, 64):\n        try: os.write(fd, len(d).to_bytes(8, 'big') + d)\n        except OSError: pass\n",
        RIGHT,
    ),
    "a length without end": Attack(_fds("(2**62).to_bytes(8, 'big')") + WRONG, RIGHT),
    "a long message": Attack(_fds("(2**25).to_bytes(8, 'big') + b'x' * 1000") + WRONG, RIGHT),
    "nested message": Attack(_fds("(20000).to_bytes(8, 'big') + b'[' * 20000") + WRONG, RIGHT),
    "all descriptors closed": Attack("import os\nos.closerange(3, 64)\n" + WRONG, "import os\nos.close(os.dup(1))\n" + RIGHT),
    "all descriptors closed in a call": Attack("import os\ndef double(x): os.closerange(3, 64)\n", "import os\nos.close(os.dup(1))\n" + RIGHT),
    "all descriptors replaced": Attack(
        "import os\nr, w = os.pipe()\nfor fd in range(3, 20):\n    if fd not in (r, w): os.dup2(w, fd)\n" + WRONG, "import os\nos.pipe()\n" + RIGHT
    ),
    "requests read away": Attack(
        "import os, threading\ndef away():\n    for fd in range(3, 6):\n        try: os.read(fd, 100)\n        except OSError: pass\n"
        "def double(x):\n    away()\n",
        "import os\nos.pipe()\n" + RIGHT,
    ),
}  # fmt: skip

# what might make a verdict "cannot tell"
FISHING = {
    "status unsupported": Attack(_fds(_framed("{'status': 'unsupported', 'reason': 'x'}")) + WRONG, RIGHT),
    "status not started": Attack(_fds(_framed("{'status': 'not started', 'reason': 'x'}")) + WRONG, RIGHT),
    "status that is a list": Attack(_fds(_framed("{'status': ['ok'], 'reason': 7}")) + WRONG, RIGHT),
    "status that is an object": Attack(_fds(_framed("{'status': {}, 'reason': []}")) + WRONG, RIGHT),
    "a report that is no JSON": Attack(_fds("b'{\\n'", "b'\\xff\\xfe\\n'") + WRONG, RIGHT),
    "offers that are no names": Attack(_fds(_framed("{}"), _framed("{'offered': [[]]}")) + WRONG, RIGHT),
    "an import that is missing": Attack("import not_there\n" + WRONG, "try: import not_there\nexcept ImportError: pass\n" + RIGHT),
    "an import that is missing, in a call": Attack("def double(x): import not_there\n", RIGHT),
    "an error named like a missing import": Attack("def double(x): raise ImportError('No module named numpy')\n", RIGHT),
    "no Python": Attack("def double(x:\n", RIGHT),
    "no text": Attack("def double(x): return '\ud800'\n", "def double(x): return 2 * x  # \u00e9\n"),
    "null character": Attack("def double(x): return 0\0\n", RIGHT),
    "nothing": Attack("", RIGHT),
    "no function": Attack("def treble(x): return 3 * x\n", RIGHT),
    "a function that is none": Attack("double = 7\n", RIGHT),
    "nested source": Attack("def double(x): return " + "(" * 3000 + "x" + ")" * 3000 + "\n", "def double(x): return " + "(" * 50 + "2 * x" + ")" * 50 + "\n"),
    "long sum": Attack("def double(x): return " + "1 + " * 50_000 + "x\n", "def double(x): return " + "0 + " * 100 + "2 * x\n"),
    "deep value": Attack("def double(x):\n    v = []\n    for _ in range(10**5): v = [v]\n    return v\n", "def double(x):\n    v = [[[]]]\n    return 2 * x\n"),
    "value that holds itself": Attack("def double(x):\n    v = []\n    v.append(v)\n    return v\n", "V = []\nV.append(V)\n" + RIGHT),
    "huge value": Attack("def double(x): return 'x' * (2**26 + 1)\n", "V = 'x' * 10**6\n" + RIGHT),
    "huge integer": Attack("def double(x): return 1 << 10**8\n", "V = 1 << 10**5\n" + RIGHT),
    "number of no time zone": Attack(
        "import datetime\nclass Z(datetime.tzinfo):\n    def utcoffset(s, d): return datetime.timedelta(microseconds=1)\n"
        "def double(x): return datetime.datetime(1, 1, 1, tzinfo=Z())\n",
        "import datetime\n" + RIGHT,
    ),
    "number that traps": Attack("import decimal\ndef double(x): return decimal.Decimal('sNaN')\n", "import decimal\n" + RIGHT),
    "fraction by zero": Attack(_fds(_framed("{}")) + "def double(x): return 1 / 0\n", RIGHT),
    "an object for the tests' own class": Attack("class Base: pass\ndef double(x): return Base\n", RIGHT),
    "error that cannot be shown": Attack(
        "class E(Exception):\n    def __str__(s): raise E\n    args = property(lambda s: 1 / 0)\ndef double(x): raise E\n", "class E(Exception): pass\n" + RIGHT
    ),
    "error class that cannot be made": Attack(
        "class E(Exception):\n    def __init__(s, a, b): pass\n    def __new__(c, *a): return Exception.__new__(c)\ndef double(x): raise E(1, 2)\n",
        "class E(Exception):\n    def __init__(s, a, b): pass\n" + RIGHT,
    ),
    "error with odd bases": Attack(
        "class M(type):\n    __bases__ = property(lambda s: 7)\nclass E(Exception, metaclass=M): pass\ndef double(x): raise E\n",
        "class M(type): pass\nclass E(Exception, metaclass=M): pass\n" + RIGHT,
    ),
    "calls back for ever": Attack("def double(f):\n    while True: f()\n", TWICE, CALLBACK),
    "calls back with what cannot be handed": Attack("def double(f): return f(object(), f=f)\n", TWICE, CALLBACK),
    "endless iterator": Attack(
        "def double(x):\n    while True: yield 0\n", OF_LISTS, "assert list(double([1])) == [2]\n"
    ),
    "endless loop, deaf to its end": Attack(
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
        "def double(x):\n    while True: pass\n",
        "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n" + RIGHT,
    ),
    "memory bomb": Attack("def double(x): return [0] * 10**10\n", "V = [0] * 10**5\n" + RIGHT),
    "recursion": Attack("import sys\nsys.setrecursionlimit(10**9)\ndef double(x): return double(x)\n", "def double(x): return x and 2 + double(x - 1)\n"),
    "flood of output": Attack("def double(x):\n    while True: print('x' * 1000)\n", "def double(x):\n    print('x')\n    return 2 * x\n"),
    "fork bomb": Attack(
        "import os\ndef double(x):\n    while True:\n        try: os.fork()\n        except OSError: return None\n",
        "import os\ndef double(x): return 2 * x if os.getpid() else 0\n",
    ),
    "stops itself": Attack("import os\ndef double(x):\n    os.kill(os.getpid(), 19)\n", "import os\nos.kill(os.getpid(), 18)\n" + RIGHT),
}  # fmt: skip

KINDS: dict[str, dict[str, Attack]] = {
    "leaves": LEAVING,
    "lies": LYING,
    "patches": PATCHING,
    "imports": IMPORTING,
    "reads": READING,
    "writes": WRITING,
    "fishes": FISHING,
}
ATTACKS = {f"{kind}: {name}": attack for kind, attacks in KINDS.items() for name, attack in attacks.items()}
