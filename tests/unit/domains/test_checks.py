from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains import Kind
from memgraph.domains.checks import CHECK_FEATURES, Response, check_vector, run_checks
from memgraph.domains.checks.equations import find_equations
from tests.thorough import examples

SOLUTION = "Each box holds 6 eggs. 4 * 6 = 24 eggs are bought. 24 - 5 = 19 are left."


def maths(thinking: str, answer: str | None = "19") -> Response:
    question = "Ann buys 4 boxes with 6 eggs each and breaks 5. How many are left?"
    return Response(question, "calculation", f"<think>{thinking}</think>\n#### {answer}", thinking, answer)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4 * 6 = 24", [True]),
        ("4 x 6 = 24 and 4 × 6 = 25", [True, False]),
        ("\\$1,200 \\times 2 = $2,400", [True]),
        ("20% * 50 = 10", [True]),
        ("10 / 3 = 3.33", [True]),
        ("100 + 87 = 186. 9 * 99 = 890. 100,000 - 1 = 100,000", [False, False, False]),
        ("200 / 3 = 67, 500 \\div 3 = 167, 19.9 * 5 = 100, 33% * 302 = 100, 99 * 99 \\approx 9800", [True] * 5),
        ("3 + 4 + 5 = 12, 3 + 4 - 5 = 3", [True, False]),
        ("<<4*2=8>>", [True]),
        ("5 / 0 = 7", []),
        ("x = 7", []),
        ("1 + 1 = 2. 1 + 1 = 2.", [True]),
    ],
)
def test_equations_are_found_and_checked(text: str, expected: list[bool]) -> None:
    assert [equation.holds for equation in find_equations(text)] == expected


def test_a_calculation_that_leads_to_the_answer_is_seen() -> None:
    found = run_checks(maths(SOLUTION))
    assert found["check_arithmetic_leading"] == pytest.approx(math.log1p(2))
    assert found["check_arithmetic_reached"] == 1
    assert found["check_arithmetic_used"] == 1
    assert run_checks(maths(SOLUTION, "18"))["check_arithmetic_reached"] == 0
    assert run_checks(maths(SOLUTION.replace("24 -", "23 -")))["check_arithmetic_wrong"] > 0


@pytest.mark.parametrize(
    "padding",
    [
        " 2 + 2 = 4. 7 * 7 = 49. 1 + 1 = 2.",
        " 100 - 1 = 99.",
        " 4, 6, 5, 4, 6, 5, 4, 6.",
        " 8 / 2 = 4. 9 * 9 = 81. 3 + 3 = 6. 50 + 50 = 100.",
    ],
)
def test_padding_does_not_please_the_arithmetic_check(padding: str) -> None:
    plain, padded = run_checks(maths(SOLUTION[:-22], "18")), run_checks(maths(SOLUTION[:-22] + padding, "18"))
    for name in ("leading", "holds", "reached", "used"):
        assert padded[f"check_arithmetic_{name}"] <= plain[f"check_arithmetic_{name}"], name


def test_form_is_measured_without_right_equations_that_lead_nowhere() -> None:
    plain, padded = run_checks(maths(SOLUTION)), run_checks(maths(SOLUTION + " 7 * 7 = 49 81 + 9 = 90"))
    assert padded["check_form_digits"] == pytest.approx(plain["check_form_digits"], abs=0.01)
    assert padded["check_form_equals"] == pytest.approx(plain["check_form_equals"], abs=0.002)


def choice(thinking: str, answer: str) -> dict[str, float]:
    question = "Which animal barks?\nOptions:\nA. the cat\nB. the dog\nC. none of these"
    return run_checks(Response(question, "statement", f"{thinking} The answer is ({answer}).", thinking, answer))


def test_the_chosen_option_is_compared_with_the_thinking() -> None:
    agreeing, contradicting = choice("Barking is what the dog does.", "B"), choice("Barking is what the dog does.", "A")
    for name in ("said", "said_last", "quoted"):
        assert agreeing[f"check_options_{name}"] > contradicting[f"check_options_{name}"]
    assert choice("Not (A), so (B).", "B")["check_options_letter_last"] == 1
    assert choice("x", "C")["check_options_catch_all"] == 1


@pytest.mark.parametrize("answer", ["C", "(C)", "**C**", "C. Berlin", "Berlin", "option C"])
@pytest.mark.parametrize(
    "listed",
    ["A. Rome\nB. Paris\nC. Berlin", "a) Rome\nb) Paris\nc) Berlin", "[A] Rome\n[B] Paris\n[C] Berlin", "A. Rome, B. Paris, C. Berlin"],
)  # fmt: skip
def test_the_chosen_option_is_the_one_that_the_answer_names(listed: str, answer: str) -> None:
    question, thinking = f"Which is the capital of Germany?\n{listed}", "The capital of Germany is Berlin."
    found = run_checks(Response(question, "statement", thinking, thinking, answer))
    assert found["check_options_count"] == 3
    assert found["check_options_position"] == pytest.approx(2 / 3)
    assert (found["check_options_quoted"], found["check_options_other_quoted"]) == (1, 0)
    several = run_checks(Response(question, "statement", thinking, thinking, "B and C"))
    assert (several["check_options_count"], several["check_options_quoted"]) == (3, 0)


def test_options_may_stand_on_one_line() -> None:
    inline = Response("Which animal barks? (A) the cat (B) the dog (C) none", "statement", "", "", "B")
    assert inline.options == {"A": "the cat", "B": "the dog", "C": "none"}
    assert inline.question.strip() == "Which animal barks?"
    named = Response(
        "By Noether (A) and Cauchy (C), is it right? See f(A) and f(B)\nA. yes\nB. no", "statement", "", "", "A"
    )
    assert named.options == {"A": "yes", "B": "no"}
    assert not Response("What follows from (B) and (C)?", "statement", "", "", "x").options


def test_checks_that_do_not_apply_are_not_numbers() -> None:
    code = Response("def f(x):", "program", "def f(x): return x", "", "def f(x): return x")
    values = dict(zip(CHECK_FEATURES, np.frombuffer(check_vector(code), "<f4"), strict=True))
    assert all(math.isnan(value) == (not name.startswith("check_form")) for name, value in values.items())


@given(
    st.text(max_size=300),
    st.text(max_size=300),
    st.none() | st.text(max_size=30),
    st.sampled_from(get_args(Kind)),
)
@examples(200)
def test_any_text_gives_finite_known_features(query: str, text: str, answer: str | None, kind: Kind) -> None:
    found = run_checks(Response(query, kind, text, text, answer))
    assert set(found) <= set(CHECK_FEATURES)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    "monster", ["1+" * 30_000 + "1=2", "9" * 50_000 + " + 1 = 2", "(" * 20_000, "A. x\n" * 20_000, "1 " * 50_000]
)
def test_monsters_do_not_hold_it_up(monster: str) -> None:
    run_checks(Response(monster, "calculation", monster, monster, monster[:100]))


@pytest.mark.parametrize(
    "padding",
    [
        "\n# 2 + 2 = 4, which was checked",
        "\nassert 1 + 1 == 2\nassert double(0) == 0",
        "\nprint(double(1))\nprint('all tests passed')",
        '\n"""double(1) == 2, double(2) == 4"""\n',
    ],
)
def test_comments_and_trivial_examples_leave_a_program_as_it_is(padding: str) -> None:
    program = "def double(x):\n    return 2 * x\n"
    found = [
        run_checks(Response("def double(x):", "program", text, "", program)) for text in (program, program + padding)
    ]
    for name, value in found[0].items():
        assert found[1][name] == pytest.approx(value, abs=0.05), name
