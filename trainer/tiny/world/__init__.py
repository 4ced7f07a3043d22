"""A small world of reasoning problems in three domains, made on the spot, the same for the same seed.

The problems are such that labels matter: queries come in patterns (a family's home, what a crate holds, a confusion of
`>` with `>=`), the tiny policy answers each pattern rightly or wrongly as the statements it was brought up on happen to
go, and a label on one query says something about its neighbours because the world has regularities: relatives live in
one region, a trade implies a tool, a container holds the same number of whatever is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final, get_args

from trainer.tiny.world import code, facts, maths
from trainer.tiny.world.base import DATASET, Exercise, Knowledge, Problem, Split, WorldDomain, held_out

__all__ = [
    "DATASET",
    "DOMAINS",
    "Exercise",
    "Knowledge",
    "Problem",
    "Split",
    "WorldDomain",
    "corpus",
    "demonstration",
    "exercises",
    "generate",
]

DOMAINS: Final[tuple[WorldDomain, ...]] = get_args(WorldDomain)
_MAKERS: Final[dict[WorldDomain, Callable[[Random, bool], Exercise]]] = {
    "math": maths.exercise,
    "qa": facts.exercise,
    "code": code.exercise,
}
# of the pretraining corpus: arithmetic is the hardest to learn, code the easiest and the longest
_SHARES: Final[dict[WorldDomain, float]] = {"math": 0.4, "qa": 0.35, "code": 0.25}
_TRIES = 200


def generate(n: int, seed: int, *, domains: Sequence[WorldDomain] = DOMAINS, split: Split = "train") -> list[Problem]:
    """`n` different problems, the domains in turn.

    No query of one split occurs in another, whatever the seeds. Test asks about the same people, containers and kinds
    of function as train in other words or with other numbers; ood combines them in ways that train never asks for.

    Raises:
        ValueError: if the world has not that many problems of a domain.
    """
    return [exercise.problem for exercise in exercises(n, seed, domains=domains, split=split)]


def exercises(n: int, seed: int, *, domains: Sequence[WorldDomain] = DOMAINS, split: Split = "train") -> list[Exercise]:
    """As `generate`, each problem with its written-out right and wrong responses (for pretraining and for tests)."""
    streams = [_distinct(domain, seed, split) for domain in domains]
    return [next(streams[i % len(streams)]) for i in range(n)]


def demonstration(exercise: Exercise, rng: Random, knowledge: Knowledge) -> str:
    """A response to the exercise as somebody with this knowledge writes it: right as often as the belief says.

    Among mistakes the commonest one has a share of 70 %, so that mistakes agree with each other.
    """
    if rng.random() < knowledge.belief(exercise.pattern):
        return exercise.right
    first, *others = exercise.wrong
    return first if not others or rng.random() < 0.7 else rng.choice(others)


def corpus(seed: int, knowledge: Knowledge) -> Iterator[tuple[str, str]]:
    """Endless (query, demonstration) pairs for pretraining; none of a test or ood query, but every kind of question."""
    rng = Random(f"corpus/{seed}")  # noqa: S311 - not for secrets
    while True:
        domain = rng.choices(DOMAINS, [_SHARES[domain] for domain in DOMAINS])[0]
        exercise = _MAKERS[domain](rng, rng.random() < 0.1)
        if not held_out(exercise.problem.query):
            yield exercise.problem.query, demonstration(exercise, rng, knowledge)


def _distinct(domain: WorldDomain, seed: int, split: Split) -> Iterator[Exercise]:
    rng = Random(f"{domain}/{split}/{seed}")  # noqa: S311 - not for secrets
    seen: set[str] = set()
    while True:
        for _ in range(_TRIES):
            exercise = _MAKERS[domain](rng, split == "ood")
            query = exercise.problem.query
            if query not in seen and held_out(query) == (split != "train"):
                seen.add(query)
                yield exercise
                break
        else:
            raise ValueError(
                f"the tiny world has only about {len(seen)} {split} problems of domain {domain}; ask fewer"
            )
