from __future__ import annotations

import pytest

from memgraph.domains.checks.behaviour import behaviours
from memgraph.domains.checks.trials import trial
from memgraph.sandbox import Limits
from tests.thorough import every

DOCTEST = 'def double(n: int) -> int:\n    """Twice n.\n    >>> double(2)\n    4\n    >>> double(5)\n    10\n    """\n'
RIGHT = ["def double(n):\n    return 2 * n", "def double(k):\n    total = k\n    return total + k"]
WRONG = [
    "def double(n):\n    return n * n",
    "def double(n):\n    return 2 * n + 1",
    "def double(n): return 1 / 0",
    "def other(): pass",
]


@pytest.mark.parametrize(
    ("prompt", "inputs", "expected"),
    [
        (DOCTEST, [(2,), (5,)], (4, 10)),
        ("def f(x):\n    '''f([1, 2]) ➞ 3\n    f([]) == 0'''", [([1, 2],), ([],)], (3, 0)),
        ("def f(s, n):\n    f('a(b', 2) should return \"x)\"", [("a(b", 2)], ("x)",)),
        ("Write the Python function run(xs): add them. For example run([3, 4]) == 7.", [([3, 4],)], (7,)),
        ("def f(x):\n  f(x) returns something\n  f(1) => True", [(1,)], (True,)),
    ],
)
def test_examples_of_the_prompt_come_first(prompt: str, inputs: list[tuple], expected: tuple) -> None:
    found = trial(prompt)
    assert found is not None
    assert list(found.inputs[: len(inputs)]) == inputs
    assert found.expected == expected
    assert len(found.inputs) > len(inputs)
    assert found == trial(prompt)


@pytest.mark.parametrize(
    "prompt",
    ["def f(words: List[str], k: int):\n  pick", "def f(text, n): cut", "def f(l): sum", "def f(a=1, *, b=2): x"],
)
def test_without_examples_inputs_are_made_from_the_signature(prompt: str) -> None:
    found = trial(prompt)
    assert found is not None
    assert found.expected == ()
    assert len(found.inputs) >= 4


@pytest.mark.parametrize("prompt", ["What is 1 + 1?", "def f(): nothing", ""])
def test_a_prompt_without_a_function_has_no_trial(prompt: str) -> None:
    assert trial(prompt) is None


def test_programs_that_do_the_same_have_one_key_and_others_their_own() -> None:
    found = trial(DOCTEST)
    assert found is not None
    first, second, *wrong = behaviours(found, RIGHT + WRONG)
    assert first == second
    assert (first.examples, first.runs) == (1.0, 1.0)
    assert len({b.key for b in wrong[:2]} | {first.key}) == 3
    assert wrong[0].examples == 0.5
    assert [b.key for b in wrong[2:]] == [None, None]


NUMBERS = "Write the Python function f(xs): {}. For example f({}) == {}."
ABOVE = 'def f(xs: int) -> bool:\n    """Whether xs is above 40.\n\n    >>> f(50)\n    True\n    """'


@pytest.mark.parametrize(
    "case",
    every(
        2,
        [
            (
                NUMBERS.format("keep those at most 5", [6, 2], [2]),
                "[x for x in xs if x <= 5]",
                "[x for x in xs if x < 5]",
            ),
            (NUMBERS.format("are all at most 5", [6, 2], False), "all(x <= 5 for x in xs)", "all(x < 5 for x in xs)"),
            (NUMBERS.format("is any at least 5", [6, 2], True), "any(x >= 5 for x in xs)", "any(x > 5 for x in xs)"),
            (NUMBERS.format("are all odd", [6, 3, 2], False), "all(x % 2 for x in xs)", "all(x % 2 == 0 for x in xs)"),
            (NUMBERS.format("the first goes last", [4, 2], [2, 4]), "xs[1:] + xs[:1]", "xs[-1:] + xs[:-1]"),
            (NUMBERS.format("the longest word", "'rain'", "'rain'"), "max(xs.split(), key=len)", "max(xs.split())"),
            (NUMBERS.format("the last word", "'rain'", "'rain'"), "xs.split()[-1]", "xs.split()[0]"),
            (ABOVE, "xs > 40", "xs >= 40"),
        ],
    ),
)
def test_programs_that_differ_where_the_prompt_draws_a_line_are_told_apart(case: tuple[str, str, str]) -> None:
    prompt, right, wrong = case
    found = trial(prompt)
    assert found is not None
    one, other = behaviours(found, [f"def f(xs):\n    return {body}" for body in (right, wrong)])
    assert one.examples == other.examples == 1.0
    assert one.key != other.key


def test_numbers_of_the_examples_are_no_lines_that_the_prompt_draws() -> None:
    found = trial('def f(x):\n    """At least 7, not 123456789.\n    f(50) == 60; f(51) == 61\n    Never 9."""')
    assert found is not None
    tried = {arguments[0] for arguments in found.inputs}
    assert {6, 7, 8, 9, 10} <= tried
    assert not {59, 60, 61, 62, 123456789} & tried


def test_programs_that_misbehave_do_nothing_alike() -> None:
    found = trial(DOCTEST)
    assert found is not None
    programs = [
        'print(\'["4", "10"]\'); raise SystemExit',
        "def double(n):\n    while True: pass",
        "import os\ndef double(n):\n    os._exit(0)",
        "def double(n):\n    return 'x' * 10**8",
        "import sys\ndef double(n):\n    print('noise' * 30000)\n    return 2 * n",
    ]
    right, *wrong = behaviours(found, [RIGHT[0], *programs], limits=Limits(seconds=15, cpu_seconds=1))
    assert all(behaviour.key != right.key for behaviour in wrong)
    assert not any(behaviour.examples for behaviour in wrong)
