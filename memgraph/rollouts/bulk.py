"""Rollouts of files straight into an archive, without a database (`memgraph.store.archive`, docs/archive.md).

Rows are prepared as an import prepares them, and written a batch at a time. What rows have in common, queries and answers,
waits in SQLite beside the archive until all have come. What needs the whole memory is left to it, under the labels that
such work waits under: vectors, similarity edges, equal answers, programs. Names and places in the order of experience come
from the migrations that give them to older memories.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from neo4j.time import DateTime

from memgraph.domains import Domains
from memgraph.progress import Progress, silent
from memgraph.rollouts.files import Reject, Row
from memgraph.rollouts.preparation import IngestReport, Preparation, PreparedRows
from memgraph.store import keys
from memgraph.store.archive import ArchiveWriter
from memgraph.store.reader_versions import as_list
from memgraph.store.times import utc

_UNEMBEDDED = "Unembedded"
_BATCH = 4096
_SCHEMA = "0006"  # from V0007 on migrations give names and positions, and restoring runs them
_TABLES = """
CREATE TABLE rollouts (key TEXT PRIMARY KEY, content TEXT, answer TEXT) WITHOUT ROWID;
CREATE TABLE queries (key TEXT PRIMARY KEY, text TEXT, domain TEXT, dataset TEXT, ids TEXT) WITHOUT ROWID;
CREATE TABLE answers (key TEXT PRIMARY KEY, query TEXT, value TEXT, valid INT, program INT, written TEXT, written_rank TEXT)
WITHOUT ROWID;
"""
_QUERIES, _ANSWERS = "SELECT * FROM queries ORDER BY key", "SELECT * FROM answers ORDER BY key"
_QUERY = """
INSERT INTO queries VALUES (:key, :text, :domain, :dataset, :ids)
ON CONFLICT (key) DO UPDATE SET ids = excluded.ids
"""
_ANSWER = """
INSERT INTO answers VALUES (:key, :query, :value, :valid, :program, :written, :written_rank)
ON CONFLICT (key) DO UPDATE SET written = excluded.written, written_rank = excluded.written_rank
WHERE excluded.written IS NOT NULL
  AND (written IS NULL OR excluded.written_rank || excluded.written < written_rank || written)
"""


class BulkWriter:
    """Writes one archive of rollouts. Use it in a `with` block: the archive appears at its end, or not at all.

    Args:
        folder: which must not exist or be empty.
        started: when runs began; None for now, one after another as their first rows come.
    """

    def __init__(self, folder: Path, *, domains: Domains | None = None, started: datetime | None = None) -> None:
        self._domains = domains or Domains()
        self._archive = ArchiveWriter(folder)
        self._index = self._archive.partial / "seen.sqlite"
        self._seen = sqlite3.connect(self._index, isolation_level=None)
        self._seen.row_factory = sqlite3.Row
        self._seen.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
        self._started = None if started is None else utc(started)
        self._runs: dict[str, datetime] = {}

    def __enter__(self) -> BulkWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._seen.close()
            self._archive.discard()

    def write(self, rows: Iterable[Row | Reject], *, file: str = "", progress: Progress = silent) -> IngestReport:
        """Write the rows of one import that fit. The report names no stored rollouts, which may be many."""
        report, preparation, waiting, read = IngestReport(), Preparation(self._domains), iter(rows), 0
        while batch := list(islice(waiting, _BATCH)):
            report.rejected += [row for row in batch if isinstance(row, Reject)]
            self._write([row for row in batch if isinstance(row, Row)], file, report, preparation)
            report.stored.clear()
            read += len(batch)
            progress(read)
        return report

    def _write(self, rows: Sequence[Row], file: str, report: IngestReport, preparation: Preparation) -> None:
        for row in rows:
            self._runs.setdefault(row.rollout.run, self._started or datetime.now(UTC))
        fresh = preparation.accept(rows, file, report, self._stored)
        if not fresh:
            return
        prepared = preparation.rows_of(fresh)
        queries = [self._with_known_ids(row) for row in prepared.queries]
        self._seen.execute("BEGIN")
        self._seen.executemany(
            "INSERT INTO rollouts VALUES (?, ?, ?)",
            ((one.place.key, one.content, one.place.answer_key) for one in fresh),
        )
        self._seen.executemany(_QUERY, queries)
        self._seen.executemany(_ANSWER, prepared.answers)
        self._seen.execute("COMMIT")
        self._write_rollouts(prepared)

    def _stored(self, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = self._seen.execute(
            "SELECT key, content, answer FROM rollouts WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(wanted)),),
        )
        return {key: {"content": content, "answer": answer, "as_given": []} for key, content, answer in found}

    def _with_known_ids(self, row: Mapping[str, Any]) -> dict[str, Any]:
        known = self._seen.execute("SELECT ids FROM queries WHERE key = ?", (row["key"],)).fetchone()
        ids = sorted({*row["ids"], *(json.loads(known[0]) if known else ())})
        return {**dict(row), "ids": json.dumps(ids)}

    def _write_rollouts(self, prepared: PreparedRows) -> None:
        now = DateTime.from_native(datetime.now(UTC))
        nodes = [
            {"key": row["key"], ":LABEL": [_UNEMBEDDED], **row["properties"], "created_at": now}
            for row in prepared.rollouts
        ]
        self._archive.write("nodes/Thinking", nodes)
        for kind, start, end in (
            ("Query.GENERATES_REASONING.Thinking", "query", "key"),
            ("Run.PRODUCED.Thinking", "run_key", "key"),
            ("Thinking.LEADS_TO.Answer", "key", "answer"),
        ):
            edges = [{":START": row[start], ":END": row[end]} for row in prepared.rollouts]
            self._archive.write(f"relationships/{kind}", edges)

    def _finish(self) -> None:
        """What rollouts have in common, and the manifest."""
        write, now = self._archive.write, DateTime.from_native(datetime.now(UTC))
        runs = [(name, DateTime.from_native(started)) for name, started in sorted(self._runs.items())]
        blank = {":LABEL": [], "policy": ""}
        write("nodes/Run", [{"key": keys.key_of("run", n), **blank, "name": n, "started_at": at} for n, at in runs])
        versions = as_list(self._domains.versions)
        write("nodes/Reader", [{"key": "reader", ":LABEL": [], "versions": versions}])
        for rows in self._all(_QUERIES):
            labels = ["Changed", "Unlinked"]
            write(
                "nodes/Query",
                [
                    {"key": row["key"], ":LABEL": labels, **dict(row), "ids": json.loads(row["ids"]), "created_at": now}
                    for row in rows
                ],
            )
        for rows in self._all(_ANSWERS):
            write("nodes/Answer", [_answer(row) for row in rows])
            edges = [{":START": row["query"], ":END": row["key"]} for row in rows]
            write("relationships/Query.GENERATES.Answer", edges)
        self._seen.close()
        self._index.unlink()
        self._archive.finish(schema=_SCHEMA, readers=self._domains.versions)

    def _all(self, query: str) -> Iterator[list[sqlite3.Row]]:
        found = self._seen.execute(query)
        while rows := found.fetchmany(_BATCH):
            yield rows


def _answer(row: sqlite3.Row) -> dict[str, Any]:
    labels = [_UNEMBEDDED]
    if row["valid"]:
        labels += ["Unjoined", *(["Unobserved"] if row["program"] else [])]
    return {
        "key": row["key"],
        ":LABEL": labels,
        "value": row["value"],
        "valid": bool(row["valid"]),
        "written": row["written"],
        "written_rank": row["written_rank"],
    }
