"""Scores queries in bounded pieces and writes back what is new: each prediction with its model and its reason.

A query's score does not depend on which others are scored beside it, so a memory that is scored piece by piece, now and
later, holds what scoring all of it at once would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memgraph.labels.in_force import labels_in_force, read_labels
from memgraph.labels.view import LabelView
from memgraph.models.reward_model import RewardModel
from memgraph.models.scores import DEFAULT_SCORER, Scores
from memgraph.progress import Progress, silent
from memgraph.scoring.changes import note_pass, number_changes
from memgraph.scoring.predictions import key_of_registered, prediction_key, write_prediction_rows
from memgraph.scoring.scope import EVERYTHING, Scope
from memgraph.scoring.stale import Dependencies, dependencies, view_key
from memgraph.snapshot import read
from memgraph.store.cypher import cypher
from memgraph.store.store import Store

SAME = 1e-6  # scores that differ by no more are one score
_QUERIES, _ROLLOUTS = 200, 8000  # of a piece, at most


@dataclass(frozen=True, slots=True)
class ScoringSummary:
    """What a scoring pass did; `mean` is of the scores, None without any."""

    queries: int
    scored: int
    abstained: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class ScoredRollout:
    """One rollout of a query that was scored, and its reward before and after: the label in force, else the prediction.

    Attributes:
        group: run, attempt, reward call and query that it was sampled for; None for rollouts that came otherwise.
        predicted: whether it was scored now.
        score: what the model says now; None where it abstains or was not asked.
        before, after: None where it had, or has, no reward.
    """

    rollout: str
    query: str
    group: tuple[str, int, int, str] | None
    predicted: bool
    score: float | None
    before: float | None
    after: float | None


def score_memory(
    store: Store,
    model: RewardModel,
    view: LabelView,
    *,
    confidence: float = 0.5,
    scope: Scope = EVERYTHING,
    progress: Progress = silent,
) -> ScoringSummary:
    """Score all rollouts that have no label under the view, whether or not anything has changed.

    Args:
        scope: the rollouts that are scored.
        confidence: below this probability of its verdict (½..1) a rollout is left without a score.
    """
    queries = abstained = 0
    scored: list[float] = []
    registered, changes = key_of_registered(model), number_changes(store.database)
    keys, done = scope.queries(store), 0
    for piece in pieces(dependencies(store, registered, view, keys)):
        rewarded = score_piece(store, model, view, piece, confidence=confidence, scope=scope)
        queries += sum(reading.open for reading in piece)
        abstained += sum(rollout.predicted and rollout.score is None for rollout in rewarded)
        scored += [rollout.score for rollout in rewarded if rollout.score is not None]
        done += len(piece)
        progress(done, len(keys))
    note_pass(store.database, registered, view, scope, changes)
    return ScoringSummary(queries, len(scored), abstained, float(np.mean(scored)) if scored else None)


def pieces(queries: Iterable[Dependencies]) -> Iterator[list[Dependencies]]:
    """Readings in pieces that fit in memory."""
    piece: list[Dependencies] = []
    rollouts = 0
    for query in queries:
        size = min(query.rollouts, read.NeighbourhoodLimits().target_rollouts)
        if piece and (len(piece) == _QUERIES or rollouts + size > _ROLLOUTS):
            yield piece
            piece, rollouts = [], 0
        piece.append(query)
        rollouts += size
    if piece:
        yield piece


def score_piece(
    store: Store,
    model: RewardModel,
    view: LabelView,
    piece: Sequence[Dependencies],
    *,
    confidence: float = 0.5,
    scope: Scope = EVERYTHING,
    write: bool = True,
) -> list[ScoredRollout]:
    """Score the rollouts without a label of some queries; write the scores that are new, and what was read for them.

    Killed in between, the queries count as not scored, and the next pass scores them again. So do queries with rollouts of
    runs that are out of scope.
    """
    keys, registered = [query.key for query in piece], key_of_registered(model)
    read_at = store.database.query(cypher("read/now"))[0]["now"]
    rows = store.database.query(cypher("read/scores"), keys=keys, model=registered)
    outside = {row["query"] for row in rows if scope.runs and row["run"] not in scope.runs}
    rows = [row for row in rows if not scope.runs or row["run"] in scope.runs]
    labels = read_labels(store.database, keys, view)
    answer_of = {row["rollout"]: row["answer"] for row in rows}
    in_force = labels_in_force(labels, answer_of)
    scored_at = {query.key: query.scored_at for query in piece}
    query_of = {row[name]: row["query"] for row in rows for name in ("rollout", "answer")}
    earlier = [
        label
        for label in labels
        if label.target in query_of
        and ((at := scored_at[query_of[label.target]]) is None or label.created_at <= at.to_native())
    ]
    in_force_before = labels_in_force(earlier, answer_of)
    predicted = predict(store, model, view, piece, confidence=confidence)
    reason = {query.key: query.reason for query in piece}

    rewarded, new = [], []
    for row in rows:
        rollout, (own_key, own) = row["rollout"], row["own"] or (None, None)
        newest_model, newest = row["newest"] or (None, None)
        label = in_force.get(rollout)
        asked = label is None and rollout in predicted
        score = predicted.get(rollout) if asked else None
        # what another model said meanwhile is in force: then this one says its own once more
        if asked and (_is_news(score, own) or (own_key is not None and newest_model != registered)):
            key = prediction_key(DEFAULT_SCORER, rollout, registered, score, own_key)
            new.append({"key": key, "target": rollout, "score": score, "reason": reason[row["query"]]})
        rewarded.append(
            ScoredRollout(
                rollout,
                row["query"],
                None if row["call"] is None else (row["run"], row["attempt"], row["call"], row["query"]),
                asked,
                score,
                in_force_before.get(rollout, newest),
                label if label is not None else score if asked else own,
            )
        )
    if write:
        write_prediction_rows(store, new, scorer=DEFAULT_SCORER, model=registered)
        read = [
            {"key": query.key, "structure": query.structure, "labels": query.labels, "at": read_at}
            for query in piece
            if query.key not in outside
        ]
        store.database.query(cypher("write/dependencies"), write=True, model=registered, view=view_key(view), rows=read)
    return rewarded


def predict(
    store: Store, model: RewardModel, view: LabelView, piece: Sequence[Dependencies], *, confidence: float = 0.5
) -> dict[str, float | None]:
    """Rollout key → score by the model, None where it abstains: of all rollouts of the queries that are not wholly labelled."""
    keys = [query.key for query in piece if query.open]
    snapshot = read.subgraph(store.database, store.space, keys, view, neighbours=False, vectors=False)
    scores = Scores.of(snapshot, model.predict(snapshot), source=DEFAULT_SCORER).above(confidence)
    return {
        snapshot.rollout_keys[row]: None if np.isnan(score) else float(score)
        for row, score in zip(scores.rollout_rows, scores.probability, strict=True)
    }


def _is_news(score: float | None, stored: float | None) -> bool:
    return (score is None) != (stored is None) or (score is not None and abs(score - (stored or 0)) > SAME)


def count_queries(store: Store) -> int:
    """How many queries the memory holds."""
    return int(store.database.query(cypher("read/query_count"))[0]["queries"])
