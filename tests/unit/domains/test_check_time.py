"""Checks look at any text in linear time, and say of it what the plain patterns that they stand for would say."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.checks import Response, check_vector
from memgraph.domains.checks import response as parts
from memgraph.domains.checks.arithmetic import _USED
from memgraph.domains.checks.equations import _written
from memgraph.domains.checks.form import _BULLETS, _NUMBERED
from tests.thorough import every, examples

LENGTH = 1_000_000
UNITS = [
    *("\n", "9", ",", " ", "\t", "(", ")", "[", '"', "'", "#", "=", ".", "-", "+", "<", ">", "$", "%", "\\", "*", "a", "é", "\0"),
    *("def a(", "a.", "- ", "1+1=2 ", "A) ", "A)\n", "(A)", "(A) ", "9,", "9.", "9 ", "9\n", "9=", "9=9 ", "9=9,", "9,9=9,9;"),
    *("a #", 'a # "', "# \n", " #'", '"""\n', "'''\n", "assert\n", "print(1)\n", " \n", "\n ", "\r\n", ".\n", "x.\n", "<a", "<a>"),
    *("</a> ", "1. ", "1)\n", "\n1", "• ", "1/0=1 ", "1--1", "-$1", "1%", "1 % ", "\\times", "=  ", "9;9 ", "A sentence of words. "),
    *("1 + ", "9.9", "9.9.", "\u2028", "\x1c", "\u200b", "\ud800", "٣", "Option A ", "none of ", "boxed", "a.b", "if ", "**", "a\n\n"),
]  # fmt: skip
EDGES = [
    ("", ""),
    ("A. x\nB. y\n", "x"),
    ("x", '"'),
    ("1 = ", "="),
    ("A)", "\nB)"),
    (" ", ".\n"),
    ('"""', ""),
    ("9", "+1=2"),
    ("1=", "x9"),
]


@pytest.mark.parametrize("unit", every(8, UNITS))
def test_a_million_characters_take_less_than_a_second(unit: str) -> None:
    text = unit * (LENGTH // len(unit))
    start = time.process_time()
    check_vector(Response(text, "calculation", text, text, text))
    assert time.process_time() - start < 1


@pytest.mark.parametrize("edge", range(len(EDGES)))
@pytest.mark.parametrize(("length", "domains"), [(40_000, 1), pytest.param(parts._LONGEST, 2, marks=pytest.mark.slow)])
def test_texts_as_long_as_are_looked_at_take_less_than_a_second(edge: int, length: int, domains: int) -> None:
    """With a beginning and an end that make patterns begin and fail; quadratic time would be seen at 40,000, too."""
    before, after = EDGES[edge]
    for number, unit in enumerate(UNITS[edge :: len(EDGES)]):
        text = before + unit * ((length - len(before + after)) // len(unit)) + after
        for domain in ("statement", "program", "statement")[number % 2 :][:domains]:
            start = time.process_time()
            check_vector(Response(text, domain, text, text, text))
            assert time.process_time() - start < 1, (unit, domain)


def test_texts_that_are_not_very_long_are_looked_at_as_a_whole() -> None:
    text = "a" * 49_999 + "9"
    assert Response(text, "calculation", text, text, text).bounded().text == text
    long = Response("q", "calculation", "a" * 10**6 + "z", "t", None).bounded()
    assert (long.query, long.thinking, long.answer, len(long.text), long.text[-1]) == (
        "q",
        "t",
        None,
        parts._LONGEST,
        "z",
    )


# the patterns that say what is meant; they take quadratic time

TERM = r"[-+]?\$?\d[\d,]*(?:\.\d+)?%?"
OPERATOR = r"(?:[-+*/x×÷·]|\\times|\\cdot|\\div)"
PLAIN = {
    "equations": re.compile(
        rf"(?<![\w.])({TERM}(?:\s*{OPERATOR}\s*{TERM}){{1,12}})\s*(?:=|\\approx|≈)\s*\$?([-+]?\d[\d,]*(?:\.\d+)?)"
    ),
    "used": re.compile(
        r"(?:[-+*/=×÷<>]|\\times|\\cdot|\\div)\s*\$?(\d[\d,]*(?:\.\d+)?)"
        r"|(\d[\d,]*(?:\.\d+)?)\s*%?\s*(?=[-+*/×÷=]|\\times)"
    ),
    "truisms": re.compile(r"(?<![\w.])(\d[\d,.]*\d|\d)\s*=\s*\1(?![\w,.]*\d)[.,;]?[ \t]*"),
    "numbered": re.compile(r"(?m)^\s*\d+[.)]"),
    "bullets": re.compile(r"(?m)^\s*[-*•]"),
    "left space": re.compile(r"[ \t]+(?=\n|</|$)"),
    "sentence": re.compile(r"(?<=[.\n])(\s*)(?=\S)"),
    "idle": re.compile(
        r"""(?m)^[ \t]*\#.*\n?|(?<=[^ \t\n])[ \t]+\#[^"'\n]*$|^(?:assert|print)\b.*\n?"""
        r"""|^[ \t]*(\"{3}|'{3})(?s:.*?)\1[ \t]*\n?"""
    ),
}
CALCULATIONS = st.text("1239,.=+-x*%$ \n\ta<\\≈٣", max_size=40) | st.lists(
    st.sampled_from(
        ["1", "12", "1,2", "1.5", "=", " = ", "+", "-", "x", "%", " ", "\n", ",", ".", "$", "a", "\\times"]
    ),
    max_size=14,
).map("".join)
PROGRAMS = st.lists(
    st.sampled_from(["a", " ", "\t", "#", '"', "'", '"""', "'''", "\n", "assert", "print", "x = 1", " # c", "    "]),
    max_size=16,
).map("".join)


def once(text: str) -> str:
    """As it was written first."""
    split = [*PLAIN["sentence"].split(text), ""]
    seen: set[str] = set()
    kept: list[str] = []
    for sentence, space in zip(split[::2], split[1::2], strict=True):
        said = parts._TAG.sub("", sentence)
        if len(said) < parts._SENTENCE_LENGTH or said not in seen:
            kept += [sentence, space]
        seen.add(said)
    return "".join(kept)


@given(CALCULATIONS)
@examples(1500)
def test_calculations_are_read_as_the_plain_patterns_read_them(text: str) -> None:
    assert [m.span() + m.groups() for m in _written(text)] == [
        m.span() + m.groups() for m in PLAIN["equations"].finditer(text)
    ]
    assert [a or b for a, b in _USED.findall(text) if a or b] == [a or b for a, b in PLAIN["used"].findall(text)]
    assert parts._without_truisms(text) == PLAIN["truisms"].sub("", text)
    assert len(_NUMBERED.findall(text)) == len(PLAIN["numbered"].findall(text))
    assert len(_BULLETS.findall(text)) == len(PLAIN["bullets"].findall(text))
    assert parts._LEFT_SPACE.sub("", text) == PLAIN["left space"].sub("", text)


@given(PROGRAMS)
@examples(1500)
def test_programs_are_read_as_the_plain_pattern_reads_them(program: str) -> None:
    assert parts._without_idle(program) == PLAIN["idle"].sub("", program)


@given(
    st.lists(st.sampled_from(["This is a sentence", ".", "\n", " ", "<b>", "x", "\r", "\u2028"]), max_size=14).map(
        "".join
    )
)
@examples(800)
def test_repeated_sentences_are_found_as_the_plain_pattern_finds_them(text: str) -> None:
    assert parts._once(text) == once(text)
