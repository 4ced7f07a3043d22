import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.stated import stated_answer
from memgraph.domains.thinking import split_thinking
from tests.thorough import examples
from tests.unit.domains.responses import CASES

marks = st.lists(
    st.sampled_from(
        [
            "<answer>",
            "</answer>",
            "####",
            "\\boxed{",
            "}",
            "\\{",
            "the answer is ",
            "Answer:",
            '{"answer": "',
            '"',
            "\n",
            "(B)",
            "12",
            "x ",
            "**",
            "$",
            "$$",
            "\\[",
            "\\]",
            "答案是",
            "Q: ",
            "Final Answer\n",
            " is the correct answer",
            "not ",
            ". ",
            ", which ",
        ]
    ),
    max_size=30,
).map("".join)


def spelled(answer: str | None) -> str | None:
    """Without delimiters, blanks that are double and a last full stop."""
    if answer is None:
        return None
    return re.sub(r"^\\[(\[]\s*|\s*\\[)\]]$", "", " ".join(answer.split()).strip("$ ")).removesuffix(".")


@pytest.mark.parametrize("rows", CASES.values(), ids=CASES)
def test_a_response_states_its_answer(rows: list[tuple[str, str | None]]) -> None:
    found = {}
    for response, _ in rows:
        _, rest = split_thinking(response)
        found[response] = spelled(None if rest is None else stated_answer(rest))
    assert found == {response: spelled(answer) for response, answer in rows}


OPTIONS = {"A": "\\pi", "B": "Paris", "C": "$2"}


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("\\boxed{3.14}. The answer is (A).", "A"),  # the box holds no option
        ("\\boxed{B}. The answer is (A).", "B"),
        ("The answer is (Z).", "Z"),
        ("Paris", "Paris"),
    ],
)
def test_options_are_preferred_where_the_query_lists_them(response: str, answer: str | None) -> None:
    assert stated_answer(response, options=OPTIONS) == answer


@pytest.mark.parametrize(
    "code", ["answer = solve(x)\nprint(answer)", "def f():\n    # return the answer:\n    return z"]
)
def test_a_variable_named_answer_states_nothing(code: str) -> None:
    assert stated_answer(code) is None


@given(st.one_of(st.text(max_size=200), marks))
@examples(300)
def test_no_text_breaks_it(text: str) -> None:
    answer = stated_answer(text)
    assert answer is None or answer.strip()


@given(st.integers(-(10**6), 10**6))
def test_a_number_comes_out_as_it_went_in(number: int) -> None:
    for form in (
        "The answer is {}.",
        "\\boxed{{{}}}",
        "#### {}",
        "<answer>{}</answer>",
        "**Final Answer:** ${}$",
        "{}",
    ):
        assert stated_answer(form.format(number)) == str(number)


PIECES = [
    "answer is ",
    "answer:\n",
    "####",
    "#### x\n",
    "\\boxed{",
    "\\boxed{}",
    "{",
    "}",
    "(",
    "[",
    "$",
    "*",
    "**",
    "<answer>",
]
PIECES += [
    '"answer": "',
    "'answer': [",
    "Q: x\n",
    "so ",
    "answer for x ",
    "答案",
    "\n",
    " ",
    "9",
    "1,",
    "A, ",
    "x is the correct answer. ",
]


BEFORE = ["", "The answer is ", "\\boxed{"]


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        pytest.param(before, piece, marks=() if n % 3 == m else pytest.mark.slow)
        for n, piece in enumerate(PIECES)
        for m, before in enumerate(BEFORE)
    ],
)
def test_time_is_linear_in_the_length(piece: str, before: str) -> None:
    start = time.perf_counter()
    stated_answer(before + piece * (200_000 // len(piece)))
    assert time.perf_counter() - start < 4
