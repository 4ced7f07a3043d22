"""Does the calculation hold, and does it lead to the answer?"""

from __future__ import annotations

import math
import re

from memgraph.domains.checks.equations import number
from memgraph.domains.checks.response import NUMBER, Response

# numbers count as used where something is done with them: beside an operator or an equals sign
_USED = re.compile(
    r"(?:[-+*/=×÷<>]|\\times|\\cdot|\\div)\s*+\$?(\d[\d,]*+(?:\.\d++)?)"
    r"|(\d[\d,]*+(?:\.\d++)?)\s*+(?:%\s*+)?(?=[-+*/×÷=]|\\times)"
    r"|\d[\d,]*+"  # not used, and so are not its later digits
)


def arithmetic(response: Response) -> dict[str, float]:
    """Features, none for programs.

    - leading, wrong: log(1 + number) of right equations that lead to the answer, and of wrong ones;
    - holds: (leading - wrong) / (leading + wrong);
    - reached: 1 where a right equation ends in the answer;
    - last: 1 where the thinking's last number is the answer;
    - copied: 1 where the answer is a number of the question;
    - used: share of the question's numbers that something is done with;
    - asked: log(1 + number) of the question's numbers;
    - integer, negative, magnitude (log): of a numeric answer.
    """
    if response.kind == "program":
        return {}
    answer = None if response.answer is None else number(response.answer)
    leading, wrong = len(response.connected), sum(not equation.holds for equation in response.equations)
    asked = [value for text in NUMBER.findall(response.question) if (value := number(text)) is not None]
    used = {number(first or second) for first, second in _USED.findall(response.core) if first or second}
    numbers = NUMBER.findall(response.thinking)
    reached = answer is not None and any(math.isclose(e.result, answer, abs_tol=1e-9) for e in response.connected)
    return {
        "leading": math.log1p(leading),
        "wrong": math.log1p(wrong),
        "holds": (leading - wrong) / (leading + wrong) if leading + wrong else 0.0,
        "reached": float(reached),
        "last": float(bool(numbers) and answer is not None and number(numbers[-1]) == answer),
        "copied": float(answer in asked) if answer is not None else 0.0,
        "used": sum(value in used for value in asked) / len(asked) if asked else 0.0,
        "asked": math.log1p(len(asked)),
        "integer": float(answer is not None and answer.is_integer()),
        "negative": float(answer is not None and answer < 0),
        "magnitude": min(math.log1p(abs(answer)), 30.0) if answer is not None else 0.0,
    }
