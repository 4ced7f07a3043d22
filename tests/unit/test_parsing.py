import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.parsing import parse_response

marks = st.lists(
    st.sampled_from(
        ["<think>", "</think>", "####", "\\boxed{", "}", "the answer is ", "Answer:", "```", "\n", "(B)", "12", "x "]
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize(
    ("response", "domain", "thinking", "answer"),
    [
        ("<think>2+2</think> #### 4", "math", "2+2", "4"),
        ("2+2</think>\n#### 4", "math", "2+2", "4"),
        ("<think>it is #### 4", "math", "it is #### 4", None),
        ("<thinking>a</thinking> The answer is 3.5.", "math", "a", "3.5"),
        ("so \\boxed{\\frac{1}{2}} holds", "math", "so \\boxed{\\frac{1}{2}} holds", "\\frac{1}{2}"),
        ("The answer is (B).", "qa", "The answer is (B).", "B"),
        ("the answer is b", "qa", "the answer is b", "B"),
        ("The answer is a dog.", "qa", "The answer is a dog.", "a dog"),
        ("correct answer is:\n\nH. The pressure", "qa", "correct answer is:\n\nH. The pressure", "H"),
        ("\\boxed{2}. The answer is (I).", "math", "\\boxed{2}. The answer is (I).", "I"),
        ("The answer is 3. No: \\boxed{4}", "math", "The answer is 3. No: \\boxed{4}", "4"),
        ("I do not know", "qa", "I do not know", None),
        ("", "qa", "", None),
        (
            "why\n```python\nx = 1\n```\nand\n```\ny = 2\n```",
            "code",
            "why\n```python\nx = 1\n```\nand\n```\n\n```",
            "y = 2",
        ),
        ("def f(x):\n    return x", "code", "", "def f(x):\n    return x"),
        ("I would write def f", "code", "I would write def f", None),
    ],
)
def test_responses_are_taken_apart(response: str, domain: str, thinking: str, answer: str | None) -> None:
    parsed = parse_response(response, domain)
    assert (parsed.thinking, parsed.answer) == (thinking.strip(), answer)


def test_given_fields_win() -> None:
    parsed = parse_response("<think>a</think> #### 4", "math", thinking="given", answer="5")
    assert (parsed.thinking, parsed.answer) == ("given", "5")


@given(st.one_of(st.text(max_size=200), marks), st.sampled_from(["math", "qa", "code"]))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_it(response: str, domain: str) -> None:
    parsed = parse_response(response, domain)
    assert parsed.answer is None or parsed.answer.strip()


@pytest.mark.parametrize("piece", ["<think>", "</think>", "answer is ", "####", "\\boxed{", "```\n", "(", "answer:\n"])
@pytest.mark.parametrize("domain", ["math", "code"])
def test_time_is_linear_in_the_length(piece: str, domain: str) -> None:
    start = time.perf_counter()
    parse_response(piece * 100_000, domain)
    assert time.perf_counter() - start < 3
