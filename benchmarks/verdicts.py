"""What a verdict costs: maths, answers to questions, and programs with tests in the sandbox.

python benchmarks/verdicts.py [--quick] [--repeats N] [--json]

Programs run one after another, and as many at a time as there are cores; every run is a new, isolated interpreter.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from machine import machine, versions

from memgraph.domains import Item
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import judge
from memgraph.sandbox import run_many

PROGRAM = "def double(x):\n    return 2 * x\n"
TESTS = "\n".join(f"assert double({number}) == {2 * number}" for number in range(5))
_AT_A_TIME = 8


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100, help="verdicts of each kind")
    parser.add_argument("--quick", action="store_true", help="10 of each")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    repeats = 10 if options.quick else options.repeats
    numbers = count(1)  # each answer is a new one
    rows = [
        timed("maths", lambda: expression(next(numbers)), repeats),
        timed("answer", lambda: right(Item("Paris", Reference("gold", "paris"), "qa")), repeats),
        timed("program with 5 tests", lambda: right(Item(PROGRAM, Reference("tests", TESTS), "code")), repeats),
        timed("the same, side by side", side_by_side, repeats // _AT_A_TIME, of=_AT_A_TIME),
    ]
    if options.json:
        print(
            json.dumps({"benchmark": "verdicts", "machine": machine(), "versions": versions(), "rows": rows}, indent=2)
        )
        return
    print(f"{machine()}; {versions()}")
    for row in rows:
        print(f"{row['verdict']:24} median {row['median_ms']:7.2f} ms, 95th percentile {row['p95_ms']:7.2f} ms")


def expression(number: int) -> bool:
    """Whether an expression that is written in another order is right."""
    gold = Reference("gold", rf"\frac{{1}}{{2}} + {number}x^2")
    return right(Item(rf"{number}x^2 + \frac{{1}}{{2}}", gold, "math"))


def right(item: Item) -> bool:
    """Whether an answer is judged to be right."""
    return judge([item])[0].score == 1.0


def side_by_side() -> bool:
    """Whether the program passes its tests every time."""
    return all(result.status == "ok" for result in run_many([(PROGRAM, TESTS)] * _AT_A_TIME))


def timed(verdict: str, work: Callable[[], Any], repeats: int, *, of: int = 1) -> dict[str, Any]:
    """Milliseconds of one verdict, after one that does not count; `of` are made at a time."""
    if not work():
        raise SystemExit(f"{verdict}: wrongly judged")
    seconds = []
    for _ in range(max(1, repeats)):
        start = time.perf_counter()
        work()
        seconds.append((time.perf_counter() - start) / of)
    median, p95 = np.quantile(seconds, [0.5, 0.95]) * 1000
    return {"verdict": verdict, "repeats": len(seconds), "median_ms": round(median, 3), "p95_ms": round(p95, 3)}


if __name__ == "__main__":
    main()
