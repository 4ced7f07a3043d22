"""A `Snapshot` as PyG's `HeteroData`: what a graph network sees.

Node features are the embeddings, on rollouts the group's votes, and the labels that may be seen: a value and a
flag, on the rollout, its answer and its query, so that a label reaches every other rollout within two layers.

    neighbour query ──similar_to──► query ──generates_reasoning──► thinking ──leads_to──► answer
"""

from __future__ import annotations

import numpy as np
import torch
from torch_geometric.data import HeteroData

from memgraph.models.consensus import consensus_features
from memgraph.models.features import group_rows
from memgraph.snapshot.snapshot import Floats, Ints, Snapshot

LABEL_INPUTS = 2
EDGE_TYPES = (
    ("query", "similar_to", "query"),
    ("query", "generates_reasoning", "thinking"),
    ("thinking", "rev_generates_reasoning", "query"),
    ("thinking", "leads_to", "answer"),
    ("answer", "rev_leads_to", "thinking"),
    ("thinking", "competes_with", "thinking"),
)
_COMPETITORS = 2


def to_hetero(snapshot: Snapshot) -> HeteroData:
    """The graph of a snapshot; `set_labels` puts in the labels that may be inputs.

    `x` is [nodes, dimension] of each type. On thinking nodes, `features` is [rollouts, memgraph.models.consensus.FEATURES], `query` and
    `answer` are the rows of their neighbours, and `y` is the label in force, NaN where there is none.
    """
    data = HeteroData()
    data["query"].x = torch.from_numpy(snapshot.query_embeddings.copy())
    data["thinking"].x = torch.from_numpy(snapshot.thinking_embeddings.copy())
    data["answer"].x = torch.from_numpy(snapshot.answer_embeddings.copy())
    data["thinking"].features = torch.from_numpy(consensus_features(snapshot))
    data["thinking"].query = torch.from_numpy(snapshot.rollout_query)
    data["thinking"].answer = torch.from_numpy(snapshot.rollout_answer)
    data["thinking"].y = torch.from_numpy(snapshot.labels)

    thinking = np.arange(len(snapshot.rollout_keys))
    produced = np.stack([snapshot.rollout_query, thinking])
    leads = np.stack([thinking, snapshot.rollout_answer])
    similar = np.unique(np.concatenate([snapshot.similar, snapshot.similar[::-1]], axis=1), axis=1)
    edges = (similar, produced, produced[::-1], leads, leads[::-1], competitors(snapshot))
    for edge_type, index in zip(EDGE_TYPES, edges, strict=True):
        data[edge_type].edge_index = torch.from_numpy(np.ascontiguousarray(index, np.int64))
    return data


def set_labels(data: HeteroData, visible: Floats) -> None:
    """Set the label inputs from [rollouts] labels, NaN where a label must not be seen.

    Each node gets (mean of its visible labels - ½) · 2 and a flag; both are 0 where there is none.
    """
    device = data["query"].x.device
    seen = ~np.isnan(visible)
    value = torch.from_numpy(np.where(seen, 2 * visible - 1, 0).astype(np.float32)).to(device)
    flag = torch.from_numpy(seen.astype(np.float32)).to(device)
    data["thinking"].labels = torch.stack([value, flag], dim=1)
    for name, owner in (("query", data["thinking"].query), ("answer", data["thinking"].answer)):
        count = torch.zeros(len(data[name].x), device=device).index_add_(0, owner, flag)
        total = torch.zeros(len(data[name].x), device=device).index_add_(0, owner, value)
        data[name].labels = torch.stack([total / count.clamp(min=1), count.clamp(max=1)], dim=1)


def competitors(snapshot: Snapshot) -> Ints:
    """[2, edges] from the two rollouts of one group whose thinking is most similar to a rollout's own (MemReward §3)."""
    sources: list[Ints] = []
    targets: list[Ints] = []
    for rows in group_rows(snapshot):
        if len(rows) > 1:
            nearest = nearest_others(snapshot.thinking_embeddings[rows])
            sources.append(rows[nearest].reshape(-1))
            targets.append(np.repeat(rows, nearest.shape[1]))
    if not sources:
        return np.zeros((2, 0), np.int64)
    return np.stack([np.concatenate(sources), np.concatenate(targets)])


def nearest_others(vectors: Floats) -> Ints:
    """[rollouts, ≤ 2] rows of the most similar others of a group, the nearest first."""
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -np.inf)
    return np.argsort(-cosine, axis=1, kind="stable")[:, :_COMPETITORS][:, : len(vectors) - 1]
