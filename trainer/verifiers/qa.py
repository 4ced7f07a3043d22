"""Answers to questions: exact after normalising, option letters, or the overlap of words."""

from __future__ import annotations

import re
from collections import Counter

from memgraph.answers import normalise
from memgraph.records import Reference
from trainer.verifiers.base import NO_GOLD, Verdict, Verifier, gold

_LETTER = re.compile(r"[A-Z]")


class Exact(Verifier):
    """Equal normal forms: case, articles, punctuation and the writing of numbers do not count."""

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        wanted = gold(reference)
        if wanted is None:
            return NO_GOLD
        equal = normalise(answer, domain) == normalise(wanted, domain)
        return Verdict(float(equal), "equal normal forms" if equal else "different answers")


class Choice(Verifier):
    """The letter of an option: "(b)", "B." and "B) Paris" are B. An answer without a letter is wrong."""

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        wanted = gold(reference)
        if wanted is None:
            return NO_GOLD
        right, chosen = normalise(wanted, "qa").value, normalise(answer, "qa").value
        if not _LETTER.fullmatch(right):
            return Verdict(None, "the gold answer is no option letter; use `exact` or `f1`")
        if not _LETTER.fullmatch(chosen):
            return Verdict(0.0, "no option letter")
        return Verdict(float(chosen == right), f"option {chosen}")


class TokenF1(Verifier):
    """Overlap of words as in SQuAD, a graded score for free-form answers."""

    def _compare(self, answer: str, reference: Reference, domain: str) -> Verdict:
        wanted = gold(reference)
        if wanted is None:
            return NO_GOLD
        score = token_f1(answer, wanted)
        return Verdict(score, f"overlap of words {score:.2f}")


def token_f1(answer: str, gold: str) -> float:
    """F1 of the normalised words of both, 0..1."""
    left = Counter(normalise(answer, "qa").value.split())
    right = Counter(normalise(gold, "qa").value.split())
    shared = (left & right).total()
    return 2 * shared / (left.total() + right.total()) if shared else 0.0
