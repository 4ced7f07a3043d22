from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.domain import MISSING, Item, Verdict
from memgraph.domains.math import Math
from memgraph.domains.references import Reference
from memgraph.domains.signs import names
from tests.thorough import examples
from tests.unit.domains.maths_different import DIFFERENT
from tests.unit.domains.maths_equal import EQUAL

MATHS = Math()
ANSWERS = sorted({answer for pairs in (*EQUAL.values(), *DIFFERENT.values()) for pair in pairs for answer in pair})
MATHS_TEXT = st.lists(
    st.sampled_from(
        sorted(
            names(
                r"0 1 2 10 1,000 . , ; + - / * = < > ( ) [ ] { } \{ \} ^ _ ! | ' x y N a.b cm apples % \% $ \$ ² ½ √ π − ∞ ≤ "
                r"\frac \sqrt \pi \left \right \text{ \text{cm} \mathrm{ \mathbf \cdot \, \! \pm \in \cup \infty and or B. (B) "
                r"million \begin{pmatrix} \end{pmatrix} & \\ \sin \log degrees e i"
            )
        )
    )
    | st.just(" "),
    max_size=14,
).map("".join)


def verdict(answer: str | None, *golds: str, query: str | None = None) -> Verdict:
    return MATHS.verify([Item(answer, Reference("gold", golds[0], golds[1:]), "math", query)])[0]


Pairs = list[tuple[str, str]]


@pytest.mark.parametrize("pairs", EQUAL.values(), ids=EQUAL)
def test_equal_answers_are_one_answer_and_right_in_both_directions(pairs: Pairs) -> None:
    found = {pair: (MATHS.same(*pair), verdict(*pair).score, verdict(*pair[::-1]).score) for pair in pairs}
    assert found == dict.fromkeys(pairs, (True, 1.0, 1.0))


@pytest.mark.parametrize("pairs", DIFFERENT.values(), ids=DIFFERENT)
def test_different_answers_share_neither_key_nor_class_nor_verdict(pairs: Pairs) -> None:
    found = {
        (one, other): (
            MATHS.key(one) == MATHS.key(other),
            MATHS.same(one, other),
            verdict(one, other).score,
            verdict(other, one).score,
        )
        for one, other in pairs
    }
    assert found == dict.fromkeys(pairs, (False, False, 0.0, 0.0))


@pytest.mark.parametrize("kinds", [EQUAL, DIFFERENT], ids=["of equal pairs", "of different pairs"])
def test_an_answer_is_right_where_it_is_the_gold_itself_its_key_or_another_spelling(kinds: dict[str, Pairs]) -> None:
    answers = {answer for pairs in kinds.values() for pair in pairs for answer in pair}
    found = {
        answer: (
            verdict(answer, answer).score,
            verdict(MATHS.key(answer).value, answer).score,
            verdict(f" ${answer}$ " if "$" not in answer else f" {answer} ", answer).score,
        )
        for answer in answers
    }
    assert found == dict.fromkeys(answers, (1.0, 1.0, 1.0))


@given(MATHS_TEXT | st.text(max_size=40) | st.sampled_from(ANSWERS))
@examples(600)
def test_keys_are_idempotent(answer: str) -> None:
    key = MATHS.key(answer)
    assert MATHS.key(key.value) == key


@given(MATHS_TEXT | st.text(max_size=40))
@examples(300)
def test_an_answer_is_itself(answer: str) -> None:
    if MATHS.key(answer) == MISSING:
        assert verdict(answer, "42").score == 0.0
    else:
        assert verdict(answer, answer).score == 1.0
        assert MATHS.same(answer, answer)


@given(MATHS_TEXT, st.sampled_from(ANSWERS))
@examples(300)
def test_spellings_of_a_key_get_one_verdict(answer: str, gold: str) -> None:
    spellings = [answer, MATHS.key(answer).value, f"  {answer}\n", f"\\left{answer}" if answer[:1] == "(" else answer]
    scores = {verdict(spelling, gold).score for spelling in spellings if MATHS.key(spelling) == MATHS.key(answer)}
    assert len(scores) == 1


@given(
    st.lists(st.sampled_from(ANSWERS), min_size=2, max_size=6).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some))
    )
)
@examples(150)
def test_classes_do_not_depend_on_the_order_of_the_answers(orders: tuple[list[str], list[str]]) -> None:
    def partition(answers: list[str]) -> set[frozenset[str]]:
        numbers = MATHS.classes(answers, seconds=60)
        return {frozenset(a for a, n in zip(answers, numbers, strict=True) if n == number) for number in numbers}

    assert partition(orders[0]) == partition(orders[1])


def test_a_class_never_holds_two_units() -> None:
    numbers = MATHS.classes(["5", "5 cm", "5 feet", "5.0", "5 centimeters"])
    assert numbers[1] == numbers[4]
    assert numbers[0] == numbers[3]
    assert len({numbers[0], numbers[1], numbers[2]}) == 3


def test_an_answer_without_a_unit_joins_the_only_unit() -> None:
    assert len(set(MATHS.classes(["5", "5 cm", "5.0 cm"]))) == 1


def test_a_class_never_holds_two_signs_names_or_texts_of_an_option() -> None:
    assert len(set(MATHS.classes(["25", "$25", "25%"]))) == 3
    assert len(set(MATHS.classes(["5", "x = 5", "y = 5"]))) == 3
    assert len(set(MATHS.classes(["B", "B. 5", "B. 6"]))) == 3
    assert len(set(MATHS.classes(["B", "B. 5", "(B) 5"]))) == 1


def test_equal_golds_of_a_list_are_each_right() -> None:
    assert verdict("0.5", r"\frac{1}{2}", r"50\%").score == 1.0
    assert verdict("50", r"\frac{1}{2}", r"50\%").score == 1.0
    assert verdict("8", "6", "7").score == 0.0
    assert verdict("7", "", "7").score == 1.0


@pytest.mark.parametrize("gold", ["", "  ", "\n"])
def test_a_blank_gold_is_none(gold: str) -> None:
    assert verdict("5", gold) == Verdict(None, "no gold")


@pytest.mark.parametrize(
    "gold", [r"\frac{1}{", r"\sqrt{", r"\left(3, ", r"\frac{}{}", r"x^", r"\frac{1}", r"\begin{pmatrix} 1", r"2^{"]
)
def test_a_gold_of_broken_latex_cannot_tell_unless_it_is_the_answer(gold: str) -> None:
    assert verdict("5", gold).score is None
    assert verdict(gold, gold).score == 1.0


def test_tests_are_no_gold() -> None:
    assert MATHS.verify([Item("5", Reference("tests", "assert f() == 5"), "math")])[0].score is None


def test_nothing_stated_is_wrong() -> None:
    assert verdict(None, "5") == Verdict(0.0, "no answer")
    assert verdict("$$", "5").score == 0.0


QUERY = "What is 2 + 3?\nA. 4\nB. 5\nC. 6 cm\nD. none of these"


def test_a_letter_and_its_options_value_are_equal_where_the_query_lists_them() -> None:
    for answer in ("B", "b", "(B)", "5", "5.0", "B. 5"):
        assert verdict(answer, "B", query=QUERY).score == 1.0
        assert verdict(answer, "5", query=QUERY).score == 1.0
    for answer in ("A", "4", "6", "D", "A, B"):
        assert verdict(answer, "B", query=QUERY).score == 0.0
    assert len(set(MATHS.classes(["B", "5", "b", "(B) 5"], query=QUERY))) == 1
    assert len(set(MATHS.classes(["B", "4", "C"], query=QUERY))) == 3


def test_broken_spellings_rank_last_then_the_shorter() -> None:
    assert sorted([r"\frac{1}{", "0.50", "0.5", "1/2"], key=MATHS.spelling) == ["0.5", "1/2", "0.50", r"\frac{1}{"]


PIECES = [
    *("\n", "9", ",", "(", ")", "{", "}", "$", "\\frac", "^", "a "),
    *("1,", "\\text{", "é", "\u0301", "²", "**", "=", "x+", "½", "-", "."),
]


@pytest.mark.parametrize(
    ("piece", "length"),
    [(piece, 9_000) for piece in PIECES]
    + [pytest.param(piece, 10**6, marks=pytest.mark.slow if n % 4 else ()) for n, piece in enumerate(PIECES)],
)
def test_long_texts_take_no_time(piece: str, length: int) -> None:
    text = piece * (length // len(piece))
    begun = time.process_time()
    MATHS.key(text)
    MATHS.spelling(text)
    verdict(text, "42")
    verdict("42", text)
    MATHS.classes([text, "42"])
    assert time.process_time() - begun < 2


HOSTILE = [
    "10^{10^{10^{10}}}",
    "99999!!!!",
    r"\binom{10^9}{10^8}",
    "((((9!)!)!)!)!",
    r"\prod_{i=1}^{10^7} i",
    r"\sum_{i=1}^{10^9} \frac{1}{i}",
    "9^{9^{9^9}}",
    "(10^{100000})!",
    r"\sin(10^{1000000})",
    r"\ln(10^{10^{10}})",
    r"\frac{1}{10^{10^{10}}}",
    "((((x+1)^{99})^{99})^{99})^{99}",
    r"\int_0^{1} e^{e^{e^{x}}} \, dx",
    r"\begin{pmatrix}" + "1 & " * 300 + r"1\end{pmatrix}",
    "(" * 900 + "2" + ")" * 900,
    "2^{" * 300 + "2" + "}" * 300,
]


def test_sixteen_hostile_expressions_end_within_ten_seconds() -> None:
    begun = time.monotonic()
    verdicts = MATHS.verify([Item(answer, Reference("gold", "42+x"), "math") for answer in HOSTILE])
    assert time.monotonic() - begun < 10
    assert all(found.score == 0.0 for found in verdicts)


def test_hostile_expressions_equal_themselves_at_once() -> None:
    begun = time.monotonic()
    assert all(verdict(answer, answer).score == 1.0 for answer in HOSTILE)
    assert time.monotonic() - begun < 1


def test_classes_of_many_answers_stay_within_their_seconds() -> None:
    answers = [f"{n}x + \\sqrt{{{n}}}" for n in range(200)] + [f"\\sum_{{k=1}}^{{{n}}} k^k" for n in range(30)]
    begun = time.monotonic()
    MATHS.classes(answers, seconds=1.0)
    assert time.monotonic() - begun < 3


def test_a_response_is_read_into_thinking_and_answer() -> None:
    reading = MATHS.read(r"<think>6 * 7</think>So \boxed{42}.")
    assert (reading.thinking.strip(), reading.answer) == ("6 * 7", "42")
    assert MATHS.read(r"So \boxed{42}", thinking_opened=True).answer is None
