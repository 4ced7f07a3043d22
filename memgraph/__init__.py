"""The experience memory: rollouts in Neo4j, subgraphs to PyTorch Geometric, rewards out.

(Not to be confused with Memgraph, a graph database of the same name.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memgraph.domains import Domain, Item, Judge, NormalAnswer, Reading, Verdict
    from memgraph.domains.answers import read_response, same_answer, verify
    from memgraph.labels.rows import LabelRow
    from memgraph.memory import Memory
    from memgraph.records import LabelView, Rollout
    from memgraph.reward_model import RewardModel

__all__ = [
    "Domain",
    "Item",
    "Judge",
    "LabelRow",
    "LabelView",
    "Memory",
    "NormalAnswer",
    "Reading",
    "RewardModel",
    "Rollout",
    "Verdict",
    "read_response",
    "same_answer",
    "verify",
]

_HOMES = {
    **dict.fromkeys(("Domain", "Item", "Judge", "NormalAnswer", "Reading", "Verdict"), "memgraph.domains"),
    **dict.fromkeys(("read_response", "same_answer", "verify"), "memgraph.domains.answers"),
    "LabelRow": "memgraph.labels.rows",
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
