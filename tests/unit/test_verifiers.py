import time

import pytest

from memgraph.records import Reference
from trainer.verifiers import token_f1, verify, verify_many

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
    assert verify(answer, Reference("gold", gold), domain).score == score


def test_an_expression_that_never_ends_is_wrong_after_a_while() -> None:
    start = time.monotonic()
    assert verify("10^{10^{10^{10}}}", Reference("gold", "1"), "math").score == 0.0
    assert time.monotonic() - start < 30
    assert verify("2x+1", Reference("gold", "1+2x"), "math").score == 1.0


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
    assert verify(program, TESTS, "code").score == score


def test_many_keep_their_order() -> None:
    right = "def double(x):\n    return x + x"
    items = [(right, TESTS, "code"), ("7", Reference("gold", "7"), "math"), ("x", TESTS, "code"), (None, TESTS, "code")]
    assert [verdict.score for verdict in verify_many(items)] == [1.0, 1.0, 0.0, 0.0]


def test_overlap_of_words() -> None:
    assert token_f1("the red fox", "a red fox") == 1.0
    assert token_f1("red fox", "red dog") == pytest.approx(0.5)
    assert token_f1("cat", "dog") == 0.0
