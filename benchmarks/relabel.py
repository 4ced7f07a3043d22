"""What do new labels cost? Relabelling what they reach, against scoring the whole memory again, on made-up rollouts.

A fifth of the queries is labelled and a reward model fitted. Then for each seed 10 and 100 more queries are labelled, in turn,
and the memory is relabelled after each. Just before, what is affected is looked for through the whole memory, too, and must be
the same. At the end everything is scored again with the same labels, which must find nothing to change. Vectors are random
around cluster centres, so that no embedding model is timed. Each size has a server of its own in a temporary home. The passes
follow one another in one memory, so a size that was stopped starts over. Example:

    python benchmarks/relabel.py --queries 1000 10000 --seeds 3
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say
from memory import DIMENSION, make_rollouts

from memgraph.evaluation import temporary_memory
from memgraph.labels.draw import draw
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.embedding import GivenVectors
from memgraph.scoring.predictions import key_of_registered
from memgraph.scoring.scope import EVERYTHING as WHOLE_MEMORY
from memgraph.scoring.stale import dependencies

VIEW = LabelView(ledgers=("benchmark",))
COUNTS, EVERYTHING = (10, 100), "everything again"
_FITTED = 1000  # queries that the model is fitted on


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="300 queries × 4 rollouts, once", seeds=3)
    add_row_options(parser)
    parser.add_argument("--queries", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--rollouts", type=int, default=8, help="of each query")
    options = parser.parse_args(argv)
    if options.quick:
        options.queries, options.rollouts, options.seeds = [300], 4, 1
    rows = Rows(options, ("queries", "rollouts", "pass", "labelled", "seed"))
    for queries in options.queries:
        size = {"queries": queries, "rollouts": options.rollouts}
        last = (*size.values(), EVERYTHING, 0, _full_passes(options.seeds) - 1)
        if rows.missing([last, *((*size.values(), "relabel", count, options.seeds - 1) for count in COUNTS)]):
            with (
                tempfile.TemporaryDirectory() as scratch,
                temporary_memory(GivenVectors("benchmark", DIMENSION), brief=False) as memory,
            ):
                file = Path(scratch) / "rollouts.jsonl"
                say(f"importing {queries} queries × {options.rollouts} rollouts")
                given = make_rollouts(file, queries=queries, rollouts=options.rollouts, seed=0)
                memory.import_file(file, embeddings=given)
                del given
                for row in measure(memory, FileTruth([file], run="import"), options.seeds):
                    rows.add({**size, **row})
    report("relabel", options, rows.all, tables)


def measure(memory: Memory, source: FileTruth, seeds: int) -> Iterator[Row]:
    """Rows in the order in which the passes are made."""
    clusters = memory.clusters(source.query_keys())
    total = sum(len(cluster) for cluster in clusters)
    order = draw(clusters, None, seed=0)
    spent = total // 5
    ledger = memory.ledger("benchmark")
    ledger.reveal(source, order[:spent])
    say("fitting")
    model = memory.fit(VIEW, query_keys=order[:_FITTED])

    def passed(name: str, labelled: int, seed: int = 0) -> Row:
        start = time.perf_counter()
        looked = dependencies(memory, key_of_registered(model), VIEW, WHOLE_MEMORY.queries(memory))
        affected = sum(reading.affected for reading in looked)
        through_all = time.perf_counter() - start
        report = memory.relabel(model, VIEW)
        say(f"{name}: {report.affected} of {report.queries} queries affected, {report.seconds:.1f} s")
        if report.affected != affected:
            raise AssertionError(f"{report.affected} queries were found to be affected, and {affected} are")
        return {
            "pass": name,
            "labelled": labelled,
            "seed": seed,
            "affected": report.affected,
            "scored": report.scored,
            "changed": report.changed,
            "seconds": round(report.seconds, 3),
            "looking": round(report.seconds_looking, 3),
            "looked_at": report.looked_at,
            "through_all": round(through_all, 3),
        }

    yield passed("first, of everything", spent)
    yield passed("nothing new", 0)
    for seed in range(seeds):
        for count in COUNTS:
            ledger.reveal(source, order[spent : spent + count])
            spent += count
            yield passed("relabel", count, seed)
    for seed in range(_full_passes(seeds)):
        before = predictions(memory)
        start = time.perf_counter()
        summary = memory.score(model, VIEW)
        seconds = round(time.perf_counter() - start, 3)
        changed = predictions(memory) - before
        say(f"{EVERYTHING}: {summary.queries} queries, {seconds:.1f} s, {changed} scores differ")
        yield {
            "pass": EVERYTHING,
            "labelled": 0,
            "seed": seed,
            "affected": summary.queries,
            "scored": summary.scored,
            "changed": changed,
            "seconds": seconds,
            "looking": 0.0,
            "looked_at": 0,
            "through_all": 0.0,
        }


def _full_passes(seeds: int) -> int:
    """How often everything is scored again, which takes longest."""
    return min(seeds, 2)


def predictions(memory: Memory) -> int:
    """How many predictions the graph holds; one is added wherever a score changes."""
    return int(memory.database.query("MATCH (l:Prediction {scorer: 'reward_model'}) RETURN count(l) AS n")[0]["n"])


def tables(rows: Sequence[Row]) -> str:
    """Markdown: medians over the seeds, seconds with least and most."""
    parts = []
    for queries, rollouts in dict.fromkeys((row["queries"], row["rollouts"]) for row in rows):
        here = [row for row in rows if (row["queries"], row["rollouts"]) == (queries, rollouts)]
        full = float(np.median([row["seconds"] for row in here if row["pass"] == EVERYTHING]))
        lines = []
        for name, labelled in dict.fromkeys((row["pass"], row["labelled"]) for row in here):
            group = [row for row in here if (row["pass"], row["labelled"]) == (name, labelled)]
            fields = ("looked_at", "affected", "scored", "changed")
            counts = [f"{np.median([row[field] for row in group]):.0f}" for field in fields]
            times = [median_range([row[field] for row in group]) for field in ("seconds", "looking", "through_all")]
            of_full = median_range([row["seconds"] / full for row in group])
            lines.append([name, str(labelled), str(len(group)), *counts, *times, of_full])
        head = ["pass", "labelled", "times", "looked at", "affected", "rollouts", "changed"]
        head += ["seconds", "looking", "looking through all", "of full"]
        parts.append(f"{queries} queries × {rollouts} rollouts\n\n{markdown(head, lines)}")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
