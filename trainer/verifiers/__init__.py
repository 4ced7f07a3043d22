"""Decide whether an answer is right: maths, choices and short texts, programs with tests, a function, people.

`verify`, `verify_many` and `judge` choose by reference and domain; `verifier(name)` gives one by its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Final

from memgraph.errors import SettingsError
from memgraph.records import Reference
from trainer.verifiers.base import Item, Unit, Verdict, Verifier
from trainer.verifiers.code import Code
from trainer.verifiers.function import Function, Scoring
from trainer.verifiers.human import Human
from trainer.verifiers.maths import Maths
from trainer.verifiers.qa import Choice, Exact, TokenF1, token_f1

__all__ = [
    "VERIFIERS",
    "Auto",
    "Choice",
    "Code",
    "Exact",
    "Function",
    "Human",
    "Item",
    "Maths",
    "Scoring",
    "TokenF1",
    "Unit",
    "Verdict",
    "Verifier",
    "judge",
    "token_f1",
    "verifier",
    "verify",
    "verify_many",
]


class Auto(Verifier):
    """Tests for programs, expressions for the domain "math", equal normal forms for all else."""

    def __init__(self) -> None:
        self._code, self._maths, self._exact = Code(), Maths(), Exact()

    def verify_many(self, items: Sequence[Item], *, workers: int | None = None) -> list[Verdict]:
        """Judge several; programs run side by side."""
        programs = [position for position, (_, reference, _) in enumerate(items) if reference.kind == "tests"]
        tested = self._code.verify_many([items[position] for position in programs], workers=workers)
        verdicts = dict(zip(programs, tested, strict=True))
        return [verdicts[n] if n in verdicts else self.verify(*item) for n, item in enumerate(items)]

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        if reference.kind == "tests":
            return self._code.verify(answer, reference, domain)
        chosen = self._maths if domain == "math" else self._exact
        return chosen.verify(answer, reference, domain)


VERIFIERS: Final[dict[str, Callable[[], Verifier]]] = {
    "auto": Auto,
    "math": Maths,
    "exact": Exact,
    "choice": Choice,
    "f1": TokenF1,
    "code": Code,
    "human": Human,
}


def verifier(name: str) -> Verifier:
    """A verifier by its name, or a function of yours by "module:function".

    Raises:
        SettingsError: if there is none.
    """
    if name in VERIFIERS:
        return VERIFIERS[name]()
    module, colon, function = name.partition(":")
    if not colon:
        raise SettingsError(
            f"there is no verifier {name!r}; take one of {', '.join(VERIFIERS)}, or a function as module:function"
        )
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"the verifier {name!r} cannot be imported: {error}") from error
    if not callable(found):
        raise SettingsError(f"the verifier {name!r} is {type(found).__name__}, which cannot be called")
    return Function(found)


_auto = Auto()


def verify(answer: str | None, reference: Reference, domain: str) -> Verdict:
    """Judge one answer, by reference and domain."""
    return _auto.verify(answer, reference, domain)


def verify_many(items: Sequence[Item], *, workers: int | None = None) -> list[Verdict]:
    """Judge several (answer, reference, domain); programs run side by side in the sandbox."""
    return _auto.verify_many(items, workers=workers)


def judge(answer: str | None, reference: Reference, domain: str) -> float | None:
    """`verify` in the shape of a `memgraph.truth.Judge`."""
    return verify(answer, reference, domain).score
