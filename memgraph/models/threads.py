"""One thread for work in small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, or in a function that it decorates, linear algebra and OpenMP use one thread.

    Regressions and trees on some thousand rows are made of small pieces, for which threads wait longer than they work. With
    two threads a regression on 320 to 16,000 rows took 2 to 4 times as long on two busy cores, and no less on idle ones.
    """
    with threadpool_limits(limits=1):
        yield
