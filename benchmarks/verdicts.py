"""What does a verdict cost? Maths, answers to questions, and programs with tests in the sandbox.

Programs run one after another, and as many at a time as there are cores. Every run is a new, isolated interpreter. Example:

    python benchmarks/verdicts.py --repeats 100
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, product

import numpy as np
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report

from memgraph.domains import Item
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import judge
from memgraph.sandbox import run_python

PROGRAM = "def double(x):\n    return 2 * x\n"
TESTS = "\n".join(f"assert double({number}) == {2 * number}" for number in range(5))
_AT_A_TIME = 8


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="10 of each, twice", seeds=3)
    add_row_options(parser)
    parser.add_argument("--repeats", type=int, default=100, help="verdicts of each kind and seed")
    options = parser.parse_args(argv)
    if options.quick:
        options.repeats, options.seeds = 10, min(options.seeds, 2)
    rows = Rows(options, ("verdict", "seed", "repeats"))
    for kind, seed, repeats in rows.missing(product(KINDS, range(options.seeds), [options.repeats])):
        rows.add({"verdict": kind, "seed": seed, "repeats": repeats, **timed(kind, repeats, seed)})
    report("verdicts", options, rows.all, tables)


def expression(number: int) -> bool:
    """Whether an expression that is written in another order is right."""
    gold = Reference("gold", rf"\frac{{1}}{{2}} + {number}x^2")
    return right(Item(rf"{number}x^2 + \frac{{1}}{{2}}", gold, "math"))


def right(item: Item) -> bool:
    """Whether an answer is judged to be right."""
    return judge([item])[0].score == 1.0


def side_by_side() -> bool:
    """Whether the program passes its tests every time."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return all(pool.map(lambda _: run_python(PROGRAM, tests=TESTS).status == "ok", range(_AT_A_TIME)))


KINDS: dict[str, tuple[Callable[[int], bool], int]] = {  # work on a number, and how many verdicts that is
    "maths": (expression, 1),
    "answer": (lambda _: right(Item("Paris", Reference("gold", "paris"), "qa")), 1),
    "program with 5 tests": (lambda _: right(Item(PROGRAM, Reference("tests", TESTS), "code")), 1),
    "the same, side by side": (lambda _: side_by_side(), _AT_A_TIME),
}


def timed(kind: str, repeats: int, seed: int) -> Row:
    """Milliseconds of one verdict, after one that does not count. Each seed has numbers of its own."""
    work, of = KINDS[kind]
    numbers = count(1 + seed * (repeats + 1))
    if not work(next(numbers)):
        raise SystemExit(f"{kind}: wrongly judged")
    seconds = []
    for _ in range(max(1, repeats // of)):
        start = time.perf_counter()
        work(next(numbers))
        seconds.append((time.perf_counter() - start) / of)
    median, p95 = np.quantile(seconds, [0.5, 0.95]) * 1000
    return {"median_ms": round(median, 3), "p95_ms": round(p95, 3)}


def tables(rows: Sequence[Row]) -> str:
    """Markdown: milliseconds, median over the seeds (least to most)."""
    lines = []
    for kind in dict.fromkeys(row["verdict"] for row in rows):
        group = [row for row in rows if row["verdict"] == kind]
        lines.append(
            [kind, str(len(group)), *(median_range([row[name] for row in group]) for name in ("median_ms", "p95_ms"))]
        )
    return markdown(["verdict", "seeds", "median (ms)", "95th percentile (ms)"], lines)


if __name__ == "__main__":
    main()
