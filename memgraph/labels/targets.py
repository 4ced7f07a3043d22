"""What rows of labels are about: rollouts, answers and queries that are stored, found by key or by their source's names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from memgraph.domains import Domains
from memgraph.labels.rows import LabelRow
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.database import Database


@dataclass(frozen=True, slots=True)
class Target:
    """Keys of a query, of one of its answers, and of a rollout that gave it; None where the row names none."""

    query: str
    answer: str | None = None
    rollout: str | None = None


def find_targets(database: Database, domains: Domains, rows: Sequence[LabelRow]) -> list[Target | str]:
    """Where each row points, or why it points nowhere; what it names twice must be the same.

    Equal answers are one target, that which stands for them.
    """
    stored = _Stored.read(database, domains, rows)
    targets: list[Target | str] = []
    for row in rows:
        try:
            targets.append(stored.target(row))
        except ValueError as error:
            targets.append(str(error))
    return targets


@dataclass(frozen=True, slots=True)
class _Query:
    """A stored query, as reading an answer to it needs it."""

    key: str
    domain: str
    text: str

    def answer_key(self, answer: str, domains: Domains) -> str:
        """Key of an answer to it."""
        domain = domains[self.domain]
        normal = domain.key(answer, query=self.text)
        return keys.answer_key(self.key, domain.version, normal.value if normal.valid else "")


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored of all that some rows name."""

    domains: Domains
    of_rollout: Mapping[str, Target]
    of_answer: Mapping[str, Sequence[Target]]
    by_id: Mapping[tuple[str, str], Sequence[str]]
    queries: Mapping[str, _Query]

    @classmethod
    def read(cls, database: Database, domains: Domains, rows: Sequence[LabelRow]) -> _Stored:
        wanted = sorted({key for row in rows if (key := _rollout_key(row)) is not None})
        of_rollout = {
            row["rollout"]: Target(row["query"], row["answer"], row["rollout"])
            for row in database.query(cypher("read/rollout_places"), keys=wanted)
        }
        by_id = _queries_by_id(database, rows)
        named = {key for row in rows if (key := _query_key(row)) is not None}
        named |= {key for keys in by_id.values() for key in keys}
        queries = {
            row["key"]: _Query(row["key"], row["domain"], row["text"])
            for row in database.query(cypher("read/query_domains"), keys=sorted(named))
        }
        answers = {row.answer_key for row in rows if row.answer_key}
        for row in rows:
            key = _query_key(row)
            candidates = by_id.get((row.dataset, row.query_id or ""), ()) if key is None else [key]
            if row.answer is not None:
                answers |= {queries[key].answer_key(row.answer, domains) for key in candidates if key in queries}
        of_answer: dict[str, list[Target]] = defaultdict(list)
        for answer in database.query(cypher("read/queries_of_answers"), keys=sorted(answers)):
            of_answer[answer["asked"]].append(Target(answer["query"], answer["answer"]))
        return cls(domains, of_rollout, of_answer, by_id, queries)

    def target(self, row: LabelRow) -> Target:
        """Raises ValueError saying what is not stored, or does not fit together."""
        rollout = _rollout_key(row)
        if rollout is not None:
            if rollout not in self.of_rollout:
                name = row.rollout_key or f"{row.rollout_id} of data set {row.dataset}"
                raise ValueError(f"the memory holds no rollout {name[:80]!r}; import it first, or fix the key")
            target = self.of_rollout[rollout]
            named = [target.answer for target in self.of_answer.get(row.answer_key or "", ())]
            if row.answer_key is not None and target.answer not in named:
                raise ValueError(f"its rollout has another answer than its answer_key {row.answer_key!r}")
        elif row.answer_key is not None:
            meant = self.of_answer.get(row.answer_key, ())
            if not meant:
                raise ValueError(
                    f"the memory holds no answer {row.answer_key[:80]!r}; leave the keys as they were exported"
                )
            if len(meant) > 1:
                raise ValueError(
                    f"the answer {row.answer_key[:80]!r} was read again since, as {len(meant)} different ones; name the rollout "
                    "by rollout_key, or export the sheet again"
                )
            (target,) = meant
        else:
            target = self._of_query(row)
        if row.query_key not in (None, target.query):
            raise ValueError(f"what it judges belongs to another query than its query_key {str(row.query_key)[:80]!r}")
        return target

    def _of_query(self, row: LabelRow) -> Target:
        query = _query_key(row)
        if query is None:
            same_id = self.by_id.get((row.dataset, row.query_id or ""), ())
            if len(same_id) > 1:
                raise ValueError(
                    f"query_id {row.query_id!r} stands for {len(same_id)} queries; name one by query_key or query"
                )
            query = same_id[0] if same_id else None
        if query is None or query not in self.queries:
            name = (row.query_key or row.query_id or row.query or "")[:80]
            raise ValueError(
                f"the memory holds no query {name!r} of data set {row.dataset!r}; import it first, or name its 'dataset'"
            )
        if row.answer is None:
            return Target(query)
        same_answer = self.of_answer.get(self.queries[query].answer_key(row.answer, self.domains), ())
        if not same_answer:
            raise ValueError(f"no rollout gave the answer {row.answer[:80]!r} to this query")
        return same_answer[0]


def _rollout_key(row: LabelRow) -> str | None:
    if row.rollout_key is not None:
        return row.rollout_key
    return None if row.rollout_id is None else keys.imported_rollout_key(row.dataset, row.rollout_id)


def _query_key(row: LabelRow) -> str | None:
    """By key, or by data set and text; an id needs the memory."""
    if row.query_key is not None:
        return row.query_key
    return keys.query_key(row.dataset, row.query) if row.query is not None and row.query_id is None else None


def _queries_by_id(database: Database, rows: Iterable[LabelRow]) -> dict[tuple[str, str], list[str]]:
    wanted: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.query_id is not None and row.query_key is None and _rollout_key(row) is None and row.answer_key is None:
            wanted[row.dataset].add(row.query_id)
    return {
        (dataset, same_id["id"]): sorted(same_id["keys"])
        for dataset, ids in wanted.items()
        for same_id in database.query(cypher("read/queries_by_id"), dataset=dataset, ids=sorted(ids))
    }
