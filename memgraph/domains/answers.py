"""Answers without a server or a memory: what a response states, whether two are equal, whether one is right.

The same code as import, labels and rewards use, so what is said here is what they do.
"""

from __future__ import annotations

from typing import Any

from memgraph.domains.domain import Domain, Item, Reading, Verdict
from memgraph.domains.references import reference_of
from memgraph.domains.registry import Domains
from memgraph.domains.verifiers import Auto


def read_response(
    response: str, domain: str | Domain = "math", query: str | None = None, thinking_opened: bool = False
) -> Reading:
    """Thinking and stated answer of a response.

    Args:
        response: the model's text, special tokens and tags of its thinking included.
        domain: "math", "qa", "code", a name of your own, or a `Domain`.
        query: the query's text; its options say what a letter means.
        thinking_opened: the prompt already opened the thinking.

    Returns:
        `thinking`, and `answer` as it was written, None where nothing is stated.
    """
    return _domain(domain).read(response, query=query, thinking_opened=thinking_opened)


def same_answer(one: str, other: str, domain: str | Domain = "math", query: str | None = None) -> bool:
    """Whether two stated answers to one query are one: for votes, and for the label that they share."""
    return _domain(domain).same(one, other, query=query)


def verify(
    response: str,
    gold: Any = None,
    tests: Any = None,
    domain: str | Domain = "math",
    query: str | None = None,
    thinking_opened: bool = False,
) -> Verdict:
    """Judge a response against the truth.

    Args:
        response: the model's text.
        gold: the gold answer as files hold it: text, a number, or a list of accepted ones.
        tests: tests of a program as files hold them: text, a list of asserts, or inputs and outputs; they win over `gold`.
        domain, query, thinking_opened: see `read_response`.

    Returns:
        `score` (1.0, 0.0, a part, or None for "cannot tell") and `reason`.
    """
    chosen = _domain(domain)
    reference = reference_of({"gold": gold, "tests": tests})
    if reference is None:
        return Verdict(None, "neither gold nor tests are given, or they are blank")
    answer = chosen.read(response, query=query, thinking_opened=thinking_opened).answer
    item = Item(answer, reference, chosen.name, query)
    return Auto(Domains([chosen]))([item])[0]


def _domain(domain: str | Domain) -> Domain:
    return Domains()[domain] if isinstance(domain, str) else domain
