"""The truth in one row: gold answers, tests, and whether the rollout is right, in every shape that sources write them.

A blank, a null and a NaN are gaps: they say nothing and cost nothing. The texts "None", "N/A", "null" and "nan" are answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from memgraph.domains.program_tests import fold_tests
from memgraph.domains.stated import boxes

_LONGEST = 1_000_000
_MOST_GOLDS = 1_000
_DECIMAL_COMMA = re.compile(r"0?,\d+|1,00?")  # shares as many countries write them; 1,000 may be a thousand
_PROGRAM = re.compile(r"^[ \t]*(?:def \w+\(|class \w+[(:]|import \w+|from \S+ import )|\bprint\(|```", re.MULTILINE)
_RIGHT = {"true": 1.0, "yes": 1.0, "y": 1.0, "t": 1.0, "right": 1.0, "correct": 1.0, "pass": 1.0, "passed": 1.0}
_WRONG = {"false": 0.0, "no": 0.0, "n": 0.0, "f": 0.0, "wrong": 0.0, "incorrect": 0.0, "fail": 0.0, "failed": 0.0}
WORDS = _RIGHT | _WRONG
"""What people write for 1 and 0."""
_GOLDS_OF = (("value", "aliases"), ("text",), ("target",), ("answer",), ("ground_truth",))  # TriviaQA, SQuAD, verl


@dataclass(frozen=True, slots=True)
class Reference:
    """The truth about a query, once revealed: a gold answer, or the hidden tests of a programming problem.

    Attributes:
        also: other golds that are accepted as well as `value`.
    """

    kind: Literal["gold", "tests"]
    value: str
    also: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """All that is right, `value` first."""
        return (self.value, *self.also)


def reference_of(raw: Mapping[str, Any]) -> Reference | None:
    """What a row says about its query: `tests` where there are any, else `gold`; None where both are missing.

    Tests come with `entry_point`, `test_setup_code` and `test_imports` where the row has these.

    Raises:
        ValueError: for a value that is neither, saying what was found.
    """
    tests = tests_of(raw)
    if tests is not None:
        return Reference("tests", tests)
    golds = golds_of(raw.get("gold"))
    return Reference("gold", golds[0], golds[1:]) if golds else None


def tests_of(raw: Mapping[str, Any]) -> str | None:
    """A row's tests as one text, None where they are blank."""
    setup = "\n".join(filter(None, (_lines(raw.get(name)) for name in ("test_imports", "test_setup_code"))))
    tests = fold_tests(raw.get("tests"), entry_point=raw.get("entry_point"), setup=setup or None)
    return None if tests is None else _checked("tests", tests)


def golds_of(value: Any) -> tuple[str, ...]:
    """Accepted golds, the first one first; none where the value is a gap.

    A list accepts each of its members. Of a worked solution that ends in `#### 42`, or whose only box holds 42, the gold is 42.

    Raises:
        ValueError: for a value that is no answer, saying what was found.
    """
    if isinstance(value, Mapping):
        value = _golds_of_object(value)
    values = value if isinstance(value, (list, tuple)) else [value]
    if len(values) > _MOST_GOLDS:
        raise ValueError(f"'gold' lists {len(values):,} answers; at most {_MOST_GOLDS:,} are accepted")
    return tuple(dict.fromkeys(gold for value in values if (gold := _gold(value)) is not None))


def correct_of(value: Any) -> float | None:
    """How right a rollout is: 0..1, or None for a gap.

    Raises:
        ValueError: for anything that is neither true, false nor a share.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    share = number_of(value)
    if share is None or not 0 <= share <= 1:
        raise ValueError(f"'correct' must be true, false or a number from 0 to 1, found {str(value)[:80]!r}")
    return share


def number_of(value: Any) -> float | None:
    """A number that may be text, true or false, or a word for them; None where it is none."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text in WORDS:
            return WORDS[text]
        value = text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def ends_in_hashes(text: str) -> bool:
    """Whether a text is a worked solution whose last line is `#### 42`."""
    before, mark, last = text.rstrip().rpartition("####")
    return bool(mark and before.strip() and last.strip() and "\n" not in last.strip())


def _gold(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if not math.isfinite(value):
            raise ValueError(f"'gold' must be finite, found {value}")
        value = int(value) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if value is None:
        return None
    if not isinstance(value, (str, int)):
        raise ValueError(f"'gold' must be text, a number or a list of these, found {type(value).__name__}")
    text = str(value)
    if ends_in_hashes(text):
        text = text.rpartition("####")[2].strip()
    elif (
        "\\boxed" in text and _PROGRAM.search(text) is None and len(boxed := {inside for _, inside in boxes(text)}) == 1
    ):
        text = boxed.pop()
    return _checked("gold", text) if text.strip() else None


def _golds_of_object(value: Mapping[str, Any]) -> list[Any]:
    for names in _GOLDS_OF:
        if value.get(names[0]) is not None:
            golds = [value[name] for name in names if value.get(name) is not None]
            return [gold for several in golds for gold in (several if isinstance(several, list) else [several])]
    raise ValueError(
        f"'gold' must be text, a number or a list of these, found an object of {', '.join(map(str, value))[:80]}"
    )


def _lines(value: Any) -> str:
    """Imports and set-up of tests: a text, or a list of lines."""
    if isinstance(value, list):
        return "\n".join(str(line) for line in value if line is not None)
    return value if isinstance(value, str) else ""


def _checked(name: str, text: str) -> str:
    if len(text) > _LONGEST:
        raise ValueError(f"{name!r} has {len(text):,} characters; at most {_LONGEST:,} are stored")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name!r} holds a lone surrogate at character {error.start}, which is no text") from None
    return text
