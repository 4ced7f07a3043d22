"""How long work says how far it is, and how transformers is kept from saying it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Say = Callable[[str], None]  # is given a line for the user


class Progress(Protocol):
    """Is told now and then how far long work is."""

    def __call__(self, done: int, total: int | None = None, doing: str = "") -> None:
        """Hear how far it is.

        Args:
            done: how much is done so far.
            total: of how much; None where that is not known.
            doing: what is being done, where the work has several parts; each counts for itself.
        """


def silent(*_: object, **__: object) -> None:
    """A `Say` and a `Progress` that tell nobody."""


@contextmanager
def no_loading_bars() -> Iterator[None]:
    """Within, no bars of transformers where a model comes from a local folder in an instant; downloads belong outside."""
    from transformers.utils import logging

    if not logging.is_progress_bar_enabled():
        yield
        return
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]
