"""Rollouts taken apart, and the rows that are written of them: what an import does that needs no database.

What is stored already is asked for through functions, so that `memgraph.rollouts.ingest` writes these rows to a graph and
`memgraph.rollouts.bulk` to an archive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from memgraph.domains import Domains, Kind, NormalAnswer, Reading
from memgraph.domains.answer_report import AddsUp, AnswerReport
from memgraph.domains.checks import CHECKS_PROPERTY, Response, check_vector
from memgraph.rollouts.classes import spelling_rank
from memgraph.rollouts.files import Reject, Row
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.rollouts.rollout import Rollout
from memgraph.store import keys
from memgraph.store.spaces import Vectors


@dataclass(frozen=True, slots=True)
class RolloutPlace:
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
    stored: list[RolloutPlace] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rollout taken apart, before embedding."""

    row: Row
    place: RolloutPlace
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


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """What is written of new rollouts: rows of cypher/write/queries, answers and rollouts."""

    queries: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    rollouts: list[dict[str, Any]]


class Preparation:
    """One import's way from rows of files to rows of a graph.

    Args:
        given: vectors that come with the data.
        dimension: of the memory's embedding space, which they must have; None where none are given.
    """

    def __init__(self, domains: Domains, *, given: GivenEmbeddings | None = None, dimension: int | None = None) -> None:
        self._domains = domains
        self._given = given
        self._dimension = dimension
        self._keys = RolloutKeys()

    def accept(
        self,
        rows: Sequence[Row],
        file: str,
        report: IngestReport,
        stored: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]],
    ) -> list[Prepared]:
        """Those of the rows that are to be written, in the order of their keys; the report counts all.

        Args:
            stored: of keys, those of rollouts that are stored, each with its content, as_given and answer.
        """
        prepared = [self._prepare(row) for row in rows]
        for one in prepared:
            report.answers.read(one.row.rollout.domain, one.place.answer.valid, one.row.rollout.response)
        already = stored([one.place.key for one in prepared])
        fresh: dict[str, Prepared] = {}
        for one in prepared:
            place = one.place
            if (known := already.get(one.place.key)) is not None:
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
        report.new += len(fresh)
        return sorted(fresh.values(), key=lambda one: one.place.key)

    def rows_of(self, fresh: Sequence[Prepared]) -> PreparedRows:
        """What is written of new rollouts."""
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
        return PreparedRows(self._query_rows(fresh), self._answer_rows(fresh), rollouts)

    def _prepare(self, row: Row) -> Prepared:
        rollout = row.rollout
        domain = self._domains[rollout.domain]
        found = stated_by(rollout, self._domains)
        answer = domain.key(found.answer, query=rollout.query)
        query = keys.query_key(rollout.dataset, rollout.query)
        place = RolloutPlace(
            self._keys(rollout),
            query,
            keys.answer_key(query, domain.version, answer.value if answer.valid else ""),
            answer,
        )
        content = keys.key_of("content", query, rollout.response, found.thinking, found.answer or "")
        return Prepared(row, place, found.thinking, content, found.answer, domain.kind)

    def _vector_problem(self, one: Prepared) -> str | None:
        """Why the vectors that came with this row cannot be used; None where they can or there are none."""
        if self._given is None:
            return None
        rollout, dimension = one.row.rollout, self._dimension
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

    def _query_rows(self, fresh: Sequence[Prepared]) -> list[dict[str, Any]]:
        first: dict[str, Prepared] = {}
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

    def _answer_rows(self, fresh: Sequence[Prepared]) -> list[dict[str, Any]]:
        """One row for each distinct answer, with its given vector of smallest rank (see cypher/write/answers.cypher)."""
        given = self._given.answer if self._given else {}
        answers: dict[str, Prepared] = {}
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


def _properties(one: Prepared) -> dict[str, Any]:
    rollout = one.row.rollout
    properties = {
        "text": one.thinking,
        "response": rollout.response,
        "answer": one.raw_answer,
        "content": one.content,
        "given": " ".join(name for name in ("answer", "thinking") if getattr(rollout, name) is not None),
        "thinking_opened": rollout.thinking_opened or None,
        "stated_from": None if rollout.stated is None else len(rollout.response) - len(rollout.stated),
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
    return None if vector is None else unit(vector)


def unit(vector: Vectors) -> Vectors:
    """A vector at length 1."""
    length = np.linalg.norm(vector)
    return (vector / length).astype(np.float32)
