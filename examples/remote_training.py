"""A graph network of one's own on a memory that need not fit: vectors and edges stay in Neo4j, batches are sampled there.

    python examples/remote_training.py rollouts.jsonl

Rows need their truth (gold or correct): a fifth of the queries is labelled, and the network predicts the rewards of the others.
Needs the extra gnn.
"""

import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.loader import NodeLoader
from torch_geometric.nn import HeteroConv, SAGEConv

from memgraph import Memory, RemoteBackend

HIDDEN, EPOCHS = 32, 5


class Network(nn.Module):
    """Vectors and votes in, two rounds of messages, and a logit for each rollout that the batch was sampled around."""

    def __init__(self, dimension: int, votes: int, edge_types: Iterable[tuple[str, str, str]]) -> None:
        super().__init__()
        sizes = {"query": dimension, "thinking": dimension + votes, "answer": dimension}
        self.inputs = nn.ModuleDict({name: nn.Linear(size, HIDDEN) for name, size in sizes.items()})
        self.layers = nn.ModuleList(
            HeteroConv({edge: SAGEConv(HIDDEN, HIDDEN) for edge in edge_types}, aggr="mean") for _ in range(2)
        )
        self.output = nn.Linear(HIDDEN, 1)

    def forward(self, batch: HeteroData) -> Tensor:
        rollouts = batch["thinking"]
        inputs = {**batch.x_dict, "thinking": torch.cat([rollouts.x, rollouts.features], dim=1)}
        states = {name: layer(inputs[name]) for name, layer in self.inputs.items()}
        for layer in self.layers:
            states = {name: state.relu() for name, state in layer(states, batch.edge_index_dict).items()}
        return self.output(states["thinking"])[: rollouts.batch_size, 0]


def loader(backend: RemoteBackend, rollouts: Tensor, **options: Any) -> NodeLoader:
    """Batches around some rollouts; `num_workers=2` would fetch them ahead."""
    return NodeLoader(
        (backend.feature_store, backend.graph_store),
        node_sampler=backend.sampler,
        input_nodes=("thinking", rollouts),
        batch_size=32,
        **options,
    )


if __name__ == "__main__":
    torch.manual_seed(0)
    with Memory.open() as memory:
        memory.import_file(sys.argv[1])
        memory.reveal(sys.argv[1], budget=0.2)
        backend = memory.remote_backend(num_neighbors=[8, 4])
        store = backend.feature_store
        labels = store.get_tensor("thinking", "y", None)  # in force, NaN where there is none
        (_, dimension), (_, votes) = (store.get_tensor_size("thinking", name) for name in ("x", "features"))
        network = Network(dimension, votes, [edge.edge_type for edge in backend.graph_store.get_all_edge_attrs()])
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
        for epoch in range(EPOCHS):
            backend.sampler.seed = epoch  # other neighbours in each epoch
            losses = []
            for batch in loader(backend, ~labels.isnan(), shuffle=True):
                wanted = batch["thinking"].y[: batch["thinking"].batch_size]
                loss = nn.functional.binary_cross_entropy_with_logits(network(batch), wanted)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
            print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}")
        with torch.inference_mode():
            predicted = torch.cat([network(batch).sigmoid() for batch in loader(backend, labels.isnan())])
        keys = backend.keys("thinking", labels.isnan().nonzero()[:, 0])
        print(
            f"{len(keys)} rollouts without a label are predicted, for instance {keys[0][:12]} with {predicted[0]:.2f}"
        )
