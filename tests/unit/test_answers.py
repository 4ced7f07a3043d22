import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memgraph.answers import normalise

DOMAINS = ["math", "qa", "code"]


@pytest.mark.parametrize(
    ("domain", "forms"),
    [
        ("math", ["1,000", "1000", "1000.0", "$1000", "1000 dollars", " 1000. ", "\\text{1000}", "1e3", "+1000"]),
        ("math", ["1/2", "\\frac{1}{2}", "2/4", "\\dfrac{1}{2}"]),
        ("math", ["10%", "10\\%", "10"]),
        ("math", ["-0", "0", "0.00"]),
        ("math", ["x^2 + 1", "x^2+1"]),
        ("math", ["(B)", "B", "b.", "B)"]),
        ("qa", ["(B)", "B", "b", "B.", "(b) the second", "B. the second"]),
        ("qa", ["The Eiffel Tower", "eiffel tower", "the Eiffel tower!", '"Eiffel  Tower"']),
        ("qa", ["1999", "1,999.0"]),
        (
            "code",
            [
                "def f(x):\n    return x+1",
                'def f(x):  # adds\n    """Doc."""\n    return x + 1\n',
                "def f( x ):\n\treturn (x+1)",
            ],
        ),
    ],
)
def test_equal_answers_have_one_form(domain: str, forms: list[str]) -> None:
    assert len({normalise(form, domain) for form in forms}) == 1


@pytest.mark.parametrize(("domain", "a", "b"), [("math", "12", "-12"), ("math", "0.5", "5"), ("qa", "A", "B"), ("qa", "north", "south"),
                                                ("code", "def f(x): return x", "def f(x): return -x")])  # fmt: skip
def test_different_answers_stay_different(domain: str, a: str, b: str) -> None:
    assert normalise(a, domain) != normalise(b, domain)


@pytest.mark.parametrize("missing", [None, "", "  ", "nan", "None", "N/A"])
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_missing_answer_is_not_valid_and_empty(missing: str | None, domain: str) -> None:
    found = normalise(missing, domain)
    assert (found.value, found.valid) == ("", False)


@given(st.text(max_size=60), st.sampled_from(DOMAINS))
@settings(max_examples=400, deadline=None)
def test_the_form_of_a_form_is_itself(answer: str, domain: str) -> None:
    once = normalise(answer, domain)
    if once.valid:
        assert normalise(once.value, domain) == once


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1e9, max_value=1e9))
def test_numbers_keep_their_value(number: object) -> None:
    assert float(normalise(str(number), "math").value) == pytest.approx(float(str(number)))


@pytest.mark.parametrize(
    "monster", ["(" * 5000, "[" * 3000 + "]" * 3000, "x = " + "-" * 20000 + "1", "9" * 100_000, "1" * 60_000 + "\n"]
)
@pytest.mark.parametrize("domain", DOMAINS)
def test_monsters_do_not_break_it(monster: str, domain: str) -> None:
    normalise(monster, domain)
