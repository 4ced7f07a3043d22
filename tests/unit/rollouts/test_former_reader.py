"""What a former rollout's source gave is told from what was read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.rollouts.former_reader import given_by_source
from memgraph.rollouts.reader import read_otherwise
from memgraph.store.reader_versions import as_list, versions_of


@pytest.mark.parametrize(
    ("response", "domain", "thinking", "answer", "expected"),
    [
        ("<think>2 and 2</think> #### 4", "math", "2 and 2", "4", ""),
        ("<think>2 and 2</think> #### 4", "math", "2 and 2", "5", "answer"),
        ("<think>2 and 2</think> #### 4", "math", "as a table says", "4", "thinking"),
        ("<think>2 and 2</think> #### 4", "math", "", "5", "answer thinking"),
        ("no answer", "qa", "no answer", None, ""),
        ("no answer", "qa", "no answer", "", "answer"),
        ("I say\n```python\nx = 1\n```", "code", "I say\n```python\n\n```", "x = 1", ""),
        ("I say\n```python\nx = 1\n```", "code", "I say\n```python\nx = 1\n```", "y = 2", "answer"),
        ("The answer is J. Smith.", "qa", "The answer is J. Smith.", "J", ""),
        (r"so \boxed{A + b}", "math", r"so \boxed{A + b}", "A + b", ""),
    ],
)
def test_fields_that_differ_from_what_was_read_were_given(
    response: str, domain: str, thinking: str, answer: str | None, expected: str
) -> None:
    assert given_by_source(response, domain, thinking, answer) == expected


@given(st.text(alphabet="<think>/#` \n\\boxed{}answer:is4"), st.sampled_from(["math", "qa", "code"]), st.text())
def test_no_text_is_too_odd(response: str, domain: str, answer: str) -> None:
    assert "thinking" in given_by_source(response, domain, response + "?", None)
    assert "answer" in given_by_source(response, domain, response, answer + "\0")


def test_versions_are_kept_as_a_list_and_compared_by_domain() -> None:
    versions = {"qa": "2", "math": "2", "chess": "a=b"}
    assert versions_of(as_list(versions)) == versions
    assert read_otherwise(versions, versions) == []
    assert read_otherwise({**versions, "qa": "1"}, versions) == ["qa"]
    assert read_otherwise({"math": "2"}, versions) == [], "a domain that came later was not read before"
    assert sorted(read_otherwise({}, {"math": "2", "qa": "1", "code": "2"})) == ["code", "math"]
