"""The truth of one row, in every shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.domains.references import Reference, correct_of, golds_of, reference_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "aliases", "text"]), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "golds"),
    [
        (None, ()),
        (float("nan"), ()),
        ("", ()),
        (" \n\t", ()),
        ([], ()),
        ([None, " "], ()),
        ("None", ("None",)),
        ("N/A", ("N/A",)),
        ("null", ("null",)),
        ("nan", ("nan",)),
        (42, ("42",)),
        (42.0, ("42",)),
        (0.5, ("0.5",)),
        (0, ("0",)),
        (True, ("True",)),
        (["42", "forty-two", "42"], ("42", "forty-two")),
        ([42, None, 42.5], ("42", "42.5")),
        (("a", "b"), ("a", "b")),
        ('["42", "43"]', ('["42", "43"]',)),
        ("two\nlines", ("two\nlines",)),
        ("6*7 = 42\n#### 42", ("42",)),
        ("6*7 = 42 #### 1,042 ", ("1,042",)),
        ("#### 42", ("#### 42",)),
        ("Seven sixes are $\\boxed{42}$. They are even.", ("42",)),
        ("Half of it is \\boxed{\\frac{1}{2}}, so \\boxed{\\frac{1}{2}}.", ("\\frac{1}{2}",)),
        ("Either \\boxed{1} or \\boxed{2}.", ("Either \\boxed{1} or \\boxed{2}.",)),
        ("def box(x):\n    return '\\boxed{' + x + '}'", ("def box(x):\n    return '\\boxed{' + x + '}'",)),
        ("# Title\n#### Part\ntext", ("# Title\n#### Part\ntext",)),
        ({"value": "Paris", "aliases": ["paris", "City of Paris"]}, ("Paris", "paris", "City of Paris")),
        ({"text": ["Paris", "Paris"], "answer_start": [3, 3]}, ("Paris",)),
        ({"target": ["a", "b"]}, ("a", "b")),
    ],
)
def test_golds(value: Any, golds: tuple[str, ...]) -> None:
    assert golds_of(value) == golds
    assert reference_of({"gold": value}) == (Reference("gold", golds[0], golds[1:]) if golds else None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("inf"), "must be finite"),
        ([["a"]], "found list"),
        ({"a": 1}, "found an object of a"),
        ("\ud800", "lone surrogate"),
        ("x" * 1_000_001, "1,000,001 characters"),
        (["x"] * 2_000, "lists 2,000 answers"),
    ],
)
def test_a_gold_that_is_no_answer_says_what_was_found(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        golds_of(value)


@pytest.mark.parametrize(
    ("value", "share"),
    [
        (None, None), ("", None), ("  ", None), (True, 1.0), (False, 0.0), (1, 1.0), (0.25, 0.25), ("true", 1.0),
        ("False", 0.0), (" YES ", 1.0), ("no", 0.0), ("1", 1.0), ("0", 0.0), ("1.0", 1.0), ("0,5", 0.5), ("correct", 1.0),
        ("incorrect", 0.0), ("Pass", 1.0),
    ],
)  # fmt: skip
def test_whether_a_rollout_is_right(value: Any, share: float | None) -> None:
    assert correct_of(value) == share


@pytest.mark.parametrize("value", [2, -1, "maybe", "2", [True], {}, float("inf"), "nan", "1,000", 10**400])
def test_what_is_no_verdict_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="'correct' must be true, false or a number from 0 to 1"):
        correct_of(value)


def test_tests_come_before_the_gold_unless_they_are_blank() -> None:
    assert reference_of({"tests": "assert f(1) == 1", "gold": "1"}) == Reference("tests", "assert f(1) == 1")
    for blank in ("", " \n", None, [], {}):
        assert reference_of({"tests": blank, "gold": "1"}) == Reference("gold", "1")
        assert reference_of({"tests": blank, "entry_point": "f", "test_setup_code": "import math"}) is None


def test_tests_keep_what_they_need() -> None:
    tests = ["assert f(1) == 1", "assert f(2) == 2"]
    listed = reference_of({"tests": tests})
    assert listed is not None
    assert json.loads(listed.value) == tests
    more = reference_of({"tests": "def check(c): ...", "entry_point": "f", "test_imports": ["import math"]})
    assert more is not None
    assert {"f", "import math"} <= set(json.loads(more.value).values())
    assert more != reference_of({"tests": "def check(c): ...", "entry_point": "g", "test_imports": ["import math"]})


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["gold", "tests", "entry_point", "test_imports", "test_setup_code"]), VALUES))
def test_whatever_a_row_holds_it_is_a_reference_or_a_reason(raw: dict[str, Any]) -> None:
    try:
        found = reference_of(raw)
    except ValueError as error:
        found = Reference("gold", str(error))
    assert found is None or found.value.strip()
