"""What a score reads, and whether that has changed since the score was made.

A score reads its query's rollouts, and the labels in force on them. Nothing else moves it; what the model learned is fixed
when it is fitted. Both are kept as digests with the model that read them, `(:RewardModel)-[:READ]->(:Query)`. A query is
affected when either differs now: by a label, a correction, a label taken over from another ledger, or new rollouts. Looking
needs no vectors and no model.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neo4j.time import DateTime

from memgraph.labels.in_force import labels_in_force, read_labels, view_parameters
from memgraph.labels.view import LabelView
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.keys import key_of
from memgraph.store.store import Store

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the scores of one query read now, and what they read when they were made.

    Attributes:
        rollouts, labelled: how many it has, and how many of them have a label.
        structure, labels: digests.
        scored_on: (structure, labels) when it was last scored; None if it never was.
        scored_at: when that was read.
    """

    key: str
    rollouts: int
    labelled: int
    structure: str
    labels: str
    scored_on: tuple[str, str] | None
    scored_at: DateTime | None

    @property
    def affected(self) -> bool:
        """Whether its scores may differ from what is stored."""
        return self.scored_on != (self.structure, self.labels)

    @property
    def open(self) -> bool:
        """Whether it has rollouts to score."""
        return self.labelled < self.rollouts

    @property
    def reason(self) -> str:
        """Why it is scored now."""
        if self.scored_on is None:
            return "first score by this model"
        if self.scored_on[0] != self.structure:
            return "rollouts changed"
        return "labels changed" if self.affected else "scored again"


def view_key(view: LabelView) -> str:
    """Key of a view: what was read under one view says nothing about another."""
    return key_of("view", json.dumps(view_parameters(view), sort_keys=True, default=str))


def dependencies(store: Store, model: str, view: LabelView, query_keys: Sequence[str]) -> Iterator[Dependencies]:
    """Of some queries, those that are still stored, in their order, page by page.

    Args:
        model: key of the registered reward model.
    """
    for start in range(0, len(query_keys), _PAGE):
        keys = query_keys[start : start + _PAGE]
        page = store.database.query(cypher("read/dependencies"), keys=keys, model=model, view=view_key(view))
        labels = labels_by_query(store.database, keys, view)
        yield from (_dependencies(row, labels.get(row["key"], {})) for row in page)


def labels_by_query(database: Database, query_keys: Sequence[str], view: LabelView) -> dict[str, dict[str, float]]:
    """Query key → rollout key → label in force; queries without a label are not among them."""
    labels = read_labels(database, query_keys, view)
    targets = sorted({label.target for label in labels})
    rows = database.query(cypher("read/rollouts_of_labels"), keys=targets) if targets else []
    in_force = labels_in_force(labels, {row["rollout"]: row["answer"] for row in rows})
    by_query: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row["rollout"] in in_force:
            by_query[row["query"]][row["rollout"]] = in_force[row["rollout"]]
    return by_query


def _dependencies(row: Mapping[str, Any], labels: Mapping[str, float]) -> Dependencies:
    return Dependencies(
        row["key"],
        row["rollouts"],
        len(labels),
        _digest(*(str(row[name]) for name in ("rollouts", "newest", "unobserved", "joined"))),
        _digest(*(f"{rollout} {label}" for rollout, label in sorted(labels.items()))),
        None if row["labels"] is None else (row["structure"], row["labels"]),
        row["at"],
    )


def _digest(*parts: str) -> str:
    """Of parts without line breaks; one call of the hash, since there is one for every query of the memory."""
    return key_of("reach", "\n".join(parts))  # as in stored digests: with another word each would look changed
