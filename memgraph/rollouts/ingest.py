"""Rollouts into the graph: read → keys → one idempotent write → new queries embedded and linked, equal answers joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from neo4j import ManagedTransaction

from memgraph.domains import Domains
from memgraph.progress import Progress, silent
from memgraph.rollouts.classes import join
from memgraph.rollouts.files import Reject, Row
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.neighbours import link
from memgraph.rollouts.preparation import IngestReport, Preparation, Prepared, unit
from memgraph.rollouts.program_runs import run_programs
from memgraph.rollouts.runs import record_run
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.spaces import require_active

_BATCH = 512
_COMPARED = 3  # given vectors that are compared with the model's own


class Ingest:
    """One import of rows into the graph."""

    def __init__(
        self,
        database: Database,
        embedder: GuardedEmbedder,
        *,
        neighbours: int,
        given: GivenEmbeddings | None = None,
        progress: Progress = silent,
        run_programs: bool = True,
        domains: Domains | None = None,
        compare_seconds: float | None = None,
        link: bool = True,
        started: datetime | None = None,
    ) -> None:
        """Prepare an import.

        Args:
            neighbours: k of the similarity edges.
            given: vectors that come with the data.
            progress: of rows read, then of what is done once all are stored.
            run_programs: whether new programs are tried in the sandbox.
            domains: how answers are read and compared.
            compare_seconds: bound of comparing answers, which then looks at this import's queries only; what is not
                settled by then is left to a later import. None compares all that wait, however long it takes.
            link: whether queries that wait are embedded and get their similarity edges at the end.
            started: when the runs of the rows began, where they are new; None for now.
        """
        self._domains = domains or Domains()
        self._compare_seconds = compare_seconds
        self._link = link
        self._started = started
        self._database = database
        self._run_programs = run_programs
        self._embedder = embedder
        self._neighbours = neighbours
        self._given = given
        self._given_checked = given is None
        self._progress, self._read = progress, 0
        self._preparation = Preparation(self._domains, given=given, dimension=embedder.space.dimension)
        self._runs: set[str] = set()

    def run(self, rows: Iterable[Row | Reject], *, file: str = "") -> IngestReport:
        """Store all rows that fit, then link the new queries."""
        report = IngestReport()
        batch: list[Row] = []
        for row in rows:
            if isinstance(row, Reject):
                report.rejected.append(row)
                continue
            batch.append(row)
            if len(batch) == _BATCH:
                self._store(batch, file, report)
                batch = []
        if batch:
            self._store(batch, file, report)
        if self._link:
            report.linked = link(self._database, self._embedder, self._neighbours, progress=self._progress)
        own = None if self._compare_seconds is None else {place.query_key for place in report.stored}
        report.joined = join(
            self._database, self._domains, query_keys=own, seconds=self._compare_seconds, progress=self._progress
        )
        if self._run_programs:
            report.observed = run_programs(self._database, self._domains, progress=self._progress)
        return report

    def _store(self, rows: Sequence[Row], file: str, report: IngestReport) -> None:
        for row in rows:  # in their order, which is that of the runs' starts
            if row.rollout.run not in self._runs:
                record_run(self._database, row.rollout.run, started=self._started)
                self._runs.add(row.rollout.run)
        if fresh := self._preparation.accept(rows, file, report, self._stored):
            self._write(fresh)
        self._read += len(rows)
        self._progress(self._read)

    def _stored(self, wanted: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self._database.query(cypher("read/known_rollouts"), keys=list(wanted))
        return {row["key"]: row for row in rows}

    def _check_given(self, fresh: Sequence[Prepared]) -> None:
        """Refuse vectors of another model, going by the first queries that have one."""
        assert self._given is not None
        given = {one.row.rollout.query: self._given.query.get(one.row.rollout.query_id or "") for one in fresh}
        compared = {text: unit(vector) for text, vector in given.items() if vector is not None}
        if compared:
            texts = list(compared)[:_COMPARED]
            self._embedder.check_given(texts, np.stack([compared[text] for text in texts]))
            self._given_checked = True

    def _require_given(self, fresh: Sequence[Prepared]) -> None:
        """In a space without a model every new query and thinking comes with its vector, as the embedder says."""
        queries, thinkings = (self._given.query, self._given.thinking) if self._given else ({}, {})
        stored = self._database.query(cypher("read/query_texts"), keys=sorted({one.place.query_key for one in fresh}))
        known = {row["key"] for row in stored}
        missing = [one.thinking for one in fresh if (one.row.rollout.rollout_id or "") not in thinkings]
        missing += [
            one.row.rollout.query
            for one in fresh
            if one.place.query_key not in known and (one.row.rollout.query_id or "") not in queries
        ]
        self._embedder.embed(missing)

    def _write(self, fresh: Sequence[Prepared]) -> None:
        space = self._embedder.space
        if not space.has_model:
            self._require_given(fresh)
        if not self._given_checked:
            self._check_given(fresh)
        rows = self._preparation.rows_of(fresh)

        def write(tx: ManagedTransaction) -> None:
            require_active(tx, space)
            tx.run(cypher("write/queries"), rows=rows.queries, property=space.vector_property).consume()
            tx.run(cypher("write/answers"), rows=rows.answers, property=space.vector_property).consume()
            tx.run(cypher("write/rollouts"), rows=rows.rollouts, property=space.vector_property).consume()

        self._database.execute_write(write)
