"""PyG's loaders on a memory that stays in Neo4j: the same batches as from a snapshot, within bounds, from any process."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from neo4j import ManagedTransaction
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.loader import NeighborLoader, NodeLoader
from torch_geometric.nn import HeteroConv, SAGEConv
from torch_geometric.sampler import HeteroSamplerOutput, NodeSamplerInput

from memgraph import DatabaseSampler, LabelRow, LabelView, Memory, RemoteBackend, Rollout, to_hetero
from memgraph.errors import EmbeddingSpaceError, InputError, MemRewardError, ReadOnlyError
from memgraph.labels.view import DEFAULT_VIEW, Purpose
from memgraph.models.graph_data import EDGE_TYPES
from memgraph.snapshot.snapshot import Snapshot
from memgraph.store.cypher import cypher
from tests.conftest import write_rows
from tests.integration.rollouts import sums

SIMILAR, GENERATES, REASONING, LEADS, REV_LEADS, COMPETES = EDGE_TYPES
FULL = [-1, -1]


@pytest.fixture
def stored(memory: Memory, tmp_path: Path) -> Memory:
    """Two groups of each of 14 queries, half of them labelled, with answers that rollouts share."""
    file = write_rows(tmp_path / "r.jsonl", [{**row, "run": "ab"[n % 2]} for n, row in enumerate(sums(14, rollouts=6))])
    memory.import_file(file)
    memory.reveal(file, budget=0.5)
    return memory


def loader(backend: RemoteBackend, seeds: Any, node_type: str = "thinking", **options: Any) -> NodeLoader:
    options = {"batch_size": 8, **options}
    return NodeLoader(backend[:2], node_sampler=backend.sampler, input_nodes=(node_type, seeds), **options)


def batch_of(backend: RemoteBackend, seeds: Tensor, node_type: str = "thinking", **options: Any) -> HeteroData:
    return next(iter(loader(backend, seeds, node_type, batch_size=len(seeds), **options)))


class InMemory:
    """The whole graph of a snapshot, and batches of it as PyG's NeighborLoader makes them with all neighbours (it needs pyg-lib)."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot, self.data = snapshot, to_hetero(snapshot)
        keys = (snapshot.query_keys, snapshot.rollout_keys, snapshot.answer_keys)
        self.keys = dict(zip(("query", "thinking", "answer"), keys, strict=True))

    def batch(self, node_type: str, seeds: Tensor, hops: int = 2) -> HeteroData:
        nodes = {name: [] for name in self.keys} | {node_type: seeds.tolist()}
        edges: dict[Any, list[tuple[int, int]]] = {edge: [] for edge in EDGE_TYPES}
        frontier = {name: set(ids) for name, ids in nodes.items()}
        for _ in range(hops):
            found = {
                edge: [pair for pair in self.data[edge].edge_index.T.tolist() if pair[1] in frontier[edge[2]]]
                for edge in EDGE_TYPES
            }
            frontier = {name: set() for name in nodes}
            for edge, pairs in found.items():
                edges[edge] += [(source, target) for source, target in pairs]
                new = [source for source, _ in pairs if source not in nodes[edge[0]]]
                nodes[edge[0]] += dict.fromkeys(new)
                frontier[edge[0]] |= set(new)
        batch = HeteroData()
        for name, ids in nodes.items():
            index = torch.tensor(ids, dtype=torch.long)
            batch[name].n_id = index
            for attribute, values in self.data[name].items():
                batch[name][attribute] = values[index]
        for edge, pairs in edges.items():
            places = [[nodes[edge[0]].index(source), nodes[edge[2]].index(target)] for source, target in pairs]
            batch[edge].edge_index = torch.tensor(places, dtype=torch.long).reshape(-1, 2).T
        batch[node_type].batch_size = len(seeds)
        return batch


def key_pairs(batch: HeteroData, edge: Any, keys: dict[str, list[str]]) -> list[tuple[str, str]]:
    source, target = batch[edge].edge_index.tolist()
    first, second = batch[edge[0]].n_id.tolist(), batch[edge[2]].n_id.tolist()
    return [(keys[edge[0]][first[a]], keys[edge[2]][second[b]]) for a, b in zip(source, target, strict=True)]


def test_ids_are_the_rows_of_the_whole_snapshot(stored: Memory) -> None:
    backend, local = stored.remote_backend(), InMemory(stored.snapshot(DEFAULT_VIEW))
    for node_type, keys in local.keys.items():
        everything = torch.arange(len(keys))
        assert backend.keys(node_type, everything) == keys
        assert torch.equal(backend.ids(node_type, keys), everything)
        for attribute, values in local.data[node_type].items():
            remote = backend.feature_store.get_tensor(node_type, attribute, None)
            assert torch.equal(remote.nan_to_num(nan=-1), values.nan_to_num(nan=-1)), (node_type, attribute)
            assert backend.feature_store.get_tensor_size(node_type, attribute) == tuple(values.shape)
    for edge in EDGE_TYPES:
        remote, own = torch.stack(backend.graph_store.get_edge_index(edge, "coo")), local.data[edge].edge_index
        assert sorted(remote.T.tolist()) == sorted(own.T.tolist())


@pytest.mark.parametrize("node_type", ["thinking", "query", "answer"])
def test_with_all_neighbours_a_batch_is_that_of_the_snapshot(stored: Memory, node_type: str) -> None:
    backend, local = stored.remote_backend(num_neighbors=FULL), InMemory(stored.snapshot(DEFAULT_VIEW))
    seeds = torch.tensor([3, 0, 7])
    batch = batch_of(backend, seeds, node_type, transform=backend.add_scores)
    wanted = local.batch(node_type, seeds)
    assert batch[node_type].n_id[:3].tolist() == [3, 0, 7]
    assert batch[node_type].batch_size == 3
    for name in local.keys:
        order, other = batch[name].n_id.argsort(), wanted[name].n_id.argsort()
        assert torch.equal(batch[name].n_id[order], wanted[name].n_id[other])
        assert set(local.data[name].keys()) <= set(batch[name].keys())
        for attribute in local.data[name].keys():  # noqa: SIM118
            remote, own = batch[name][attribute][order], wanted[name][attribute][other]
            assert torch.equal(remote.nan_to_num(nan=-1), own.nan_to_num(nan=-1)), (name, attribute)
    for edge in EDGE_TYPES:
        assert sorted(key_pairs(batch, edge, local.keys)) == sorted(key_pairs(wanted, edge, local.keys)), edge
        assert sum(batch[edge].num_sampled_edges) == batch[edge].edge_index.shape[1]
    snapshot = local.snapshot
    scores = {
        (snapshot.query_keys[one], snapshot.query_keys[other]): score
        for (source, target), score in zip(snapshot.similar.T, snapshot.similar_scores.tolist(), strict=True)
        for one, other in ((source, target), (target, source))
    }
    pairs = key_pairs(batch, SIMILAR, local.keys)
    assert pairs or node_type == "answer"  # from an answer the way to similar queries is longer
    attached = batch[SIMILAR].edge_attr
    assert attached.shape == (len(pairs), 1)
    assert attached[:, 0].tolist() == pytest.approx([scores[pair] for pair in pairs], abs=1e-6)
    assert "edge_attr" not in batch_of(backend, seeds, node_type)[SIMILAR], "without the transform there are none"


class Network(nn.Module):
    """Somebody's own: two rounds of messages, then a probability for each rollout asked for."""

    def __init__(self, dimension: int, features: int) -> None:
        super().__init__()
        self.votes = nn.Linear(features, 8)
        sizes = {"query": dimension, "thinking": dimension + 8, "answer": dimension}
        self.first = HeteroConv({edge: SAGEConv((sizes[edge[0]], sizes[edge[2]]), 8) for edge in EDGE_TYPES})
        self.second = HeteroConv({edge: SAGEConv(8, 8) for edge in EDGE_TYPES})
        self.last = nn.Linear(8, 1)

    def forward(self, batch: HeteroData) -> Tensor:
        states = batch.x_dict
        states["thinking"] = torch.cat([states["thinking"], self.votes(batch["thinking"].features)], dim=1)
        states = {name: state.relu() for name, state in self.first(states, batch.edge_index_dict).items()}
        states = self.second(states, batch.edge_index_dict)
        return self.last(states["thinking"])[: batch["thinking"].batch_size, 0]


def trained(batches: Iterator[HeteroData], dimension: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = Network(dimension, 7)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for batch in batches:
        optimiser.zero_grad()
        target = batch["thinking"].y[: batch["thinking"].batch_size]
        nn.functional.binary_cross_entropy_with_logits(network(batch), target).backward()
        optimiser.step()
    return network.state_dict()


def test_a_network_trained_on_either_is_the_same(stored: Memory) -> None:
    backend, local = stored.remote_backend(num_neighbors=FULL), InMemory(stored.snapshot(DEFAULT_VIEW))
    labels = backend.feature_store.get_tensor("thinking", "y", None)
    seeds = (~labels.isnan()).nonzero()[:, 0]
    assert len(seeds) == 42
    remote = trained(iter(loader(backend, seeds)), stored.space.dimension)
    own = trained((local.batch("thinking", part) for part in seeds.split(8)), stored.space.dimension)
    for name, value in own.items():
        assert torch.allclose(remote[name], value, atol=1e-5, rtol=0), name
    moved = trained(iter([]), stored.space.dimension)
    assert any((moved[name] - value).abs().max() > 1e-3 for name, value in own.items())


def degrees(batch: HeteroData, edge: Any) -> list[int]:
    return torch.bincount(batch[edge].edge_index[1], minlength=1).tolist()


def test_limits_hold_and_a_seed_says_which(stored: Memory) -> None:
    backend, everything = stored.remote_backend(num_neighbors=[2, 1], seed=1), stored.remote_backend(num_neighbors=FULL)
    seeds = torch.arange(8)
    batch, full = batch_of(backend, seeds, "query"), batch_of(everything, seeds, "query")
    for edge in EDGE_TYPES:
        sources, targets = (set(full[edge[0]].n_id.tolist()), set(full[edge[2]].n_id.tolist()))
        assert set(batch[edge[0]].n_id.tolist()) <= sources | set(seeds.tolist())
        assert set(batch[edge[2]].n_id.tolist()) <= targets | set(seeds.tolist())
        assert max(degrees(batch, edge)) <= 2
    assert max(degrees(batch, SIMILAR)) == max(degrees(batch, REASONING)) == 2
    again, other = batch_of(backend, seeds, "query"), batch_of(replaced(backend, seed=2), seeds, "query")
    for edge in EDGE_TYPES:
        assert torch.equal(batch[edge].edge_index, again[edge].edge_index)
    assert batch["thinking"].n_id.tolist() == again["thinking"].n_id.tolist() != other["thinking"].n_id.tolist()
    alone = batch_of(backend, seeds[:1], "query")
    first = {pair for pair in zip(*named(batch, REASONING), strict=True) if pair[1] == 0}
    assert first == {pair for pair in zip(*named(alone, REASONING), strict=True) if pair[1] == 0}


def named(batch: HeteroData, edge: Any) -> tuple[list[int], list[int]]:
    source, target = batch[edge].edge_index
    return batch[edge[0]].n_id[source].tolist(), batch[edge[2]].n_id[target].tolist()


def replaced(backend: RemoteBackend, num_neighbors: Any = (2, 1), seed: int = 0) -> RemoteBackend:
    return backend._replace(sampler=DatabaseSampler(backend.graph_store, num_neighbors, seed=seed))


def test_each_neighbour_is_as_likely(stored: Memory) -> None:
    store = stored.remote_backend().graph_store
    drawn = np.zeros(6)
    for seed in range(120):
        drawn[store.sample_neighbors({"query": np.array([4])}, {REASONING: 2}, seed=seed)[REASONING][0] - 24] += 1
    assert drawn.sum() == 240
    assert drawn.min() > 20, "40 are expected, give or take 5"


@pytest.mark.parametrize("name", ["sampled_neighbours", "rollouts_of_groups"])
def test_nodes_are_found_by_their_keys(stored: Memory, name: str) -> None:
    nodes = stored.remote_backend().graph_store.nodes
    keys = {node_type: nodes[node_type].keys(np.arange(3)) for node_type in nodes}
    asked = {edge[1]: {"keys": keys[edge[2]], "limit": 2} for edge in EDGE_TYPES}
    names = {"property": "x", "checks": "y", "space": "x", "first": 1, "second": 1, "keys": keys["thinking"]}

    def operators(plan: dict[str, Any]) -> list[str]:
        return [plan["operatorType"], *(name for child in plan.get("children", ()) for name in operators(child))]

    def explain(tx: ManagedTransaction) -> list[str]:
        return operators(tx.run(f"EXPLAIN {cypher(f'read/{name}')}", {**names, **asked}).consume().plan)

    # The planner counts nodes by its indexes' samples: before the first of them, the graph is empty to it, and a scan costs nothing.
    stored.database.execute_read(lambda tx: tx.run("CALL db.prepareForReplanning(60)").consume())
    found = stored.database.execute_read(explain)
    assert any("UniqueIndexSeek" in one for one in found)
    assert [one for one in found if "Scan" in one] == [], "the cost of a hop would grow with the memory"


def test_types_of_edges_can_be_chosen(stored: Memory) -> None:
    backend = replaced(stored.remote_backend(), {GENERATES: [1, 0], SIMILAR: [0, 3]})
    batch = batch_of(backend, torch.tensor([0, 9]))
    counts = {edge: batch[edge].edge_index.shape[1] for edge in EDGE_TYPES}
    assert counts[GENERATES] == 2
    assert 3 <= counts[SIMILAR] <= 6
    assert counts[REASONING] == counts[LEADS] == counts[REV_LEADS] == counts[COMPETES] == 0
    queries = batch_of(replaced(backend, {SIMILAR: [2]}), torch.tensor([0]), "query")
    assert queries["query"].x.shape == (3, stored.space.dimension)
    assert queries["thinking"].x.shape == (0, stored.space.dimension)
    assert queries["thinking"].features.shape == (0, 7)
    assert queries["answer"].x.shape == (0, stored.space.dimension)


def test_repeated_seeds_each_get_their_neighbours(stored: Memory) -> None:
    batch = batch_of(stored.remote_backend(num_neighbors=FULL), torch.tensor([5, 5, 6]))
    assert batch["thinking"].n_id[:3].tolist() == [5, 5, 6]
    source, target = batch[REV_LEADS].edge_index
    assert source[target == 0].tolist() == source[target == 1].tolist() != []


def test_neighbor_loader_takes_the_sampler(stored: Memory) -> None:
    backend = stored.remote_backend(num_neighbors=[4])
    loader = NeighborLoader(
        backend[:2], num_neighbors=[4], neighbor_sampler=backend.sampler, input_nodes="thinking", batch_size=50
    )
    ids = torch.cat([batch["thinking"].n_id[: batch["thinking"].batch_size] for batch in loader])
    assert ids.tolist() == list(range(84))


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_open_their_own_connections(stored: Memory, context: str) -> None:
    backend = stored.remote_backend(num_neighbors=[3, 2])
    seeds = torch.arange(20)
    alone = list(loader(backend, seeds, transform=backend.add_scores))
    shared = list(loader(backend, seeds, transform=backend.add_scores, num_workers=2, multiprocessing_context=context))
    assert len(alone) == len(shared) == 3
    for one, other in zip(alone, shared, strict=True):
        assert torch.equal(one["thinking"].x, other["thinking"].x)
        for edge in EDGE_TYPES:
            assert torch.equal(one[edge].edge_index, other[edge].edge_index)
    assert len(stored.snapshot(DEFAULT_VIEW).query_keys) == 14, "the parent's connection goes on"


def test_no_password_is_shown_or_logged(stored: Memory, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = pickle.loads(pickle.dumps(stored.remote_backend()))
    batch_of(backend, torch.arange(3))
    secret = stored.database.endpoint.password.get_secret_value()
    assert secret not in repr(backend) + caplog.text
    assert "DatabaseFeatureStore" in repr(backend)


def test_labels_outside_the_view_change_nothing(stored: Memory) -> None:
    view = LabelView(ledgers=("default",))
    backend = stored.remote_backend(view, num_neighbors=FULL)
    seeds = torch.arange(84)
    before = batch_of(backend, seeds, transform=backend.add_scores)
    whole = backend.feature_store.get_tensor("thinking", "y", None)
    assert 0 < before["thinking"].y.isnan().sum() < 84
    poison(stored)
    for again in (backend, stored.remote_backend(view, num_neighbors=FULL)):
        after = batch_of(again, seeds, transform=again.add_scores)
        assert torch.equal(
            again.feature_store.get_tensor("thinking", "y", None).nan_to_num(nan=-1), whole.nan_to_num(nan=-1)
        )
        for store, other in zip(before.stores, after.stores, strict=True):
            assert set(store.keys()) == set(other.keys())
            for name, value in store.items():
                if isinstance(value, Tensor):
                    assert torch.equal(value.nan_to_num(nan=-1), other[name].nan_to_num(nan=-1)), name
    seen = stored.remote_backend(replace(view, ledgers=("poison",)))
    assert not torch.equal(
        seen.feature_store.get_tensor("thinking", "y", None).nan_to_num(nan=-1), whole.nan_to_num(nan=-1)
    )


def poison(memory: Memory) -> None:
    """Labels of another ledger on every answer, and of the same one for watching, all of them wrong."""
    answers = memory.database.query("MATCH (a:Answer) RETURN a.key AS key")
    rows = [LabelRow(0.25, author="Mallory", answer_key=row["key"]) for row in answers]
    assert memory.label(rows, ledger="poison", budget=1000).labels == len(answers)
    unpaid = memory.database.query(
        "MATCH (q:Query)-[:GENERATES]->(a:Answer) "
        "WHERE NOT EXISTS { MATCH (:Ledger {name: 'default'})-[:REVEALED]->(q) } RETURN a.key AS key"
    )
    rows = [LabelRow(1.0, author="Mallory", answer_key=row["key"]) for row in unpaid]
    assert memory.label(rows, ledger="default", budget=1000, purpose=Purpose.MONITOR).labels == len(unpaid)


def test_what_is_stored_later_is_left_out(stored: Memory) -> None:
    backend = stored.remote_backend(num_neighbors=FULL)
    before = batch_of(backend, torch.arange(14), "query")
    query = stored.database.query("MATCH (q:Query) RETURN q.text AS text ORDER BY q.key LIMIT 1")[0]["text"]
    stored.add([Rollout(query, "#### 1", dataset="sums", domain="math"), Rollout("another?", "#### 2", domain="math")])
    after = batch_of(backend, torch.arange(14), "query")
    assert after["thinking"].n_id.tolist() == before["thinking"].n_id.tolist()
    assert len(stored.remote_backend().graph_store.nodes["thinking"]) == 86


def test_what_is_removed_is_said(stored: Memory) -> None:
    backend = stored.remote_backend()
    stored.database.query("MATCH (t:Thinking {run: 'a'}) DETACH DELETE t", write=True)
    with pytest.raises(InputError, match=r"thinking nodes were removed since this backend was opened; open it again"):
        batch_of(backend, torch.arange(10))


def test_errors_say_what_to_do(stored: Memory) -> None:
    backend = stored.remote_backend()
    with pytest.raises(InputError, match=r"no nodes of the type 'rollout'; there are query, thinking, answer"):
        batch_of(backend, torch.arange(2), "rollout")
    with pytest.raises(InputError, match=r"no nodes of the type 'rollout'; there are"):
        backend.ids("rollout", [])
    with pytest.raises(InputError, match=r"1 of 1 keys are no thinking nodes .* import them"):
        backend.ids("thinking", ["ab" * 32])
    with pytest.raises(
        InputError, match=r"1 of 2 keys are no thinking nodes of this backend, the first is 'my rollout'"
    ):
        backend.ids("thinking", [*backend.keys("thinking", torch.tensor([0])), "my rollout"])
    with pytest.raises(InputError, match=r"the ids of query nodes go from 0 to 13, found 14 to 14"):
        batch_of(backend, torch.tensor([14]), "query")
    with pytest.raises(InputError, match=r"no features 'gold' of 'query'; there are query: x"):
        backend.feature_store.get_tensor("query", "gold", None)
    with pytest.raises(InputError, match=r"num_neighbors names the edges \[\('a', 'b', 'c'\)\]; there are"):
        DatabaseSampler(backend.graph_store, {("a", "b", "c"): [1]})
    for wrong in ([-2], {SIMILAR: [1], LEADS: [1, 1]}):
        with pytest.raises(InputError, match=r"two hops of at most 8 are \[8, 8\]"):
            stored.remote_backend(num_neighbors=wrong)
    with pytest.raises(ReadOnlyError, match=r"`Memory\.add`"):
        backend.feature_store.put_tensor(torch.zeros(1), "query", "x", None)
    with pytest.raises(InputError, match="as_of"):
        backend.sampler.sample_from_nodes(NodeSamplerInput(None, torch.tensor([0]), torch.tensor([1]), "query"))


def test_an_empty_memory_has_nothing_to_sample(memory: Memory) -> None:
    with pytest.raises(MemRewardError, match="holds no rollouts to sample from; import some first"):
        memory.remote_backend()


def test_a_memory_that_is_only_read_can_be_sampled(stored: Memory) -> None:
    with Memory.open(stored.settings, read_only=True) as memory:
        stored.database.query("MATCH (t:Thinking) WITH t LIMIT 1 SET t:Unembedded", write=True)
        with pytest.raises(EmbeddingSpaceError, match=r"wait for their vectors: call `Memory\.embed`"):
            memory.remote_backend()
        stored.embed()
        backend = memory.remote_backend()
        index = NodeSamplerInput(None, torch.tensor([0]), None, "query")
        assert isinstance(backend.sampler.sample_from_nodes(index), HeteroSamplerOutput)
