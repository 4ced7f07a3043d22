"""Mathematical answers: equal normal forms, else equal as expressions by math-verify."""

from __future__ import annotations

import os
from typing import Final

from memgraph.answers import normalise
from memgraph.records import Reference
from trainer.verifiers.base import NO_GOLD, Verdict, Verifier, gold
from trainer.verifiers.expressions import ExpressionError, worker

_LONGEST_EXPRESSION: Final = 500


class Maths(Verifier):
    """Compares values in a worker process that is killed when it takes too long.

    A policy can write 10^{10^{10^{10}}}: evaluating that holds the interpreter for ever, where no timer of its own
    reaches it. Plain numbers never get there, since their normal forms tell.
    """

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        wanted = gold(reference)
        if wanted is None:
            return NO_GOLD
        if normalise(answer, "math") == normalise(wanted, "math"):
            return Verdict(1.0, "equal normal forms")
        if len(answer) > _LONGEST_EXPRESSION:
            return Verdict(0.0, "different, and too long to compare as an expression")
        if _is_number(answer) and _is_number(wanted):
            return Verdict(0.0, "different numbers")
        try:
            equal = worker(os.getpid()).equal(answer, wanted)
        except TimeoutError as error:
            return Verdict(0.0, str(error))
        except ExpressionError as error:
            return Verdict(None, f"math-verify failed: {error}")
        return Verdict(float(equal), "equal as expressions" if equal else "different values")


def _is_number(text: str) -> bool:
    """Whether the normal form is a plain number."""
    try:
        float(normalise(text, "math").value)
    except ValueError:
        return False
    return True
