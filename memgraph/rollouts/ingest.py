"""Rollouts into the graph: read → keys → embed what is new → one idempotent write → similarity edges, equal answers."""

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
from memgraph.rollouts.catch_up import catch_up
from memgraph.rollouts.classes import join, spelling_rank
from memgraph.rollouts.files import Reject, Row
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.guarded_embedder import GuardedEmbedder
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

    @property
    def node_keys(self) -> tuple[str, str, str]:
        """Of its query, of itself and of its answer."""
        return self.query_key, self.key, self.answer_key


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
        embed: bool = True,
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
            embed: whether texts without a given vector are embedded; else they wait under the label `Unembedded`.
            link: whether all that waits gets its vectors and similarity edges at the end.
            started: when the runs of the rows began, where they are new; None for now.
        """
        self._domains = domains or Domains()
        self._compare_seconds = compare_seconds
        self._embed = embed
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
            report.linked = catch_up(self._database, self._embedder, self._neighbours).linked
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

    def _write(self, fresh: Sequence[_Prepared]) -> None:
        space = self._embedder.space
        if not self._given_checked:
            self._check_given(fresh)
        queries = self._query_rows(fresh)
        answers = self._answer_rows(fresh)
        thinking = self._vectors(fresh, "thinking", lambda one: one.row.rollout.rollout_id, lambda one: one.thinking)
        rollouts = [
            {
                "key": one.place.key,
                "query": one.place.query_key,
                "answer": one.place.answer_key,
                "run_key": keys.key_of("run", one.row.rollout.run),
                "embedding": None if vector is None else vector.tobytes(),
                "properties": _properties(one),
            }
            for one, vector in zip(fresh, thinking, strict=True)
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
        known = self._known("read/known_queries", first)
        to_embed = [one for key, one in first.items() if key not in known]
        vectors = dict(
            zip(
                (one.place.query_key for one in to_embed),
                self._vectors(
                    to_embed, "query", lambda one: one.row.rollout.query_id, lambda one: one.row.rollout.query
                ),
                strict=True,
            )
        )
        return [
            {
                "key": key,
                "text": first[key].row.rollout.query,
                "domain": first[key].row.rollout.domain,
                "dataset": first[key].row.rollout.dataset,
                "ids": sorted(ids[key]),
                "embedding": None if (vector := vectors.get(key)) is None else vector.tolist(),
            }
            for key in sorted(first)
        ]

    def _answer_rows(self, fresh: Sequence[_Prepared]) -> list[dict[str, Any]]:
        """One row for each distinct answer, with its vector of smallest rank (see cypher/write/answers.cypher)."""
        given = self._given.answer if self._given else {}
        answers: dict[str, _Prepared] = {}
        spellings: dict[str, tuple[str, str]] = {}
        ranked: dict[str, tuple[str, Vectors]] = {}
        embed: set[str] = set()
        for one in fresh:
            key = one.place.answer_key
            answers.setdefault(key, one)
            if one.raw_answer is not None and one.place.answer.valid:
                domain = self._domains[one.row.rollout.domain]
                spelling = (spelling_rank(domain, one.raw_answer), one.raw_answer)
                spellings[key] = min(spellings.get(key, spelling), spelling)
            vector = given.get(one.row.rollout.rollout_id or "")
            if vector is None:
                embed.add(key)
            else:
                unit = _unit(vector)
                candidate = (keys.key_of("vector", unit.tobytes().hex()), unit)
                ranked[key] = min(ranked.get(key, candidate), candidate, key=lambda pair: pair[0])
        to_embed = sorted(embed - self._known("read/known_answers", embed)) if self._embed else []
        vectors = self._embedder.embed([answers[key].place.answer.value for key in to_embed])
        ranked.update((key, ("", vector)) for key, vector in zip(to_embed, vectors, strict=True))
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
            }
            for key, one in sorted(answers.items())
        ]

    def _known(self, query: str, wanted: Iterable[str]) -> set[str]:
        rows = self._database.query(cypher(query), keys=sorted(wanted), property=self._embedder.space.vector_property)
        return {row["key"] for row in rows}

    def _vectors(
        self,
        items: Sequence[_Prepared],
        kind: str,
        identity: Callable[[_Prepared], str | None],
        text: Callable[[_Prepared], str],
    ) -> list[Vectors | None]:
        """Of each item the given vector, else the embedding of its text, or None where that is left for later."""
        given: Mapping[str, Vectors] = getattr(self._given, kind) if self._given else {}
        vectors: list[Vectors | None] = []
        for item in items:
            vector = given.get(identity(item) or "")
            vectors.append(None if vector is None else _unit(vector))
        if self._embed:
            missing = [position for position, vector in enumerate(vectors) if vector is None]
            embedded = self._embedder.embed([text(items[position]) for position in missing])
            for position, vector in zip(missing, embedded, strict=True):
                vectors[position] = vector
        return vectors


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


def _unit(vector: Vectors) -> Vectors:
    length = np.linalg.norm(vector)
    return (vector / length).astype(np.float32)
