"""Tests are read in the layouts of data sets, and anything else is said to be none."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.program_tests import NoTests, fold_tests, read_tests
from memgraph.sandbox import Call, CallTests, PythonTests, Stream, StreamTests, Tests

ASSERT = "assert f(1) == 1"
TWO = StreamTests((Stream("1 2\n", "3\n"), Stream("5 5", "10")))
CASES = [{"input": "1 2\n", "output": "3\n"}, {"input": "5 5", "output": "10"}]


@pytest.mark.parametrize(
    ("given", "tests"),
    [
        (ASSERT, PythonTests(ASSERT)),
        ([ASSERT, "", ASSERT], PythonTests(f"{ASSERT}\n{ASSERT}")),
        (np.array([ASSERT, ASSERT], dtype=object), PythonTests(f"{ASSERT}\n{ASSERT}")),
        (repr([ASSERT, ASSERT]), PythonTests(f"{ASSERT}\n{ASSERT}")),
        (json.dumps(ASSERT), PythonTests(ASSERT)),
        ({"test_list": [ASSERT], "test_setup_code": "x = 1", "challenge_test_list": ["no"]}, PythonTests(ASSERT, None, "x = 1")),
        ({"test": ASSERT, "entry_point": "f"}, PythonTests(ASSERT, "f")),
        ({"inputs": ["1 2\n", "5 5"], "outputs": ["3\n", "10"]}, TWO),
        ({"inputs": np.array(["1 2\n", "5 5"]), "outputs": ("3\n", b"10")}, TWO),
        ({"input": ["1 2\n", "5 5"], "output": ["3\n", "10"]}, TWO),
        ({"inputs": ["1 2\n", ["5", "5"]], "outputs": ["3\n", 10]}, StreamTests((TWO.streams[0], Stream("5\n5", "10")))),
        ({"input_output": json.dumps({"inputs": ["1 2\n", "5 5"], "outputs": ["3\n", "10"]})}, TWO),
        (CASES, TWO),
        ([{**case, "testtype": "stdin"} for case in CASES], TWO),
        ({"entry_point": "f", "tests": [{**case, "testtype": "stdin"} for case in CASES]}, TWO),
        ([json.dumps(case) for case in CASES], TWO),
        ({"language": "python", "test_cases": [{**case, "fn_name": None, "type": "stdin_stdout"} for case in CASES]}, TWO),
        ({"official_tests": CASES}, TWO),
        ({"public_test_cases": json.dumps(CASES[:1]), "private_test_cases": json.dumps(CASES[1:])}, TWO),
        (
            {"public_tests": {"input": ["1 2\n"], "output": ["3\n"]}, "private_tests": {"input": ["5 5"], "output": ["10"]}},
            TWO,
        ),
        ({"fn_name": "f", "inputs": [[1, [2]]], "outputs": ["3"]}, CallTests("f", (Call((1, [2]), "3"),))),
        ({"fn_name": "S.f", "inputs": [[1]], "outputs": [[3]]}, CallTests("f", (Call((1,), [3]),))),
        ([{"fn_name": "f", "input": '"a"\n[1]', "output": "true"}], CallTests("f", (Call(("a", [1]), True),))),
        (
            {"entry_point": "f", "tests": [{"input": "1", "output": "x y", "testtype": "functional"}]},
            CallTests("f", (Call((1,), "x y"),)),
        ),
    ],
)  # fmt: skip
def test_layouts(given: Any, tests: Any) -> None:
    text = fold_tests(given)
    assert text is not None
    assert read_tests(text) == tests


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "blank"),
        ("[]", "empty list"),
        ("{}", "no known layout"),
        ('{"cases": [[1, 2]], "hidden": true}', "no known layout, with the fields cases, hidden"),
        ("[1, 2]", "neither of asserts nor of inputs"),
        ('{"inputs": [], "outputs": []}', "no inputs"),
        ('{"inputs": ["1"], "outputs": []}', "1 inputs and 0 outputs"),
        ('[{"input": "1"}]', "without `input` and `output`"),
        ('[{"input": "1", "output": "1", "testtype": "functional"}]', "none is named"),
        (
            '[{"input": [1], "output": 1, "fn_name": "f"}, {"input": [1], "output": 1, "fn_name": "g"}]',
            "several functions: f, g",
        ),
        ('{"language": "C++", "test_cases": [{"input": "1", "output": "1"}]}', "c\\+\\+"),
        (json.dumps(json.dumps(json.dumps(json.dumps(json.dumps(json.dumps(ASSERT)))))), "too deeply"),
    ],
)
def test_what_holds_no_tests_says_why(given: str, reason: str) -> None:
    with pytest.raises(NoTests, match=reason):
        read_tests(given)


@pytest.mark.parametrize(
    ("entry_point", "setup", "tests"),
    [
        ("f", None, PythonTests(ASSERT, "f")),
        (" f ", ["import math", "import re"], PythonTests(ASSERT, "f", "import math\nimport re")),
        (None, "x = 1", PythonTests(ASSERT, None, "x = 1")),
        (float("nan"), "", PythonTests(ASSERT)),
        (np.str_("f"), np.array(["import math"]), PythonTests(ASSERT, "f", "import math")),
    ],
)
def test_columns_beside_the_tests_are_folded_in(entry_point: Any, setup: Any, tests: PythonTests) -> None:
    text = fold_tests(ASSERT, entry_point, setup)
    assert text is not None
    assert read_tests(text) == tests
    assert fold_tests(text) == text


def test_blank_tests_stay_blank_whatever_stands_beside_them() -> None:
    assert fold_tests(" ", "f", "import math") is None
    assert fold_tests(None, "f") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["inputs", "outputs", "input", "output", "fn_name", "tests", "test_cases", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON | st.text())
def test_any_data_is_tests_or_none(data: Any) -> None:
    text = fold_tests(data)
    if text is not None:
        with suppress(NoTests):
            assert isinstance(read_tests(text), Tests)


@pytest.mark.parametrize(
    "text", ["[" * 10**6, "{" * 10**6, "[" + "1," * 500_000 + "1]", '"' * 10**6, "[" * 50_000 + "]" * 50_000]
)
def test_long_texts_are_read_at_once(text: str) -> None:
    with suppress(NoTests):
        assert isinstance(read_tests(text), Tests)
