"""Hub data sets as the problem files that a run reads: `memreward data prepare`.

Writes train.jsonl, test.jsonl and, for the data sets that the paper keeps out of training, ood.jsonl: one problem a line
with query, domain, gold or tests. Only `memgraph.labels.ledger` reads the last two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from itertools import chain
from pathlib import Path

from memgraph.errors import InputError
from memgraph.progress import Say, silent
from memgraph.store.keys import draw_position
from trainer.datasets.hub import HUB, IN_DOMAIN, OUT_OF_DOMAIN, HubDataset
from trainer.tiny.world import Problem

PAPER = "paper"  # all of them
_FIELDS = ("query", "domain", "query_id", "dataset", "gold", "tests")


def sample(problems: Iterable[Problem], most: int | None, seed: int) -> list[Problem]:
    """At most so many problems in a random order that depends on their texts and the seed only.

    A smaller sample is the beginning of a larger one.
    """
    ordered = sorted(problems, key=lambda problem: draw_position(seed, [f"{problem.dataset}/{problem.query}"]))
    return ordered[:most]


def collect(
    data_sets: Iterable[HubDataset],
    split: str,
    most: int | None,
    seed: int,
    *,
    mirror: Path | None,
    without: Collection[str] = (),
    say: Say = silent,
) -> dict[Problem, str]:
    """A sample of each data set: problem → its unit, none of the units in `without`."""
    collected: dict[Problem, str] = {}
    for data in data_sets:
        units = {problem: unit for unit, problem in data.problems(split, mirror=mirror) if unit not in without}
        taken = sample(units, most, seed)
        say(f"{split:6}{len(taken):6} of {len(units)} problems of {data.hub_id}")
        collected.update((problem, units[problem]) for problem in taken)
    return collected


def write_problems(file: Path, problems: Iterable[Problem]) -> int:
    """One JSON object a line, without the fields that a problem has not; returns how many."""
    lines = [
        json.dumps({name: value for name in _FIELDS if (value := getattr(problem, name)) is not None}) + "\n"
        for problem in problems
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def prepare(
    names: Iterable[str],
    out: Path,
    *,
    train: int | None = 800,
    test: int | None = 200,
    seed: int = 42,
    mirror: Path | None = None,
    say: Say = silent,
) -> dict[Path, int]:
    """Turn hub data sets into the problem files of a run; returns how many problems each file has.

    Args:
        names: keys of `trainer.datasets.hub.HUB`, or `PAPER`.
        out: folder of the files.
        train, test: most problems of each data set; None for all.
        seed: of the order in which problems are taken.
        mirror: a folder that holds copies of hub data sets under their ids.
        say: told what each data set gave.

    Raises:
        InputError: for an unknown name, or a data set that cannot be loaded.
    """
    chosen = list(dict.fromkeys(chain.from_iterable(HUB if name == PAPER else [name] for name in names)))
    if unknown := [name for name in chosen if name not in HUB]:
        raise InputError(f"unknown data sets {', '.join(unknown)}; known: {', '.join(HUB)}, {PAPER}")
    in_domain = [HUB[name] for name in chosen if name in IN_DOMAIN]
    others = [HUB[name] for name in chosen if name in OUT_OF_DOMAIN]
    training = collect(in_domain, "train", train, seed, mirror=mirror, say=say)
    trained = set(training.values())
    written = {}
    for file, problems in (
        ("train.jsonl", training),
        ("test.jsonl", collect(in_domain, "test", test, seed, mirror=mirror, without=trained, say=say)),
        ("ood.jsonl", collect(others, "test", test, seed, mirror=mirror, without=trained, say=say)),
    ):
        if problems:
            written[out / file] = write_problems(out / file, sample(problems, None, seed))
    return written
