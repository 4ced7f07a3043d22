"""What does a rollout cost on disk, in memory and in time, and what does that predict for 10^6 to 10^8? Vectors are given.

Made-up rollouts, eight of each query, go into a server of their own over Bolt, get similarity edges, are exported, and are
restored twice, over Bolt and by neo4j-admin. What one more rollout costs is the difference between two sizes, so that starting
servers does not count. Example:

    OMP_NUM_THREADS=1 python benchmarks/scale.py --rollouts 2000 10000
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from harness import Row, Rows, add_row_options, markdown, parser_of, report, say
from ingest import GROUP, Prepared, make_rollouts

from memgraph import evaluation
from memgraph.rollouts import files
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.ingest import Ingest
from memgraph.settings import Settings
from memgraph.store.archive import bulk_import, export_archive, import_archive
from memgraph.store.server.local import LocalServer

IMPORT, LINK, EXPORT, RESTORE, BULK = "import over Bolt", "similarity edges", "export", "restore", "restore --bulk"
STAGES = {  # of a bulk restore by what it says, besides starting servers
    "files": "bulk: rewriting the files",
    "neo4j-admin": "bulk: neo4j-admin",
    "building": "bulk: texts, schema, indexes",
}
SECONDS = (IMPORT, LINK, EXPORT, RESTORE, BULK, *STAGES.values())
STORE, VECTORS, INDEXES, ARCHIVE, BULK_STORE = "store", "vector index", "other indexes", "archive", "store, bulk"
BYTES = (STORE, VECTORS, INDEXES, ARCHIVE, BULK_STORE)
SIZES = (10**6, 10**7, 10**8)


def measure(rollouts: int, seed: int, folder: Path) -> dict[str, float]:
    """Seconds and bytes of each stage."""
    figures: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        figures[stage] = time.perf_counter() - start
        say(f"{rollouts} rollouts: {stage} took {figures[stage]:.1f} s")

    made = make_rollouts(seed, rollouts // GROUP)
    rows = [files.Row(number, rollout, {}) for number, rollout in enumerate(made, start=1)]
    embedder, archive = Prepared(), folder / "archive"
    with evaluation.temporary_memory(embedder, brief=False) as memory:
        ingest = Ingest(memory.database, GuardedEmbedder(memory.database, embedder), neighbours=0, link=False)
        timed(IMPORT, lambda: (ingest.run(rows), memory.embed()))
        timed(LINK, memory.link)
        server = LocalServer(memory.settings)
        figures["server MB"] = server.status().memory_mb or 0
        figures |= sizes(server)
        timed(EXPORT, lambda: export_archive(memory.database, archive))
    figures[ARCHIVE] = size(archive.rglob("*"))
    with evaluation.temporary_memory(embedder, brief=False) as memory:
        timed(RESTORE, lambda: import_archive(memory.database, archive))
    settings = Settings.load(home=folder / "home").model_copy(update={"uri": None})
    try:
        told = [("files", time.perf_counter())]
        timed(BULK, lambda: bulk_import(settings, archive, say=lambda said: told.append((said, time.perf_counter()))))
        for (said, start), (_, end) in pairwise(told):
            if stage := next((name for begins, name in STAGES.items() if said.startswith(begins)), None):
                figures[stage] = end - start
        figures[BULK_STORE] = sizes(LocalServer(settings))[STORE]
    finally:
        LocalServer(settings).discard()
    return figures


def sizes(server: LocalServer) -> dict[str, float]:
    """Bytes of a store while its server is stopped, so that all is in it, without its transaction log."""
    with server.offline() as home:
        store = home.stores[0]
        indexes = [file for file in (store / "schema" / "index").rglob("*") if file.is_file()]
        vectors = size(file for file in indexes if "vector" in str(file.relative_to(store)))
        return {STORE: size(store.rglob("*")) - size(indexes), VECTORS: vectors, INDEXES: size(indexes) - vectors}


def size(files_of: Iterable[Path]) -> int:
    """Bytes of files."""
    return sum(file.stat().st_size for file in files_of if file.is_file())


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="400 and 800 rollouts, once", seeds=1)
    add_row_options(parser)
    parser.add_argument("--rollouts", type=int, nargs="+", default=[2000, 10_000], help="sizes, at least two")
    options = parser.parse_args(argv)
    if options.quick:
        options.rollouts, options.seeds = [400, 800], 1
    rows = Rows(options, ("rollouts", "seed", "what"))
    missing = rows.missing(
        (rollouts, seed, STAGES["building"]) for rollouts in options.rollouts for seed in range(options.seeds)
    )
    for rollouts, seed, _ in missing:
        with tempfile.TemporaryDirectory() as scratch:
            figures = measure(rollouts, seed, Path(scratch))
        rows.add(
            *(
                {"rollouts": rollouts, "seed": seed, "what": what, "figure": round(figure, 3)}
                for what, figure in figures.items()
            )
        )
    report("scale", options, rows.all, tables)


def tables(rows: Sequence[Row]) -> str:
    """Markdown: what was measured, what one more rollout costs, and what that predicts."""
    counts = sorted({row["rollouts"] for row in rows})

    def median(what: str, rollouts: int) -> float:
        return float(np.median([r["figure"] for r in rows if r["what"] == what and r["rollouts"] == rollouts]))

    def rate(what: str) -> float:
        """Of one more rollout."""
        least, most = counts[0], counts[-1]
        return (median(what, most) - median(what, least)) / (most - least) if most > least else 0.0

    head = ["", *(f"{count:,} rollouts" for count in counts)]
    seconds = [[what, *(f"{median(what, n):.1f} s" for n in counts), f"{1e4 * rate(what):.1f} s"] for what in SECONDS]
    kilobytes = [[what, *(f"{median(what, n) / 1e6:.1f} MB" for n in counts), f"{rate(what):,.0f} B"] for what in BYTES]
    memory = [["server, resident", *(f"{median('server MB', n):,.0f} MB" for n in counts), ""]]
    predicted = [
        *([what, *(duration(n * rate(what)) for n in SIZES)] for what in SECONDS),
        *([what, *(f"{n * rate(what) / 1e9:,.1f} GB" for n in SIZES)] for what in BYTES),
    ]
    return "\n\n".join(
        (
            markdown([*head, "10,000 more"], seconds),
            markdown([*head, "one more"], [*kilobytes, *memory]),
            "Predicted:\n\n" + markdown(["", *(f"{n:,} rollouts" for n in SIZES)], predicted),
        )
    )


def duration(seconds: float) -> str:
    """In the unit that suits it."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
