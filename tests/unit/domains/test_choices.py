import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memgraph.domains.choices import Choices
from memgraph.domains.domain import Item
from memgraph.domains.references import Reference
from tests.thorough import examples

CHOICES = Choices()
QUERY = "Capital of France?\nOptions:\nA. Lyon\nB. Paris\nC. 1,000\nD. 25%\nE. None of these"

SAME = [
    ("B.", "B"),
    ("[B]", "B"),
    ("\\textbf{(B)}", "B"),
    ("$\\text{B}$", "B"),
    ("**B**", "B"),
    ("B) Paris", "B"),
    ("B: Paris", "B"),
    ("(B) Paris", "B"),
    ("B. Paris", "Paris"),
    ("(B) Paris", "paris"),
    ("Option B", "b"),
    ("option (B)", "B"),
    ("Choice B", "B"),
    ("A and C", "C and A"),
    ("A, C", "C, A"),
    ("(A), (C)", "A and C"),
    ("A, B, and C", "C, B, A"),
    ("A & C", "A, C"),
    ("A,C", "A and C"),
    ("A \\text{ and } C", "A, C"),
    ("A; C", "A, C"),
    ("both A and C", "A and C"),
    ("The Beatles", "the beatles"),
    ("an apple", "apple"),
    ("Paris.", "Paris"),
    ("'Paris'", "Paris"),
    ('"Paris"', "Paris"),
    ("«Paris»", "Paris"),
    ("New  York", "New York"),
    ("New\nYork", "New York"),
    ("NEW YORK", "New York"),
    ("5.0", "5"),
    ("1,000,000", "1000000"),
    (".5", "0.5"),
    ("1/2", "0.5"),
    ("25%", "25"),
    ("25 percent", "25%"),
    ("$5", "5"),
    ("$5.00", "$5"),
    ("1 and 2", "1, 2"),
    ("−5", "-5"),
    ("–5", "-5"),
    ("Straße", "STRASSE"),
    ("café", "café"),
    ("Ｂ", "B"),
    ("D.C.", "D.C"),
    ("Washington, D.C.", "washington, d.c"),
    ("None", "none"),
    ("N/A", "n/a"),
    ("nan", "NaN"),
    ("don’t", "don't"),
    ("1e3", "1000"),
    ("+5", "5"),
    ("20°", "20 degrees"),
    ("\\boxed", "\\boxed"),
    ("A", "a"),
    ("Options A and C", "A, C"),
    ("3, 3, 4", "4, 3"),
    ("Vitamin C", "vitamin C"),
    ("\\text{Paris}", "Paris"),
    ("(B)Paris", "B"),
    ("B - Paris", "B"),
    ("{B}", "B"),
]
DIFFERENT = [
    ("A", "B"),
    ("A+", "A"),
    ("O+", "O-"),
    ("C++", "C"),
    ("C", "C#"),
    ("J. Smith", "J. Doe"),
    ("J. Smith", "Smith, J."),
    ("E. coli", "E. faecalis"),
    ("S. Korea", "N. Korea"),
    ("S. Korea", "Korea"),
    ("E. coli", "E"),
    ("J. R. R. Tolkien", "J"),
    ("Vitamin A", "A"),
    ("Vitamin K", "vitamin"),
    ("(A) Paris", "(A) Rome"),
    ("A", "A, C"),
    ("B or C", "B"),
    ("B or C", "C"),
    ("B / C", "B"),
    ("1,2", "12"),
    ("1, 234", "1234"),
    ("5", "50"),
    ("0.5", "5"),
    ("25%", "$25"),
    ("5.1", "5.10.1"),
    ("007", "7"),
    ("T cells", "T"),
    ("K+", "K"),
    ("Δ", "δ"),
    ("5 MW", "5 mW"),
    ("New York", "New York City"),
    ("North", "South"),
    ("10:30", "1030"),
    ("1-2", "12"),
    ("1/2", "12"),
    ("2/4", "1/2"),
    ("x^2", "x2"),
    ("H2O", "HO2"),
    ("None", "0"),
    ("null", "0"),
    ("The Who", "Who is"),
    ("a", "b"),
    ("\\frac{ab}{c}", "\\frac{a}{bc}"),
    ("C.", "C++"),
    ("C*", "C"),
    ("A'", "A"),
    ("-A", "A"),
    ("B.C.", "A.D."),
    ("I", "II"),
    ("U.S.", "U.K."),
    ("A Tale", "A"),
    ("Mr. T", "T"),
    ("X-rays", "X"),
    ("Plan B", "B"),
    ("Hepatitis B", "Hepatitis C"),
    ("B12", "B"),
    ("3, 4", "34"),
    ("20°C", "20°F"),
    ("$5", "€5"),
    ("Type A", "A"),
    ("No. 5", "5"),
    ("Section C", "C"),
    ("Malcolm X", "X"),
    ("and", "or"),
    ("St. John", "John"),
    ("B. Paris", "B. Rome"),
]


def judged(answer: str | None, gold: str, query: str | None = None) -> float | None:
    return CHOICES.verify([Item(answer, Reference("gold", gold), "qa", query)])[0].score


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_an_answer_are_one(one: str, other: str) -> None:
    assert CHOICES.same(one, other)
    assert CHOICES.same(other, one)
    assert judged(one, other) == judged(other, one) == 1.0


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_answers_that_differ_stay_apart(one: str, other: str) -> None:
    assert not CHOICES.same(one, other)
    assert not CHOICES.same(other, one)
    assert judged(one, other) == judged(other, one) == 0.0
    assert CHOICES.key(one) != CHOICES.key(other)


@pytest.mark.parametrize(
    ("answer", "option"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("Paris", "B"),
        ("the Paris.", "B"),
        ("B. Paris", "B"),
        ("Paris (B)", "B"),
        ("B. It is Paris", "B"),
        ("1000", "C"),
        ("25", "D"),
        ("None of these", "E"),
        ("AC", "A, C"),
        ("(A) Lyon and (B) Paris", "A, B"),
        ("A. Paris", "a. paris"),  # the letter and the text of two options: neither
        ("E. coli", "e. coli"),
        ("Rome", "rome"),
    ],
)
def test_known_options_say_what_an_answer_means(answer: str, option: str) -> None:
    assert CHOICES.key(answer, query=QUERY).value == option
    assert judged(answer, option[:1].upper(), QUERY) == float(len(option) == 1)


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("The answer is B or C.", None),
        ("The answer is either (B) or (C).", None),
        ("The answer is B (or maybe C).", None),
        ("\\boxed{A \\text{ or } B}", None),
        ("The answer is (B)/(C).", None),
        ("The answer is B and C.", "B and C"),
        ("The answer is N/A.", "N/A"),
        ("The answer is Trinidad or Tobago.", "Trinidad or Tobago"),
        ("<think>The answer is B.", None),
    ],
)
def test_a_hedge_between_options_is_no_answer(response: str, answer: str | None) -> None:
    assert CHOICES.read(response).answer == answer


def test_the_thinking_is_read_too() -> None:
    assert CHOICES.read("<think>a</think>B").thinking == "a"
    assert CHOICES.read("So the answer is B.").thinking == "So the answer is B."
    assert CHOICES.read("The answer is B.", thinking_opened=True).answer is None


def test_a_class_never_holds_two_texts_letters_or_signs() -> None:
    answers = ["B", "B. Paris", "Paris", "B. Rome", "25", "25%", "$25", "b"]
    for order in itertools.islice(itertools.permutations(answers), 0, 40_320, 997):
        classes = dict(zip(order, CHOICES.classes(order), strict=True))
        assert classes["B"] == classes["b"]
        assert classes["B. Paris"] == classes["Paris"] != classes["B. Rome"]
        assert len({classes[each] for each in ("B", "B. Rome", "25", "25%", "$25", "Paris")}) == 6
    assert len(set(CHOICES.classes(["25", "25%"]))) == 1
    assert len(set(CHOICES.classes(["B", "B. Paris"]))) == 1


def test_missing_answers_are_not_valid_and_wrong() -> None:
    for missing in (None, "", " \n"):
        assert not CHOICES.key(missing).valid
        assert judged(missing, "B") == 0.0
    for given_answer in ("None", "N/A", "nan", "null"):
        assert CHOICES.key(given_answer).valid
        assert judged(given_answer, given_answer) == 1.0
        assert judged("0", given_answer) == 0.0


def test_what_cannot_be_judged_has_no_score() -> None:
    assert judged("B", " \n") is None
    tests = CHOICES.verify([Item("B", Reference("tests", "assert True"), "qa")])[0]
    assert tests.score is None
    assert "gold" in tests.reason


pieces = st.lists(
    st.sampled_from(
        [
            "A",
            "b",
            "(",
            ")",
            ".",
            " ",
            "Paris",
            "the ",
            ",",
            " and ",
            " or ",
            "1",
            "0",
            "%",
            "$",
            "\\text{",
            "}",
            "-",
            "*",
            "/",
            "E. ",
        ]
    ),
    max_size=8,
).map("".join)


@given(st.lists(st.one_of(pieces, st.text(max_size=20)), min_size=2, max_size=5), st.sampled_from([None, QUERY]))
@examples(300)
def test_answers_with_one_key_get_one_verdict_and_one_class(answers: list[str], query: str | None) -> None:
    keys = [CHOICES.key(answer, query=query) for answer in answers]
    classes = CHOICES.classes(answers, query=query)
    assert classes[::-1] == CHOICES.classes(answers[::-1], query=query)
    for (one, key), (other, its) in itertools.combinations(zip(answers, keys, strict=True), 2):
        if key == its and key.valid:
            assert classes[answers.index(one)] == classes[answers.index(other)]
            for gold in answers:
                assert judged(one, gold, query) == judged(other, gold, query)


@given(st.one_of(pieces, st.text(max_size=40)).filter(str.strip), st.sampled_from([None, QUERY]))
@examples(300)
def test_a_gold_answer_is_right(gold: str, query: str | None) -> None:
    assert judged(gold, gold, query) == 1.0


@pytest.mark.parametrize("piece", ["\n", "9", ",", "(", "A, ", "A or ", "\\text{", "}", "1,", "*", "“", "A. "])
def test_time_is_linear_in_the_length(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    start = time.perf_counter()
    CHOICES.classes([text, "x" + text], query=QUERY)
    judged(text, text, QUERY)
    judged("B", "B", QUERY + text)
    assert time.perf_counter() - start < 4


def test_to_choose_none_of_the_options_is_no_answer_unless_one_of_them_says_so() -> None:
    question = "Which is even?\nA. 3\nB. 5\nC. {}"
    chosen = "None of the above."
    assert not CHOICES.key(chosen, query=question.format("7")).valid
    assert CHOICES.key(chosen, query=question.format("None of these")).valid
    assert CHOICES.key(chosen).valid, "without options it is an answer like any other"
    assert CHOICES.key("None", query=question.format("7")).valid
