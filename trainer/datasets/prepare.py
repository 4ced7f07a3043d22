"""Hub data sets as the problem files that a run reads.

    python -m trainer.datasets.prepare paper --out data          # the paper's ten in-domain and three out-of-domain data sets
    python -m trainer.datasets.prepare gsm8k mbpp --out data --train 500 --test 100

Writes train.jsonl, test.jsonl and, for the data sets that the paper keeps out of training, ood.jsonl: one problem a line
with query, domain, gold or tests. Only `memgraph.labels.ledger` reads the last two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from memgraph.errors import MemRewardError
from memgraph.printable import printable
from memgraph.store.keys import draw_position
from trainer.datasets.hub import HUB, IN_DOMAIN, OUT_OF_DOMAIN, HubDataset
from trainer.tiny.world import Problem

_PAPER = "paper"
_FIELDS = ("query", "domain", "query_id", "dataset", "gold", "tests")
_TABLE = "\n".join(
    f"  {data.name:15} {data.domain:5} {data.hub_id}" + (f" ({data.note})" if data.note else "")
    for data in HUB.values()
)


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
) -> dict[Problem, str]:
    """A sample of each data set: problem → its unit, none of the units in `without`."""
    collected: dict[Problem, str] = {}
    for data in data_sets:
        units = {problem: unit for unit, problem in data.problems(split, mirror=mirror) if unit not in without}
        taken = sample(units, most, seed)
        typer.echo(printable(f"{split:6}{len(taken):6} of {len(units)} problems of {data.hub_id}"))
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


def main(
    names: Annotated[list[str], typer.Argument(metavar="DATASET…", help="Names from the table below, or `paper`.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for train.jsonl, test.jsonl and ood.jsonl.")],
    train: Annotated[int | None, typer.Option(min=0, help="Most training problems of each data set.")] = 800,
    test: Annotated[int | None, typer.Option(min=0, help="Most held-out problems of each data set.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the order in which problems are taken.")] = 42,
    mirror: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder with copies of hub data sets under their ids."),
    ] = None,
) -> None:
    """Turn hub data sets into the problem files of a run."""
    chosen = list(dict.fromkeys(chain.from_iterable(HUB if name == _PAPER else [name] for name in names)))
    if unknown := [name for name in chosen if name not in HUB]:
        raise typer.BadParameter(f"unknown data sets {', '.join(unknown)}; known: {', '.join(HUB)}, {_PAPER}")
    in_domain = [HUB[name] for name in chosen if name in IN_DOMAIN]
    others = [HUB[name] for name in chosen if name in OUT_OF_DOMAIN]
    training = collect(in_domain, "train", train, seed, mirror=mirror)
    trained = set(training.values())
    for file, problems in (
        ("train.jsonl", training),
        ("test.jsonl", collect(in_domain, "test", test, seed, mirror=mirror, without=trained)),
        ("ood.jsonl", collect(others, "test", test, seed, mirror=mirror, without=trained)),
    ):
        if problems:
            written = write_problems(out / file, sample(problems, None, seed))
            typer.echo(printable(f"{out / file}: {written} problems"))


main.__doc__ = f"{main.__doc__}\n\n\b\nData sets:\n{_TABLE}\n"

if __name__ == "__main__":
    try:
        typer.run(main)
    except MemRewardError as error:
        raise SystemExit(f"error: {printable(str(error), lines=True)}") from None
