"""PyG's remote backend on a memory: features and edges stay in Neo4j, and neighbours are sampled there.

The graph is that of `memgraph.models.graph_data.to_hetero` on the whole snapshot, with the same types, features and ids. A batch takes
one round trip for each hop, and a few for the features of what was sampled. PyG's stock sampler would read all edges first, and
needs pyg-lib; `DatabaseSampler` stands in its place. Names follow the database backends proposed in PyG (#10673, #10690).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import EdgeAttr, FeatureStore, GraphStore, HeteroData, TensorAttr
from torch_geometric.sampler import BaseSampler, EdgeSamplerInput, HeteroSamplerOutput, NodeSamplerInput

from memgraph.errors import EmbeddingSpaceError, InputError, ReadOnlyError
from memgraph.labels.view import LabelView
from memgraph.models.consensus import FEATURES, consensus_features
from memgraph.models.graph_data import EDGE_TYPES, nearest_others
from memgraph.snapshot import read
from memgraph.snapshot.remote import ALL, EdgeType, NodeKeys, NumNeighbors, read_nodes, sample_neighbours
from memgraph.snapshot.snapshot import Ints
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.spaces import EmbeddingSpace

Nodes = Mapping[str, NodeKeys]
NodeColumns = dict[str, NDArray[Any]]

ATTRIBUTES = {"query": ("x",), "thinking": ("x", "features", "query", "answer", "y"), "answer": ("x",)}
_SIMILAR, *_, _COMPETES = EDGE_TYPES
_AT_ONCE = 4096  # nodes, where all of a type are read


class DatabaseFeatureStore(FeatureStore):
    """Features of nodes, read as they are asked for.

    `x` is [nodes, dimension] of each type. Rollouts (`thinking`) have `features`, [nodes, 7] votes of their group, `query` and
    `answer`, the ids of their neighbours, and `y`, the label in force under the view, 0..1, NaN where there is none.
    """

    def __init__(self, database: Database, space: EmbeddingSpace, nodes: Nodes, view: LabelView) -> None:
        super().__init__()
        self._database, self._space, self._nodes, self._view = database, space, nodes, view

    def get_all_tensor_attrs(self) -> list[TensorAttr]:
        """Every type of node with every name."""
        return [TensorAttr(node_type, name) for node_type, names in ATTRIBUTES.items() for name in names]

    def _get_tensor(self, attr: TensorAttr) -> Tensor:
        return self._multi_get_tensor([attr])[0]

    def _multi_get_tensor(self, attrs: list[TensorAttr]) -> list[Tensor]:
        """All names of one type are read together."""
        asked: dict[tuple[str, int], list[TensorAttr]] = {}
        for attr in attrs:
            if attr.attr_name not in ATTRIBUTES.get(attr.group_name, ()):
                known = "; ".join(f"{node_type}: {', '.join(names)}" for node_type, names in ATTRIBUTES.items())
                raise InputError(f"there are no features {attr.attr_name!r} of {attr.group_name!r}; there are {known}")
            asked.setdefault((attr.group_name, id(attr.index)), []).append(attr)
        tensors: dict[int, Tensor] = {}
        for (node_type, _), same in asked.items():
            rows = _rows(same[0].index, len(self._nodes[node_type]))
            columns = self._read_all(node_type, [attr.attr_name for attr in same], rows)
            tensors |= {id(attr): torch.from_numpy(columns[attr.attr_name]) for attr in same}
        return [tensors[id(attr)] for attr in attrs]

    def _read_all(self, node_type: str, names: Sequence[str], rows: Ints) -> NodeColumns:
        parts = [
            self._read(node_type, names, rows[start : start + _AT_ONCE])
            for start in range(0, max(1, len(rows)), _AT_ONCE)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def _read(self, node_type: str, names: Sequence[str], rows: Ints) -> NodeColumns:
        keys = self._nodes[node_type].keys(rows)
        if node_type == "thinking":
            return self._labels(keys) if set(names) == {"y"} else self._rollouts(keys)
        vectors_of = read.vectors_of_queries if node_type == "query" else read.vectors_of_answers
        found = vectors_of(self._database, self._space, keys)
        _require_all(keys, found, node_type)
        return {"x": np.array([found[key] for key in keys], np.float32).reshape(-1, self._space.dimension)}

    def _labels(self, keys: Sequence[str]) -> NodeColumns:
        found = read.labels_of_rollouts(self._database, keys, self._view)
        _require_all(keys, found, "thinking")
        return {"y": np.array([found[key] for key in keys], np.float32)}

    def _rollouts(self, keys: Sequence[str]) -> NodeColumns:
        """Votes need whole groups, so these are read."""
        snapshot = read.groups_of(self._database, self._space, keys, self._view)
        row_of = {key: row for row, key in enumerate(snapshot.rollout_keys)}
        _require_all(keys, row_of, "thinking")
        rows = np.array([row_of[key] for key in keys], np.int64)
        answers = self._nodes["answer"].rows(snapshot.answer_keys)[snapshot.rollout_answer[rows]]
        if (answers < 0).any():
            raise InputError("answers were read again since this backend was opened; open it again")
        return {
            "x": snapshot.thinking_embeddings[rows],
            "features": consensus_features(snapshot)[rows],
            "query": self._nodes["query"].rows(snapshot.query_keys)[snapshot.rollout_query[rows]],
            "answer": answers,
            "y": snapshot.labels[rows],
        }

    def _get_tensor_size(self, attr: TensorAttr) -> tuple[int, ...]:
        width = {"x": (self._space.dimension,), "features": (len(FEATURES),)}.get(attr.attr_name, ())
        return (len(self._nodes[attr.group_name]), *width)

    def _put_tensor(self, tensor: Any, attr: TensorAttr) -> bool:
        raise _only_read()

    def _remove_tensor(self, attr: TensorAttr) -> bool:
        raise _only_read()


class DatabaseGraphStore(GraphStore):
    """Edges by ids of nodes; `sample_neighbors` asks for some of them."""

    def __init__(self, database: Database, space: EmbeddingSpace, nodes: Nodes) -> None:
        super().__init__()
        self._database, self._space, self.nodes = database, space, nodes

    def get_all_edge_attrs(self) -> list[EdgeAttr]:
        """Every type of edge."""
        size = {node_type: len(keys) for node_type, keys in self.nodes.items()}
        return [EdgeAttr(edge, "coo", size=(size[edge[0]], size[edge[2]])) for edge in EDGE_TYPES]

    def sample_neighbors(
        self, nodes: Mapping[str, Ints], limits: Mapping[EdgeType, int], *, seed: int = 0
    ) -> dict[EdgeType, Ints]:
        """Type of edge → [2, edges] to these nodes, in order of target and source; one round trip.

        Args:
            nodes: type → ids of the nodes that messages go to.
            limits: type of edge → most edges to each of them, -1 for all. Competitors are the nearest ones, others are drawn.
            seed: of the draw.
        """
        wanted: dict[str, tuple[list[str], int]] = {}
        for edge_type in EDGE_TYPES:
            _, relation, target = edge_type
            limit = limits.get(edge_type, 0)
            rows = np.unique(nodes[target]) if limit and target in nodes else np.zeros(0, np.int64)
            wanted[relation] = (self.nodes[target].keys(rows), ALL if limit < 0 else limit)
        ends: dict[str, tuple[list[str], list[str]]] = {relation: ([], []) for relation in wanted}
        if any(keys for keys, _ in wanted.values()):
            found = sample_neighbours(self._database, self._space, wanted, seed=seed)
            for relation, node, neighbours in found.of:
                ends[relation][0].extend(neighbours)
                ends[relation][1].extend([node] * len(neighbours))
            asked, most = wanted[_COMPETES[1]]
            asked_for = set(asked)
            for group, of_group in found.groups:
                known = self.nodes[_COMPETES[2]].rows(group) >= 0
                keys, vectors = [key for key, there in zip(group, known, strict=True) if there], of_group[known]
                for key, nearest in zip(keys, nearest_others(vectors)[:, :most], strict=True):
                    if key in asked_for:
                        ends[_COMPETES[1]][0].extend(keys[other] for other in nearest)
                        ends[_COMPETES[1]][1].extend([key] * len(nearest))
        return {edge_type: self._edges(edge_type, *ends[edge_type[1]]) for edge_type in EDGE_TYPES}

    def _edges(self, edge_type: EdgeType, sources: Sequence[str], targets: Sequence[str]) -> Ints:
        """[2, edges] ids, without nodes that were stored after the backend was opened."""
        source, target = self.nodes[edge_type[0]].rows(sources), self.nodes[edge_type[2]].rows(targets)
        edges = np.stack([source, target])[:, source >= 0]
        return edges[:, np.lexsort(edges)]

    def _get_edge_index(self, edge_attr: EdgeAttr) -> tuple[Tensor, Tensor] | None:
        """All edges of a type, for what cannot do with fewer."""
        if edge_attr.layout.value != "coo" or edge_attr.edge_type not in EDGE_TYPES:
            return None
        target = edge_attr.edge_type[2]
        rows = np.arange(len(self.nodes[target]))
        parts = [
            self.sample_neighbors({target: rows[start : start + _AT_ONCE]}, {edge_attr.edge_type: -1})
            for start in range(0, len(rows), _AT_ONCE)
        ]
        source, target = torch.from_numpy(np.concatenate([part[edge_attr.edge_type] for part in parts], axis=1))
        return source, target

    def _put_edge_index(self, edge_index: Any, edge_attr: EdgeAttr) -> bool:
        raise _only_read()

    def _remove_edge_index(self, edge_attr: EdgeAttr) -> bool:
        raise _only_read()


class DatabaseSampler(BaseSampler):
    """Samples hop by hop in the database, for `NodeLoader(node_sampler=…)` or `NeighborLoader(neighbor_sampler=…)`.

    Which neighbours a node has depends on its key, theirs and `seed` alone: neither on the batch nor on the process. Set
    another seed before an epoch to draw others.

    Args:
        num_neighbors: for each hop at most so many neighbours of a node by each type of edge, -1 for all; or such a list for
            each type of edge to follow.

    Raises:
        InputError: for numbers or types of edges that there are not.
    """

    def __init__(self, graph_store: DatabaseGraphStore, num_neighbors: NumNeighbors, *, seed: int = 0) -> None:
        self.graph_store, self.num_neighbors, self.seed = graph_store, num_neighbors, seed
        by_type = (
            num_neighbors if isinstance(num_neighbors, Mapping) else dict.fromkeys(EDGE_TYPES, tuple(num_neighbors))
        )
        if unknown := [edge for edge in by_type if edge not in EDGE_TYPES]:
            raise InputError(f"num_neighbors names the edges {unknown}; there are {', '.join(map(str, EDGE_TYPES))}")
        lengths = {len(numbers) for numbers in by_type.values()}
        if len(lengths) != 1 or min(min(numbers, default=0) for numbers in by_type.values()) < -1:
            raise InputError(
                f"num_neighbors {num_neighbors} is no number for each hop (-1 for all neighbours), the same hops for each type; "
                "two hops of at most 8 are [8, 8]"
            )
        self._limits = [{edge: numbers[hop] for edge, numbers in by_type.items()} for hop in range(next(iter(lengths)))]

    def sample_from_nodes(self, index: NodeSamplerInput, **kwargs: Any) -> HeteroSamplerOutput:
        """The seeds first, then what each hop found; edges to the nodes that the hop before found."""
        nodes = self.graph_store.nodes
        if index.input_type not in nodes:
            raise InputError(f"there are no nodes of the type {index.input_type!r}; there are {', '.join(nodes)}")
        if index.time is not None:
            raise InputError("input_time is not followed here; a LabelView with as_of bounds the labels by time")
        found = _Found(nodes, index.input_type, index.node.tolist())
        for limits in self._limits:
            edges = self.graph_store.sample_neighbors(found.frontier(), limits, seed=self.seed)
            found.add(edges)
        return found.output(metadata=(index.input_id, index.time))

    def sample_from_edges(self, index: EdgeSamplerInput, neg_sampling: Any = None) -> HeteroSamplerOutput:
        """Not offered: rewards are those of nodes."""
        raise NotImplementedError("DatabaseSampler samples around nodes; use NodeLoader or NeighborLoader with it")


class _Found:
    """Nodes and edges of a batch as they are found; each node has a place among those of its type, repeated seeds several."""

    def __init__(self, nodes: Nodes, input_type: str, seeds: Sequence[int]) -> None:
        self._ids: dict[str, list[int]] = {node_type: [] for node_type in nodes}
        self._places: dict[str, dict[int, list[int]]] = {node_type: {} for node_type in nodes}
        self._ends: dict[EdgeType, tuple[list[int], list[int]]] = {edge: ([], []) for edge in EDGE_TYPES}
        self._new_nodes: dict[str, list[int]] = {node_type: [] for node_type in nodes}
        self._new_edges: dict[EdgeType, list[int]] = {edge: [] for edge in EDGE_TYPES}
        for seed in seeds:
            self._places[input_type].setdefault(seed, []).append(len(self._ids[input_type]))
            self._ids[input_type].append(seed)
        self._count_nodes()

    def _count_nodes(self) -> None:
        for node_type, counts in self._new_nodes.items():
            counts.append(len(self._ids[node_type]) - sum(counts))

    def frontier(self) -> dict[str, Ints]:
        """Type → ids of the nodes found last."""
        return {
            node_type: np.array(ids[len(ids) - self._new_nodes[node_type][-1] :], np.int64)
            for node_type, ids in self._ids.items()
        }

    def add(self, edges: Mapping[EdgeType, Ints]) -> None:
        """One hop."""
        for edge_type in EDGE_TYPES:
            sources, targets = self._ends[edge_type]
            ids, places = self._ids[edge_type[0]], self._places[edge_type[0]]
            before = len(sources)
            for source, target in edges[edge_type].T.tolist():
                if source not in places:
                    places[source] = [len(ids)]
                    ids.append(source)
                for place in self._places[edge_type[2]][target]:
                    sources.append(places[source][0])
                    targets.append(place)
            self._new_edges[edge_type].append(len(sources) - before)
        self._count_nodes()

    def output(self, metadata: tuple[Tensor | None, Tensor | None]) -> HeteroSamplerOutput:
        """As PyG's loaders take it; edges have no ids of their own."""
        return HeteroSamplerOutput(
            node={node_type: torch.tensor(ids, dtype=torch.long) for node_type, ids in self._ids.items()},
            row={edge: torch.tensor(ends[0], dtype=torch.long) for edge, ends in self._ends.items()},
            col={edge: torch.tensor(ends[1], dtype=torch.long) for edge, ends in self._ends.items()},
            edge=dict.fromkeys(EDGE_TYPES),
            num_sampled_nodes=self._new_nodes,
            num_sampled_edges=self._new_edges,
            metadata=metadata,
        )


class RemoteBackend(NamedTuple):
    """What PyG's loaders take: `NodeLoader(backend[:2], node_sampler=backend.sampler, input_nodes=("thinking", ids))`.

    It can be pickled, so workers may be forked or spawned. Each opens a connection of its own.
    """

    feature_store: DatabaseFeatureStore
    graph_store: DatabaseGraphStore
    sampler: DatabaseSampler

    @classmethod
    def open(
        cls, database: Database, space: EmbeddingSpace, view: LabelView, num_neighbors: NumNeighbors, *, seed: int = 0
    ) -> Self:
        """Read which nodes there are; those that are stored later are not seen.

        Raises:
            InputError: if the memory is empty, or for numbers of neighbours that there are not.
            EmbeddingSpaceError: if rollouts wait for their vectors.
        """
        if database.query(cypher("read/unembedded"), keys=None, limit=1):
            raise EmbeddingSpaceError(
                "rollouts or answers of this memory wait for their vectors: call `Memory.embed` where it is opened to be written, and "
                "open the backend again"
            )
        nodes = read_nodes(database)
        graph_store = DatabaseGraphStore(database, space, nodes)
        sampler = DatabaseSampler(graph_store, num_neighbors, seed=seed)
        return cls(DatabaseFeatureStore(database, space, nodes, view), graph_store, sampler)

    def ids(self, node_type: str, keys: Sequence[str]) -> Tensor:
        """Ids of nodes by their keys.

        Raises:
            InputError: for keys that are not stored, or were not when the backend was opened.
        """
        rows = self._keys(node_type).rows(keys)
        if (rows < 0).any():
            missing = [key for key, row in zip(keys, rows, strict=True) if row < 0]
            raise InputError(
                f"{len(missing)} of {len(keys)} keys are no {node_type} nodes of this backend, the first is {missing[0]!r}; "
                "import them, and open the backend again where they were stored after it was opened"
            )
        return torch.from_numpy(rows)

    def keys(self, node_type: str, ids: Tensor) -> list[str]:
        """Keys of nodes by their ids, for instance a batch's `n_id`."""
        return self._keys(node_type).keys(ids.numpy())

    def _keys(self, node_type: str) -> NodeKeys:
        nodes = self.graph_store.nodes
        if node_type not in nodes:
            raise InputError(f"there are no nodes of the type {node_type!r}; there are {', '.join(nodes)}")
        return nodes[node_type]

    @staticmethod
    def add_scores(batch: HeteroData) -> HeteroData:
        """A loader's `transform`: puts [edges, 1] cosines on `similar_to`, which PyG's remote backends do not carry (pyg#9566).

        They are computed from the vectors at both ends, which the stored ones are as well.
        """
        source, target = (batch["query"].x[end] for end in batch[_SIMILAR].edge_index)
        batch[_SIMILAR].edge_attr = torch.cosine_similarity(source, target)[:, None]
        return batch


def _rows(index: Any, count: int) -> Ints:
    """Ids that an index of PyG means: None and slices, masks, ids."""
    if index is None or isinstance(index, slice):
        return np.arange(count)[index or slice(None)]
    given = np.asarray(index)
    return np.flatnonzero(given) if given.dtype == np.bool_ else given.astype(np.int64)


def _require_all(keys: Sequence[str], found: Mapping[str, Any], node_type: str) -> None:
    if missing := len({key for key in keys if key not in found}):
        raise InputError(
            f"{missing} of {len(keys)} {node_type} nodes were removed since this backend was opened; open it again"
        )


def _only_read() -> ReadOnlyError:
    return ReadOnlyError(
        "this would write to the memory through PyG, which only reads; write with `Memory.add` or `Memory.label`"
    )
