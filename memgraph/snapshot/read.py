"""From the graph to a `Snapshot`: a bounded neighbourhood of some queries, or the whole memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
from neo4j.vector import Vector

from memgraph.domains.checks import CHECK_FEATURES, CHECKS_PROPERTY
from memgraph.errors import EmbeddingSpaceError
from memgraph.labels.in_force import labels_in_force, read_labels, view_parameters
from memgraph.labels.view import LabelView
from memgraph.rollouts.experience import LOOKED_AT, Earlier, recent_and_diverse
from memgraph.snapshot.snapshot import Floats, Ints, Snapshot
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace
from memgraph.store.times import utc

NEAR_DUPLICATE = 0.99
_BATCH = 1000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Group:
    """Where RL sampled rollouts together: only these are scored, whatever else the queries have."""

    run: str
    attempt: int
    call: int


@dataclass(frozen=True, slots=True)
class NeighbourhoodLimits:
    """Bounds of a neighbourhood, so that the cost of a call does not grow with the memory.

    Attributes:
        incoming: at most so many queries that list a target among their neighbours, besides its own k.
        rollouts: at most so many rollouts of each context query, by a deterministic rule (cypher/read/rollouts.cypher).
        target_rollouts: at most so many rollouts of a target.
        experience: at most so many rollouts of a target besides the group asked for (`memgraph.rollouts.experience`).
    """

    incoming: int = 7
    rollouts: int = 16
    target_rollouts: int = 512
    experience: int = 32


def subgraph(
    database: Database,
    space: EmbeddingSpace,
    query_keys: Sequence[str],
    view: LabelView,
    *,
    group: Group | None = None,
    as_of: datetime | None = None,
    limits: NeighbourhoodLimits = NeighbourhoodLimits(),
    neighbours: bool = True,
    vectors: bool = True,
) -> Snapshot:
    """The queries asked for (targets), the queries around them, and their rollouts, answers and visible labels.

    Args:
        group: where given, of the targets only the rollouts sampled there are asked for; beside them stands a bounded part
            of the queries' other rollouts, their experience.
        as_of: only experience stored by then; by default the view's time.
        neighbours: whether the queries around them are wanted, and what is similar to what.
        vectors: whether embeddings are wanted, most of what there is to read; without, they are [n, 0].
    """
    targets = sorted(set(query_keys))
    around: dict[str, Any] = {"keys": targets, "incoming": limits.incoming, "space": space.vector_property}
    rows = database.query(cypher("read/neighbourhood"), **around) if neighbours else []
    context = sorted({row["neighbour"] for row in rows} - set(targets))
    stored = space.vector_property if vectors else None
    rollouts = _read_rollouts(database, stored, targets, limits.target_rollouts, view, group)
    if group is not None and limits.experience:
        rollouts += _read_experience(
            database, stored, targets, group, utc(as_of) if as_of else view.as_of, limits.experience
        )
        rollouts.sort(key=lambda row: (row["query"], row["key"]))
    rollouts += _read_rollouts(database, stored, context, limits.rollouts, view)
    return _assemble(
        database, space, [*targets, *context], len(targets), rollouts, view, similar=neighbours, vectors=vectors
    )


def snapshot(
    database: Database,
    space: EmbeddingSpace,
    view: LabelView,
    *,
    query_keys: Sequence[str] | None = None,
    rollouts: int | None = None,
    vectors: bool = True,
) -> Snapshot:
    """The whole memory, or all of some queries; every query is a target.

    Args:
        vectors: whether embeddings are wanted; without, they are [n, 0].
        rollouts: at most so many of each query are read: labelled ones first, then the newest.
    """
    if query_keys is None:
        query_keys = [row["key"] for row in database.query(cypher("read/queries_within"), datasets=None, runs=None)]
    ordered = sorted(set(query_keys))
    stored = space.vector_property if vectors else None
    rollouts_read = _read_rollouts(database, stored, ordered, 2**31 - 1 if rollouts is None else rollouts, view)
    return _assemble(database, space, ordered, len(ordered), rollouts_read, view, vectors=vectors)


def groups_of(database: Database, space: EmbeddingSpace, rollout_keys: Sequence[str], view: LabelView) -> Snapshot:
    """Some rollouts with all that were sampled together with them, and their queries and answers; nothing is similar."""
    rows: dict[str, dict[str, Any]] = {}
    for batch in _batches(rollout_keys):
        found = database.query(
            cypher("read/rollouts_of_groups"), keys=batch, property=space.vector_property, checks=CHECKS_PROPERTY
        )
        rows.update((row["key"], row) for row in found)
    rollouts = sorted(rows.values(), key=lambda row: (row["query"], row["key"]))
    queries = sorted({row["query"] for row in rollouts})
    return _assemble(database, space, queries, len(queries), rollouts, view, similar=False)


def labels_of_rollouts(database: Database, rollout_keys: Sequence[str], view: LabelView) -> dict[str, float]:
    """Rollout → the label in force, NaN where there is none; nothing for rollouts that are not there."""
    rows = [
        row for batch in _batches(rollout_keys) for row in database.query(cypher("read/rollout_places"), keys=batch)
    ]
    answers = {row["rollout"]: row["answer"] for row in rows}
    labels = _labels(database, sorted({row["query"] for row in rows}), answers, view)
    return dict(zip(answers, labels.tolist(), strict=True))


def vectors_of_queries(database: Database, space: EmbeddingSpace, query_keys: Sequence[str]) -> dict[str, Floats]:
    """Query → its vector."""
    names: dict[str, Any] = {"property": space.vector_property, "dimension": space.dimension}
    rows = [
        row for batch in _batches(query_keys) for row in database.query(cypher("read/queries"), keys=batch, **names)
    ]
    vectors = _from_vectors([row["embedding"] for row in rows], space.dimension)
    return dict(zip((row["key"] for row in rows), vectors, strict=True))


def vectors_of_answers(database: Database, space: EmbeddingSpace, answer_keys: Sequence[str]) -> dict[str, Floats]:
    """Answer → its vector."""
    name = space.vector_property
    rows = [
        row
        for batch in _batches(answer_keys)
        for row in database.query(cypher("read/answers"), keys=batch, property=name)
    ]
    vectors = _from_bytes([row["embedding"] for row in rows], space.dimension)
    return dict(zip((row["key"] for row in rows), vectors, strict=True))


def clusters(database: Database, space: EmbeddingSpace, query_keys: Sequence[str]) -> list[list[str]]:
    """Stored queries among the given ones, in near-duplicate clusters, each sorted by key."""
    rows: list[dict[str, Any]] = []
    for batch in _batches(query_keys):
        rows += database.query(cypher("read/query_texts"), keys=batch)
    row_of_query = {row["key"]: position for position, row in enumerate(rows)}
    edges = database.query(
        cypher("read/similar_edges"), keys=list(row_of_query), space=space.vector_property, least=None
    )
    similar, scores = _edge_columns(edges, row_of_query)
    members: dict[int, list[str]] = {}
    for key, cluster in zip(
        row_of_query, near_duplicate_clusters([row["text"] for row in rows], similar, scores), strict=True
    ):
        members.setdefault(int(cluster), []).append(key)
    return [sorted(cluster) for cluster in members.values()]


def labels_of(database: Database, snapshot: Snapshot, view: LabelView) -> Floats:
    """[rollouts] labels in force on the snapshot's rollouts under a view, NaN where there is none."""
    answers = (snapshot.answer_same_as[row] for row in snapshot.rollout_answer)
    return _labels(database, snapshot.query_keys, dict(zip(snapshot.rollout_keys, answers, strict=True)), view)


def near_duplicate_clusters(query_texts: Sequence[str], similar: Ints, scores: Floats) -> Ints:
    """[queries] number of the cluster that each query belongs to: same text, or joined by cosine ≥ .99."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first: dict[str, int] = {}
    same = [(first.setdefault(" ".join(text.split()), row), row) for row, text in enumerate(query_texts)]
    near = similar[:, scores >= NEAR_DUPLICATE]
    pairs = np.concatenate([np.array(same, np.int64).reshape(-1, 2).T, near], axis=1)
    joined = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(len(query_texts), len(query_texts)))
    return np.asarray(connected_components(joined, directed=False)[1], np.int64)


def _labels(database: Database, query_keys: Sequence[str], answer_of: Mapping[str, str], view: LabelView) -> Floats:
    labels = [label for batch in _batches(query_keys) for label in read_labels(database, batch, view)]
    in_force = labels_in_force(labels, answer_of)
    return np.array([in_force.get(key, np.nan) for key in answer_of], np.float32)


def _batches(keys: Sequence[str]) -> Iterable[list[str]]:
    return (list(keys[start : start + _BATCH]) for start in range(0, len(keys), _BATCH))


def _read_rollouts(
    database: Database,
    vectors: str | None,
    query_keys: Sequence[str],
    limit: int,
    view: LabelView,
    group: Group | None = None,
) -> list[dict[str, Any]]:
    place: dict[str, Any] = {
        "run": group and group.run,
        "attempt": group and group.attempt,
        "call": group and group.call,
    }
    rows = []
    for batch in _batches(query_keys):
        rows += database.query(
            cypher("read/rollouts"),
            keys=batch,
            property=vectors,
            checks=CHECKS_PROPERTY,
            limit=limit,
            **view_parameters(view),
            **place,
        )
    return sorted(rows, key=lambda row: (row["query"], row["key"]))


def _read_experience(
    database: Database,
    vectors: str | None,
    query_keys: Sequence[str],
    group: Group,
    as_of: datetime | None,
    most: int,
) -> list[dict[str, Any]]:
    """At most `most` rollouts of each query that are not of the group, as rows that nobody asked for."""
    earlier: dict[str, list[Earlier]] = {}
    for batch in _batches(query_keys):
        for row in database.query(
            cypher("read/experience"),
            keys=batch,
            run=group.run,
            attempt=group.attempt,
            call=group.call,
            as_of=as_of,
            limit=LOOKED_AT * most,
        ):
            moment = (row["run"], row["attempt"], row["step"], row["call"])
            earlier.setdefault(row["query"], []).append(Earlier(row["key"], row["position"], moment))
    chosen = [key for rollouts in earlier.values() for key in recent_and_diverse(rollouts, most)]
    rows = [
        row
        for batch in _batches(chosen)
        for row in database.query(cypher("read/rollouts_by_key"), keys=batch, property=vectors, checks=CHECKS_PROPERTY)
    ]
    return [{**row, "asked": False} for row in rows]


def _assemble(
    database: Database,
    space: EmbeddingSpace,
    query_keys: Sequence[str],
    targets: int,
    rollouts: Sequence[dict[str, Any]],
    view: LabelView,
    *,
    similar: bool = True,
    vectors: bool = True,
) -> Snapshot:
    """Columns of these queries and rollouts, with the similarity edges among the queries and the vectors or without."""
    dimension = space.dimension if vectors else 0
    stored = space.vector_property if vectors else None
    queries: dict[str, dict[str, Any]] = {}
    for batch in _batches(query_keys):
        rows = database.query(cypher("read/queries"), keys=batch, property=stored, dimension=space.dimension)
        queries.update((row["key"], row) for row in rows)
    present = [key for key in query_keys if key in queries]
    row_of_query = {key: row for row, key in enumerate(present)}
    rollouts = [row for row in rollouts if row["query"] in row_of_query]

    answer_query = {row["answer"]: row["query"] for row in rollouts}
    answers: dict[str, dict[str, Any]] = {}
    for batch in _batches(sorted(answer_query)):
        rows = database.query(cypher("read/answers"), keys=batch, property=stored)
        answers.update((row["key"], row) for row in rows)
    answer_keys = sorted(answers, key=lambda key: (row_of_query[answer_query[key]], key))
    row_of_answer = {key: row for row, key in enumerate(answer_keys)}

    among: dict[str, Any] = {"keys": present, "space": space.vector_property, "least": None}
    edges = database.query(cypher("read/similar_edges"), **among) if similar else []
    pairs, similar_scores = _edge_columns(edges, row_of_query)
    texts = [queries[key]["text"] for key in present]
    clusters = near_duplicate_clusters(texts, pairs, similar_scores)

    rollout_keys = [row["key"] for row in rollouts]
    stands = (row["same_as"] for row in rollouts)
    labels = _labels(database, present, dict(zip(rollout_keys, stands, strict=True)), view)

    groups: dict[tuple[Any, ...], int] = {}
    feature_names, features = _features(rollouts, answers)

    return Snapshot(
        space=space.key,
        query_keys=present,
        query_domains=[queries[key]["domain"] for key in present],
        query_texts=texts,
        query_embeddings=_from_vectors([queries[key]["embedding"] for key in present], dimension),
        query_clusters=clusters,
        query_targets=np.arange(len(present)) < targets,
        rollout_keys=rollout_keys,
        rollout_query=np.array([row_of_query[row["query"]] for row in rollouts], np.int64),
        rollout_answer=np.array([row_of_answer[row["answer"]] for row in rollouts], np.int64),
        rollout_group=np.array(
            [
                groups.setdefault((row["query"], row["run"], row["attempt"], row["call"]), len(groups))
                for row in rollouts
            ],
            np.int64,
        ),
        rollout_asked=np.array([row.get("asked", True) for row in rollouts], np.bool_),
        rollout_order=_ranks([(row["position"], row["key"]) for row in rollouts]),
        rollout_policies=[row["policy"] or "" for row in rollouts],
        thinking_embeddings=_from_bytes([row["embedding"] for row in rollouts], dimension),
        feature_names=feature_names,
        rollout_features=features,
        answer_keys=answer_keys,
        answer_query=np.array([row_of_query[answer_query[key]] for key in answer_keys], np.int64),
        answer_values=[answers[key]["value"] for key in answer_keys],
        answer_written=[answers[key]["written"] or "" for key in answer_keys],
        answer_same_as=[answers[key]["same_as"] for key in answer_keys],
        answer_class=_classes(
            (answer_query[key], answers[key]["behaviour"] or answers[key]["same_as"]) for key in answer_keys
        ),
        answer_valid=np.array([answers[key]["valid"] for key in answer_keys], np.bool_),
        answer_embeddings=_from_bytes([answers[key]["embedding"] for key in answer_keys], dimension),
        similar=pairs,
        similar_scores=similar_scores,
        labels=labels,
    )


def _features(
    rollouts: Sequence[Mapping[str, Any]], answers: Mapping[str, Mapping[str, Any]]
) -> tuple[list[str], Floats]:
    """Names, and [rollouts, features]: those that came with the rollouts, then the label-free checks; NaN for none."""
    given = sorted({name for row in rollouts for name, _ in row["features"]})
    of_answer = {"check_behaviour_examples": "examples", "check_behaviour_runs": "runs"}  # column → field of the answer
    names = [*given, *CHECK_FEATURES, *of_answer]
    column = {name: position for position, name in enumerate(names)}
    checks = slice(len(given), len(given) + len(CHECK_FEATURES))
    features = np.full((len(rollouts), len(names)), np.nan, np.float32)
    for position, row in enumerate(rollouts):
        for name, value in row["features"]:
            features[position, column[name]] = value
        if row["checks"] is not None:
            features[position, checks] = np.frombuffer(row["checks"], "<f4")
        for name, field in of_answer.items():
            if answers[row["answer"]][field] is not None:
                features[position, column[name]] = answers[row["answer"]][field]
    return names, features


def _classes(marks: Iterable[Hashable]) -> Ints:
    """A number for each mark, the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(mark, len(numbers)) for mark in marks], np.int64)


def _ranks(marks: Sequence[tuple[str, str]]) -> Ints:
    """[marks] place of each among the distinct ones, in their order."""
    place = {mark: number for number, mark in enumerate(sorted(set(marks)))}
    return np.array([place[mark] for mark in marks], np.int64)


def _edge_columns(rows: Sequence[Mapping[str, Any]], row_of_query: Mapping[str, int]) -> tuple[Ints, Floats]:
    """[2, edges] of (neighbour, query) rows and [edges] cosines, in a fixed order."""
    edges = sorted((row_of_query[row["neighbour"]], row_of_query[row["query"]], row["score"]) for row in rows)
    pairs = np.array([edge[:2] for edge in edges], np.int64).reshape(-1, 2).T
    return pairs, np.array([edge[2] for edge in edges], np.float32)


def _from_bytes(values: Sequence[bytes | None], dimension: int) -> Floats:
    """[len(values), dimension] from float32 bytes, in one copy; dimension 0 where vectors were not asked for."""
    if not dimension:
        return np.zeros((len(values), 0), np.float32)
    return np.frombuffer(b"".join(_all_there(values)), np.float32).reshape(len(values), dimension)


def _from_vectors(values: Sequence[Vector | None], dimension: int) -> Floats:
    """[len(values), dimension] from the driver's vectors, which hold big-endian bytes; dimension 0 as above."""
    if not dimension:
        return np.zeros((len(values), 0), np.float32)
    return (
        np.frombuffer(b"".join(value.raw() for value in _all_there(values)), ">f4")
        .reshape(-1, dimension)
        .astype(np.float32)
    )


def _all_there(values: Sequence[Value | None]) -> list[Value]:
    there = [value for value in values if value is not None]
    if len(there) < len(values):
        raise EmbeddingSpaceError(
            f"{len(values) - len(there)} nodes have no vector in the embedding space that this memory was opened with: they wait for "
            "it (`Memory.embed`), the memory was moved to another space meanwhile (open it again), or "
            "`memreward reembed` with its model has to embed them"
        )
    return there
