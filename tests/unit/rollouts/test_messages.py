"""What is asked and said in conversations, whoever wrote them down."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.rollouts.messages import Spoken, read_completion, read_prompt, read_rendered, split_conversation

CALL = {"type": "function", "function": {"name": "add", "arguments": '{"a": 2, "b": 3}'}}
CALLED = '<tool_call>\n{"name": "add", "arguments": "{\\"a\\": 2, \\"b\\": 3}"}\n</tool_call>'
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "text", "type", "thinking", "tool_calls"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.text(alphabet="ab {}\\<>/#\n"))
def test_a_response_reads_the_same_in_every_form(text: str) -> None:
    said = Spoken(text)
    assert read_completion(text) == said
    assert read_completion({"role": "assistant", "content": text}) == said
    assert read_completion([{"role": "assistant", "content": text}]) == said
    assert read_completion([{"role": "assistant", "content": [{"type": "text", "text": text}]}]) == said
    assert read_completion([{"from": "gpt", "value": text}]) == said
    assert read_completion([{"role": "assistant", "content": [text]}]) == said


def test_every_turn_is_kept_and_the_last_one_states_the_answer() -> None:
    said = read_completion(
        [
            {"role": "assistant", "content": "Let me add.", "tool_calls": [CALL], "reasoning_content": "2 and 3"},
            {"role": "tool", "content": "5"},
            {"role": "assistant", "content": "It is 5.", "reasoning_content": "so 5"},
        ]
    )
    assert said == Spoken(f"Let me add.\n\n{CALLED}\n\nIt is 5.", "2 and 3\n\nso 5", "It is 5.")


@pytest.mark.parametrize(
    "ending",
    [
        [{"role": "assistant", "content": "It is 5.", "tool_calls": [CALL]}],
        [{"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "5"}],
        [{"role": "assistant", "content": "5?"}, {"role": "tool", "content": [{"type": "text", "text": "5"}]}],
        [{"from": "function_call", "value": '{"name": "add"}'}, {"from": "observation", "value": "5"}],
        [{"role": "assistant", "content": [{"type": "tool_use", "name": "add", "input": {"a": 2}}]}],
        [{"role": "assistant", "content": "5", "function_call": {"name": "add"}}],
        [{"role": "tool", "content": "5"}, {"role": "assistant", "content": "", "tool_calls": []}],
    ],
)
def test_a_conversation_that_ends_in_a_call_or_an_output_states_nothing(ending: list[dict]) -> None:
    said = read_completion([{"role": "assistant", "content": "The answer is 4."}, *ending])
    assert said.stated == ""
    assert said.response.startswith("The answer is 4.")


def test_output_of_tools_inside_a_text_states_nothing() -> None:
    text = "<tool_call>\n{}\n</tool_call>\nuser\n<tool_response>\n\\boxed{7}\n</tool_response>\nassistant\nIt is 5."
    assert read_completion(text).stated == "It is 5."
    assert read_completion(text.removesuffix("assistant\nIt is 5.")).stated == ""
    assert read_completion("<search>x</search><information>The answer is 7</information>").stated == ""
    assert read_completion("The answer is 7. <tool_call>{}</tool_call>").stated == ""
    assert read_completion("<tool_call>{}</tool_call> cannot be called. The answer is 7.").stated is None


@pytest.mark.parametrize(
    "message",
    [
        {"content": "5", "reasoning_content": "2+3"},
        {"content": "5", "reasoning": "2+3"},
        {"content": "5", "thinking": "2+3"},
        {"content": "5", "reasoning": None, "reasoning_content": ["2+3"]},
        {"content": [{"type": "thinking", "thinking": "2+3"}, {"type": "text", "text": "5"}]},
        {"content": [{"type": "reasoning", "text": "2+3"}, {"type": "output_text", "text": "5"}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "2+3"}]}, "5"]},
        {
            "content": [
                {"type": "text", "text": "5", "thinking": None},
                {"type": "thinking", "text": None, "thinking": "2+3"},
            ]
        },
    ],
)
def test_thinking_comes_apart_from_the_response(message: dict) -> None:
    assert read_completion([{"role": "assistant", **message}]) == Spoken("5", "2+3")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"role": "assistant", "content": 42}, "content of a message must be text or a list of blocks, found int: 42"),
        ({"role": "assistant", "content": [42]}, "neither text nor an object: int"),
        ({"role": "assistant", "content": [{"type": "text", "text": 4}]}, "'text' is no text but int"),
        ({"role": "critic", "content": "x"}, "the role 'critic'; assistant, user"),
        ({"role": ["a"], "content": "x"}, "has the role"),
        ({"role": "assistant", "content": "x", "reasoning": 4}, "reasoning of a message must be text"),
    ],
)
def test_an_odd_message_says_what_was_found(message: dict, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_completion([message])


def test_images_in_a_prompt_are_passed_over() -> None:
    blocks = [{"type": "image", "image": None}, {"type": "text", "text": "What is this?"}]
    assert read_prompt([{"role": "user", "content": blocks}]) == "What is this?"


def test_the_last_turn_of_the_user_ends_the_prompt() -> None:
    turns = [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "Yes."},
    ]
    assert split_conversation(turns) == (turns[:3], turns[3:])
    with pytest.raises(ValueError, match="'response' is missing: no turn of the assistant"):
        split_conversation(turns[:3])
    with pytest.raises(ValueError, match="'query' is missing"):
        split_conversation(turns[1:2])


@pytest.mark.parametrize(
    ("prompt", "text", "opened"),
    [
        ("1+1?", "1+1?", False),
        (
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n",
            "1+1?",
            False,
        ),
        ("<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n<think>\n", "1+1?", True),
        ("system\nBe brief.\nuser\n1+1?\nassistant\n", "1+1?", False),
        ("user\nA\nassistant\nB?\nassistant\n<think>\n", "A\nassistant\nB?", True),
        ("<start_of_turn>user\n1+1?<end_of_turn>\n<start_of_turn>model\n", "1+1?", False),
        (
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n1+1?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            "1+1?",
            False,
        ),
        ("<|im_start|>\nwhat", "<|im_start|>\nwhat", False),
        ("user stories: name one\n", "user stories: name one\n", False),
    ],
)
def test_a_prompt_is_read_without_its_template(prompt: str, text: str, opened: bool) -> None:
    found = read_rendered(prompt)
    assert (found.text, found.thinking_opened) == (text, opened)


@settings(deadline=None)
@given(VALUES)
def test_whatever_a_message_holds_it_is_read_or_has_a_reason(value: object) -> None:
    for read in (read_completion, read_prompt):
        with suppress(ValueError):
            read([{"role": "assistant", "content": value}])  # type: ignore[operator]


@pytest.mark.parametrize(
    "piece",
    [
        "\n",
        "<tool_call>",
        "</tool_response>\n",
        "<|im_start|>user\n",
        "user\n",
        "<think>",
        "<|im_start|>",
        "</information> ",
    ],
)
def test_long_texts_take_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begin = time.monotonic()
    read_completion(text)
    read_rendered(text)
    assert time.monotonic() - begin < 5
