"""What new labels cost: relabelling what they reach, against scoring the whole memory anew, on made-up rollouts.

python benchmarks/relabel.py [--quick] [--queries N] [--rollouts N] [--repeats N] [--json]

A fifth of the queries is labelled and a reward model fitted. Then 10 and 100 more queries are labelled, in turn, and the
memory is relabelled after each. At the end everything is scored anew with the same labels, which must find nothing to change.
Vectors are random around cluster centres, so that no embedding model is timed. A server of its own is started in a temporary
home.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine, versions
from memory import DIMENSION, make_rollouts

from memgraph.evaluation import temporary_memory
from memgraph.labels.draw import draw
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.embedding import GivenVectors

VIEW = LabelView(ledgers=("benchmark",))
_FITTED = 1000  # queries that the model is fitted on

Row = dict[str, Any]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="300 queries × 4 rollouts: under a minute")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--rollouts", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3, help="times that 10 and 100 queries are labelled")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args()
    if options.quick:
        options.queries, options.rollouts, options.repeats = 300, 4, 1
    with (
        tempfile.TemporaryDirectory() as scratch,
        temporary_memory(GivenVectors("benchmark", DIMENSION)) as memory,
    ):
        file = Path(scratch) / "rollouts.jsonl"
        say(f"importing {options.queries} queries × {options.rollouts} rollouts")
        given = make_rollouts(file, queries=options.queries, rollouts=options.rollouts, part=0)
        memory.import_file(file, embeddings=given)
        del given
        rows = measure(memory, FileTruth([file], run="import"), options.repeats)
    if options.json:
        found = {"machine": machine(), "versions": versions(), "rows": rows}
        print(json.dumps({"benchmark": "relabel", **found}, indent=2))
        return
    print(f"{machine()}; {versions()}\n{options.queries} queries × {options.rollouts} rollouts")
    full = statistics.median(row["seconds"] for row in rows if row["pass"] == "everything anew")
    print(
        f"{'pass':22}{'labelled':>9}{'affected':>9}{'rollouts':>9}{'changed':>9}{'seconds':>9}{'looking':>9}{'of full':>9}"
    )
    for row in rows:
        numbers = f"{row['labelled']:9}{row['affected']:9}{row['scored']:9}{row['changed']:9}"
        print(f"{row['pass']:22}{numbers}{row['seconds']:9.2f}{row['looking']:9.2f}{row['seconds'] / full:9.3f}")


def measure(memory: Memory, source: FileTruth, repeats: int) -> list[Row]:
    """Rows in the order in which the passes were made."""
    clusters = memory.clusters(source.query_keys())
    total = sum(len(cluster) for cluster in clusters)
    order = draw(clusters, None, seed=0)
    spent = total // 5
    ledger = memory.ledger("benchmark")
    ledger.reveal(source, order[:spent])
    say("fitting")
    model = memory.fit(VIEW, query_keys=order[:_FITTED])
    rows: list[Row] = []

    def passed(name: str, labelled: int) -> None:
        report = memory.relabel(model, VIEW)
        rows.append(
            {
                "pass": name,
                "labelled": labelled,
                "affected": report.affected,
                "scored": report.scored,
                "changed": report.changed,
                "seconds": round(report.seconds, 3),
                "looking": round(report.seconds_looking, 3),
            }
        )
        say(f"{name}: {report.affected} of {report.queries} queries affected, {report.seconds:.1f} s")

    passed("first, of everything", spent)
    passed("nothing new", 0)
    for _ in range(repeats):
        for count in (10, 100):
            ledger.reveal(source, order[spent : spent + count])
            spent += count
            passed("relabel", count)
    for _ in range(min(repeats, 2)):
        before = predictions(memory)
        start = time.perf_counter()
        summary = memory.score(model, VIEW)
        seconds = round(time.perf_counter() - start, 3)
        changed = predictions(memory) - before
        rows.append(
            {
                "pass": "everything anew",
                "labelled": 0,
                "affected": summary.queries,
                "scored": summary.scored,
                "changed": changed,
                "seconds": seconds,
                "looking": 0.0,
            }
        )
        say(f"everything anew: {summary.queries} queries, {seconds:.1f} s, {changed} scores differ")
    return rows


def predictions(memory: Memory) -> int:
    """How many predictions the graph holds; one is added wherever a score changes."""
    return int(memory.database.query("MATCH (l:Prediction {scorer: 'reward_model'}) RETURN count(l) AS n")[0]["n"])


def say(message: str) -> None:
    """Tell a person what goes on."""
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
