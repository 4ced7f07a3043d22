"""Decide whether an answer is right, given the truth: maths, choices and short texts, programs with tests."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from functools import cache
from typing import Final

from math_verify import LatexExtractionConfig, parse
from math_verify import verify as expressions_equal
from pebble import ProcessExpired, ProcessPool

from memgraph.answers import normalise
from memgraph.records import Reference
from memgraph.sandbox import Limits, SandboxResult, run_many, run_python

UNIT: Final = "query"
"""One revealed reference judges every answer to its query, now and later (DESIGN.md §5)."""

_LONGEST_EXPRESSION: Final = 500
_EXPRESSION_SECONDS: Final = 5.0
_EXPRESSION_BYTES: Final = 16 * 2**30
_TEST_LIMITS: Final = Limits(seconds=10.0, cpu_seconds=8)


@dataclass(frozen=True, slots=True)
class Verdict:
    """0..1 with a reason, or None where the verifier itself could not tell."""

    score: float | None
    reason: str


def verify(answer: str | None, reference: Reference, domain: str) -> Verdict:
    """Judge one answer. A missing answer is wrong; a program that fails is wrong; only a failing verifier gives None.

    Args:
        answer: as parsed from the response, or its normal form.
        domain: "math" compares values, any other text after normalising; tests are run whatever the domain.
    """
    if answer is None or not normalise(answer, domain).valid:
        return Verdict(0.0, "no answer")
    if reference.kind == "tests":
        return _tested(run_python(_with_tests(answer, reference.value), limits=_TEST_LIMITS))
    if normalise(answer, domain) == normalise(reference.value, domain):
        return Verdict(1.0, "equal normal forms")
    if domain == "math":
        return _mathematical(answer, reference.value)
    return Verdict(0.0, "different answers")


def verify_many(items: Sequence[tuple[str | None, Reference, str]], *, workers: int | None = None) -> list[Verdict]:
    """Judge several (answer, reference, domain); programs run side by side in the sandbox."""
    verdicts: dict[int, Verdict] = {}
    programs: dict[int, str] = {}
    for position, (answer, reference, domain) in enumerate(items):
        if reference.kind == "tests" and answer is not None and normalise(answer, domain).valid:
            programs[position] = _with_tests(answer, reference.value)
        else:
            verdicts[position] = verify(answer, reference, domain)
    results = run_many(list(programs.values()), limits=_TEST_LIMITS, workers=workers)
    verdicts.update((position, _tested(result)) for position, result in zip(programs, results, strict=True))
    return [verdicts[position] for position in range(len(items))]


def judge(answer: str | None, reference: Reference, domain: str) -> float | None:
    """`verify` in the shape of a `memgraph.truth.Judge`."""
    return verify(answer, reference, domain).score


def token_f1(answer: str, gold: str) -> float:
    """Overlap of normalised words, 0..1, as in SQuAD; a graded alternative to exact match for free-form answers."""
    left = Counter(normalise(answer, "qa").value.split())
    right = Counter(normalise(gold, "qa").value.split())
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0


def _with_tests(program: str, tests: str) -> str:
    return f"{program}\n\n{tests}\n"


def _tested(result: SandboxResult) -> Verdict:
    if result.status == "ok":
        return Verdict(1.0, "all tests passed")
    detail = result.stderr.strip().splitlines()[-1:] or [""]
    return Verdict(0.0, f"tests not passed: {result.status} {detail[0][:200]}".strip())


def _mathematical(answer: str, gold: str) -> Verdict:
    """Compare as expressions, in a worker process that is killed when it takes too long.

    A policy can write 10^{10^{10^{10}}}: evaluating that holds the interpreter for ever, where no timer of its own
    reaches it. Plain numbers never get here with equal values, since their normal forms are equal.
    """
    if len(answer) > _LONGEST_EXPRESSION:
        return Verdict(0.0, "different, and too long to compare as an expression")
    if _is_number(answer) and _is_number(gold):
        return Verdict(0.0, "different numbers")
    try:
        equal = _worker(os.getpid()).schedule(_equal, args=[answer, gold], timeout=_EXPRESSION_SECONDS).result()
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
