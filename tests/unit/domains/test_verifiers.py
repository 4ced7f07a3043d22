import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains import Domains, Item, Verdict
from memgraph.domains.choices import Choices
from memgraph.domains.code import Code
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import VERIFIERS, Function, judge, token_f1, verifier
from memgraph.errors import SettingsError


def score_of(answer: str | None, reference: Reference, domain: str) -> float | None:
    return judge([Item(answer, reference, domain)])[0].score


TESTS = Reference("tests", "assert double(2) == 4\nassert double(0) == 0")


@pytest.mark.parametrize(
    ("answer", "gold", "domain", "score"),
    [
        ("12", "12.0", "math", 1.0),
        ("13", "12", "math", 0.0),
        ("\\frac{1}{2}", "0.5", "math", 1.0),
        ("2x+1", "1+2x", "math", 1.0),
        ("x+1", "x+2", "math", 0.0),
        ("(B)", "B", "qa", 1.0),
        ("Paris", "the paris", "qa", 1.0),
        ("Rome", "Paris", "qa", 0.0),
        (None, "Paris", "qa", 0.0),
        ("", "12", "math", 0.0),
    ],
)
def test_answers_against_gold(answer: str | None, gold: str, domain: str, score: float) -> None:
    assert score_of(answer, Reference("gold", gold), domain) == score


def test_an_expression_that_never_ends_is_wrong_after_a_while() -> None:
    start = time.monotonic()
    assert score_of("10^{10^{10^{10}}}", Reference("gold", "1"), "math") == 0.0
    assert time.monotonic() - start < 30
    assert score_of("2x+1", Reference("gold", "1+2x"), "math") == 1.0


@pytest.mark.parametrize(
    ("program", "score"),
    [
        ("def double(x):\n    return 2 * x", 1.0),
        ("def double(x):\n    return x", 0.0),
        ("def double(x:", 0.0),
        ("import sys\nsys.exit(0)", 0.0),
        ("import os\nos._exit(0)", 0.0),
        (None, 0.0),
    ],
)
def test_programs_against_tests(program: str | None, score: float) -> None:
    assert score_of(program, TESTS, "code") == score


class Mine(Code):
    """Programs that are scored by the share of the tests which they pass."""

    name: ClassVar[str] = "mine"


class Poems(Choices):
    """A domain that runs no tests."""

    name: ClassVar[str] = "poems"


class Rhymes(Poems):
    """One that judges by tests in its own way."""

    name: ClassVar[str] = "rhymes"
    runs_tests: ClassVar[bool] = True

    def verify(self, items: Sequence[Item]) -> list[Verdict]:
        return [Verdict(0.25, item.reference.value) for item in items]


@pytest.mark.parametrize("name", ["auto", "code"])
def test_a_domain_of_ones_own_judges_by_tests_itself_where_it_runs_them(name: str) -> None:
    domains = Domains([Mine(partial=True), Poems(), Rhymes()])
    items = [
        Item("def double(x):\n    return 0", TESTS, domain) for domain in ("mine", "code", "poems", "rhymes", "none")
    ]
    assert [verdict.score for verdict in verifier(name, domains)(items)] == [0.5, 0.0, 0.0, 0.25, 0.0]


def test_many_keep_their_order() -> None:
    right = "def double(x):\n    return x + x"
    items = [(right, TESTS, "code"), ("7", Reference("gold", "7"), "math"), ("x", TESTS, "code"), (None, TESTS, "code")]
    assert [verdict.score for verdict in judge([Item(*item) for item in items])] == [1.0, 1.0, 0.0, 0.0]


def test_overlap_of_words() -> None:
    assert token_f1("the red fox", "a red fox") == 1.0
    assert token_f1("red fox", "red dog") == pytest.approx(0.5)
    assert token_f1("cat", "dog") == 0.0


GOLD = Reference("gold", "B")


def test_each_is_chosen_by_name() -> None:
    assert {name: type(verifier(name)) for name in VERIFIERS} == VERIFIERS
    with pytest.raises(SettingsError, match="no verifier 'exakt'; take one of auto, math"):
        verifier("exakt")
    with pytest.raises(SettingsError, match="cannot be imported"):
        verifier("no_such_module:function")
    with pytest.raises(SettingsError, match="cannot be called"):
        verifier("math:pi")


@pytest.mark.parametrize(
    ("name", "answer", "gold", "score"),
    [
        ("exact", "the Paris", "paris", 1.0),
        ("exact", "Rome", "paris", 0.0),
        ("choice", "(b)", "B", 1.0),
        ("choice", "C) Rome", "B", 0.0),
        ("choice", "Paris", "B", 0.0),
        ("choice", "B", "Paris", None),
        ("f1", "a red fox", "the red dog", 0.5),
        ("choice", "Paris\nA. Rome", "B", 0.0),
        ("math", "1/2", "0.5", 1.0),
        ("code", "x = 1", "Paris", None),
    ],
)
def test_verifiers_by_name(name: str, answer: str, gold: str, score: float | None) -> None:
    verdict = verifier(name)([Item(answer, Reference("gold", gold), "qa")])[0]
    assert (verdict.score, bool(verdict.reason)) == (score, True)


@pytest.mark.parametrize("name", ["math", "exact", "choice", "f1"])
def test_answers_are_not_compared_with_tests(name: str) -> None:
    assert verifier(name)([Item("x", TESTS, "qa")])[0].score is None


@pytest.mark.parametrize("name", VERIFIERS)
def test_a_missing_answer_is_wrong_everywhere(name: str) -> None:
    assert verifier(name)([Item(None, GOLD, "qa")])[0].score == 0.0


def test_tests_that_cannot_judge_give_no_score() -> None:
    (verdict,) = judge([Item("def double(x): return 1", Reference("tests", "assert 1 == 1"), "code")])
    assert verdict.score is None
    assert verdict.reason


def test_a_function_judges() -> None:
    def longer(answer: str, reference: Reference, domain: str) -> float:
        return len(answer) / 10

    assert Function(longer)([Item("seven", GOLD, "qa")])[0] == Verdict(0.5, "by longer")
    assert verifier("tests.unit.domains.test_verifiers:always")([Item("x", GOLD, "qa")])[0].score == 1.0


@pytest.mark.parametrize("returned", [None, 2, -0.1, float("nan"), "1", [1]])
def test_a_function_that_returns_no_score_leaves_none(returned: Any) -> None:
    verdict = Function(lambda *_: returned)([Item("x", GOLD, "qa")])[0]
    assert verdict.score is None
    assert "lambda" in verdict.reason


def test_a_function_that_raises_leaves_none_with_the_reason() -> None:
    def broken(answer: str, reference: Reference, domain: str) -> float:
        raise ConnectionError("the judge is away")

    assert Function(broken)([Item("x", GOLD, "qa")])[0] == Verdict(
        None, "broken raised ConnectionError: the judge is away"
    )


@given(st.text(), st.text(), st.sampled_from(["exact", "choice", "f1"]))
def test_any_text_gets_a_verdict(answer: str, gold: str, name: str) -> None:
    verdict = verifier(name)([Item(answer, Reference("gold", gold), "qa")])[0]
    assert verdict.score is None or 0 <= verdict.score <= 1


def always(answer: str, reference: Reference, domain: str) -> float:
    return True


def test_a_script_without_a_main_guard_is_not_run_again_by_the_worker(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "print('started')\n"
        "from memgraph.domains.references import Reference\n"
        "from memgraph.domains import Item\n"
        "from memgraph.domains.verifiers import judge\n"
        "print(judge([Item('x^2 - 1', Reference('gold', '(x+1)(x-1)'), 'math')])[0].score)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["started", "1.0"]
