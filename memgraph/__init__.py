"""The experience memory: rollouts in Neo4j, subgraphs to PyTorch Geometric, rewards out.

(Not to be confused with Memgraph, a graph database of the same name.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memgraph.domains import Domain, Item, Judge, NormalAnswer, Reading, Verdict
    from memgraph.domains.answers import read_response, same_answer, verify
    from memgraph.labels.rows import LabelRow
    from memgraph.labels.view import LabelView
    from memgraph.memory import Memory
    from memgraph.models.graph_data import to_hetero
    from memgraph.models.remote_backend import DatabaseSampler, RemoteBackend
    from memgraph.models.reward_model import RewardModel
    from memgraph.rollouts.rollout import Rollout

__all__ = [
    "DatabaseSampler",
    "Domain",
    "Item",
    "Judge",
    "LabelRow",
    "LabelView",
    "Memory",
    "NormalAnswer",
    "Reading",
    "RemoteBackend",
    "RewardModel",
    "Rollout",
    "Verdict",
    "read_response",
    "same_answer",
    "to_hetero",
    "verify",
]

_HOMES = {
    **dict.fromkeys(("Domain", "Item", "Judge", "NormalAnswer", "Reading", "Verdict"), "memgraph.domains"),
    **dict.fromkeys(("read_response", "same_answer", "verify"), "memgraph.domains.answers"),
    **dict.fromkeys(("DatabaseSampler", "RemoteBackend"), "memgraph.models.remote_backend"),
    "LabelRow": "memgraph.labels.rows",
    "LabelView": "memgraph.labels.view",
    "Memory": "memgraph.memory",
    "RewardModel": "memgraph.models.reward_model",
    "Rollout": "memgraph.rollouts.rollout",
    "to_hetero": "memgraph.models.graph_data",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded at first use: importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'memgraph' has no attribute {name!r}")
    from importlib import import_module

    from memgraph.extras import installed

    with installed():
        return getattr(import_module(_HOMES[name]), name)
