"""Reads the rollouts of a memory again, after the reader of a domain has changed.

    queries in the order of their keys ─► answers that another reader named, out of use (`:FormerAnswer:Rereading`)
      ─► their rollouts, batch by batch, to what they are read as ─► equal answers joined ─► labels to their places ─► done

What is still to be done can be seen in the graph: an answer's key follows from its query, its value and the version of the
reader. So whatever is interrupted goes on where it stopped, and doing it again changes nothing. Each step is one transaction.
Only one process reads a memory again at a time; it holds that right by a lease that ends with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neo4j import ManagedTransaction

from memgraph.domains import Domains, NormalAnswer
from memgraph.domains.checks import CHECKS_PROPERTY, Response, check_vector
from memgraph.domains.checks.behaviour import BEHAVIOUR_VERSION
from memgraph.labels.placing import Conflict, Unplaced, conflicts, place_labels, unplaced
from memgraph.progress import Progress, Say, silent
from memgraph.rollouts.classes import join, spelling_rank
from memgraph.rollouts.former_reader import given_by_source
from memgraph.rollouts.preparation import stated_by
from memgraph.rollouts.reader import stale_domains, stored_versions
from memgraph.rollouts.rollout import Rollout
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.lease import Lease
from memgraph.store.reader_versions import as_list
from memgraph.store.spaces import EmbeddingSpace, require_active, serving_space

_QUERIES = 50  # a page
_ROLLOUTS = 512  # a transaction
_SAMPLE = 128
_WRITING = 1.5  # seconds of writing 1,000 rollouts, as ingest takes on two cores
_JOURNAL = 3  # what is written goes to the store and to the log, and the log keeps both states of a record


@dataclass(frozen=True, slots=True)
class Plan:
    """What reading a memory again would take.

    Attributes:
        domains: those that are read again → what changed.
        rollouts: how many there are of these domains.
        seconds: about, going by a sample; running programs that changed comes on top.
        megabytes: about, of disk, most of it for as long as the server keeps its log.
    """

    domains: Mapping[str, str]
    rollouts: int
    seconds: float
    megabytes: float


@dataclass(slots=True)
class RereadReport:
    """What reading again did.

    Attributes:
        domains: those that were read again → what changed.
        rollouts: read again now, and those that were done already.
        changed: rollouts that state another answer, or think otherwise, than they were read to.
        former_answers: answers that were taken out of use.
        judged_again: labels that a stored reference gave now, in place of those on answers that came apart or are judged
            otherwise.
        unplaced: labels of which it is not known what they are about now.
        conflicts: answers whose labels differ, now that they are one.
    """

    domains: dict[str, str] = field(default_factory=dict)
    rollouts: int = 0
    changed: int = 0
    former_answers: int = 0
    judged_again: int = 0
    unplaced: list[Unplaced] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)


def plan(database: Database, domains: Domains) -> Plan:
    """What `reread` would do, going by a small sample that is read and written nowhere.

    Raises:
        MigrationError: if the memory holds a domain with a reader of its own that is not here.
    """
    stale = _to_read(database, domains)
    if not stale:
        return Plan({}, 0, 0.0, 0.0)
    total = int(database.query(cypher("read/rollout_count"), domains=sorted(stale))[0]["rollouts"])
    started = time.perf_counter()
    sample = database.query(cypher("read/sample_to_reread"), domains=sorted(stale), limit=_SAMPLE)
    reader = _Reader(serving_space(database), domains)
    read = [reader.read(row) for row in sample]
    answers = reader.answer_rows(read, former={})
    seconds = (time.perf_counter() - started) / max(1, len(sample)) + _WRITING / 1000
    size = sum(len(rollout.properties[CHECKS_PROPERTY]) + 256 for rollout in read)
    size += sum(512 + len(row["value"]) + len(row["written"] or "") for row in answers)
    return Plan(stale, total, total * seconds, _JOURNAL * total * size / max(1, len(sample)) / 1e6)


def reread(
    database: Database,
    domains: Domains,
    *,
    progress: Progress = silent,
    say: Say = silent,
) -> RereadReport:
    """Read again whatever another reader than the present one has named, and move labels along.

    Nothing is embedded: what is read otherwise than before waits for its vector (`memgraph.rollouts.vectors`).

    Args:
        progress: of rollouts.
        say: told what is being waited for.

    Raises:
        MigrationError: if another process is doing it, or a domain's reader is not here.
    """
    report = RereadReport()
    with Lease(database, say) as lease:
        report.domains = _to_read(database, domains)
        if report.domains:
            versions = stored_versions(database)
            database.query(cypher("write/reread_begin"), write=True, versions=as_list(versions))
            _Rereading(database, domains, lease, report, progress).run()
            lease.check()
            together = as_list({**versions, **domains.versions})
            database.query(cypher("write/reread_end"), write=True, versions=together)
    report.unplaced, report.conflicts = unplaced(database), conflicts(database)
    return report


def _to_read(database: Database, domains: Domains) -> dict[str, str]:
    """Domains → why; those that a process of the former version has written to since, too."""
    stale = stale_domains(database, domains)
    for row in database.query(cypher("read/domains_of_former_rollouts")):
        stale.setdefault(row["domain"], "written to by an earlier version since")
    return stale


@dataclass(frozen=True, slots=True)
class _Read:
    """A rollout as it is read now."""

    key: str
    former: str
    query: str
    domain: str
    answer_key: str
    answer: NormalAnswer
    written: str | None
    properties: dict[str, Any]
    changed: bool
    unembedded: bool


class _Reader:
    """Takes stored rollouts apart, as an import does."""

    def __init__(self, space: EmbeddingSpace, domains: Domains) -> None:
        self._has_model = space.has_model
        self._domains = domains

    def read(self, row: Mapping[str, Any]) -> _Read:
        """A row of cypher/read/rollouts_to_reread."""
        domain, response, query = self._domains[row["domain"]], row["response"], row["text"]
        given = row["given"]
        if given is None:
            given = given_by_source(response, row["domain"], row["thinking"], row["answer"])
        rollout = Rollout(
            query,
            response,
            domain=row["domain"],
            thinking=row["thinking"] if "thinking" in given.split() else None,
            answer=row["answer"] if "answer" in given.split() else None,
            stated=None if row["stated_from"] is None else response[row["stated_from"] :],
            thinking_opened=row["opened"],
        )
        reading = stated_by(rollout, self._domains)
        thinking, written = reading.thinking, reading.answer
        answer = domain.key(written, query=query)
        content, *as_given = _contents(row, thinking, written)
        gone = [name for name in row["derived"] if name.startswith("checks_")]
        unembedded = thinking != row["thinking"] and self._has_model
        if unembedded:
            gone += [name for name in row["derived"] if name.startswith("embedding_")]
        properties = {
            **dict.fromkeys(gone),
            "text": thinking,
            "answer": written,
            "content": content,
            "given": given,
            CHECKS_PROPERTY: check_vector(Response(query, domain.kind, response, thinking, written)),
        }
        if as_given:
            properties["content_as_given"] = as_given
        key = keys.answer_key(row["query"], domain.version, answer.value if answer.valid else "")
        changed = (thinking, written) != (row["thinking"], row["answer"])
        return _Read(
            key=row["key"],
            former=row["former"],
            query=row["query"],
            domain=row["domain"],
            answer_key=key,
            answer=answer,
            written=written,
            properties=properties,
            changed=changed,
            unembedded=unembedded,
        )

    def answer_rows(self, read: Sequence[_Read], *, former: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows for cypher/write/answers, one for each answer.

        A former answer's vector is kept where the value is the same, or where it came with the data.

        Args:
            former: rows of cypher/read/former_answers by key.
        """
        by_key: dict[str, list[_Read]] = {}
        for rollout in read:
            by_key.setdefault(rollout.answer_key, []).append(rollout)
        rows = []
        for key, group in sorted(by_key.items()):
            kept = [
                (row["rank"] or "", bytes(row["embedding"]))
                for rollout in group
                if (row := former.get(rollout.former)) is not None and row["embedding"] is not None
                if row["value"] == rollout.answer.value or row["rank"] or not self._has_model
            ]
            rows.append(self._answer_row(key, group, min(kept, default=None)))
        return rows

    def _answer_row(self, key: str, group: Sequence[_Read], vector: tuple[str, bytes] | None) -> dict[str, Any]:
        first = group[0]
        spellings = [
            (spelling_rank(self._domains[each.domain], each.written), each.written)
            for each in group
            if each.written is not None and each.answer.valid
        ]
        rank, written = min(spellings, default=(None, None))
        return {
            "key": key,
            "query": first.query,
            "value": first.answer.value,
            "valid": first.answer.valid,
            "written": written,
            "written_rank": rank,
            "embedding": vector[1] if vector else None,
            "rank": vector[0] if vector else None,
            "bare": vector is None and self._has_model,
        }


def _contents(row: Mapping[str, Any], thinking: str, written: str | None) -> list[str]:
    """What an import of the rollout compares: as it is read now, and as it would be had the source given what is stored.

    Where a source gave just what was read, that cannot be told from what was read, but its file is still to be known.
    """
    contents = [
        keys.key_of("content", row["query"], row["response"], text, answer or "")
        for text in (thinking, row["thinking"])
        for answer in (written, row["answer"])
    ]
    return list(dict.fromkeys(contents))


class _Rereading:
    """One pass over a memory, under a lease."""

    def __init__(
        self,
        database: Database,
        domains: Domains,
        lease: Lease,
        report: RereadReport,
        progress: Progress,
    ) -> None:
        self._database = database
        self._domains = domains
        self._lease = lease
        self._report = report
        self._progress = progress
        self._space = serving_space(database)
        self._reader = _Reader(self._space, domains)
        stored = stored_versions(database)
        self._own = {name for name in report.domains if name in domains.versions and name not in stored}

    def run(self) -> None:
        """All queries of the domains that are read again."""
        names = sorted(self._report.domains)
        total = int(self._database.query(cypher("read/rollout_count"), domains=names)[0]["rollouts"])
        for page in self._pages(names):
            former = [key for row in page for key in self._former(row)]
            if former:
                self._write("write/former_answers", keys=former)
            waiting = sorted({*former, *(key for row in page for key in row["begun"])})
            if waiting:
                self._move(waiting)
                join(self._database, self._domains, query_keys=[row["query"] for row in page])
                self._report.judged_again += place_labels(self._database, self._domains, waiting, self._lease.check_in)
                self._write("write/reread_done", keys=waiting)
            self._report.former_answers += len(waiting)
            self._report.rollouts += sum(row["rollouts"] for row in page)
            self._progress(self._report.rollouts, total)

    def _pages(self, names: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        after = ""
        while page := self._database.query(cypher("read/reread_page"), after=after, domains=names, limit=_QUERIES):
            yield page
            after = page[-1]["query"]

    def _former(self, row: Mapping[str, Any]) -> list[str]:
        """Answers of a query that another reader named: its keys follow from another version, or from another domain."""
        version = self._domains[row["domain"]].version
        return [
            key
            for key, value, valid, unknown in row["answers"]
            if unknown
            or row["domain"] in self._own
            or key != keys.answer_key(row["query"], version, value if valid else "")
        ]

    def _move(self, answers: Sequence[str]) -> None:
        while rows := self._database.query(cypher("read/rollouts_to_reread"), answers=answers, limit=_ROLLOUTS):
            read = [self._reader.read(row) for row in rows]
            former = {
                row["key"]: row
                for row in self._database.query(
                    cypher("read/former_answers"),
                    keys=sorted({rollout.former for rollout in read}),
                    property=self._space.vector_property,
                    version=BEHAVIOUR_VERSION,
                )
            }
            self._store(read, former, self._reader.answer_rows(read, former=former))
            self._report.changed += sum(rollout.changed for rollout in read)

    def _store(
        self, read: Sequence[_Read], former: Mapping[str, Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]
    ) -> None:
        rollouts = [
            {
                "key": rollout.key,
                "former": rollout.former,
                "answer": rollout.answer_key,
                "properties": rollout.properties,
                "unembedded": rollout.unembedded,
                "observed": former[rollout.former]["observed"]
                and former[rollout.former]["value"] == rollout.answer.value,
            }
            for rollout in sorted(read, key=lambda rollout: rollout.key)
        ]

        def write(tx: ManagedTransaction) -> None:
            self._lease.check_in(tx)
            require_active(tx, self._space)
            tx.run(cypher("write/answers"), rows=answers, property=self._space.vector_property).consume()
            tx.run(cypher("write/reread_rollouts"), rows=rollouts).consume()

        self._database.execute_write(write)

    def _write(self, statement: str, **parameters: Any) -> None:
        def write(tx: ManagedTransaction) -> None:
            self._lease.check_in(tx)
            tx.run(cypher(statement), **parameters).consume()

        self._database.execute_write(write)
