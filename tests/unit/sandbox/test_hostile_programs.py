"""Programs and prompts that try to stop the observation of others: none may, whatever they print or ask for."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.domains import Domains
from memgraph.domains.checks import behaviour
from memgraph.domains.checks.behaviour import Behaviour, Unobserved, behaviours, did_not_run
from memgraph.domains.checks.trials import Trial, literal, trial
from memgraph.rollouts.program_runs import MOST_ATTEMPTS, run_programs
from memgraph.sandbox import Limits
from tests.thorough import examples

PROMPT = 'def double(n: int) -> int:\n    """Twice n.\n    >>> double(2)\n    4\n    >>> double(5)\n    10\n    """\n'
RIGHT = "def double(n): return 2 * n"
SPARING = Limits(seconds=15, cpu_seconds=1)


def tried() -> Trial:
    found = trial(PROMPT)
    assert found is not None
    return found


COUNT = len(tried().inputs)
# what the harness prints after its marker is the program's choice
FORGING = """
import json
real = json.dumps
json.dumps = lambda value, **named: LINE if type(value) is list else real(value, **named)
def double(n): return 1
"""
# what it prints in place of the list of its values
LINES = {
    "a number": "7",
    "null": "null",
    "a text": '"' + "x" * COUNT + '"',
    "an object": '{"a": 1}',
    "an object of the right length": "{" + ", ".join(f'"{n}": "1"' for n in range(COUNT)) + "}",
    "a list of numbers": str(list(range(COUNT))),
    "a list of lists": str([[]] * COUNT),
    "a list of nulls": "[" + ", ".join(["null"] * COUNT) + "]",
    "a list of truth values": "[" + ", ".join(["true"] * COUNT) + "]",
    "one odd type among texts": "[" + ", ".join(['"4"'] * (COUNT - 1) + ["{}"]) + "]",
    "too few": '["4"]',
    "too many": str(["4"] * (COUNT + 1)).replace("'", '"'),
    "empty": "",
    "no JSON": "[4, 10",
    "two documents": "[] []",
    "beyond range": "[" + ", ".join(["1e999"] * COUNT) + "]",
    "no number": "[" + ", ".join(["NaN"] * COUNT) + "]",
    "a huge integer": "[" + "9" * 20_000 + "]",
    "nested": "[" * 30_000,
    "nested and closed": "[" * 20_000 + "]" * 20_000,
    "nested objects": '{"a":' * 10_000,
    "lone surrogates": "[" + ", ".join([r'"\ud800"'] * COUNT) + "]",
    "a long text": "[" + ", ".join(['"' + "x" * 501 + '"', *['"4"'] * (COUNT - 1)]) + "]",
}
# values that are read as literals when they are compared with the examples
VALUES = {
    "nested": "(" * 499,
    "nested signs": "-" * 499 + "1",
    "huge integer": "9" * 500,
    "huge float": "1e999",
    "huge complex": "1e999j",
    "unhashable key": "{[]: 1}",
    "unhashable member": "{[]}",
    "odd escapes": r"'\\d\\q'",
    "null character": "'\\\\0'",
    "code": "__import__('os').system('x')",
    "walrus": "(x := 4)",
    "surrogate": "'\\\\ud800'",
}
PROGRAMS = {
    "repr gives a derived text": "class T(str):\n    def __getitem__(s, k): return {'a': 1}\n"
    "class E:\n    def __repr__(s): return T('x')\ndef double(n): return E()",
    "repr gives a derived text that is no JSON": "class T(str):\n    def __getitem__(s, k): return object()\n"
    "class E:\n    def __repr__(s): return T('x')\ndef double(n): return E()",
    "repr raises": "class E:\n    def __repr__(s): raise ValueError\ndef double(n): return E()",
    "repr leaves": "class E:\n    def __repr__(s): raise SystemExit\ndef double(n): return E()",
    "repr gives no text": "class E:\n    def __repr__(s): return 7\ndef double(n): return E()",
    "repr gives ten megabytes": "class E:\n    def __repr__(s): print('x' * 10**7); return 'x'\ndef double(n): return E()",
    "prints ten megabytes": "def double(n):\n    print('x' * 10**7)\n    return 2 * n",
    "prints ten megabytes of errors": "import sys\ndef double(n):\n    sys.stderr.write('x' * 10**7)\n    return 2 * n",
    "an integer too long to print": "def double(n): return 10 ** 5000",
    "an endless iterator": "def double(n):\n    while True: yield n",
    "a nested value": "def double(n):\n    v = []\n    for _ in range(10**5): v = [v]\n    return v",
    "a value that holds itself": "def double(n):\n    v = []\n    v.append(v)\n    return v",
    "an error with an odd name": "E = type('E' * 2000, (Exception,), {})\ndef double(n): raise E",
    "an error that is none": "class E(BaseException): pass\ndef double(n): raise E",
    "an error class without a name": "class M(type):\n    __name__ = property(lambda s: 7)\n"
    "class E(Exception, metaclass=M): pass\ndef double(n): raise E",
    "leaves": "raise SystemExit",
    "leaves hard": "import os\ndef double(n): os._exit(0)",
    "kills itself": "import os\ndef double(n): os.kill(os.getpid(), 9)",
    "crashes": "import ctypes\ndef double(n): ctypes.string_at(0)",
    "closes its output": "import os\ndef double(n):\n    os.close(1)\n    return 1",
    "no output": "import sys\nsys.stdout = None\ndef double(n): return 2 * n",
    "another json": "import json\njson.dumps = lambda *_: 7\ndef double(n): return 2 * n",
    "json that raises": "import json\ndef dumps(*_): raise KeyError\njson.dumps = dumps\ndef double(n): return 2 * n",
    "another print": "def print(*_): pass\ndef double(n): return 2 * n",
    "lines of its own with the marker": "import sys\ndef double(n):\n"
    "    for c in sys._getframe(1).f_code.co_consts:\n"
    "        if type(c) is str and len(c) == 16: print(c + '7'); print(c); print(c + '[')\n    return 1",
    "no function": "double = 7",
    "no Python": "def double(n:",
    "null character": "def double(n): return 1\0",
    "lone surrogate": "def double(n): return '\ud800'",
    "deeply nested source": "def double(n): return " + "(" * 5000 + "n" + ")" * 5000,
    "long sum": "def double(n): return " + "1+" * 50_000 + "n",
    "future import after code": "x = 1\nfrom __future__ import annotations\ndef double(n): return 2 * n",
    "recursion": "def double(n): return double(n)",
    "memory": "def double(n): return [0] * 10**9",
    "endless": "def double(n):\n    while True: pass",
    "endless, deaf to its alarm": "import signal\nsignal.signal = lambda *_: None\ndef double(n):\n    while True: pass",
    "changes the list of values": "import sys\ndef double(n):\n    sys._getframe(1).f_locals['_found'].append(7)\n    return 2 * n",
    "threads": "import threading\ndef double(n):\n    threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()",
    "empty": "",
}


@pytest.fixture(scope="module")
def right() -> Behaviour:
    (found,) = behaviours(tried(), [RIGHT])
    assert isinstance(found, Behaviour)
    return found


HOSTILE = {
    "programs": PROGRAMS,
    "lines": {what: FORGING.replace("LINE", repr(line)) for what, line in LINES.items()},
    "values": {
        what: f"class E:\n    def __repr__(s): return {value!r}\ndef double(n): return E()"
        for what, value in VALUES.items()
    },
}
# of each kind, every third program; all of them where it may take long
PARTS = [
    pytest.param((kind, step), id=f"{kind}, one in {step}", marks=() if step > 1 else pytest.mark.slow)
    for kind in HOSTILE
    for step in (3, 1)
]
_EACH = 8  # hostile programs to one that is right


def run_beside_right_ones(programs: list[str], right: Behaviour) -> list[Behaviour | Unobserved]:
    """Of each program; the right ones among them have said what they say alone."""
    starts = range(0, len(programs), _EACH)
    mixed = [text for start in starts for text in (*programs[start : start + _EACH], RIGHT)]
    found = behaviours(tried(), mixed, limits=SPARING, workers=4)
    assert [one for program, one in zip(mixed, found, strict=True) if program == RIGHT] == [right] * len(starts)
    return [one for program, one in zip(mixed, found, strict=True) if program != RIGHT]


@pytest.fixture(scope="module", params=PARTS)
def hostile(request: pytest.FixtureRequest, right: Behaviour) -> dict[str, Behaviour | Unobserved]:
    """What hostile programs of a kind did, by name."""
    kind, step = request.param
    programs = dict(list(HOSTILE[kind].items())[::step])
    return dict(zip(programs, run_beside_right_ones(list(programs.values()), right), strict=True))


def test_no_hostile_program_raises_or_is_right_or_takes_its_neighbours_with_it(
    hostile: dict[str, Behaviour | Unobserved], right: Behaviour
) -> None:
    for what, one in hostile.items():
        assert isinstance(one, Unobserved) or (one.key != right.key and not one.examples), what
        assert isinstance(one, Unobserved) or (one.key is None) == (one.reason is not None), what


@pytest.mark.parametrize("hostile", PARTS[2:4], indirect=True)
def test_what_is_no_list_of_texts_did_not_run_and_says_why(hostile: dict[str, Behaviour | Unobserved]) -> None:
    for what in hostile.keys() - {"lone surrogates"}:
        found = hostile[what]
        assert isinstance(found, Behaviour), what
        assert (found.key, found.examples, found.runs) == (None, 0.0, 0.0), what
        assert found.reason, what
        assert found.reason.startswith(("what it printed", "it printed", "it did not")), what


def test_a_forged_line_of_texts_is_no_more_than_values_given_by_hand() -> None:
    (found,) = behaviours(tried(), [FORGING.replace("LINE", repr("[" + ", ".join(['"x"'] * COUNT) + "]"))])
    assert isinstance(found, Behaviour)
    assert found.key is not None, "so the forgeries of this file reach the line that is read"
    assert found.examples == 0


@pytest.mark.parametrize("value", [10**400, -(10**400), 1.5, float("inf"), "x", None, [1], {1: 2}, 1j, True])
@given(
    text=st.text(max_size=60) | st.sampled_from(["1.0", "1e999", "-1e999", "nan", "10", "9" * 500, *VALUES.values()])
)
@settings(max_examples=40, deadline=None)
def test_values_are_compared_with_anything(value: Any, text: str) -> None:
    assert behaviour._equal(text, value) in (True, False)


def test_literals_are_read_in_silence(recwarn: pytest.WarningsRecorder) -> None:
    assert literal(r"'\d'") == r"\d"
    assert not recwarn.list


def test_a_sandbox_that_fails_on_one_program_fails_on_no_other(
    monkeypatch: pytest.MonkeyPatch, right: Behaviour
) -> None:
    real = behaviour.run_python

    def failing(program: str, **given: Any) -> Any:
        if program.startswith("fails"):
            raise KeyError("status")  # as nonsense in the sandbox's own report would
        return real(program, **given)

    monkeypatch.setattr(behaviour, "run_python", failing)
    assert behaviours(tried(), [RIGHT, "fails", RIGHT]) == [right, Unobserved("KeyError: 'status'", False), right]


def test_a_run_that_the_clock_ends_is_no_finding() -> None:
    (found,) = behaviours(
        tried(), ["import time\ndef double(n): time.sleep(60)"], limits=Limits(seconds=2, cpu_seconds=1)
    )
    assert isinstance(found, Unobserved)
    assert found.in_sandbox


def test_a_run_that_processor_time_ends_is_one() -> None:
    spinning = "import signal\nsignal.setitimer = lambda *_: None\ndef double(n):\n    while True: pass"
    (found,) = behaviours(tried(), [spinning], limits=Limits(seconds=60, cpu_seconds=1))
    assert found == did_not_run(tried(), "it did not come to its end (timeout)")


# prompts


PROMPTS = {
    "opened signatures": "def a(" * 200_000,
    "opened and closed": "def a(" * 200_000 + ")",
    "signatures": "def a(x)" * 100_000,
    "calls": "def f(x):\n" + "f(" * 400_000,
    "calls on a line": "def f(x): " + "f(1)=1 " * 150_000,
    "calls on lines": "def f(x):\n" + "f(1) == 1\n" * 100_000,
    "calls of lists": "def f(x):\n" + "f(" + "[" * 1900 + "]" * 50 + ")\n" * 1000,
    "lists in lists": "def f(x):\n f(" + "[" * 90 + "1" + "]" * 90 + ") == 1",
    "values that are nearly literals": "def f(x):\n" + ("f(1) == " + "(1,(a:=(1" * 60 + "\n") * 1000,
    "spaces after a call": "def f(x):\n f(1)" + " " * 10**6,
    "newlines after a call": "def f(x):\n f(1)" + "\n" * 10**6,
    "newlines and a prompt after a call": "def f(x):\n f(1)" + "\n" * 10**6 + ">>>",
    "hash and spaces after a call": "def f(x):\n f(1) #" + " " * 10**6,
    "parameters": "def f(" + "a," * 400_000 + "):",
    "parameters in brackets": "def f(" + "a,[" * 300_000 + "):",
    "spaces": "def " + " " * 10**6,
    "a long name": "def " + "a" * 10**6,
    "a long name and a call": f"def {'a' * 3000}(x): " + ("a" * 3000 + " ") * 300,
    "numbers": "def f(x): " + "9" * 10**6,
    "numbers and words": "def f(x): " + "9a " * 300_000,
    "numbers and dots": "def f(x): 1" + ".a" * 400_000,
    "newlines": "\n" * 10**6,
    "quotes": "def f(x):\n f('" + "'" * 10**6,
    "infinite": "def f(x):\n    f(1e999) == 2\n",
    "an infinite value": "def f(x):\n    f(1) == 1e999\n",
    "a huge number": "def f(x):\n    f(0x" + "f" * 1900 + ") == 1\n",
    "unhashable": "def f(x):\n    f({[]: 1}) == 2\n    f({{1}}) == {[]}\n    f(1) == {{}: 1}",
    "signs": "def f(x):\n    f(" + "-" * 1900 + "1) == 1",
    "surrogates": "def f(x):\n    f('\ud800') == '\udfff'",
    "null characters": "def f(x):\n    f('\0') == '\0'",
    "keyword": "def if(x): f",
    "sets": "def f(x):\n f({1, 2}) == {2}",
    "many arguments": "def f(x):\n f(" + "'a'," * 480 + ") == 1",
}


@pytest.mark.parametrize("what", PROMPTS)
def test_prompts_are_read_in_bounded_time(what: str) -> None:
    start = time.process_time()
    found = trial(PROMPTS[what])
    assert time.process_time() - start < 2
    assert found is None or 0 < len(found.inputs) <= 32


@given(st.text(max_size=200) | st.text("def f(x,):'\"[]{}1=->\n\\ \ud800", max_size=200))
@examples(300)
def test_any_prompt_gives_a_trial_or_none(prompt: str) -> None:
    found = trial(f"def f(x):\n f({prompt}) == {prompt}")
    assert (
        found is None or eval(repr(list(found.inputs)), {"inf": float("inf"), "infj": 1j}) is not None
    )  # as programs get it


def test_infinite_inputs_reach_programs() -> None:
    found = trial(PROMPTS["infinite"])
    assert found is not None
    (one,) = behaviours(found, ["def f(x): return 2 if x == float('inf') else 0"])
    assert isinstance(one, Behaviour)
    assert one.examples == 1


# what is kept of them


class Answers:
    """A database that holds nothing but programs that wait, and what is kept of them."""

    def __init__(self, programs: dict[str, list[str]]) -> None:
        self.programs = programs
        self.waiting = {
            f"{text[:4]}{number}": (text, program)
            for text, many in programs.items()
            for number, program in enumerate(many)
        }
        self.attempts: dict[str, int] = {}
        self.kept: dict[str, dict[str, Any]] = {}

    def query(self, cypher: str, *, write: bool = False, **given: Any) -> list[dict[str, Any]]:
        if "RETURN q.key AS key" in cypher:
            found = []
            for number, prompt in enumerate(self.programs):
                waiting = [
                    [key, program, self.attempts.get(key, 0)]
                    for key, (text, program) in self.waiting.items()
                    if text == prompt and (self.attempts.get(key, 0) > 0) == given["again"]
                ]
                if waiting and f"q{number:03}" > given["after"]:
                    found.append({"key": f"q{number:03}", "query": prompt, "domain": "code", "answers": waiting})
            return found[: given["limit"]]
        assert write
        if "rows" in given:
            for row in given["rows"]:
                self.kept[row["key"]] = row
                del self.waiting[row["key"]]
        else:
            for key in given["keys"]:
                self.attempts[key] = self.attempts.get(key, 0) + 1
        return []


def observed(answers: Answers) -> int:
    return run_programs(answers, Domains())  # type: ignore[arg-type]


def test_hostile_programs_are_observed_once_and_wait_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    forged = [FORGING.replace("LINE", repr(LINES[what])) for what in ("a number", "null", "beyond range", "nested")]
    answers = Answers({PROMPT: [RIGHT, *forged, RIGHT], "no function": [RIGHT], "# b\n" + PROMPT: [RIGHT]})
    assert observed(answers) == 8
    assert not answers.waiting
    assert [row["reason"] is None for row in answers.kept.values()] == [
        True,
        False,
        False,
        False,
        False,
        True,
        False,
        True,
    ]
    assert observed(answers) == 0


def without_finding(monkeypatch: pytest.MonkeyPatch, *, in_sandbox: bool, sandbox_starts: bool = True) -> list[str]:
    """Programs that begin with "slow" give no finding from here on; returns the list of what is run."""
    ran: list[str] = []

    def some(trial: Trial, programs: list[str], **_: Any) -> list[Behaviour | Unobserved]:
        ran.extend(programs)
        return [
            Unobserved("the clock", in_sandbox) if text.startswith("slow") else Behaviour("key", 1.0, 1.0)
            for text in programs
        ]

    monkeypatch.setattr("memgraph.rollouts.program_runs.behaviours", some)
    monkeypatch.setattr("memgraph.rollouts.program_runs._sandbox_starts", lambda: sandbox_starts)
    return ran


@pytest.mark.parametrize("in_sandbox", [True, False])
def test_what_gives_no_finding_is_tried_once_a_call_and_a_few_times_in_all(
    monkeypatch: pytest.MonkeyPatch, in_sandbox: bool
) -> None:
    ran = without_finding(monkeypatch, in_sandbox=in_sandbox)
    answers = Answers({PROMPT: ["slow", "right"]})
    for attempt in range(1, MOST_ATTEMPTS):
        assert observed(answers) == (1 if attempt == 1 else 0)
        assert ran.count("slow") == attempt
        assert len(answers.waiting) == 1
    assert observed(answers) == 1
    assert not answers.waiting
    (kept,) = (row for row in answers.kept.values() if row["behaviour"] is None)
    assert (kept["examples"], kept["runs"]) == (0.0, 0.0)
    assert "3 attempts" in kept["reason"]
    observed(answers)
    assert ran.count("slow") == MOST_ATTEMPTS


def test_slow_programs_do_not_hold_up_a_call_for_ever_nor_the_new_ones_behind_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = without_finding(monkeypatch, in_sandbox=True)
    answers = Answers({PROMPT: [f"slow {number}" for number in range(100)], "# z\n" + PROMPT: ["right"]})
    observed(answers)
    assert len(ran) < 20
    for _ in range(20):
        observed(answers)
    assert "right" in ran, "those that were tried before give way to those that never were"


def test_where_the_sandbox_does_not_start_nothing_is_held_against_a_program(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ran = without_finding(monkeypatch, in_sandbox=False, sandbox_starts=False)
    answers = Answers({PROMPT: ["slow", "right"], "# z\n" + PROMPT: ["right"]})
    for _ in range(MOST_ATTEMPTS + 1):
        observed(answers)
    assert answers.attempts == {}
    assert [program for _, program in answers.waiting.values()] == ["slow", "right"]
    assert ran.count("slow") == MOST_ATTEMPTS + 1
    assert "wait for a later import" in caplog.text
