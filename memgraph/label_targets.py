"""What rows of labels are about: rollouts, answers and queries that are stored, found by key or by their source's names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memgraph import keys
from memgraph.answers import NORMALISER_VERSION, normalise
from memgraph.connect import Database
from memgraph.label_rows import LabelRow
from memgraph.resources import cypher


@dataclass(frozen=True, slots=True)
class Target:
    """Keys of a query, of one of its answers, and of a rollout that gave it; None where the row names none."""

    query: str
    answer: str | None = None
    rollout: str | None = None


def find_targets(database: Database, rows: Sequence[LabelRow]) -> list[Target | str]:
    """Where each row points, or why it points nowhere; what it names twice must be the same."""
    known = _Known.read(database, rows)
    found: list[Target | str] = []
    for row in rows:
        try:
            found.append(known.target(row))
        except ValueError as error:
            found.append(str(error))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of all that some rows name."""

    of_rollout: Mapping[str, Target]
    query_of: Mapping[str, str]
    by_id: Mapping[tuple[str, str], Sequence[str]]
    domain_of: Mapping[str, str]

    @classmethod
    def read(cls, database: Database, rows: Sequence[LabelRow]) -> _Known:
        wanted = sorted({key for row in rows if (key := _rollout_key(row)) is not None})
        of_rollout = {
            row["rollout"]: Target(row["query"], row["answer"], row["rollout"])
            for row in database.query(cypher("read/rollout_places"), keys=wanted)
        }
        by_id = _queries_by_id(database, rows)
        queries = {key for row in rows if (key := _query_key(row)) is not None}
        queries |= {key for found in by_id.values() for key in found}
        domain_of = {
            row["key"]: row["domain"] for row in database.query(cypher("read/query_domains"), keys=sorted(queries))
        }
        answers = {row.answer_key for row in rows if row.answer_key}
        for row in rows:
            named = _query_key(row)
            candidates = by_id.get((row.dataset, row.query_id or ""), ()) if named is None else [named]
            if row.answer is not None:
                answers |= {_answer_key(key, row.answer, domain_of[key]) for key in candidates if key in domain_of}
        query_of = {
            row["answer"]: row["query"]
            for row in database.query(cypher("read/queries_of_answers"), keys=sorted(answers))
        }
        return cls(of_rollout, query_of, by_id, domain_of)

    def target(self, row: LabelRow) -> Target:
        """Raises ValueError saying what is not stored, or does not fit together."""
        rollout = _rollout_key(row)
        if rollout is not None:
            if rollout not in self.of_rollout:
                name = row.rollout_key or f"{row.rollout_id} of data set {row.dataset}"
                raise ValueError(f"the memory holds no rollout {name[:80]!r}; import it first, or mend the key")
            found = self.of_rollout[rollout]
            if row.answer_key not in (None, found.answer):
                raise ValueError(f"its rollout has another answer than its answer_key {row.answer_key!r}")
        elif row.answer_key is not None:
            if row.answer_key not in self.query_of:
                raise ValueError(
                    f"the memory holds no answer {row.answer_key[:80]!r}; leave the keys as they were exported"
                )
            found = Target(self.query_of[row.answer_key], row.answer_key)
        else:
            found = self._of_query(row)
        if row.query_key not in (None, found.query):
            raise ValueError(f"what it judges belongs to another query than its query_key {str(row.query_key)[:80]!r}")
        return found

    def _of_query(self, row: LabelRow) -> Target:
        query = _query_key(row)
        if query is None:
            found = self.by_id.get((row.dataset, row.query_id or ""), ())
            if len(found) > 1:
                raise ValueError(
                    f"query_id {row.query_id!r} stands for {len(found)} queries; name one by query_key or query"
                )
            query = found[0] if found else None
        if query is None or query not in self.domain_of:
            name = (row.query_key or row.query_id or row.query or "")[:80]
            raise ValueError(
                f"the memory holds no query {name!r} of data set {row.dataset!r}; import it first, or name its 'dataset'"
            )
        if row.answer is None:
            return Target(query)
        answer = _answer_key(query, row.answer, self.domain_of[query])
        if answer not in self.query_of:
            raise ValueError(f"no rollout gave the answer {row.answer[:80]!r} to this query")
        return Target(query, answer)


def _rollout_key(row: LabelRow) -> str | None:
    if row.rollout_key is not None:
        return row.rollout_key
    return None if row.rollout_id is None else keys.imported_rollout_key(row.dataset, row.rollout_id)


def _query_key(row: LabelRow) -> str | None:
    """By key, or by data set and text; an id needs the memory."""
    if row.query_key is not None:
        return row.query_key
    return keys.query_key(row.dataset, row.query) if row.query is not None and row.query_id is None else None


def _answer_key(query: str, answer: str, domain: str) -> str:
    normal = normalise(answer, domain)
    return keys.answer_key(query, NORMALISER_VERSION, normal.value if normal.valid else "")


def _queries_by_id(database: Database, rows: Iterable[LabelRow]) -> dict[tuple[str, str], list[str]]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.query_id is not None and row.query_key is None and _rollout_key(row) is None and row.answer_key is None:
            wanted[row.dataset].add(row.query_id)
    return {
        (dataset, found["id"]): sorted(found["keys"])
        for dataset, ids in wanted.items()
        for found in database.query(cypher("read/queries_by_id"), dataset=dataset, ids=sorted(ids))
    }
