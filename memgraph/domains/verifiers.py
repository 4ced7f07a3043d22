"""Verifiers by name: how the answers of labelled queries are judged.

`auto` leaves it to each query's domain. The others compare in one way whatever the domain: equal keys, option letters,
overlap of words, tests, or a function of one's own.
"""

from __future__ import annotations

import importlib
import math
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Real
from typing import Final

from memgraph.domains.choices import choice
from memgraph.domains.domain import Item, Verdict
from memgraph.domains.options import listed_options
from memgraph.domains.references import Reference
from memgraph.domains.registry import Domains
from memgraph.errors import SettingsError

Scoring = Callable[[str, Reference, str], float | None]
"""(answer as written, reference, domain) → 0..1, or None where it cannot tell."""

_NO_GOLD = Verdict(None, "the truth is tests, and this verifier compares with a gold answer; use `code`")


class Verifier(ABC):
    """Judges answers, in the shape of a `memgraph.domains.Judge`; a missing answer is wrong everywhere."""

    def __init__(self, domains: Domains | None = None) -> None:
        self.domains = domains or Domains()

    @abstractmethod
    def __call__(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge several, in order."""

    def _is_answer(self, item: Item) -> bool:
        return self.domains[item.domain].key(item.answer, query=item.query).valid


class _OneByOne(Verifier):
    """Judges each answer by itself. Subclasses write `_compare`."""

    def __call__(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge several, in order."""
        return [
            self._compare(item.answer or "", item) if self._is_answer(item) else Verdict(0.0, "no answer")
            for item in items
        ]

    @abstractmethod
    def _compare(self, answer: str, item: Item) -> Verdict: ...


class Auto(Verifier):
    """Each query's domain judges: expressions in maths, options and texts of questions, tests of programs.

    Tests of a query whose domain runs none are run by `code`.
    """

    def __call__(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge several, in order; those of one domain together."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            judges = item.reference.kind != "tests" or self.domains[item.domain].runs_tests
            places[item.domain if judges else "code"].append(place)
        verdicts: dict[int, Verdict] = {}
        for name, rows in places.items():
            judged = self.domains[name].verify([items[row] for row in rows])
            verdicts.update(zip(rows, judged, strict=True))
        return [verdicts[place] for place in range(len(items))]


class Maths(Verifier):
    """Compares as expressions, whatever the query's domain says."""

    def __call__(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge several side by side."""
        return self.domains["math"].verify([replace(item, domain="math") for item in items])


class Tests(Verifier):
    """The tests of programs; a gold answer cannot be judged by them."""

    def __call__(self, items: Sequence[Item]) -> list[Verdict]:
        """Judge several side by side."""
        tested = [place for place, item in enumerate(items) if item.reference.kind == "tests"]
        verdicts = dict(zip(tested, Auto(self.domains)([items[place] for place in tested]), strict=True))
        verdicts |= {
            place: Verdict(0.0, "no answer")
            for place, item in enumerate(items)
            if place not in verdicts and not self._is_answer(item)
        }
        no_tests = Verdict(None, "the truth is a gold answer, and this verifier runs tests; use `exact`")
        return [verdicts.get(place, no_tests) for place in range(len(items))]


class Exact(_OneByOne):
    """Equal keys in the query's domain: no calculation is done."""

    def _compare(self, answer: str, item: Item) -> Verdict:
        if item.reference.kind != "gold":
            return _NO_GOLD
        domain = self.domains[item.domain]
        mine = domain.key(answer, query=item.query)
        equal = any(mine == domain.key(gold, query=item.query) for gold in item.reference.accepted)
        return Verdict(float(equal), "equal normal forms" if equal else "different answers")


class Choice(_OneByOne):
    """The letter of an option: "(b)", "B." and "B) Paris" are B. An answer without a letter is wrong."""

    def _compare(self, answer: str, item: Item) -> Verdict:
        if item.reference.kind != "gold":
            return _NO_GOLD
        options = listed_options(item.query or "")
        golds = [letters for gold in item.reference.accepted if (letters := choice(gold, options).letters)]
        if not golds:
            return Verdict(None, "the gold answer is no option letter; use `exact` or `f1`")
        chosen = choice(answer, options).letters
        return Verdict(float(chosen in golds), f"option {', '.join(chosen)}" if chosen else "no option letter")


class TokenF1(_OneByOne):
    """Overlap of words as in SQuAD, a graded score for free-form answers."""

    def _compare(self, answer: str, item: Item) -> Verdict:
        if item.reference.kind != "gold":
            return _NO_GOLD
        score = max(token_f1(answer, gold) for gold in item.reference.accepted)
        return Verdict(score, f"overlap of words {score:.2f}")


class Function(_OneByOne):
    """Asks a function. What it raises, or returns outside 0..1, is a verifier's failure: None with a reason, never 0."""

    def __init__(self, function: Scoring, domains: Domains | None = None) -> None:
        super().__init__(domains)
        self.function = function

    def _compare(self, answer: str, item: Item) -> Verdict:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        try:
            score = self.function(answer, item.reference, item.domain)
        except Exception as error:  # a foreign function may raise anything
            return Verdict(None, f"{name} raised {type(error).__name__}: {error}")
        if score is None:
            return Verdict(None, f"{name} could not tell")
        if not isinstance(score, Real) or not math.isfinite(score) or not 0 <= score <= 1:
            return Verdict(None, f"{name} returned {score!r}, which is no score from 0 to 1")
        return Verdict(float(score), f"by {name}")


VERIFIERS: Final[dict[str, type[Verifier]]] = {
    "auto": Auto,
    "math": Maths,
    "exact": Exact,
    "choice": Choice,
    "f1": TokenF1,
    "code": Tests,
}


def verifier(name: str, domains: Domains | None = None) -> Verifier:
    """A verifier by its name, or a function of yours by "module:function".

    Raises:
        SettingsError: if there is none.
    """
    if name in VERIFIERS:
        return VERIFIERS[name](domains)
    module, colon, function = name.partition(":")
    if not colon:
        raise SettingsError(
            f"there is no verifier {name!r}; take one of {', '.join(VERIFIERS)}, or a function as module:function"
        )
    try:
        judge = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"the verifier {name!r} cannot be imported: {error}") from error
    if not callable(judge):
        raise SettingsError(f"the verifier {name!r} is {type(judge).__name__}, which cannot be called")
    return Function(judge, domains)


def judge(items: Sequence[Item]) -> list[Verdict]:
    """Judge by reference and domain, with the domains that are installed."""
    return Auto()(items)


def token_f1(answer: str, gold: str) -> float:
    """F1 of the words of both, 0..1, case and punctuation aside (Rajpurkar et al., SQuAD, 2016)."""
    left, right = (Counter(_words(text)) for text in (answer, gold))
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0


def _words(text: str) -> list[str]:
    return Domains()["qa"].key(text).value.split()
