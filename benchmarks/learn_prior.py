"""What do checks weigh, for memories without labels? Makes memgraph/models/prior.json (`memgraph.models.prior`).

Rollouts: `rollout_files.py`. Sets of one family share questions or a kind. With --without the queries of one family are left out,
as its evaluation needs. Nothing is drawn at random, so there are no seeds: the same rollouts give the same file. Example:

    python benchmarks/learn_prior.py ROLLOUTS --families mmlu=mmlu_pro_math,mmlu_pro_qa exams=exams,aqua --out prior.json
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from harness import Row, markdown, parser_of, report, say
from rollout_files import add_rollout_options, files_of, name_of, read_set

from memgraph.domains.checks import ALL_CHECKS
from memgraph.models.prior import Prior
from memgraph.snapshot.snapshot import Snapshot


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the smallest set alone")
    add_rollout_options(parser, snapshots=True)
    parser.add_argument(
        "--families", nargs="*", default=[], metavar="FAMILY=SET,SET", help="a set in none is a family by itself"
    )
    parser.add_argument("--without", metavar="FAMILY", help="leave it out")
    parser.add_argument("--out", type=Path, required=True, help="file of the weights")
    options = parser.parse_args(argv)
    family_of = families_of(options.families)
    families: dict[str, list[Snapshot]] = defaultdict(list)
    for file in files_of(options):
        family = family_of.get(name_of(file), name_of(file))
        if family == options.without:
            continue
        say(f"{name_of(file)}, of the family {family}")
        judged = read_set(file, options.snapshots)
        families[family].append(judged.snapshot.with_labels(judged.truth))
    prior = Prior.learn(families, ALL_CHECKS)
    prior.save(options.out)
    rows = [{"check": name, "weight": weight} for name, weight in sorted(prior.weights.items())]
    options.table = None
    report("learn_prior", options, rows, tables, families={name: len(sets) for name, sets in families.items()})
    say(f"{len(rows)} weights of {len(families)} families in {options.out}")


def tables(rows: Sequence[Row]) -> str:
    """Markdown: what each check weighs, the heaviest first."""
    heaviest = sorted(rows, key=lambda row: -abs(row["weight"]))
    return markdown(["check", "weight"], [[row["check"], f"{row['weight']:+.3f}"] for row in heaviest])


def families_of(given: list[str]) -> dict[str, str]:
    """Set → family, from FAMILY=SET,SET."""
    pairs = [text.partition("=") for text in given]
    return {name: family for family, _, names in pairs for name in names.split(",")}


if __name__ == "__main__":
    main()
