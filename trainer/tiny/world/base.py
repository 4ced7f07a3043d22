"""What every domain's generator makes: a problem, its right response, and the mistakes a policy makes on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from random import Random
from typing import Literal

WorldDomain = Literal["math", "qa", "code"]
Split = Literal["train", "test", "ood"]

DATASET = "tiny-world"
_HELD_OUT_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Problem:
    """One question and the truth about it.

    Attributes:
        gold: the right answer of a math or qa problem, else None.
        tests: assert statements on the function that a code problem asks for, else None.
        skill: what it exercises, for instance `math/share` or `qa/region`.
    """

    query: str
    domain: WorldDomain
    query_id: str
    skill: str
    gold: str | None = None
    tests: str | None = None
    dataset: str = DATASET


@dataclass(frozen=True, slots=True)
class Exercise:
    """A problem with written-out responses; what pretraining reads and nothing in RL may see.

    Attributes:
        pattern: names the piece of knowledge that decides between right and wrong; a `Knowledge` has one belief for it,
            so queries of one pattern are answered well or badly together.
        right: a response that is graded right.
        wrong: responses that are graded wrong, the commonest mistake first.
    """

    problem: Problem
    pattern: str
    right: str
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """How far the author of demonstrations can be trusted: for each pattern, the share of right statements.

    Beliefs are bimodal: for `known` of the patterns the right statement is the more frequent one, for the others the
    wrong one. A policy that imitates them answers rightly now and then nearly everywhere, which is what RL needs, and
    its majority vote is wrong wherever the wrong statement is the more frequent.
    """

    seed: int = 0
    known: float = 0.5
    when_known: tuple[float, float] = (0.55, 0.8)
    when_not: tuple[float, float] = (0.15, 0.4)

    def belief(self, pattern: str) -> float:
        """Share of right statements about `pattern`, the same in every process."""
        rng = Random(f"belief/{self.seed}/{pattern}")  # noqa: S311 - not for secrets
        low, high = self.when_known if rng.random() < self.known else self.when_not
        return rng.uniform(low, high)


def make_problem(
    query: str, domain: WorldDomain, skill: str, *, gold: str | None = None, tests: str | None = None
) -> Problem:
    """A problem whose id follows from its text alone."""
    digest = hashlib.sha256(query.encode()).hexdigest()[:12]
    return Problem(query, domain, f"{domain}-{digest}", f"{domain}/{skill}", gold, tests)


def response(thinking: str, answer: str) -> str:
    """The format that all demonstrations share."""
    return f"<think>{thinking}</think>\n{answer}"


def held_out(query: str) -> bool:
    """Whether this text belongs to test and ood: decided by the text, so no seed can bring it into training."""
    return int.from_bytes(hashlib.sha256(query.encode()).digest()[:4]) < _HELD_OUT_SHARE * 2**32
