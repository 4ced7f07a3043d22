"""Tests of programs as people and data sets write them, with programs that pass and fail them."""

from __future__ import annotations

import json

from memgraph.domains.program_tests import fold_tests

ADD = "def add(a, b):\n    return a + b\n"
WRONG_ADD = "def add(a, b):\n    return a - b\n"
SLOW_ADD = "import asyncio\nasync def add(a, b):\n    await asyncio.sleep(0)\n    return a + b\n"
WRONG_SLOW_ADD = "import asyncio\nasync def add(a, b):\n    await asyncio.sleep(0)\n    return a - b\n"
STACK = (
    "class Stack:\n"
    "    def __init__(self): self.items=[]\n"
    "    def push(self,x): self.items.append(x)\n"
    "    def pop(self):\n"
    "        if not self.items: raise IndexError('empty')\n"
    "        return self.items.pop()\n"
    "    def __len__(self): return len(self.items)\n"
)
WRONG_STACK = (
    "class Stack:\n"
    "    def __init__(self): self.items=[]\n"
    "    def push(self,x): self.items.append(x)\n"
    "    def pop(self):\n"
    "        if not self.items: raise IndexError('empty')\n"
    "        return self.items[0]\n"
    "    def __len__(self): return len(self.items)\n"
)
ACCOUNT = (
    "class LowFunds(Exception): pass\n"
    "class Account:\n"
    "    def __init__(self,b=0): self.balance=b\n"
    "    def withdraw(self,n):\n"
    "        if n>self.balance: raise LowFunds(f'need {n-self.balance} more')\n"
    "        self.balance-=n\n"
    "        return self.balance\n"
)
WRONG_ACCOUNT = (
    "class LowFunds(Exception): pass\n"
    "class Account:\n"
    "    def __init__(self,b=0): self.balance=b\n"
    "    def withdraw(self,n):\n"
    "        if n>self.balance: return None\n"
    "        self.balance-=n\n"
    "        return self.balance\n"
)

# tests that ADD passes and WRONG_ADD fails
JUDGE: dict[str, list[str | None]] = {
    "module-level code": [
        "assert add(1,2)==3",
        "assert add(1,2)==3, 'msg'\nprint('done')",
        "for a,b,c in [(1,2,3),(2,2,4)]:\n    assert add(a,b)==c",
        "try:\n    import no_such\nexcept ImportError:\n    no_such=None\nassert add(1,2)==3",
        "import numpy as np\nassert np.allclose(add(np.array([1,2]),np.array([1.,1])),[2,3])",
        "import numpy as np\nassert add(np.int64(1),2)==3",
        "assert add(1,2)==3\nimport sys\nsys.exit(0)",
        "import sys\nsys.exit(0 if add(1,2)==3 else 1)",
        "try:\n    add(1,2)\nexcept Exception:\n    pass\nassert add(1,2)==3",
        "assert all(add(x,x)==2*x for x in range(1,4))",
        "assert abs(add(1.5,1)-2.5)<1e-9",
        "assert callable(add) and add(1,2)==3",
        "assert isinstance(add(1,2), int) and add(1,2)==3",
        "assert math.isclose(add(1,2),3)",
    ],
    "check": [
        "def check(candidate):\n    assert candidate(1,2)==3\n\ncheck(add)",
        "METADATA={'entry_point':'add'}\ndef check(candidate):\n    assert candidate(1,2)==3",
        "entry_point='add'\ndef check(candidate):\n    assert candidate(1,2)==3",
        "def check(c):\n    assert c(1,2)==3\nif __name__=='__main__':\n    check(add)",
    ],
    "data of data sets": [
        fold_tests("def check(candidate):\n    assert candidate(1,2)==3", entry_point="add"),
        '["assert add(1,2)==3","assert add(0,0)==0"]',
        "['assert add(1,2)==3','assert add(0,0)==0']",
        '"assert add(1,2)==3"',
        fold_tests(["assert add(1,2)==x"], setup="x=3"),
        fold_tests("assert add(1,2)==math.floor(3.2)", setup=["import math"]),
        '{"test_list":["assert add(1,2)==3"],"test_setup_code":"","challenge_test_list":[]}',
        '{"test":"def check(candidate):\\n    assert candidate(1,2)==3","entry_point":"add"}',
        '{"fn_name":"add","inputs":[[1,2]],"outputs":[3]}',
        '{"fn_name":"add","inputs":[[1,2]],"outputs":[[3]]}',
        json.dumps(
            {
                "metadata": json.dumps({"func_name": "add"}),
                "public_test_cases": json.dumps([{"input": "1\n2", "output": "3", "testtype": "functional"}]),
            }
        ),
    ],
    "unittest": [
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1,2),3)\n"
            "unittest.main()"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def setUp(self): self.x=1\n"
            "    def test_a(self): self.assertEqual(add(self.x,2),3)\n    def tearDown(self): del self.x"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls): cls.x=1\n"
            "    def test_a(self): self.assertEqual(add(self.x,2),3)"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        for i in range(3):\n"
            "            with self.subTest(i=i):\n                self.assertEqual(add(i,2),i+2)"
        ),
        (
            "from unittest import TestCase, main\nclass T(TestCase):\n"
            "    def test_a(self): self.assertEqual(add(1,2),3)\nif __name__=='__main__': main()"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1,2),3)\n"
            "suite=unittest.TestLoader().loadTestsFromTestCase(T)\nunittest.TextTestRunner().run(suite)"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('no')\n"
            "    def test_b(self): self.assertEqual(add(1,1),99)\n"
            "    def test_a(self): self.assertEqual(add(1,2),3)"
        ),
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n"
            "    def test_b(self): self.assertEqual(add(1,1),99)\n"
            "    def test_a(self): self.assertEqual(add(1,2),3)"
        ),
        (
            "import unittest\nclass Base(unittest.TestCase):\n    def helper(self): return add(1,2)\n"
            "class T(Base):\n    def test_a(self): self.assertEqual(self.helper(),3)"
        ),
    ],
    "pytest": [
        "def test_a():\n    assert add(1,2)==3",
        "def test_a(x=1,y=2):\n    assert add(x,y)==3",
        "def test_a(*, x=1):\n    assert add(x,2)==3",
        "async def test_a():\n    assert add(1,2)==3",
        "class TestAdd:\n    def test_a(self): assert add(1,2)==3",
        ("class TestAdd:\n    def setup_method(self, method): self.x=1\n    def test_a(self): assert add(self.x,2)==3"),
        (
            "class TestAdd:\n    @classmethod\n    def setup_class(cls): cls.x=1\n"
            "    def test_a(self): assert add(self.x,2)==3"
        ),
        "class TestAdd:\n    @staticmethod\n    def test_a(): assert add(1,2)==3",
        "class TestAdd:\n    async def test_a(self): assert add(1,2)==3",
        (
            "import pytest\n@pytest.mark.parametrize('a,b,c',[(1,2,3),(2,3,5)])\ndef test_a(a,b,c):\n"
            "    assert add(a,b)==c"
        ),
        (
            "import pytest\n@pytest.mark.parametrize('a',[1,2])\n@pytest.mark.parametrize('b',[3,4])\n"
            "def test_a(a,b):\n    assert add(a,b)==a+b"
        ),
        (
            "import pytest\n@pytest.mark.parametrize(['a','b'],[pytest.param(1,2,id='x')])\ndef test_a(a,b):\n"
            "    assert add(a,b)==a+b"
        ),
        (
            "import pytest\nclass TestX:\n    @pytest.mark.parametrize('a',[1,2])\n    def test_a(self,a):\n"
            "        assert add(a,1)==a+1"
        ),
        "import pytest\n@pytest.fixture\ndef one(): return 1\ndef test_a(one):\n    assert add(one,2)==3",
        (
            "import pytest\n@pytest.fixture()\ndef one():\n    yield 1\n@pytest.fixture(scope='module')\n"
            "def two(one): return one+1\ndef test_a(one,two):\n    assert add(one,two)==3"
        ),
        (
            "import pytest\nclass TestX:\n    @pytest.fixture(autouse=True)\n    def start(self): self.x=1\n"
            "    def test_a(self): assert add(self.x,2)==3"
        ),
        "import pytest\ndef test_a():\n    assert add(0.1,0.2)==pytest.approx(0.3)",
        "import pytest\npytest.raises(TypeError, add, 1, 'a')\nassert add(1,1)==2",
        ("import pytest\ndef test_a():\n    assert add(1,2)==3\nif __name__=='__main__':\n    pytest.main([__file__])"),
        (
            "import pytest\n@pytest.mark.skip\ndef test_a():\n    assert add(1,2)==99\ndef test_b():\n"
            "    assert add(1,2)==3"
        ),
        "import pytest\n@pytest.mark.usefixtures('x')\ndef test_a():\n    assert add(1,2)==3",
        "import solution as s\ndef test_a(): assert s.add(1,2)==3",
    ],
    "imports of the program": [
        "from solution import add\nassert add(1,2)==3",
        "import solution\nassert solution.add(1,2)==3",
        "from solution import *\nassert add(1,2)==3",
        "from solution import add as plus\nassert plus(1,2)==3",
        "from __main__ import add\nassert add(1,2)==3",
        "from your_module import add\nassert add(1,2)==3",
    ],
}
# tests that say nothing about any program, and how one notices
JUDGE_NOBODY: dict[str, list[str | None]] = {
    "cannot be collected": [
        "def check(candidate):\n    assert candidate(1,2)==3",
        (
            "import pytest\n@pytest.fixture(params=[1,2])\ndef one(request): return request.param\n"
            "def test_a(one):\n    assert add(one,2)==one+2"
        ),
        "def test_a(tmp_path):\n    assert add(1,2)==3",
        "def test_a(capsys):\n    assert add(1,2)==3",
        "def test_a(unknown):\n    assert add(1,2)==3",
    ],
    "ask the program nothing": [
        (
            "import unittest\nclass T(unittest.TestCase):\n    @unittest.skip('no')\n"
            "    def test_b(self): self.assertEqual(add(1,1),99)"
        ),
        "class AddTests:\n    def test_a(self): assert add(1,2)==3",
        "class TestAdd:\n    def run(self): assert add(1,2)==3",
        "import pytest\n@pytest.mark.skip\ndef test_a():\n    assert add(1,2)==3",
        "import sys\nsys.exit(0)",
        "add",
        "f=add",
        "pass",
        "# nothing",
        "...",
        "None",
        "x = 5",
        "print('ok')",
        "assert sorted([2,1])==[1,2]",
        "assert True",
        "import math\nassert math.sqrt(4)==2",
        "assert math.sqrt(4)==2",
        "def add(a,b): return a+b\nassert add(1,2)==3",
        "def test_a():\n    pass",
        "def helper():\n    assert add(1,2)==3",
        "if False:\n    assert add(1,2)==3",
    ],
    "need what is not there": [
        "from no_such_place import add\nassert add(1,2)==3",
        "from .solution import add\nassert add(1,2)==3",
        "import pandas\nassert add(1,2)==3",
        "def test_a():\n    import no_such\n    assert add(1,2)==3",
        "from pathlib import Path\nPath('x').write_text('1')\nassert add(1,2)==3",
        "import tempfile\nwith tempfile.NamedTemporaryFile() as f:\n    assert add(1,2)==3",
        "import subprocess\nsubprocess.run(['ls'])\nassert add(1,2)==3",
        "assert add(1,2)==3\nimport subprocess\nsubprocess.run(['ls'])",
        "import socket\nsocket.socket()\nassert add(1,2)==3",
    ],
    "fail by themselves": [
        "assert 1==2\nassert add(1,2)==3",
        "raise ValueError",
    ],
    "need the program in their own interpreter": [
        (
            "import io, contextlib\nb=io.StringIO()\nwith contextlib.redirect_stdout(b): add(1,2)\n"
            "assert b.getvalue()==''"
        ),
        "from unittest.mock import patch\nwith patch('builtins.input', return_value='1'): assert add(1,2)==3",
    ],
    "no known layout": [
        '{"a": true}',
        '{"inputs": [], "outputs": []}',
        "[]",
        "{}",
        "null",
        '[{"input":"1\\n2","output":"3","testtype":"functional"}]',
    ],
}
# tests, a program, its score, another program, its score
OTHERS: list[tuple[str | None, str, float | None, str, float | None]] = [
    (
        (
            "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n"
            "    async def asyncSetUp(self): self.x=1\n"
            "    async def test_a(self): self.assertEqual(await add(self.x,2),3)"
        ),
        SLOW_ADD,
        1.0,
        WRONG_SLOW_ADD,
        0.0,
    ),
    ("import asyncio\nasync def test_a():\n    assert await add(1,2)==3", SLOW_ADD, 1.0, WRONG_SLOW_ADD, 0.0),
    ("import asyncio\nassert asyncio.run(add(1,2))==3", SLOW_ADD, 1.0, WRONG_SLOW_ADD, 0.0),
    (
        (
            "import asyncio\nasync def main():\n    r=await asyncio.gather(add(1,2),add(3,4))\n"
            "    assert r==[3,7]\nasyncio.run(main())"
        ),
        SLOW_ADD,
        1.0,
        WRONG_SLOW_ADD,
        0.0,
    ),
    (
        "import asyncio\nloop=asyncio.new_event_loop()\nassert loop.run_until_complete(add(1,2))==3",
        SLOW_ADD,
        1.0,
        WRONG_SLOW_ADD,
        0.0,
    ),
    (
        "import pytest\n@pytest.mark.asyncio\nasync def test_a():\n    assert await add(1,2)==3",
        SLOW_ADD,
        1.0,
        WRONG_SLOW_ADD,
        0.0,
    ),
    (
        (
            "import pytest\ndef test_a():\n    with pytest.raises(IndexError):\n        Stack().pop()\n"
            "def test_b():\n    s=Stack(); s.push(1); s.push(2)\n    assert s.pop()==2"
        ),
        STACK,
        1.0,
        WRONG_STACK,
        0.0,
    ),
    (
        (
            "import pytest\ndef test_a():\n    with pytest.raises(IndexError, match='empty') as e:\n"
            "        Stack().pop()\n    assert str(e.value)=='empty'\n    s=Stack(); s.push(1); s.push(2)\n"
            "    assert s.pop()==2"
        ),
        STACK,
        1.0,
        WRONG_STACK,
        0.0,
    ),
    (
        (
            "import pytest\ndef test_a():\n    with pytest.raises(LowFunds, match='need 5 more'):\n"
            "        Account(5).withdraw(10)"
        ),
        ACCOUNT,
        1.0,
        WRONG_ACCOUNT,
        0.0,
    ),
    (
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
            "        with self.assertRaises(LowFunds): Account(5).withdraw(10)"
        ),
        ACCOUNT,
        1.0,
        WRONG_ACCOUNT,
        0.0,
    ),
    (
        ("try:\n    Account(5).withdraw(10)\n    assert False\nexcept LowFunds as e:\n    assert 'need' in str(e)"),
        ACCOUNT,
        1.0,
        WRONG_ACCOUNT,
        0.0,
    ),
    ("assert undefined_thing == 3", ADD, 0.0, WRONG_ADD, 0.0),
    ("assert sum(1,2)==4", "def sum(a,b): return a+b+1", 1.0, "def sum(a,b): return 0", 0.0),
    ("assert sum(1,2)==4", ADD, 0.0, WRONG_ADD, 0.0),
    (
        "assert Counter(add('a','b'))==Counter('ab')",
        "from collections import Counter\ndef add(a, b):\n    return a + b\n",
        1.0,
        "from collections import Counter\ndef add(a,b): return a",
        0.0,
    ),
    (
        "class Node:\n    def __init__(self,v): self.v=v\nassert val(Node(3))==3",
        "def val(n): return n.v",
        None,
        "def val(n): return 0",
        None,
    ),
    (
        "n=Node(3)\nassert val(n)==3",
        "class Node:\n    def __init__(self,v): self.v=v\ndef val(n): return n.v",
        1.0,
        "class Node:\n    def __init__(self,v): self.v=v\ndef val(n): return 0",
        0.0,
    ),
    (
        "class Sub(Base): pass\nassert Sub().f()==1",
        "class Base:\n    def f(self): return 1",
        None,
        "class Base:\n    def f(self): return 2",
        None,
    ),
    (
        '{"fn_name":"add","inputs":[[1,2]],"outputs":[3]}',
        "class Solution:\n    def add(self,a,b): return a+b",
        1.0,
        "class Solution:\n    def add(self,a,b): return a-b",
        0.0,
    ),
    (
        '{"fn_name":"Solution.add","inputs":[[1,2]],"outputs":[3]}',
        "class Solution:\n    def add(self,a,b): return a+b",
        1.0,
        "class Solution:\n    def add(self,a,b): return a-b",
        0.0,
    ),
    (
        '{"fn_name":"pair","inputs":[[1]],"outputs":[[1,2]]}',
        "def pair(a): return (1,2)",
        1.0,
        "def pair(a): return [2,1]",
        0.0,
    ),
    ('{"fn_name":"ok","inputs":[[1]],"outputs":[true]}', "def ok(a): return True", 1.0, "def ok(a): return 2", 0.0),
    (
        '{"fn_name":"d","inputs":[[1]],"outputs":[{"1":2}]}',
        "def d(a): return {1:2}",
        1.0,
        "def d(a): return {1:3}",
        0.0,
    ),
    (
        '{"inputs":["1 2"],"outputs":["3"]}',
        "a,b=map(int,input().split())\nprint(a+b)",
        1.0,
        "a,b=map(int,input().split())\nprint(a-b)",
        0.0,
    ),
    (
        '{"inputs":["1 2\\n"],"outputs":["3\\n\\n"]}',
        "import sys\na,b=map(int,sys.stdin.read().split())\nprint(a+b, end='')",
        1.0,
        "print(3.0)",
        0.0,
    ),
    (
        '{"inputs":["1 2\\n"],"outputs":["1\\n2"]}',
        "import sys\nfor x in sys.stdin.readline().split(): print(x, '')",
        1.0,
        "print('2\\n1')",
        0.0,
    ),
    (
        '{"input":["1"],"output":["1"]}',
        "def main():\n    print(input())\nif __name__=='__main__':\n    main()",
        1.0,
        "def main():\n    print(input())",
        0.0,
    ),
    (
        '{"inputs":["1"],"outputs":["1"]}',
        "import sys\nprint(sys.stdin.buffer.read().decode())\nsys.exit(0)",
        1.0,
        "import sys\nprint(1)\nsys.exit(1)",
        0.0,
    ),
    ('{"inputs":["1"],"outputs":["1"]}', "print(open(0).read())\nexit()", 1.0, "print(1)\nraise ValueError", 0.0),
    ('{"inputs":["",""],"outputs":["1","1"]}', "print(1)", 1.0, "", 0.0),
    ('{"inputs":[["1","2"]],"outputs":[["3"]]}', "print(int(input())+int(input()))", 1.0, "print(int(input()))", 0.0),
    (
        (
            '{"public_tests":{"input":["1"],"output":["1"]},"private_tests":{"input":["2"],"output":["2"]},"generated_tests":{"input":[],"output":[]}}'
        ),
        "print(input())",
        1.0,
        "print(1)",
        0.0,
    ),
    ('{"language":"cpp","test_cases":[{"input":"1","output":"1"}]}', "print(1)", None, "print(2)", None),
    ('{"inputs":["1","2"],"outputs":["1"]}', "print(1)", None, "print(2)", None),
]
