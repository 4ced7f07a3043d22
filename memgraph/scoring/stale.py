"""What a score reads, and whether that has changed since the score was made.

A score reads its query's rollouts, the queries around it (its own neighbours and those that list it, within `NeighbourhoodLimits`
them), and of each of these the labelled rollouts that `cypher/read/rollouts.cypher` chooses, with the labels in force. Nothing
else moves it; what the model learned is fixed when it is fitted.

    query ──► structure: its rollouts, the queries around it
          └─► labels: what the queries around it offer, and its own

Both are kept as digests with the model that read them, `(:RewardModel)-[:READ]->(:Query)`. A query is affected when either
differs now: by a label, a correction, a label taken over from another ledger, new rollouts or new neighbours alike. Looking
needs no vectors and no model.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from neo4j.time import DateTime

from memgraph.labels.in_force import labels_in_force, read_labels, view_parameters
from memgraph.labels.view import LabelView
from memgraph.snapshot.read import NEAR_DUPLICATE, NeighbourhoodLimits
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.keys import key_of
from memgraph.store.spaces import EmbeddingSpace
from memgraph.store.store import Store

_PAGE = 1000
_LIMITS = NeighbourhoodLimits()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a query offers to the scores around it.

    Attributes:
        labels: digest of its rollouts that may be read, with their labels; "" where there are none.
        labelled: how many of its rollouts have a label.
        near: digest of its near-duplicates, which count when it lies around another query.
    """

    labels: str = ""
    labelled: int = 0
    near: str = ""


_NOTHING = Contribution()


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the scores of one query read now, and what they read when they were made.

    Attributes:
        rollouts, labelled: how many it has, and how many of them have a label.
        structure, labels: digests.
        known: (structure, labels) when it was last scored; None if it never was.
        known_at: when that was read.
    """

    key: str
    rollouts: int
    labelled: int
    structure: str
    labels: str
    known: tuple[str, str] | None
    known_at: DateTime | None

    @property
    def affected(self) -> bool:
        """Whether its scores may differ from what is stored."""
        return self.known != (self.structure, self.labels)

    @property
    def open(self) -> bool:
        """Whether it has rollouts to score."""
        return self.labelled < self.rollouts

    @property
    def reason(self) -> str:
        """Why it is scored now."""
        if self.known is None:
            return "first score by this model"
        if self.known[0] != self.structure:
            return "rollouts or neighbours changed"
        return "labels changed" if self.affected else "scored again"


def view_key(view: LabelView) -> str:
    """Key of a view: what was read under one view says nothing about another."""
    return key_of("view", json.dumps(view_parameters(view), sort_keys=True, default=str))


def dependencies(
    store: Store, model: str, view: LabelView, *, within: Collection[str] | None = None
) -> Iterator[Dependencies]:
    """All queries of the memory, or those within some keys, in order of key, page by page.

    Besides a page, what each labelled query offers is held in memory (some 200 bytes each).

    Args:
        model: key of the registered reward model.
        within: keys of the queries that are looked at; None for all.
    """
    database, space = store.database, store.space
    known = contributions(database, space, view)
    wanted: dict[str, Any] = {"limit": _PAGE, "incoming": _LIMITS.incoming, "space": space.vector_property}
    wanted |= {"model": model, "view": view_key(view), "within": None if within is None else sorted(within)}
    after = ""
    while page := database.query(cypher("read/dependencies"), after=after, **wanted):
        yield from (_dependencies(row, known) for row in page)
        after = page[-1]["key"]


def contributions(database: Database, space: EmbeddingSpace, view: LabelView) -> dict[str, Contribution]:
    """What each query offers to the scores around it; queries that offer nothing are not among them."""
    seen = view_parameters(view)
    found = {
        row["key"]: Contribution(near=_digest(*row["near"]))
        for row in database.query(
            cypher("read/near_lists"),
            space=space.vector_property,
            least=NEAR_DUPLICATE,
        )
    }
    keys = database.query(cypher("read/labelled_queries"), **seen)
    for start in range(0, len(keys), _PAGE):
        batch = [row["key"] for row in keys[start : start + _PAGE]]
        rows = database.query(cypher("read/contributions"), keys=batch, rollouts=_LIMITS.rollouts, **seen)
        labels = read_labels(database, [row["key"] for row in rows if row["labelled"]], view)
        in_force = labels_in_force(labels, {rollout: answer for row in rows for rollout, answer in row["rollouts"]})
        for row in rows:
            said = [f"{rollout} {in_force.get(rollout)}" for rollout, _ in row["rollouts"]]
            near = found.get(row["key"], _NOTHING).near
            found[row["key"]] = Contribution(_digest(*said) if said else "", row["labelled"], near)
    return found


def _dependencies(row: Mapping[str, Any], known: Mapping[str, Contribution]) -> Dependencies:
    own = known.get(row["key"], _NOTHING)
    around = sorted(set(row["around"])) if own.labelled < row["rollouts"] else []
    offered = [(key, known.get(key, _NOTHING)) for key in around]
    grown = (str(row[name]) for name in ("rollouts", "newest", "unobserved"))
    return Dependencies(
        row["key"],
        row["rollouts"],
        own.labelled,
        _digest(*grown, *(f"{key} {other.near}" for key, other in offered)),
        _digest(own.labels, *(f"{key} {other.labels}" for key, other in offered if other.labels)),
        None if row["labels"] is None else (row["structure"], row["labels"]),
        row["at"],
    )


def _digest(*parts: str) -> str:
    """Of parts without line breaks; one call of the hash, since there is one for every query of the memory."""
    return key_of("reach", "\n".join(parts))
