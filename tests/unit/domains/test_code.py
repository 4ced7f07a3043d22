"""Programs get the verdict that their tests give: 1, 0, or "cannot tell" for all programs alike."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.domains import code as module
from memgraph.domains.code import Code
from memgraph.domains.domain import Item, Verdict
from memgraph.domains.program_tests import fold_tests
from memgraph.domains.references import Reference
from memgraph.errors import SandboxError, SettingsError
from memgraph.sandbox import Limits
from tests.thorough import every, first_of_each
from tests.unit.domains.code_cases import ADD, JUDGE, JUDGE_NOBODY, OTHERS, WRONG_ADD

CODE = Code(limits=Limits(seconds=8, cpu_seconds=4))


def verdicts(tests: str | None, *programs: str | None, query: str | None = None, code: Code = CODE) -> list[Verdict]:
    return code.verify([Item(program, Reference("tests", tests or ""), "code", query) for program in programs])


def scores(tests: str | None, *programs: str | None, query: str | None = None) -> list[float | None]:
    return [verdict.score for verdict in verdicts(tests, *programs, query=query)]


@pytest.mark.parametrize("tests", first_of_each(JUDGE, 1))
def test_tests_pass_right_programs_and_fail_wrong_ones(tests: str) -> None:
    assert scores(tests, ADD, WRONG_ADD) == [1.0, 0.0]


@pytest.mark.parametrize("tests", first_of_each(JUDGE_NOBODY, 1))
def test_tests_that_can_judge_nobody_judge_right_and_wrong_programs_alike(tests: str | None) -> None:
    found = verdicts(tests, ADD, WRONG_ADD)
    assert [verdict.score for verdict in found] == [None, None]
    assert found[0].reason == found[1].reason != ""


@pytest.mark.parametrize("case", every(5, OTHERS))
def test_other_tests_and_programs(case: tuple[str, str, float | None, str, float | None]) -> None:
    tests, one, first, other, second = case
    assert scores(tests, one, other) == [first, second]


@pytest.mark.parametrize("answer", [None, "", "  \n"])
def test_no_program_is_wrong(answer: str | None) -> None:
    assert verdicts("assert add(1, 2) == 3", answer) == [Verdict(0.0, "no answer")]


EVASIONS = {
    "import of its own": "import no_such_module\n" + ADD,
    "import in a call": "def add(a, b):\n    import no_such_module",
    "import error": "def add(a, b): raise ImportError('no module named x')",
    "file error": "def add(a, b): return open('/no/such/file')",
    "leaves": "import sys; sys.exit(0)",
    "leaves hard": "import os; os._exit(0)",
    "leaves in a call": "def add(a, b): raise SystemExit(0)",
    "skips": "import unittest\ndef add(a, b): raise unittest.SkipTest('later')",
    "skips at import": "import unittest\nraise unittest.SkipTest('later')",
    "names the tests' own signals": "class CannotRun(Exception): pass\nCannotRun.__module__ = 'inside.pytest_stand_in'\n"
    "def add(a, b): raise CannotRun('x')",
    "no Python": "def add(a, b:",
    "no text": "\x00\ud800",
    "defines nothing": "x = 1",
    "defines something else": "add = 7",
    "a class to derive from": "class add: pass",
    "ends its parent": "import os, signal\nfor p in (os.getppid(), 1, 0, -1):\n"
    "    try: os.kill(p, signal.SIGKILL)\n    except OSError: pass\nos._exit(0)",
    "claims not to have started": "import json, os\nfor said in ({'status': 'not started', 'reason': ''}, {'status': 'unsupported'}):\n"
    "    data = json.dumps(said).encode()\n    for fd in range(3, 64):\n"
    "        try: os.write(fd, len(data).to_bytes(8, 'big') + data + b'\\n')\n        except OSError: pass\nos._exit(1)",
    "prints without end": "import sys\nwhile True: sys.stdout.write('x' * 10000)",
    "too much memory": "x = [0] * 10**9",
    "crashes": "import ctypes; ctypes.string_at(0)",
    "deep": "x = " + "-" * 40000 + "1",
    "object that stays there": "def add(a, b): return lambda: 0",
}  # fmt: skip
ASKING = {
    "asserts": "assert add(1, 2) == 3",
    "unittest": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(add(1, 2), 3)",
    "pytest": "import pytest\n@pytest.fixture\ndef one(): return 1\ndef test_a(one): assert add(one, 2) == 3",
    "calls": '{"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]}',
    "streams": '{"inputs": ["1 2"], "outputs": ["3"]}',
}


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ASKING)
def test_no_program_brings_about_that_it_cannot_be_told(kind: str, step: int) -> None:
    """Each evasion of tests of some kind; of all kinds where it may take long."""
    names = list(EVASIONS)[list(ASKING).index(kind) % step :: step]
    found = scores(ASKING[kind], *(EVASIONS[name] for name in names))
    assert dict(zip(names, found, strict=True)) == dict.fromkeys(names, 0.0)


def test_a_check_is_called_with_the_function_that_the_prompt_defines_last() -> None:
    tests = "def check(candidate):\n    assert candidate(1, 2) == 3"
    prompt = "def helper(x):\n    return x\n\ndef add(a, b):\n    '''Their sum.'''\n"
    assert scores(tests, ADD, WRONG_ADD, query=prompt) == [1.0, 0.0]
    assert scores(tests, ADD, WRONG_ADD, query="Write a function that adds.") == [None, None]


def test_tests_may_rely_on_what_the_prompt_imports() -> None:
    tests = "assert add(Counter('a'), Counter('b')) == Counter('ab')"
    query = "from collections import Counter\n\ndef add(a, b):\n    '''Sum.'''\n"
    assert scores(tests, ADD, WRONG_ADD, query=query) == [1.0, 0.0]


def test_a_missing_library_is_nobodys_fault_only_where_the_prompt_or_the_tests_import_it() -> None:
    program = "import no_such_library\n" + ADD
    assert scores("assert add(1, 2) == 3", program, query="Add two numbers.") == [0.0]
    prompt = "Complete:\n\nimport no_such_library\n\ndef add(a, b):\n"
    found = verdicts("assert add(1, 2) == 3", program, ADD, query=prompt)
    assert [verdict.score for verdict in found] == [None, None]
    assert "the prompt imports no_such_library" in found[0].reason


def test_libraries_are_there_only_where_they_are_allowed() -> None:
    tests = "import numpy as np\nassert np.array_equal(np.sort(add(np.array([2, 1]), 0)), [1, 2])"
    assert [verdict.score for verdict in verdicts(tests, ADD)] == [1.0]
    (found,) = verdicts(tests, ADD, code=Code(libraries=()))
    assert found == Verdict(None, "the tests import numpy, which is not there")
    with pytest.raises(SettingsError, match="named as it is imported"):
        verdicts(tests, ADD, code=Code(libraries=("scikit-learn",)))


PARTLY = {
    "assert 1 == 1\nassert add(1, 2) == 3\nassert add(1, 0) == 1\nassert add(0, 0) == 0": 0.75,  # 1 - 2 is not 3
    "def check(c):\n    assert c(1, 2) == 3\n    assert c(1, 0) == 1\ncheck(add)": 0.5,
    "def test_a(): assert add(1, 2) == 3\ndef test_b(): assert add(1, 0) == 1": 0.5,
    '{"fn_name": "add", "inputs": [[1, 2], [1, 0], [2, 0], [3, 0]], "outputs": [3, 1, 2, 3]}': 0.75,
}


@pytest.mark.parametrize(("tests", "score"), PARTLY.items())
def test_partial_credit_is_the_share_of_tests_that_pass(tests: str, score: float) -> None:
    partial = Code(partial=True)
    assert [verdict.score for verdict in verdicts(tests, ADD, WRONG_ADD, code=partial)] == [
        1.0,
        pytest.approx(score, abs=0.01),
    ]
    assert scores(tests, WRONG_ADD) == [0.0]


def test_partial_credit_counts_tests_that_were_not_reached() -> None:
    tests = "\n".join(["assert add(0, 0) == 0", "add('a', 1)", *["assert add(1, 1) == 2"] * 8])
    (found,) = verdicts(tests, ADD, code=Code(partial=True))
    assert found.score == pytest.approx(1 / 9)


def test_partial_credit_for_outputs() -> None:
    tests = '{"inputs": ["1 2", "2 0", "3 0", "4 0"], "outputs": ["3", "2", "3", "4"]}'
    program = "a, b = map(int, input().split())\nprint(a - b)"
    assert [verdict.score for verdict in verdicts(tests, program, code=Code(partial=True))] == [0.75]


def test_tests_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = module.look_at_tests

    def counted(tests: object, **named: object) -> object:
        looked.append(tests)
        return real(tests, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "look_at_tests", counted)
    code = Code(workers=1)
    verdicts("assert add(1, 2) == 3", ADD, WRONG_ADD, ADD, code=code)
    verdicts("assert add(1, 2) == 3", ADD, code=code)
    assert len(looked) == 1


def test_a_sandbox_that_does_not_start_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise SandboxError("the sandbox could not start a program: no space")

    monkeypatch.setattr(module, "run_python", broken)
    assert verdicts("assert add(1, 2) == 3", ADD) == [Verdict(None, "the sandbox could not start a program: no space")]


def test_a_domain_goes_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(CODE)).limits == CODE.limits


GOLD = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("gold", "answer", "score"),
    [
        (ADD, ADD.replace("\n    return", "\n    # sum\n    return"), 1.0),
        (GOLD, ADD, 1.0),
        (ADD, WRONG_ADD, 0.0),
        (ADD, None, 0.0),
        (" ", ADD, None),
        ("def add(a, b:", ADD, None),
    ],
)
def test_a_gold_program_is_compared_by_its_syntax(gold: str, answer: str | None, score: float | None) -> None:
    (found,) = CODE.verify([Item(answer, Reference("gold", gold), "code")])
    assert found.score == score


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ADD, "def add(a,b): # sum\n  '''Sum.'''\n  return (a+b)", True),
        (ADD, WRONG_ADD, False),
        ("x = '''a\n\n b'''", "x = '''a\n b'''", False),
        ("x = '''a \nb'''", "x = '''a\nb'''", False),
        ("def f(:\n\n  x ", "def f(:\n  x", False),  # no Python, so nothing says that blanks do not count
        ("def f(): 'a'", "def f(): pass", True),
        ("  x = 1", "x = 1", False),
        ("import sys\n# a\nprint(sys._getframe().f_lineno)", "import sys\nprint(sys._getframe().f_lineno)", False),
        ("'a'\n'b'\nx = 1", "x = 1", True),
        ("def f(): 'a'\nprint(f.__doc__)", "def f(): 'b'\nprint(f.__doc__)", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1\r\ny = 2", "x = 1\ny = 2", True),
    ],
)
def test_programs_are_one_answer_where_their_syntax_is(one: str, other: str, same: bool) -> None:
    assert CODE.same(one, other) is same
    assert (CODE.key(one) == CODE.key(other)) is same


def test_classes_do_not_depend_on_order() -> None:
    assert CODE.classes([ADD, WRONG_ADD, "# sum\n" + ADD]) == [0, 1, 0]
    assert CODE.classes([WRONG_ADD, "# sum\n" + ADD, ADD]) == [0, 1, 1]


@settings(max_examples=50)
@given(
    st.text()
    | st.sampled_from(["x = 1\n", "def f(): 'x'\n", "(", "'" * 3, "#", "\n"]).flatmap(lambda s: st.just(s * 40))
)
def test_any_text_has_a_key_that_is_its_own_key(text: str) -> None:
    key = CODE.key(text)
    assert key.valid == bool(key.value)
    assert CODE.key(key.value) == key


@pytest.mark.parametrize(
    "text", ["\n" * 10**6, "9" * 10**6, "(" * 10**6, "def a(" * 10**5, "a." * 40_000 + "b", "-" * 49_000 + "1"]
)
def test_long_texts_are_read_at_once(text: str) -> None:
    reading = CODE.read(text)
    assert reading.thinking == ("" if reading.answer else text.strip())
    CODE.key(text)


def test_thinking_is_no_program() -> None:
    response = f"<think>```python\n{WRONG_ADD}```</think>\n```python\n{ADD}```"
    assert CODE.read(response).answer == ADD.strip()
    assert CODE.read(f"```python\n{ADD}```", thinking_opened=True).answer is None


def test_blank_tests_are_none() -> None:
    assert [fold_tests(blank) for blank in (None, "", " \n", [], {}, float("nan"), b"")] == [None] * 7
