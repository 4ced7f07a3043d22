"""The experience memory: rollouts in Neo4j, subgraphs to PyTorch Geometric, rewards out.

(Not to be confused with Memgraph, a graph database of the same name.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memgraph.domains import Domain, Item, Judge, NormalAnswer, Reading, Verdict
    from memgraph.domains.answers import read_response, same_answer, verify
    from memgraph.domains.choices import Choices
    from memgraph.errors import MemRewardError
    from memgraph.evaluation import evaluate_files
    from memgraph.inspection import plots
    from memgraph.labels.rows import LabelRow
    from memgraph.labels.view import LabelView, Purpose
    from memgraph.memory import Memory
    from memgraph.models.graph_data import to_hetero
    from memgraph.models.remote_backend import DatabaseSampler, RemoteBackend
    from memgraph.models.reward_model import RewardModel, RewardModelConfig
    from memgraph.models.scorers import RewardModelScorer
    from memgraph.rollouts.bulk import BulkWriter
    from memgraph.rollouts.embedding import GivenVectors, SentenceEmbedder
    from memgraph.rollouts.given import GivenEmbeddings
    from memgraph.rollouts.rollout import Rollout
    from memgraph.scoring.scope import Scope
    from memgraph.settings import Settings

__all__ = [
    "BulkWriter",
    "Choices",
    "DatabaseSampler",
    "Domain",
    "GivenEmbeddings",
    "GivenVectors",
    "Item",
    "Judge",
    "LabelRow",
    "LabelView",
    "MemRewardError",
    "Memory",
    "NormalAnswer",
    "Purpose",
    "Reading",
    "RemoteBackend",
    "RewardModel",
    "RewardModelConfig",
    "RewardModelScorer",
    "Rollout",
    "Scope",
    "SentenceEmbedder",
    "Settings",
    "Verdict",
    "evaluate_files",
    "plots",
    "read_response",
    "same_answer",
    "to_hetero",
    "verify",
]

_HOMES = {
    **dict.fromkeys(("Domain", "Item", "Judge", "NormalAnswer", "Reading", "Verdict"), "memgraph.domains"),
    **dict.fromkeys(("read_response", "same_answer", "verify"), "memgraph.domains.answers"),
    **dict.fromkeys(("DatabaseSampler", "RemoteBackend"), "memgraph.models.remote_backend"),
    **dict.fromkeys(("LabelView", "Purpose"), "memgraph.labels.view"),
    **dict.fromkeys(("RewardModel", "RewardModelConfig"), "memgraph.models.reward_model"),
    **dict.fromkeys(("GivenVectors", "SentenceEmbedder"), "memgraph.rollouts.embedding"),
    "BulkWriter": "memgraph.rollouts.bulk",
    "Choices": "memgraph.domains.choices",
    "GivenEmbeddings": "memgraph.rollouts.given",
    "LabelRow": "memgraph.labels.rows",
    "MemRewardError": "memgraph.errors",
    "Memory": "memgraph.memory",
    "RewardModelScorer": "memgraph.models.scorers",
    "Rollout": "memgraph.rollouts.rollout",
    "Scope": "memgraph.scoring.scope",
    "Settings": "memgraph.settings",
    "evaluate_files": "memgraph.evaluation",
    "plots": "memgraph.inspection.plots",
    "to_hetero": "memgraph.models.graph_data",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded at first use: importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'memgraph' has no attribute {name!r}")
    from importlib import import_module

    from memgraph.extras import installed

    with installed():
        home = import_module(_HOMES[name])
    return home if home.__name__.endswith(f".{name}") else getattr(home, name)
