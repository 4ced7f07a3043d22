from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from memgraph.domains import expressions
from memgraph.domains.expressions import Outcome, Pool, pool

ENOUGH = 60.0


@pytest.fixture(scope="module")
def workers() -> Iterator[Pool]:
    """A pool whose workers have started, in an environment that is not theirs to see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_OF_MINE", "hidden")
        found = Pool(2)
        assert found.compare([("1", "1"), ("2", "2")], ENOUGH) == [Outcome("equal"), Outcome("equal")]
    yield found
    found.close()


def test_workers_see_nothing_of_the_environment(workers: Pool) -> None:
    environments = [Path(f"/proc/{worker._process.pid}/environ").read_bytes() for worker in workers._workers]
    assert environments
    assert not any(b"SECRET_OF_MINE" in found for found in environments)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (r"\int_{0}^{1} 2x dx", "1", True),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+1)}{2}", True),
        (r"\lim_{x\to0} \frac{\sin x}{x}", "1", True),
        (r"\int_{0}^{1} 2x dx", "1.0000001", False),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n-1)}{2}", False),
        (r"\sum_{k=1}^{N} k", r"\sum_{k=1}^{n} k", False),
    ],
)
def test_sums_integrals_and_limits_are_evaluated_without_rounding(
    workers: Pool, one: str, other: str, equal: bool
) -> None:
    assert workers.compare([(one, other)], ENOUGH)[0].equal is equal


def test_pairs_come_back_in_order_and_equal_ones_are_asked_once(workers: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    ask = expressions._Worker.ask
    monkeypatch.setattr(expressions._Worker, "ask", lambda worker, pair: (asked.append(pair), ask(worker, pair))[1])
    pairs = [("a+b", "b+a"), ("a", "b"), ("b+a", "a+b"), ("a+b", "b+a")]
    assert [found.equal for found in workers.compare(pairs, ENOUGH)] == [True, False, True, True]
    assert [found.equal for found in workers.compare(pairs, ENOUGH)] == [True, False, True, True]
    assert len(asked) == 2


def test_what_cannot_be_read_says_so(workers: Pool) -> None:
    found = workers.compare([(r"\frac{1}{", "1")], ENOUGH)[0]
    assert found.kind == "not read"
    assert found.message


def test_a_costly_pair_costs_its_worker_and_no_other_pair(workers: Pool) -> None:
    found = workers.compare([(r"\prod_{i=1}^{10^7} i", "2"), ("x+x", "2x")], ENOUGH)
    assert [outcome.equal for outcome in found] == [None, True]
    assert workers.compare([("y+y", "2y")], ENOUGH)[0].equal


def test_the_whole_call_is_bounded(workers: Pool) -> None:
    pairs = [(rf"\prod_{{i=1}}^{{10^7}} (i+{n})", "2") for n in range(16)]
    begun = time.monotonic()
    found = workers.compare(pairs, 1.0)
    assert time.monotonic() - begun < 3
    assert all(outcome.equal is None for outcome in found)


def test_each_process_has_a_pool_of_its_own() -> None:
    assert pool() is pool()
    child = os.fork()
    if child == 0:
        os._exit(0 if pool() is not expressions._pool(os.getppid()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_workers_end_with_their_parent() -> None:
    program = (
        "from memgraph.domains.expressions import pool; pool().compare([('u', 'v')], 60.0); "
        "print(*[worker._process.pid for worker in pool()._workers])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=100)
    workers = [int(word) for word in ran.stdout.split()]
    assert workers
    until = time.monotonic() + 10
    while any(psutil.pid_exists(worker) for worker in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(psutil.pid_exists(worker) for worker in workers)
