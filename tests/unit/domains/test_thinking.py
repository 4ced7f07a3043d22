import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.answers import read_response
from memgraph.domains.thinking import split_thinking
from tests.thorough import examples

marks = st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "[THINK]",
            "[/THINK]",
            "<|channel|>",
            "final<|message|>",
            "analysis<|message|>",
            "<|end|>",
            "</s>",
            "<s>",
            "<|im_end|>",
            "<|begin_of_thought|>",
            "`",
            "a",
            "\n",
            " ",
            "assistantfinal",
            "analysisX",
            "Here is my response:",
        ]
    ),
    max_size=20,
).map("".join)


@pytest.mark.parametrize(
    ("response", "thinking", "rest"),
    [
        ("<think>2+2</think>4", "2+2", "4"),
        ("2+2</think>4", "2+2", "4"),  # the prompt opened it
        ("<think>2+2", "2+2", None),
        ("<think>2+2</think>4</think>", "2+2", "4"),  # a stray mark
        ("<think>a</think>b</think>c", "a\nb", "c"),
        ("<think>a <think>b</think>c", "a\nb", "c"),
        ("<think>a</think>b<think>c</think>d", "a\nc", "b\nd"),
        ("<think>a</think>b<think>c", "a\nc", "b"),
        ("4", "", "4"),
        ("", "", ""),
        ("[THINK]a[/THINK]b", "a", "b"),
        ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>", "a", "b"),
        ("<seed:think>a</seed:think>b", "a", "b"),
        ("<reasoning>a</reasoning>b", "a", "b"),
        ("<thinking type='x'>a</thinking>b", "a", "b"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "a", "b"),
        ("a<|end|><|start|>assistant<|channel|>final<|message|>b", "a", "b"),
        ("<|channel|>analysis<|message|>a", "a", None),
        ("analysisWe add.assistantfinalFour.", "We add.", "Four."),
        ("Here is my thought process: a\nHere is my response: b", "a", " b"),
        ("Here is my thought process: a. Here is my response: b", "a.", " b"),
        ("<|think:start|>a<|think:end|>b", "a", "b"),
        ("<|think:start|>a", "a", None),
        ("<|inner_prefix|>a<|inner_suffix|>b", "a", "b"),
        ("<|plamo:begin_think:plamo|>a<|plamo:end_think:plamo|>b", "a", "b"),
        ("<ifm|think_fast>a</ifm|think_fast>b", "a", "b"),
        ("a</ifm|think>b", "a", "b"),
        ("<|channel>a<channel|>b", "a", "b"),
        ("<|open|>think<|sep|>a<|close|>think<|sep|><|open|>response<|sep|>b<|close|>response<|sep|>", "a", "b"),
        ("<|open|>think<|sep|>a", "a", None),
        ("4<eos:0a1b2c3d>", "", "4"),
        ("Use `</think>` to close.", "", "Use `</think>` to close."),
        ("4<|im_end|>\n<|im_start|>user\n5", "", "4"),
        ("<|im_start|>assistant\n4<|im_end|>", "", "\n4"),
        ("4</s>", "", "4"),
        ("<p><s>3</s> 4</p>", "", "<p><s>3</s> 4</p>"),  # HTML
        ('text.split("<|endoftext|>")', "", 'text.split("<|endoftext|>")'),
    ],
)
def test_thinking_is_told_apart(response: str, thinking: str, rest: str | None) -> None:
    assert split_thinking(response) == (thinking, rest)


@pytest.mark.parametrize(
    ("response", "thinking", "rest"),
    [
        ("a, so \\boxed{4}", "a, so \\boxed{4}", None),
        ("a</think>4", "a", "4"),
        ("<think>a</think>4", "a", "4"),
        ("a[/THINK]4", "a", "4"),
        ("", "", None),
    ],
)
def test_thinking_that_the_prompt_opened_ends_at_its_mark(response: str, thinking: str, rest: str | None) -> None:
    assert split_thinking(response, opened=True) == (thinking, rest)


@given(st.one_of(st.text(max_size=200), marks), st.booleans())
@examples(300)
def test_no_text_breaks_it(response: str, opened: bool) -> None:
    thinking, rest = split_thinking(response, opened=opened)
    assert len(thinking) + len(rest or "") <= len(response) + response.count("<") + response.count("[")


PIECES = [
    "<think>",
    "</think>",
    "<",
    "<|channel|>",
    "<|channel|>final<|message|>",
    "</s>",
    "</s><s>",
    "\n",
    "[THINK]",
    "analysisX",
    "<|channel>",
    "<|open|>think<|sep|>",
    "Here is my thought process: ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear_in_the_length(piece: str) -> None:
    start = time.perf_counter()
    split_thinking(piece * (300_000 // len(piece)))
    assert time.perf_counter() - start < 4


@pytest.mark.parametrize("domain", ["math", "qa"])
@pytest.mark.parametrize(
    ("response", "thinking"),
    [
        ("7 * 8 = 56. 56 - 6 = 50. The answer is 50.", "7 * 8 = 56. 56 - 6 = 50. The answer is 50."),
        ("<think>7 * 8 = 56.</think>So the answer is 50.", "7 * 8 = 56."),
        ("<think>\n\n</think>\n\n7 * 8 = 56. \\boxed{50}", "7 * 8 = 56. \\boxed{50}"),
        ("<think>7 * 8 = 5", "7 * 8 = 5"),
        ("", ""),
    ],
)
def test_without_a_mark_the_response_is_the_thinking(domain: str, response: str, thinking: str) -> None:
    assert read_response(response, domain=domain).thinking == thinking


@pytest.mark.parametrize(
    ("response", "thinking"),
    [
        ("We double it.\n```python\ndef f(x):\n    return 2 * x\n```\nThat is all.", "We double it.\n\nThat is all."),
        ("<think>Double it.</think>\n```python\ndef f(x):\n    return 2 * x\n```", "Double it."),
        ("def f(x):\n    return 2 * x", ""),
        ("We cannot.", "We cannot."),
    ],
)
def test_of_a_program_it_is_what_is_said_beside_it(response: str, thinking: str) -> None:
    assert read_response(response, domain="code").thinking == thinking
