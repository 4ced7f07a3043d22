"""What PyG's remote backend asks the database: which nodes there are, and a sample of the neighbours of some.

Nodes are numbered as in the whole snapshot: a query, rollout or answer has the row that `memgraph.snapshot.read.snapshot` gives it.
Only keys are held, 40 bytes a node. Vectors, texts and edges stay in the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memgraph.errors import EmbeddingSpaceError, InputError
from memgraph.snapshot.snapshot import Floats, Ints
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace

EdgeType = tuple[str, str, str]
NumNeighbors = Sequence[int] | Mapping[EdgeType, Sequence[int]]
"""For each hop the most neighbours of a node, -1 for all; or that for each type of edge."""

ALL = 2**31 - 1
_PRIME = 2**31 - 1  # as in cypher/read/sampled_neighbours.cypher
_BYTES = 32
_KEY = re.compile("[0-9a-f]{64}")


class NodeKeys:
    """The keys of one type of node, by row; they are sha256, of which the bytes are kept."""

    def __init__(self, node_type: str, keys: bytes) -> None:
        self.node_type = node_type
        self._keys = np.frombuffer(keys, f"S{_BYTES}")
        self._order = np.argsort(self._keys, kind="stable")

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self, rows: Ints) -> list[str]:
        """Keys of some rows.

        Raises:
            InputError: for a row that there is not.
        """
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise InputError(
                f"the ids of {self.node_type} nodes go from 0 to {len(self) - 1}, found {rows.min()} to {rows.max()}; ask "
                "`ids` of the remote backend for the ids of keys"
            )
        text = self._keys[rows].tobytes().hex()
        return [text[start : start + 2 * _BYTES] for start in range(0, len(text), 2 * _BYTES)]

    def rows(self, keys: Sequence[str]) -> Ints:
        """[keys] rows, -1 for keys that are not there."""
        if not len(self) or not keys:
            return np.full(len(keys), -1, np.int64)
        given = b"".join(bytes.fromhex(key) if _KEY.fullmatch(key) else bytes(_BYTES) for key in keys)
        wanted = np.frombuffer(given, f"S{_BYTES}")
        place = np.searchsorted(self._keys, wanted, sorter=self._order).clip(max=len(self) - 1)
        rows = self._order[place]
        return np.where(self._keys[rows] == wanted, rows, -1)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Where messages to some nodes come from.

    Attributes:
        of: (relation, node, its neighbours), by keys; of competes_with none.
        groups: rollouts that were sampled together, keys in order and vectors [rollouts, dimension].
    """

    of: Sequence[tuple[str, str, Sequence[str]]]
    groups: Sequence[tuple[Sequence[str], Floats]]


def read_nodes(database: Database) -> dict[str, NodeKeys]:
    """Type of node → its keys, in the order of the whole snapshot.

    Raises:
        InputError: if the memory is empty.
    """
    found = {name: bytearray() for name in ("query", "thinking", "answer")}
    for row in database.stream(cypher("read/node_keys")):
        found["query"] += bytes.fromhex(row["query"])
        found["thinking"] += bytes.fromhex("".join(rollout for rollout, _ in row["rollouts"]))
        found["answer"] += bytes.fromhex("".join(sorted({answer for _, answer in row["rollouts"]})))
    if not found["thinking"]:
        raise InputError("this memory holds no rollouts to sample from; import some first with `memreward import`")
    return {name: NodeKeys(name, bytes(keys)) for name, keys in found.items()}


def sample_neighbours(
    database: Database, space: EmbeddingSpace, wanted: Mapping[str, tuple[Sequence[str], int]], *, seed: int
) -> Neighbours:
    """One round trip: of each relation the neighbours of some nodes, at most so many of each.

    Args:
        wanted: relation → keys of the nodes, and the limit.
        seed: decides, with the keys of both ends alone, which ones these are.

    Raises:
        EmbeddingSpaceError: if rollouts have no vector of the space.
    """
    first, second = (int(number) for number in np.random.default_rng(seed).integers(1, _PRIME, 2))
    asked: dict[str, Any] = {name: {"keys": list(keys), "limit": limit} for name, (keys, limit) in wanted.items()}
    rows = database.query(
        cypher("read/sampled_neighbours"), space=space.vector_property, first=first, second=second, **asked
    )
    if missing := sum(len(row["neighbours"]) - len(row["vectors"]) for row in rows if row["node"] is None):
        raise EmbeddingSpaceError(
            f"{missing} rollouts have no vector of the space {space.key[:12]}; they came since this backend was "
            "opened, or the space was switched: open it again"
        )
    return Neighbours(
        [(row["relation"], row["node"], row["neighbours"]) for row in rows if row["node"] is not None],
        [
            (row["neighbours"], np.frombuffer(b"".join(row["vectors"]), np.float32).reshape(-1, space.dimension))
            for row in rows
            if row["node"] is None
        ],
    )
