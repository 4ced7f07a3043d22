"""Right programs pass and wrong ones fail, whatever the tests hand over, although both run in different interpreters."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.sandbox import Limits, PythonTests, libraries, look_at_tests, run_python
from memgraph.sandbox.inside.values import decode, encode
from tests.unit.sandboxed import EACH_MODE, QUICK, run_as

STACK = """
class Empty(Exception):
    def __init__(self, what):
        super().__init__(what)
        self.what = what
class Stack:
    kind = "stack"
    def __init__(self, items=()): self.items = list(items)
    def push(self, item): self.items.append(item); return self
    def pop(self):
        if not self.items: raise Empty("nothing here")
        return self.items.pop()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, place): return self.items[place]
    def __eq__(self, other): return isinstance(other, Stack) and self.items == other.items
    def __add__(self, other): return Stack(self.items + other.items)
    def __enter__(self): return self
    def __exit__(self, *_): self.items.clear()
class Named(list):
    def first(self): return self[0]
"""

PAIRS = {
    "values": (
        "def same(x): return x",
        "import math, datetime, decimal, fractions, collections\n"
        "for v in [None, True, 7, -2**200, 1.5, math.inf, 'é\\ud800', b'\\x00', (1, [2]), {1: (2,)}, {3}, frozenset([4]), 1j,\n"
        "          range(3), decimal.Decimal('1.10'), fractions.Fraction(1, 3), datetime.date(2020, 1, 2), int,\n"
        "          collections.Counter('aab'), collections.deque([1]), collections.OrderedDict(a=1)]:\n"
        "    assert same(v) == v and type(same(v)) is type(v), v\nassert math.isnan(same(math.nan))",
    ),
    "classes": (
        STACK,
        "s = Stack([1])\nassert s.push(2).push(3).pop() == 3 and len(s) == 2 and list(s) == [1, 2] and s[0] == 1\n"
        "assert s == Stack([1, 2]) and s != Stack() and isinstance(s, Stack) and not isinstance(3, Stack)\n"
        "assert Stack.kind == 'stack' and s.items == [1, 2] and 2 in s\nassert s + Stack([9]) == Stack([1, 2, 9])\n"
        "s.items = [5]\nassert s.pop() == 5\nwith Stack([1]) as t: assert len(t) == 1\nassert len(t) == 0 and not t",
    ),
    "classes made of plain data": (STACK, "n = Named([3, 4])\nassert n.first() == 3 and n == [3, 4] and n < [4]"),
    "exceptions": (
        STACK + "def half(x):\n    if x % 2: raise ValueError('odd', x)\n    return x // 2",
        "try:\n    Stack().pop()\nexcept Empty as error:\n    assert error.what == 'nothing here' == str(error)\n"
        "else:\n    assert False\ntry:\n    half(3)\nexcept ValueError as error:\n    assert error.args == ('odd', 3)\n"
        "else:\n    assert False",
    ),
    "functions as arguments": (
        "def apply(f, xs): return [f(x) for x in xs]\ndef twice(f): return lambda x: f(f(x))",
        "assert apply(lambda x: x + 1, [1, 2]) == [2, 3]\nassert apply(len, ['a', 'bb']) == [1, 2]\n"
        "assert twice(lambda x: x * 3)(2) == 18\nassert apply(int, '12') == [1, 2]\n"
        "def bad(x): raise KeyError(x)\ntry:\n    apply(bad, [1])\nexcept KeyError:\n    pass\nelse:\n    assert False",
    ),
    "generators": (
        "def count(n):\n    for i in range(n): yield i\ndef total(xs): return sum(xs)",
        "assert list(count(3)) == [0, 1, 2]\nassert next(count(1)) == 0\nassert total(x for x in [1, 2]) == 3",
    ),
    "changed arguments": (
        "def sort(xs): xs.sort()\ndef add(d, k): d[k] = 1\ndef grow(s): s.add(9)",
        "xs = [3, 1, 2]\nsort(xs)\nassert xs == [1, 2, 3]\nd = {}\nadd(d, 'a')\nassert d == {'a': 1}\ns = {1}\ngrow(s)\nassert 9 in s",
    ),
    "keywords": ("def f(a, *, b=2): return (a, b)", "assert f(1) == (1, 2) and f(a=3, b=[4]) == (3, [4])"),
    "unittest": (
        "def f(x): return 2 * x",
        "import unittest\nclass T(unittest.TestCase):\n    def setUp(self): self.x = 2\n"
        "    def test_it(self): self.assertEqual(f(self.x), 4)\n    def test_error(self):\n"
        "        with self.assertRaises(TypeError): f(None, 2)\nif __name__ == '__main__':\n    unittest.main()",
    ),
    "unittest without main": (
        "def f(x): return 2 * x",
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.assertEqual(f(2), 4)",
    ),
    "pytest": ("def f(x): return 2 * x", "def test_it():\n    assert f(2) == 4"),
    "imports of the program": (
        "import math\nfrom collections import Counter\ndef f(x): return math.sqrt(x)",
        "assert math.isclose(f(4), 2.0) and Counter('aa') == {'a': 2}",
    ),
    "names of built-ins": ("def sum(a, b): return a + b + 1", "assert sum(1, 2) == 4"),
    "constants": ("LIMIT = 7", "assert LIMIT == 7"),
    "printing": ("print('x')\ndef f(): print('y'); return 1", "assert f() == 1"),
}
WRONG = {
    "unittest": "def f(x): return 3",
    "unittest without main": "def f(x): return 3",
    "pytest": "def f(x): return 3",
    "names of built-ins": "def sum(a, b): return a + b",
    "constants": "LIMIT = 8",
    "generators": "def count(n): return iter([])\ndef total(xs): return 3",
    "changed arguments": "def sort(xs): pass\ndef add(d, k): pass\ndef grow(s): pass",
    "exceptions": STACK.replace('raise Empty("nothing here")', "return None") + "def half(x): return x",
}


@pytest.mark.parametrize("kind", PAIRS)
def test_right_programs_pass(kind: str) -> None:
    program, tests = PAIRS[kind]
    result = run_python(program, tests=tests, limits=QUICK)
    assert (result.status, result.reason) == ("ok", "all tests passed")


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_programs_fail(kind: str) -> None:
    assert run_python(WRONG[kind], tests=PAIRS[kind][1], limits=QUICK).status == "error"


@pytest.mark.parametrize(
    "tests",
    [
        "assert 1 == 1",
        "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as out: f(1)\nassert out.getvalue() == ''",
        "from unittest.mock import patch\nwith patch('builtins.input'): f(1)",
        "class Node: pass\nassert f(Node())",
        "assert f(",
    ],
)
def test_tests_that_cannot_run_apart_from_the_program_are_said_to_be_so(tests: str) -> None:
    assert look_at_tests(PythonTests(tests), limits=QUICK).status == "unsupported"
    assert run_python("def f(x): return x", tests=tests, limits=QUICK).status != "ok"


def test_a_failing_test_is_named_by_its_line_and_not_by_its_text() -> None:
    result = run_python("def f(x): return x", tests="assert f(1) == 1\nassert f(2) == 12345", limits=QUICK)
    assert result.reason == "AssertionError in line 2 of the tests"
    assert "12345" not in repr(result)


LIARS = {
    "numbers": "class E:\n    def __sub__(s, o): return s\n    __rsub__ = __add__ = __radd__ = __sub__\n"
    "    def __abs__(s): return 0.0\n    def __round__(s, n=0): return 0\n    def __int__(s): return 0\n"
    "    def __float__(s): return 0.0\n    def __bool__(s): return False\n    def __lt__(s, o): return True\n"
    "def f(x): return E()",
    "plain numbers": "class Z(int):\n    def __abs__(s): return 0\n    def __bool__(s): return False\n"
    "class E:\n    def __sub__(s, o): return Z(0)\n    __rsub__ = __add__ = __radd__ = __sub__\ndef f(x): return E()",
}


LIED_TO = [
    "assert abs(f(1) - 3) < 1e-6",
    "assert not (f(1) - 3)",
    "assert int(f(1) - 3) == 0",
    "assert round(f(1) - 3) == 0",
    "assert sum([f(1), -3]) == 0",
    "assert -(f(1) - 3) == 0",
    "import math\nassert math.fabs(f(1) - 3) < 1",
    "import pytest\nassert f(1) == pytest.approx(3)",
    "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertAlmostEqual(f(1), 3)",
]


@pytest.mark.parametrize("liar", LIARS)
def test_no_number_counts_that_a_program_made_of_what_the_tests_told_it(liar: str) -> None:
    """In one run, in which each test is counted."""
    tests = "\n".join(LIED_TO)
    right = run_python("def f(x): return 3", tests=tests, limits=QUICK, every=True)
    assert right.passed == right.total == len(LIED_TO)
    lied = run_python(LIARS[liar], tests=tests, limits=QUICK, every=True)
    assert (lied.status, lied.passed, lied.total) == ("error", 0, len(LIED_TO))


def test_an_object_that_equals_all_others_equals_none() -> None:
    program = "class E:\n    def __eq__(s, o): return True\nclass P(E): pass\ndef f(): return E()"
    assert run_python(program, tests="assert f() == P()", limits=QUICK).status == "error"


RAISING = """
import json, re, unittest
def load(x): return json.loads(x)
def pattern(x): return re.compile(x)
class Bad(json.JSONDecodeError): pass
def bad(): raise Bad("what", "doc", 0)
def skip(): raise unittest.SkipTest("x")
"""


@pytest.mark.parametrize(
    ("tests", "passes"),
    [
        (
            "import json\ntry: load('x')\nexcept json.JSONDecodeError as e: assert 'Expecting' in str(e)\nelse: assert 0",
            True,
        ),
        ("import re, pytest\nwith pytest.raises(re.error): pattern('(')", True),
        ("import json, pytest\nwith pytest.raises(json.JSONDecodeError): bad()", True),
        ("import pytest\nwith pytest.raises(Bad): bad()", True),
        ("import pytest\nwith pytest.raises(KeyError): bad()", False),
        ("import unittest\nclass T(unittest.TestCase):\n    def test(self): skip()", False),
    ],
)
def test_exceptions_of_shared_modules_are_the_tests_own(tests: str, passes: bool) -> None:
    assert (run_python(RAISING, tests=tests, limits=QUICK).status == "ok") is passes


def test_arrays_cross_over() -> None:
    tests = (
        "import numpy as np, pytest\na = np.arange(6.0).reshape(2, 3)\nassert np.array_equal(same(a), a)\n"
        "assert same(a).dtype == a.dtype and same(np.int64(3)) == 3 and same(np.array(['x']))[0] == 'x'\n"
        "zero(a)\nassert not a.any()\nwith pytest.raises(np.linalg.LinAlgError): solve(a[:, :2])"
    )
    program = (
        "import numpy as np\ndef same(x): return x\ndef zero(x): x[...] = 0\ndef solve(x): return np.linalg.solve(x, x)"
    )
    found = run_python(program, tests=tests, limits=Limits(), libraries=libraries(["numpy"]))
    assert (found.status, found.reason) == ("ok", "all tests passed")


def test_what_a_program_shadows_is_not_what_the_tests_use() -> None:
    shadowed = ("all", "abs", "set", "len", "sorted", "isinstance", "AssertionError", "math")
    program = "\n".join([*(f"def {name}(*_): return True" for name in shadowed), "def f(x): return x"])
    tests = (
        "assert not all([0]) and abs(-1) == 1 and set([1]) == {1} and len([]) == 0 and sorted([2, 1]) == [1, 2]\n"
        "assert math.sqrt(4) == 2 and not isinstance(1, str) and issubclass(AssertionError, Exception) and f(1) == 1"
    )
    assert run_python(program, tests=tests, limits=QUICK).status == "ok"


def test_what_tests_share_is_imported_from_a_list_only() -> None:
    wrong = "open('test_x.py', 'w').close() if False else None\ndef f(x): return 0"
    modules = ("unittest.__main__", "idlelib.__main__", "this", "pdb")
    tried = "\n".join(f"try:\n    from {module} import *\nexcept BaseException: pass" for module in modules)
    assert run_python(f"{tried}\n{wrong}", tests="assert f(1) == 1 and main", limits=QUICK).status == "error"
    for module in modules:
        program = f"from {module} import *\n{wrong}"
        assert run_python(program, tests="assert f(1) == 1 and main", limits=QUICK).status != "ok", module


@pytest.mark.parametrize("mode", EACH_MODE)
def test_tests_work_in_an_empty_folder_that_nobody_writes_to(mode: str) -> None:
    program = (
        "for folder in ('.', '..', '/tests', '/tmp'):\n"
        "    for make in (lambda p: open(p, 'w').write('raise SystemExit'), lambda p: __import__('os').mkdir(p)):\n"
        "        try: make(f'{folder}/sneaked.py')\n        except OSError: pass\n"
        "def f(x): return x"
    )
    tests = (
        "import os, sys\nassert f(1) == 1\ntry:\n    found = os.scandir('.')\nexcept OSError:\n    found = []\n"
        "assert [entry.name for entry in found] == []\ntry:\n    import sneaked\nexcept ImportError:\n    pass\n"
        "else:\n    raise AssertionError\n"
        "try:\n    getattr(os, 'mkdir')('x')\nexcept OSError:\n    pass\nelse:\n    raise AssertionError"
    )
    assert run_as(mode, program, tests).reason == "all tests passed"


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_data_arrives_as_it_was(value: Any) -> None:
    def refuse(_: Any) -> Any:
        raise AssertionError("plain data needs no stand-in")

    arrived = decode(encode(value, refuse), refuse)
    assert repr(arrived) == repr(value)
    assert type(arrived) is type(value)


def test_plain_data_keeps_signed_zeros_and_what_is_no_number() -> None:
    arrived = decode(encode([-0.0, math.nan, -math.inf], lambda _: {}), lambda _: None)
    assert repr(arrived) == "[-0.0, nan, -inf]"
