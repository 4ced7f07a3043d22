"""Rollouts into the graph: read → keys → one idempotent write → new queries embedded and linked, equal answers joined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from neo4j import ManagedTransaction

from memgraph.domains import Domains, Kind, NormalAnswer, Reading
from memgraph.domains.answer_report import AddsUp, AnswerReport
from memgraph.domains.checks import CHECKS_PROPERTY, Response, check_vector
from memgraph.rollouts.classes import join, spelling_rank
from memgraph.rollouts.files import Reject, Row
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
from memgraph.rollouts.neighbours import link
from memgraph.rollouts.program_runs import run_programs
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_run
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.spaces import Vectors, require_active

_BATCH = 512
_COMPARED = 3  # given vectors that are compared with the model's own


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """Where one incoming rollout ended up in the graph."""

    key: str
    query_key: str
    answer_key: str
    answer: NormalAnswer


@dataclass(slots=True)
class IngestReport(AddsUp):
    """What an ingest did.

    Attributes:
        new, known: rollouts written now, and those that were stored already.
        linked: queries that got their similarity edges.
        joined: answers that were found equal to another one of their query.
        observed: programs that were run to see what they do.
        answers: rollouts by domain, and those that state no answer.
        rejected: rows left out, with the reason.
        stored: for each accepted rollout, in order, its place in the graph.
    """

    new: int = 0
    known: int = 0
    linked: int = 0
    joined: int = 0
    observed: int = 0
    answers: AnswerReport = field(default_factory=AnswerReport)
    rejected: list[Reject] = field(default_factory=list)
    stored: list[StoredRollout] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A rollout taken apart, before embedding."""

    row: Row
    file: str
    place: StoredRollout
    thinking: str
    content: str
    raw_answer: str | None
    kind: Kind


def stated_by(rollout: Rollout, domains: Domains) -> Reading:
    """Thinking and answer of a rollout: as its source gives them, else as the part that states the answer says.

    What comes before that part, the earlier turns of a conversation, belongs to the thinking.
    """
    if rollout.thinking is not None and rollout.answer is not None:
        return Reading(rollout.thinking.strip(), rollout.answer)
    stated = rollout.response if rollout.stated is None else rollout.stated
    earlier = rollout.response[: len(rollout.response) - len(stated)].strip()
    opened = rollout.thinking_opened and not earlier
    found = domains[rollout.domain].read(stated, query=rollout.query, thinking_opened=opened)
    thinking = f"{earlier}\n\n{found.thinking}".strip() if earlier else found.thinking
    return Reading(
        thinking if rollout.thinking is None else rollout.thinking.strip(),
        found.answer if rollout.answer is None else rollout.answer,
    )


class RolloutKeys:
    """Keys of one import's rollouts, in order: equal responses without an id are told apart by their count."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, rollout: Rollout) -> str:
        """Key of the next rollout of the import."""
        query = keys.query_key(rollout.dataset, rollout.query)
        if rollout.rollout_id is not None:
            return keys.imported_rollout_key(rollout.dataset, rollout.rollout_id)
        if rollout.call is not None:
            return keys.sampled_rollout_key(rollout.run, rollout.attempt, rollout.call, query, rollout.sample or 0)
        same = (rollout.run, query, rollout.response)
        self._seen[same] += 1
        return keys.unnamed_rollout_key(*same, self._seen[same] - 1)


class Ingest:
    """One import of rows into the graph."""

    def __init__(
        self,
        database: Database,
        embedder: GuardedEmbedder,
        *,
        neighbours: int,
        given: GivenEmbeddings | None = None,
        progress: Callable[[int], None] | None = None,
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
            progress: told how many rows were read, batch by batch.
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
        self._progress = progress
        self._keys = RolloutKeys()
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
            report.linked = link(self._database, self._embedder, self._neighbours)
        own = None if self._compare_seconds is None else {place.query_key for place in report.stored}
        report.joined = join(self._database, self._domains, query_keys=own, seconds=self._compare_seconds)
        report.observed = run_programs(self._database) if self._run_programs else 0
        return report

    def _store(self, rows: Sequence[Row], file: str, report: IngestReport) -> None:
        for row in rows:  # in their order, which is that of the runs' starts
            if row.rollout.run not in self._runs:
                record_run(self._database, row.rollout.run, started=self._started)
                self._runs.add(row.rollout.run)
        prepared = [self._prepare(row, file) for row in rows]
        for one in prepared:
            report.answers.read(one.row.rollout.domain, one.place.answer.valid, one.row.rollout.response)
        stored = {
            found["key"]: found
            for found in self._database.query(cypher("read/known_rollouts"), keys=[p.place.key for p in prepared])
        }
        fresh: dict[str, _Prepared] = {}
        for one in prepared:
            place = one.place
            if (known := stored.get(one.place.key)) is not None:
                content = known["content"]
                if one.content in known["as_given"]:  # what its source gave looked as if it had been read
                    content, place = one.content, replace(place, answer_key=known["answer"])
            else:
                content = fresh[one.place.key].content if one.place.key in fresh else None
            if content is not None and content != one.content:
                named = one.row.rollout.rollout_id
                reason = (
                    "the same response to this query is stored with another thinking or answer; give it a rollout_id"
                    if named is None
                    else f"rollout_id {named!r} is stored with another response; give it its own id"
                )
                report.rejected.append(Reject(file, one.row.number, reason))
            elif content is not None:
                report.known += 1
                report.stored.append(place)
            elif (problem := self._vector_problem(one)) is not None:
                report.rejected.append(Reject(file, one.row.number, problem))
            else:
                fresh[one.place.key] = one
                report.stored.append(one.place)
        if fresh:
            self._write(sorted(fresh.values(), key=lambda one: one.place.key))
            report.new += len(fresh)
        if self._progress is not None:
            self._progress(len(rows))

    def _prepare(self, row: Row, file: str) -> _Prepared:
        rollout = row.rollout
        domain = self._domains[rollout.domain]
        found = stated_by(rollout, self._domains)
        answer = domain.key(found.answer, query=rollout.query)
        query = keys.query_key(rollout.dataset, rollout.query)
        place = StoredRollout(
            self._keys(rollout),
            query,
            keys.answer_key(query, domain.version, answer.value if answer.valid else ""),
            answer,
        )
        content = keys.key_of("content", query, rollout.response, found.thinking, found.answer or "")
        return _Prepared(row, file, place, found.thinking, content, found.answer, domain.kind)

    def _vector_problem(self, one: _Prepared) -> str | None:
        """Why the vectors that came with this row cannot be used; None where they can or there are none."""
        if self._given is None:
            return None
        rollout, dimension = one.row.rollout, self._embedder.space.dimension
        for name, vectors, identity in (
            ("query", self._given.query, rollout.query_id),
            ("thinking", self._given.thinking, rollout.rollout_id),
            ("answer", self._given.answer, rollout.rollout_id),
        ):
            vector = vectors.get(identity or "")
            if vector is None:
                continue
            if len(vector) != dimension:
                return f"its {name} vector has {len(vector)} numbers; this memory's embedding space has {dimension}"
            if not np.isfinite(vector).all():
                return f"its {name} vector holds NaN or infinity"
            if not vector.any():
                return f"its {name} vector is all zeros, which has no direction"
        return None

    def _check_given(self, fresh: Sequence[_Prepared]) -> None:
        """Refuse vectors of another model, going by the first queries that have one."""
        assert self._given is not None
        given = {one.row.rollout.query: self._given.query.get(one.row.rollout.query_id or "") for one in fresh}
        compared = {text: _unit(vector) for text, vector in given.items() if vector is not None}
        if compared:
            texts = list(compared)[:_COMPARED]
            self._embedder.check_given(texts, np.stack([compared[text] for text in texts]))
            self._given_checked = True

    def _require_given(self, fresh: Sequence[_Prepared]) -> None:
        """In a space without a model every new query and thinking comes with its vector, as the embedder says."""
        given = self._given
        stored = self._database.query(cypher("read/query_texts"), keys=sorted({one.place.query_key for one in fresh}))
        known = {row["key"] for row in stored}
        self._embedder.embed(
            [
                text
                for one in fresh
                for text, vectors, identity in (
                    (one.row.rollout.query, given and given.query, one.row.rollout.query_id),
                    (one.thinking, given and given.thinking, one.row.rollout.rollout_id),
                )
                if (identity or "") not in (vectors or {})
                and not (text is one.row.rollout.query and one.place.query_key in known)
            ]
        )

    def _write(self, fresh: Sequence[_Prepared]) -> None:
        space = self._embedder.space
        if not self._embedder.embeds:
            self._require_given(fresh)
        if not self._given_checked:
            self._check_given(fresh)
        queries = self._query_rows(fresh)
        answers = self._answer_rows(fresh)
        given = self._given.thinking if self._given else {}
        rollouts = [
            {
                "key": one.place.key,
                "query": one.place.query_key,
                "answer": one.place.answer_key,
                "run_key": keys.key_of("run", one.row.rollout.run),
                "embedding": None
                if (vector := _unit_of(given, one.row.rollout.rollout_id)) is None
                else vector.tobytes(),
                "properties": _properties(one),
            }
            for one in fresh
        ]

        def write(tx: ManagedTransaction) -> None:
            require_active(tx, space)
            tx.run(cypher("write/queries"), rows=queries, property=space.vector_property).consume()
            tx.run(cypher("write/answers"), rows=answers, property=space.vector_property).consume()
            tx.run(cypher("write/rollouts"), rows=rollouts, property=space.vector_property).consume()

        self._database.execute_write(write)

    def _query_rows(self, fresh: Sequence[_Prepared]) -> list[dict[str, Any]]:
        first: dict[str, _Prepared] = {}
        ids: dict[str, set[str]] = {}
        for one in fresh:
            first.setdefault(one.place.query_key, one)
            ids.setdefault(one.place.query_key, set()).update(filter(None, [one.row.rollout.query_id]))
        given = self._given.query if self._given else {}
        return [
            {
                "key": key,
                "text": one.row.rollout.query,
                "domain": one.row.rollout.domain,
                "dataset": one.row.rollout.dataset,
                "ids": sorted(ids[key]),
                "embedding": None if (vector := _unit_of(given, one.row.rollout.query_id)) is None else vector.tolist(),
            }
            for key, one in sorted(first.items())
        ]

    def _answer_rows(self, fresh: Sequence[_Prepared]) -> list[dict[str, Any]]:
        """One row for each distinct answer, with its given vector of smallest rank (see cypher/write/answers.cypher)."""
        given = self._given.answer if self._given else {}
        answers: dict[str, _Prepared] = {}
        spellings: dict[str, tuple[str, str]] = {}
        ranked: dict[str, tuple[str, Vectors]] = {}
        bare: set[str] = set()  # stated by a rollout that came without a vector for it
        for one in fresh:
            key = one.place.answer_key
            answers.setdefault(key, one)
            if one.raw_answer is not None and one.place.answer.valid:
                domain = self._domains[one.row.rollout.domain]
                spelling = (spelling_rank(domain, one.raw_answer), one.raw_answer)
                spellings[key] = min(spellings.get(key, spelling), spelling)
            if (unit := _unit_of(given, one.row.rollout.rollout_id)) is not None:
                candidate = (keys.key_of("vector", unit.tobytes().hex()), unit)
                ranked[key] = min(ranked.get(key, candidate), candidate, key=lambda pair: pair[0])
            else:
                bare.add(key)
        return [
            {
                "key": key,
                "query": one.place.query_key,
                "value": one.place.answer.value,
                "valid": one.place.answer.valid,
                "program": one.kind == "program",
                "written": spellings[key][1] if key in spellings else None,
                "written_rank": spellings[key][0] if key in spellings else None,
                "embedding": ranked[key][1].tobytes() if key in ranked else None,
                "rank": ranked[key][0] if key in ranked else None,
                "bare": key in bare,
            }
            for key, one in sorted(answers.items())
        ]


def _properties(one: _Prepared) -> dict[str, Any]:
    rollout = one.row.rollout
    properties = {
        "text": one.thinking,
        "response": rollout.response,
        "answer": one.raw_answer,
        "content": one.content,
        "given": " ".join(name for name in ("answer", "thinking") if getattr(rollout, name) is not None),
        "thinking_opened": rollout.thinking_opened or None,
        "run": rollout.run,
        "policy": rollout.policy,
        "attempt": rollout.attempt,
        "call": rollout.call,
        "step": rollout.step,
        "sample": rollout.sample,
        "rollout_id": rollout.rollout_id,
        CHECKS_PROPERTY: check_vector(
            Response(rollout.query, one.kind, rollout.response, one.thinking, one.raw_answer)
        ),
    }
    features = {f"feature_{name}": float(value) for name, value in rollout.features.items()}
    return {name: value for name, value in {**properties, **features}.items() if value is not None}


def _unit_of(given: Mapping[str, Vectors], identity: str | None) -> Vectors | None:
    """The given vector of a row at length 1; None where it came without."""
    vector = given.get(identity or "")
    return None if vector is None else _unit(vector)


def _unit(vector: Vectors) -> Vectors:
    length = np.linalg.norm(vector)
    return (vector / length).astype(np.float32)
