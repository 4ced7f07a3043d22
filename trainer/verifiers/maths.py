"""Mathematical answers: equal normal forms, else equal as expressions by math-verify."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
from concurrent.futures import TimeoutError as TookTooLong
from functools import cache
from typing import Final

from math_verify import LatexExtractionConfig, parse
from math_verify import verify as expressions_equal
from pebble import ProcessExpired, ProcessPool

from memgraph.answers import normalise
from memgraph.records import Reference
from trainer.verifiers.base import NO_GOLD, Verdict, Verifier, gold

_LONGEST_EXPRESSION: Final = 500
_EXPRESSION_SECONDS: Final = 5.0
_EXPRESSION_BYTES: Final = 16 * 2**30


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
            equal = _worker(os.getpid()).schedule(_equal, args=[answer, wanted], timeout=_EXPRESSION_SECONDS).result()
        except (TookTooLong, ProcessExpired):
            return Verdict(0.0, f"not comparable with the reference within {_EXPRESSION_SECONDS:.0f} s")
        except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError) as error:
            return Verdict(None, f"math-verify failed: {type(error).__name__}: {error}")
        return Verdict(float(equal), "equal as expressions" if equal else "different values")


def _is_number(text: str) -> bool:
    """Whether the normal form is a plain number."""
    try:
        float(normalise(text, "math").value)
    except ValueError:
        return False
    return True


@cache
def _worker(process: int) -> ProcessPool:
    """One worker for each process that verifies (a pool does not survive a fork)."""
    return ProcessPool(max_workers=1, initializer=_bound_worker, context=multiprocessing.get_context("spawn"))


def _bound_worker() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_EXPRESSION_BYTES, _EXPRESSION_BYTES))
    logging.getLogger("math_verify").setLevel(logging.ERROR)


def _equal(answer: str, gold: str) -> bool:
    """math-verify without its own timers: the pool has one that works."""
    found, wanted = (
        parse(f"${text}$", extraction_config=[LatexExtractionConfig()], parsing_timeout=None) for text in (answer, gold)
    )
    return bool(expressions_equal(wanted, found, timeout_seconds=None))
