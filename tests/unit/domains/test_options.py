import pytest

from memgraph.domains.options import listed_options, without_options


@pytest.mark.parametrize(
    "query",
    [
        "Which?\nA. x\nB. y\nC. z",
        "Which?\n(A) x\n(B) y\n(C) z",
        "Which? (A) x (B) y (C) z",
        "Which? A) x B) y C) z",
        "Which?\nA: x\nB: y\nC: z",
        "Which? A. x B. y C. z",
        "Which?\na) x\nb) y\nc) z",
        "Options: ['A)x', 'B)y', 'C)z']",
        "Choices: A: x, B: y, C: z",
        "Which?\n**A.** x\n**B.** y\n**C.** z",
        "Which?\n- A) x\n- B) y\n- C) z",
        "Which?\n[A] x\n[B] y\n[C] z\n\nAnswer with a letter.",
        "For example\nA. 1\nB. 2\nAnswer: A\n\nWhich?\nA. x\nB. y\nC. z\nAnswer:",
        "Which?\r\nA. x\r\nB. y\r\nC. z\r\n",
    ],
)
def test_options_are_listed_in_any_form(query: str) -> None:
    assert listed_options(query) == {"A": "x", "B": "y", "C": "z"}


@pytest.mark.parametrize(
    "query", ["", "Find (a) x and (b) y.", "A, B and C are points.", "Vitamin A. or not", "Plan A.\nThen stop."]
)
def test_a_question_without_options_lists_none(query: str) -> None:
    assert listed_options(query) == {}
    assert without_options(query) == query


def test_ten_and_more_options_are_listed_in_order() -> None:
    query = "Which?\n" + "\n".join(f"{letter}. text {letter}" for letter in "ABCDEFGHIJKL")
    assert list(listed_options(query)) == list("ABCDEFGHIJKL")


def test_the_question_is_what_is_left() -> None:
    assert without_options("Which?\nA. x\nB. y\nSay the letter.") == "Which?\n\nSay the letter."
