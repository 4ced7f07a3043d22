"""Questions with truth become rows to train on."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import Dataset

from memgraph.errors import InputError
from trainer import training_rows

SYSTEM = {"role": "system", "content": "Think step by step."}


def data_set(*prompts: Any) -> Dataset:
    """Columns as TRL's own examples have them (`trl-lib/DeepMath-103K`)."""
    return Dataset.from_dict({"prompt": list(prompts), "solution": [str(number) for number in range(len(prompts))]})


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_a_text_becomes_one_message() -> None:
    rows = training_rows(data_set("1 + 1?", "2 + 2?"), query="prompt", gold="solution", domain="math", budget=1)
    assert rows.dataset["prompt"][0] == [user("1 + 1?")]
    assert len(rows.labelled) == 1


def test_messages_stay_as_they_are_with_what_the_system_says() -> None:
    prompts = [[SYSTEM, user("1 + 1?")], [SYSTEM, user("2 + 2?")]]
    rows = training_rows(data_set(*prompts), query="prompt", gold="solution", domain="math")
    assert list(rows.dataset["prompt"]) == prompts
    assert list(rows.dataset["query"]) == ["1 + 1?", "2 + 2?"]


def test_turns_of_a_conversation_stay_apart() -> None:
    turns = [user("Think of a number."), {"role": "assistant", "content": "7"}, user("Double it.")]
    rows = training_rows(data_set(turns), query="prompt", gold="solution", domain="math", budget=None)
    assert rows.dataset["prompt"][0] == turns


@pytest.mark.parametrize(
    "given",
    [
        [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "1 + 1?"}],
        [{"role": "human", "content": "1 + 1?"}],
        [{"role": "user", "content": [{"type": "text", "text": "1 + 1?"}]}],
    ],
)
def test_messages_that_chat_templates_do_not_take_become_one_that_they_do(given: list[dict[str, Any]]) -> None:
    rows = training_rows(data_set(given), query="prompt", gold="solution", domain="math", budget=None)
    assert rows.dataset["prompt"][0] == [user("1 + 1?")]


def test_a_prompt_of_ones_own() -> None:
    rows = training_rows(
        data_set([SYSTEM, user("1 + 1?")]), query="prompt", gold="solution", domain="math", format_prompt="Q: {}".format
    )
    assert rows.dataset["prompt"][0] == "Q: 1 + 1?"


def test_no_truth_leaves_with_the_rows() -> None:
    rows = training_rows(data_set("1 + 1?", "2 + 2?"), query="prompt", gold="solution", domain="math", budget=1)
    assert "solution" not in rows.dataset.column_names
    assert set(rows.truth.query_keys()) == rows.labelled


def test_a_row_without_a_question_is_named() -> None:
    with pytest.raises(InputError, match="row 1: the column 'prompt' holds no text"):
        training_rows(data_set("1 + 1?", " "), query="prompt", gold="solution", domain="math")
