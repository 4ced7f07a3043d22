"""MemReward's graph neural network, with the memory's messages reaching the rollouts that are scored.

Two layers of GATv2 attention over query, thinking and answer nodes, then a scaled dot product of the query with its
response (arXiv 2603.19310, §3). Beyond the paper: labels that may be seen are inputs, equal answers are one node, and
the score is a correction of what the feature model says (`memgraph.committee`), so that few labels cannot make it much
worse than voting.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.nn import GATv2Conv, HeteroConv

from memgraph.hetero import EDGE_TYPES, LABEL_INPUTS, THINKING_FEATURES


class RewardGNN(nn.Module):
    """Logit of being right for every rollout of a graph.

    Args:
        dimension: of the embeddings.
        hidden: width of the node states, a multiple of `heads`.
    """

    def __init__(
        self, dimension: int, *, hidden: int = 64, heads: int = 4, layers: int = 2, dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.inputs = nn.ModuleDict(
            {
                "query": nn.Linear(dimension + LABEL_INPUTS, hidden),
                "thinking": nn.Linear(dimension + LABEL_INPUTS + len(THINKING_FEATURES), hidden),
                "answer": nn.Linear(dimension + LABEL_INPUTS, hidden),
            }
        )
        self.layers = nn.ModuleList(
            HeteroConv(
                {
                    edge: GATv2Conv(
                        (hidden, hidden), hidden // heads, heads=heads, dropout=dropout, add_self_loops=False
                    )
                    for edge in EDGE_TYPES
                },
                aggr="mean",
            )
            for _ in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.query_head = nn.Sequential(nn.Linear(hidden, hidden), nn.LayerNorm(hidden))
        self.response_head = nn.Sequential(nn.Linear(2 * hidden + len(THINKING_FEATURES), hidden), nn.LayerNorm(hidden))
        self.correction = nn.Parameter(torch.tensor(0.1))

    def switch_off(self) -> None:
        """Leave the prior as it is."""
        with torch.no_grad():
            self.correction.zero_()

    @property
    def is_on(self) -> bool:
        """Whether it says anything beyond the prior."""
        return bool(self.correction != 0)

    def forward(self, data: HeteroData) -> Tensor:
        """[rollouts] logits."""
        features = data["thinking"].features
        states = {
            "query": torch.cat([data["query"].x, data["query"].labels], dim=1),
            "thinking": torch.cat([data["thinking"].x, data["thinking"].labels, features], dim=1),
            "answer": torch.cat([data["answer"].x, data["answer"].labels], dim=1),
        }
        states = {name: self.dropout(torch.relu(self.inputs[name](x))) for name, x in states.items()}
        for layer in self.layers:
            messages = layer(states, data.edge_index_dict)
            states = {name: torch.relu(state + messages.get(name, 0)) for name, state in states.items()}
        query = self.query_head(states["query"])[data["thinking"].query]
        response = self.response_head(
            torch.cat([states["thinking"], states["answer"][data["thinking"].answer], features], dim=1)
        )
        match = (query * response).sum(dim=1) / query.shape[1] ** 0.5
        return cast(Tensor, data["thinking"].prior + self.correction * match)


@contextmanager
def in_fixed_order(place: str) -> Iterator[None]:
    """A GPU adds up messages in the same order on every run: a fit could not be repeated otherwise. A CPU does anyway."""
    if place == "cpu":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS may choose; its own documentation
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
