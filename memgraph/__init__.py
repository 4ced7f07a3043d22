"""The experience memory: rollouts in Neo4j, subgraphs to PyTorch Geometric, rewards out.

(Not to be confused with Memgraph, a graph database of the same name.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memgraph.label_rows import LabelRow
    from memgraph.memory import Memory
    from memgraph.records import LabelView, Rollout
    from memgraph.reward_model import RewardModel

__all__ = ["LabelRow", "LabelView", "Memory", "RewardModel", "Rollout"]

_HOMES = {
    "LabelRow": "memgraph.label_rows",
    "LabelView": "memgraph.records",
    "Memory": "memgraph.memory",
    "RewardModel": "memgraph.reward_model",
    "Rollout": "memgraph.records",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded at first use: importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'memgraph' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
