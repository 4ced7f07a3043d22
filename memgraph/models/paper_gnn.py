"""MemReward's model as the paper and its published code describe it, kept for comparison (arXiv 2603.19310).

Two layers of GATv2 over query, thinking and answer nodes, a dot product of query and response, answer features for maths
only, no labels among the inputs, one answer node a rollout. Narrower than there (64 instead of 512) so that it fits on a
CPU. `messages` says which way the similarity edges carry:

    published   from a query to its neighbours, so that the memory never informs the query that is scored
    corrected   from the neighbours to the query, labels that may be seen are inputs, and equal answers are one node
"""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch_geometric.data import HeteroData
from torch_geometric.nn import GATv2Conv, HeteroConv

from memgraph.domains import Domains
from memgraph.models.consensus import FEATURES, consensus_features
from memgraph.models.graph_data import EDGE_TYPES, LABEL_INPUTS, set_labels, to_hetero
from memgraph.snapshot.snapshot import Bools, Floats, Snapshot, hide_clusters

Messages = Literal["published", "corrected"]
_ANSWER_FEATURES = ("magnitude", "valid", "majority")
_CHECK_EVERY, _PATIENCE = 5, 4
_HIDDEN_SHARE = 0.4


class PaperGNN(nn.Module):
    """Logit of being right for every rollout; `hidden` is the width of all states."""

    def __init__(self, dimension: int, *, hidden: int = 64, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict(
            {name: nn.Linear(dimension + LABEL_INPUTS, hidden) for name in ("query", "thinking", "answer")}
        )
        self.answer_features = nn.Sequential(
            nn.Linear(len(_ANSWER_FEATURES), hidden), nn.ReLU(), nn.Linear(hidden, hidden)
        )
        self.layers = nn.ModuleList(
            HeteroConv(
                {
                    edge: GATv2Conv(
                        hidden if edge[0] == edge[2] else (hidden, hidden),
                        hidden // heads,
                        heads=heads,
                        dropout=dropout,
                        add_self_loops=edge[1] == "similar_to",
                    )
                    for edge in EDGE_TYPES
                },
                aggr="mean",
            )
            for _ in range(2)
        )
        self.query_head = nn.Sequential(nn.Linear(hidden, hidden), nn.LayerNorm(hidden))
        self.response_head = nn.Sequential(nn.Linear(3 * hidden, hidden), nn.LayerNorm(hidden))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, data: HeteroData) -> Tensor:
        """[rollouts] logits."""
        states = {
            name: layer(torch.cat([data[name].x, data[name].labels], dim=1)) for name, layer in self.inputs.items()
        }
        for layer in self.layers:
            states = {name: torch.relu(state) for name, state in layer(states, data.edge_index_dict).items()}
        features = self.answer_features(data["thinking"].features)
        response = torch.cat([states["thinking"], states["answer"][data["thinking"].answer], features], dim=1)
        query = self.query_head(states["query"])[data["thinking"].query]
        match = (query * self.response_head(response)).sum(dim=1) / query.shape[1] ** 0.5
        return cast(Tensor, match + self.bias)


def fit_paper_gnn(snapshot: Snapshot, *, messages: Messages, seed: int, epochs: int = 100) -> PaperGNN:
    """Fit on the labelled queries; a fifth of them is held out for early stopping, as nothing else may be looked at."""
    rng = np.random.default_rng(seed)
    clusters = np.unique(snapshot.query_clusters[snapshot.labelled_queries])
    held_out = rng.permutation(clusters)[: max(1, len(clusters) // 5)]
    training = np.setdiff1d(clusters, held_out)
    cluster = snapshot.query_clusters[snapshot.rollout_query]
    labelled = ~np.isnan(snapshot.labels)
    check_rows = torch.from_numpy(np.flatnonzero(labelled & np.isin(cluster, held_out)))
    target = torch.from_numpy(np.nan_to_num(snapshot.labels))
    data = paper_graph(snapshot, messages)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = PaperGNN(snapshot.query_embeddings.shape[1])
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        best, best_state, since = np.inf, network.state_dict(), 0
        for epoch in range(1, epochs + 1):
            hidden = training
            if messages == "corrected":
                hidden = rng.permutation(training)[: max(1, round(_HIDDEN_SHARE * len(training)))]
                show_labels(data, snapshot, np.isin(snapshot.query_clusters, np.union1d(hidden, held_out)))
            rows = torch.from_numpy(np.flatnonzero(labelled & np.isin(cluster, hidden)))
            network.train()
            optimiser.zero_grad()
            binary_cross_entropy_with_logits(network(data)[rows], target[rows]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if epoch % _CHECK_EVERY or not len(check_rows):
                continue
            if messages == "corrected":
                show_labels(data, snapshot, np.isin(snapshot.query_clusters, held_out))
            network.eval()
            with torch.inference_mode():
                error = float(binary_cross_entropy_with_logits(network(data)[check_rows], target[check_rows]))
            if error < best:
                best, since = error, 0
                best_state = {name: value.clone() for name, value in network.state_dict().items()}
            else:
                since += 1
            if since >= _PATIENCE:
                break
        network.load_state_dict(best_state)
    return network.eval()


def predict_paper_gnn(network: PaperGNN, snapshot: Snapshot, messages: Messages) -> Floats:
    """[target rollouts] probability of being right."""
    data = paper_graph(snapshot, messages)
    if messages == "corrected":
        show_labels(data, snapshot, snapshot.query_targets)
    with torch.inference_mode():
        probability: Floats = torch.sigmoid(network(data)).numpy()[snapshot.target_rollouts]
    return probability


def paper_graph(snapshot: Snapshot, messages: Messages) -> HeteroData:
    """The graph without labels; equal answers of a query are one node only in the corrected form."""
    if messages == "published":
        snapshot = snapshot.with_own_answers()
    data = to_hetero(snapshot)
    similar = snapshot.similar[::-1] if messages == "published" else snapshot.similar
    data["query", "similar_to", "query"].edge_index = torch.from_numpy(np.ascontiguousarray(similar, np.int64))
    columns = [FEATURES.index(name) for name in _ANSWER_FEATURES]
    domains = Domains()
    maths = np.array([domains[name].kind == "calculation" for name in snapshot.query_domains])[snapshot.rollout_query]
    features = consensus_features(snapshot)[:, columns] * maths[:, None]
    data["thinking"].features = torch.from_numpy(features.astype(np.float32))
    set_labels(data, np.full_like(snapshot.labels, np.nan))
    return data


def show_labels(data: HeteroData, snapshot: Snapshot, hidden: Bools) -> None:
    """Show the labels as inputs, without those of some queries and their near-duplicates."""
    set_labels(data, hide_clusters(snapshot, hidden))
