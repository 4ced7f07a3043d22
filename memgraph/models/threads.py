"""One thread for work in small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, OpenMP uses one thread.

    Boosted trees of a few leaves on some thousand rows: threads wait for each other longer than they work. Two of them
    took 3.5 s instead of 3.0 s on two idle cores, and up to twenty times as long on busy ones.
    """
    with threadpool_limits(limits=1, user_api="openmp"):
        yield
