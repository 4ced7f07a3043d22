"""Learn what checks weigh, for memories without labels: makes memgraph/models/prior.json (`memgraph.models.prior`).

Needs a folder of rollouts (JSONL.gz with `correct`) with their vectors beside them as NAME.minilm.npz. Sets of one family
share questions or a kind. With --without the queries of one family are left out, as its evaluation needs. Example:

    python benchmarks/learn_prior.py ROLLOUTS --families mmlu=mmlu_pro_math,mmlu_pro_qa exams=exams,aqua --out prior.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

from machine import machine, versions
from rollout_files import files_of, vectors_of

from memgraph.domains.checks import ALL_CHECKS
from memgraph.evaluation import read_judged
from memgraph.models.prior import Prior
from memgraph.snapshot.snapshot import Snapshot


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rollouts", type=Path, help="folder with NAME.jsonl.gz and NAME.minilm.npz")
    parser.add_argument("--sets", nargs="*", help="names; by default all in the folder")
    parser.add_argument(
        "--families", nargs="*", default=[], metavar="FAMILY=SET,SET", help="a set in none is a family by itself"
    )
    parser.add_argument("--without", metavar="FAMILY", help="leave it out")
    parser.add_argument("--snapshots", type=Path, help="folder that keeps what is read of each set")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="the smallest set alone")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    files = files_of(options.rollouts, options.sets)[: 1 if options.quick else None]
    family_of = families_of(options.families)
    families: dict[str, list[Snapshot]] = defaultdict(list)
    for file in files:
        name = file.name.removesuffix(".jsonl.gz")
        family = family_of.get(name, name)
        if family == options.without:
            continue
        print(f"{name}, of the family {family}", file=sys.stderr)
        judged = read_judged(file, embeddings=vectors_of(file), snapshots=options.snapshots)
        families[family].append(judged.snapshot.with_labels(judged.truth))
    prior = Prior.learn(families, ALL_CHECKS)
    prior.save(options.out)
    if options.json:
        found = {"families": {name: len(sets) for name, sets in families.items()}, "weights": dict(prior.weights)}
        print(json.dumps({"benchmark": "learn_prior", "machine": machine(), "versions": versions(), **found}, indent=2))
    else:
        print(f"{len(prior.weights)} weights of {len(families)} families in {options.out}")


def families_of(given: list[str]) -> dict[str, str]:
    """Set → family, from FAMILY=SET,SET."""
    pairs = [one.partition("=") for one in given]
    return {name: family for family, _, names in pairs for name in names.split(",")}


if __name__ == "__main__":
    main()
