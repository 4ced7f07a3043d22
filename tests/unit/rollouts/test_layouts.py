"""Rollouts as other programs write them down, and columns of other names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from memgraph.domains import Domains, Reading
from memgraph.domains.choices import Choices
from memgraph.errors import InputError
from memgraph.rollouts.columns import Columns
from memgraph.rollouts.files import Reject, Row, read_rows
from memgraph.rollouts.preparation import stated_by
from memgraph.rollouts.rollout import Rollout
from tests.conftest import write_rows

ASKED = "How many legs have 3 spiders?"
RIGHT, WRONG = "3 times 8 is 24. \\boxed{24}", "3 times 6 is 18. \\boxed{18}"


def read(tmp_path: Path, *rows: dict[str, Any], run: str = "import", **options: Any) -> list[Row]:
    found = list(read_rows(write_rows(tmp_path / "r.jsonl", rows), run=run, **options))
    assert not [row for row in found if isinstance(row, Reject)]
    return [row for row in found if isinstance(row, Row)]


def reasons(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> list[str]:
    """Why rows are rejected; every second one is good, and goes in."""
    good = {"query": "1+1?", "response": "2"}
    file = write_rows(tmp_path / "r.jsonl", [one for row in rows for one in (row, good)])
    found = list(read_rows(file, run="import", **options))
    assert [row.number for row in found if isinstance(row, Row)] == [2 * (n + 1) for n in range(len(rows))]
    return [row.reason for row in found if isinstance(row, Reject)]


def answers(rows: list[Row]) -> list[str | None]:
    return [stated_by(row.rollout, Domains()).answer for row in rows]


def pairs(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row.rollout.query, row.rollout.response) for row in rows]


def test_verl_dumps(tmp_path: Path) -> None:
    prompt = f"system\nBe brief.\nuser\n{ASKED}\nassistant\n"
    rows = read(
        tmp_path,
        {"input": prompt, "output": RIGHT, "gts": "24", "score": 0.9, "acc": True, "step": 3},
        {"input": prompt, "output": WRONG, "gts": "24", "score": -1.0, "step": 3},
    )
    assert pairs(rows) == [(ASKED, RIGHT), (ASKED, WRONG)]
    assert [row.rollout.step for row in rows] == [3, 3]
    assert [(row.raw["gold"], row.raw.get("correct")) for row in rows] == [("24", True), ("24", None)]


def test_equal_responses_of_two_steps_of_a_dump_are_two_rollouts_and_of_one_file_read_twice_the_same(
    tmp_path: Path,
) -> None:
    row = {"input": ASKED, "output": RIGHT, "gts": "24", "score": 1.0}
    first, again = read(tmp_path, {**row, "step": 1}, {**row, "step": 1})
    later = read(tmp_path, {**row, "step": 2})[0]
    ids = {one.rollout.rollout_id for one in (first, again, later)}
    assert len(ids) == 3
    assert read(tmp_path, {**row, "step": 1})[0].rollout.rollout_id == first.rollout.rollout_id
    assert read(tmp_path, {**row, "step": 1}, run="b")[0].rollout.rollout_id not in ids


def test_verl_names_tests_in_the_place_of_a_gold(tmp_path: Path) -> None:
    tests = json.dumps({"inputs": ["1\n"], "outputs": ["2\n"]})
    (row,) = read(tmp_path, {"input": "Double it.", "output": "print(2)", "gts": tests, "score": 0.0, "step": 1})
    assert row.raw["tests"] == tests
    assert "gold" not in row.raw


def test_a_prompt_that_opens_the_thinking_says_so(tmp_path: Path) -> None:
    prompt = f"<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n<think>\n"
    cut, whole = read(
        tmp_path,
        {"input": prompt, "output": "It may be \\boxed{18}", "score": 0.0},
        {"input": prompt, "output": f"18?</think> {RIGHT}", "score": 1.0},
    )
    assert cut.rollout.thinking_opened
    assert answers([cut, whole]) == [None, "24"]
    (row,) = read(tmp_path, {"query": ASKED, "response": "or \\boxed{18}"}, thinking_opened=True)
    assert answers([row]) == [None]


def test_instructions_with_an_input_are_no_dump(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", [{"instruction": "Translate.", "input": "cat", "output": "Katze"}])
    with pytest.raises(InputError, match="--query instruction --response output"):
        list(read_rows(file, run="import"))


def sample(filter_: str = "strict-match", **more: Any) -> dict[str, Any]:
    return {
        "doc_id": 0,
        "doc": {"question": ASKED, "answer": "3*8=24\n#### 24"},
        "target": "3*8=24\n#### 24",
        "arguments": {"gen_args_0": {"arg_0": f"Q: 1+1?\nA: 2\n\nQ: {ASKED}\nA:"}},
        "resps": [[RIGHT]],
        "filtered_resps": ["24"],
        "filter": filter_,
        "exact_match": 1.0,
        **more,
    }


def test_samples_of_lm_eval(tmp_path: Path) -> None:
    rows = read(tmp_path, sample(), sample("flexible-extract"))
    assert pairs(rows) == [(ASKED, RIGHT)] * 2
    assert len({row.rollout.rollout_id for row in rows}) == 1, "each filter repeats the sample"
    assert rows[0].raw["gold"] == "3*8=24\n#### 24"
    repeated = read(tmp_path, sample(resps=[[RIGHT, WRONG]]))
    assert [row.rollout.response for row in repeated] == [RIGHT, WRONG]
    assert len({row.rollout.rollout_id for row in repeated}) == 2
    (asked,) = read(tmp_path, sample(doc={"question": "Which?", "choices": ["24", "18"]}))
    assert asked.rollout.query.startswith("Q: 1+1?"), "the options are in the prompt only"
    assert "log-likelihoods" in reasons(tmp_path, sample(resps=[[[-1.5, False]], [[-0.5, True]]]))[0]


def test_open_r1(tmp_path: Path) -> None:
    row = {
        "problem": ASKED,
        "solution": "3*8=24",
        "answer": "24",
        "uuid": "u",
        "generations": [RIGHT, WRONG, "?"],
        "correctness_math_verify": [True, False, None],
        "messages": [{"role": "user", "content": "another"}, {"role": "assistant", "content": "thing"}],
    }
    rows = read(tmp_path, row)
    assert pairs(rows) == [(ASKED, RIGHT), (ASKED, WRONG), (ASKED, "?")]
    assert [row.number for row in rows] == [1, 1, 1]
    assert [(row.raw["gold"], row.raw.get("correct")) for row in rows] == [("24", True), ("24", False), ("24", None)]
    assert all(row.rollout.answer is None for row in rows)
    named = read(tmp_path, row, columns={"query": "problem", "response": "generations", "gold": "answer"})
    assert pairs(named) == pairs(rows)
    assert [row.raw["gold"] for row in named] == ["24"] * 3


def test_synthetic_1(tmp_path: Path) -> None:
    row = {
        "problem_id": "p",
        "prompt": ASKED,
        "gold_standard_solution": "It is 24.",
        "verification_info": '{"ground_truth": "24"}',
        "llm_response": RIGHT,
        "response_id": "r",
        "score": 1.0,
    }
    (found,) = read(tmp_path, row)
    assert (found.rollout.rollout_id, found.raw["gold"], found.raw["correct"]) == ("r", "24", 1.0)
    (coded,) = read(tmp_path, {**row, "verification_info": json.dumps({"test_cases": [{"input": "1", "output": "2"}]})})
    assert coded.raw["tests"] == [{"input": "1", "output": "2"}]
    assert "gold" not in coded.raw


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": RIGHT}]},
        {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": RIGHT}], "prompt": ASKED},
        {"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": RIGHT}]},
        {"system": "Be brief.", "conversations": [{"from": "user", "value": ASKED}, {"from": "assistant", "value": RIGHT}]},
        {"conversation": [{"role": "human", "content": ASKED}, {"role": "model", "content": RIGHT}]},
        {"query": [{"role": "user", "content": ASKED}], "response": {"role": "assistant", "content": RIGHT}},
        {"prompt": ASKED, "response": RIGHT},
        {"prompt": [{"role": "user", "content": ASKED}], "completion": RIGHT},
        {"prompt": ASKED, "responses": [RIGHT]},
        {"prompt": ASKED, "completion": [RIGHT]},
        {"question": ASKED, "outputs": [{"text": RIGHT, "finish_reason": "stop"}]},
        {"prompt": ASKED, "completions": [{"message": {"role": "assistant", "content": RIGHT}}]},
        {"query": ASKED, "response": [[{"role": "assistant", "content": RIGHT}]]},
        {"instruction": ASKED, "completions": [{"model": "m", "response": RIGHT}]},
    ],
)  # fmt: skip
def test_every_layout_says_the_same(tmp_path: Path, row: dict[str, Any]) -> None:
    assert pairs(read(tmp_path, row)) == [(ASKED, RIGHT)]


def test_several_turns_of_a_conversation_end_with_the_last_one_of_the_user(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "Spiders?"},
        {"from": "gpt", "value": "Yes?"},
        {"from": "human", "value": ASKED},
        {"from": "function_call", "value": "3*8"},
        {"from": "observation", "value": "24"},
        {"from": "gpt", "value": RIGHT},
    ]
    (row,) = read(tmp_path, {"conversations": turns})
    assert row.rollout.query == f"human: Spiders?\n\ngpt: Yes?\n\nhuman: {ASKED}"
    assert row.rollout.response == f"<tool_call>\n3*8\n</tool_call>\n\n{RIGHT}"
    assert answers([row]) == ["24"]
    assert "<tool_call>" in stated_by(row.rollout, Domains()).thinking
    (cut,) = read(tmp_path, {"conversations": turns[:5]})
    assert answers([cut]) == [None]
    assert "no turn of the assistant" in reasons(tmp_path, {"conversations": turns[:3]})[0]


def test_lists_along_with_the_responses_are_spread_and_golds_are_not(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        {
            "query": ASKED,
            "response": [RIGHT, WRONG],
            "correct": [True, False],
            "rollout_id": "a",
            "gold": ["24", "24.0"],
        },
        {"query": ASKED, "response": [RIGHT], "rollout_id": ["b"], "thinking": ["3*8"], "gold": ["24", "24.0"]},
    )
    assert [(row.number, row.rollout.rollout_id, row.rollout.sample) for row in rows] == [
        (1, "a-0", 0),
        (1, "a-1", 1),
        (2, "b", None),
    ]
    assert [row.raw.get("correct") for row in rows] == [True, False, None]
    assert {tuple(row.raw["gold"]) for row in rows} == {("24", "24.0")}
    assert rows[2].rollout.thinking == "3*8"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"query": ASKED, "response": [RIGHT, WRONG], "correct": [True]}, "'correct' holds 1 values for 2 responses"),
        ({"query": ASKED, "response": []}, "'response' is an empty list"),
        ({"query": ASKED, "response": [7]}, "'response' must be text, found int"),
        ({"query": ASKED, "response": {"a": 1}}, "'response' must be text, found dict"),
        ({"prompt": None, "completion": RIGHT}, "'query' must be text, found NoneType"),
        ({"prompt": [], "completion": RIGHT}, "'query' is empty"),
        ({"prompt": [{"role": "system", "content": "x"}], "completion": RIGHT}, "'query' is empty"),
        ({"prompt": ASKED, "completion": None}, "'response' must be text, found NoneType"),
        ({"messages": [{"role": "user", "content": ASKED}, 7]}, "'messages' must hold messages .* found int"),
        ({"messages": []}, "no turn of the user"),
        ({"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": 7}]}, "found int: 7"),
        ({"conversations": [{"from": "alien", "value": "x"}]}, "the role 'alien'"),
        ({"query": ASKED, "response": RIGHT, "thinking": 4}, "'thinking' must be text, found int"),
        ({"query": ASKED, "response": RIGHT, "rollout_id": 7.5}, "'rollout_id' must be text or a whole number"),
        ({"query": ASKED}, "'response' is missing; found query"),
    ],
)
def test_an_odd_row_is_rejected_with_what_was_found_and_the_rest_goes_in(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    import re

    (found,) = reasons(tmp_path, row)
    assert re.search(reason, found)


def test_one_odd_response_of_several_is_rejected_alone(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "r.jsonl", [{"query": ASKED, "response": [RIGHT, None, WRONG]}])
    kinds = [type(row).__name__ for row in read_rows(file, run="import")]
    assert kinds == ["Row", "Reject", "Row"]


def test_a_value_nested_too_deep_is_one_row(tmp_path: Path) -> None:
    deep = "[" * 900 + "]" * 900
    file = tmp_path / "r.jsonl"
    good = json.dumps({"prompt": ASKED, "completion": RIGHT})
    file.write_text(f'{{"prompt": {deep}, "completion": {deep}}}\n{good}\n')
    found = list(read_rows(file, run="import"))
    assert [type(row) for row in found] == [Reject, Row]


def test_columns_can_be_named(tmp_path: Path) -> None:
    row = {"ask": {"text": ASKED}, "reply": RIGHT, "right": "24", "answer": "24", "key": 7.0}
    columns = Columns(query="ask.text", response="reply", gold="right", answer="answer", rollout_id="key")
    (found,) = read(tmp_path, row, columns=columns)
    assert pairs([found]) == [(ASKED, RIGHT)]
    assert (found.rollout.answer, found.rollout.rollout_id, found.raw["gold"]) == ("24", "7", "24")


def test_named_columns_win_over_those_of_a_layout(tmp_path: Path) -> None:
    row = {"query": "no", "response": "no", "prompt": ASKED, "reply": RIGHT}
    assert pairs(read(tmp_path, row, columns={"query": "prompt", "response": "reply"})) == [(ASKED, RIGHT)]


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        (
            {"problem": ASKED, "generation": RIGHT},
            None,
            "no column query and no column response.*found generation, problem.*--query problem --response generation",
        ),
        ({"query": ASKED, "text": RIGHT}, None, "no column response.*found query, text"),
        ({"task": ASKED, "response": RIGHT}, {"query": "tsak"}, "no column 'tsak' for --query; found response, task"),
        ({"a": 1}, {"label": "a"}, "columns of label cannot be named; those of query"),
    ],
)
def test_a_file_of_unknown_columns_is_refused_with_those_that_were_found(
    tmp_path: Path, row: dict[str, Any], columns: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        list(read_rows(write_rows(tmp_path / "r.jsonl", [row]), run="import", columns=columns))


GOLD_LAYOUTS = [
    [{"query": ASKED, "response": RIGHT, "answer": "24"}, {"query": ASKED, "response": WRONG, "answer": "24"}],
    [{"prompt": ASKED, "completion": RIGHT, "answer": "24"}, {"prompt": ASKED, "completion": WRONG, "answer": "24"}],
    [{"query": ASKED, "response": RIGHT, "answer": 24}, {"query": ASKED, "response": WRONG, "answer": 24}],
    [{"query": ASKED, "response": WRONG, "answer": "3*8 = 24\n#### 24"}],
    [{"prompt": ASKED, "completion": WRONG, "answer": "3*8 = 24\n#### 24"}],
    [{"query": ASKED, "response": WRONG, "answer": "24", "gold": "24"}],
    [{"query": ASKED, "response": [RIGHT, WRONG], "answer": "24"}],
    [
        *({"query": f"{ASKED} {n}", "response": RIGHT, "answer": "24"} for n in range(5)),
        *({"query": f"{ASKED} {n}", "response": WRONG, "answer": "24"} for n in range(5)),
    ],
]


@pytest.mark.parametrize("rows", GOLD_LAYOUTS)
def test_a_column_answer_that_holds_the_gold_is_never_what_a_rollout_answered(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    found = read(tmp_path, *rows, domain="math")
    assert all(row.rollout.answer is None for row in found)
    assert all("24" in str(row.raw["gold"]) for row in found)
    assert answers(found) == ["24" if row.rollout.response == RIGHT else "18" for row in found]


@pytest.mark.parametrize(
    "rows",
    [
        [{"query": ASKED, "response": RIGHT, "answer": "24"}, {"query": ASKED, "response": WRONG, "answer": "18"}],
        [
            {"query": ASKED, "response": "I say 24", "answer": "24"},
            {"query": ASKED, "response": "or 18", "answer": "18"},
        ],
        [{"query": ASKED, "response": RIGHT, "answer": "24"}, {"query": ASKED, "response": RIGHT, "answer": "24.0"}],
        [{"query": ASKED, "response": WRONG, "answer": "24"}],
        [{"query": ASKED, "response": WRONG, "answer": "24"}, {"query": ASKED, "response": RIGHT, "answer": "18"}],
    ],
)
def test_answers_of_rollouts_stay_theirs(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    found = read(tmp_path, *rows)
    assert [row.rollout.answer for row in found] == [row["answer"] for row in rows]


class LastLines(Choices):
    """The last line is the answer."""

    name: ClassVar[str] = "last"

    def read(self, response: str, *, query: str | None = None, thinking_opened: bool = False) -> Reading:
        thinking, _, line = response.rpartition("\n")
        return Reading(thinking, line)


def test_whose_a_column_answer_is_tells_the_reader_of_its_domain(tmp_path: Path) -> None:
    domains = Domains([LastLines()])
    rows = [{"query": ASKED, "response": f"The answer is {n}.\nblue", "answer": "blue"} for n in (7, 8)]
    assert {row.rollout.answer for row in read(tmp_path, *rows, domain="last", domains=domains)} == {"blue"}
    named = [{**row, "domain": "last"} for row in rows]
    assert {row.rollout.answer for row in read(tmp_path, *named, domain="qa", domains=domains)} == {"blue"}
    assert {row.rollout.answer for row in read(tmp_path, *rows)} == {None}, (
        "nobody says how it is read, so as `qa` does"
    )
    golds = [{**row, "response": f"The answer is blue.\n{n}"} for n, row in enumerate(rows)]
    assert {row.raw["gold"] for row in read(tmp_path, *golds, domain="last", domains=domains)} == {"blue"}


def test_answers_that_no_response_states_are_refused_until_the_user_says_whose_they_are(tmp_path: Path) -> None:
    rows = [{"query": f"{n}+{n}?", "response": "\\boxed{1}", "answer": f"{2 * n}0"} for n in range(3, 9)]
    file = write_rows(tmp_path / "r.jsonl", rows)
    with pytest.raises(InputError, match="--gold answer, or --answer answer"):
        list(read_rows(file, run="import"))
    assert {row.rollout.answer for row in read(tmp_path, *rows, columns={"gold": "answer"})} == {None}
    own = read(tmp_path, *rows, columns={"answer": "answer"})
    assert [row.rollout.answer for row in own] == [row["answer"] for row in rows]


def test_rewards_in_logs_of_trl_are_no_truth_and_no_answer(tmp_path: Path) -> None:
    (row,) = read(
        tmp_path, {"prompt": ASKED, "completion": RIGHT, "step": 1, "answer": 1.0, "correct": 0.5, "advantage": 0.1}
    )
    assert row.rollout.answer is None
    assert not row.raw.keys() & {"answer", "correct", "gold"}


def test_reasoning_beside_the_response_is_the_thinking(tmp_path: Path) -> None:
    (row,) = read(tmp_path, {"query": ASKED, "response": "\\boxed{24}", "reasoning_content": "3*8"})
    assert row.rollout.thinking == "3*8"


def test_the_end_that_states_the_answer_belongs_to_the_response() -> None:
    with pytest.raises(ValueError, match="'stated' must be the end of 'response'"):
        Rollout("q", "response", stated="other")
