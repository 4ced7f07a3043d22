"""What other memories taught of the checks: where a memory without labels starts from.

A family of data sets (the same questions, or the same kind) is fitted by itself, from the vote, with all its labels. The
prior is half the mean over families of what its checks weigh. Weights of votes are left out: they do not
carry over (docs/experiments/2026-11-29.md). `benchmarks/learn_prior.py` makes the file that ships. It holds no text: weights
by feature, and hashes of the queries that it was learned on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np

from memgraph.errors import InputError
from memgraph.models.anchored_regression import Anchor, AnchoredRegression
from memgraph.models.consensus import Voting, experience_features
from memgraph.models.features import in_order, rollout_features
from memgraph.snapshot.snapshot import Floats, Snapshot

SHIPPED, NONE = "shipped", "none"
# the vote is a logit already. Its standard deviation over rollouts is about two on real sets
VOTE = Anchor("vote", slope=1.0, bias=0.0, scale=2.0, certainty=200.0)
_CHECK = "check_"
_PART = 0.5  # of the mean; more says too much of a kind that it was not learned on
_STRENGTH = 100.0
_LABELS = 2000.0  # that a family counts as, however many it has
_HASH = 12


@dataclass(frozen=True, slots=True)
class Prior:
    """Weights of standardised features in a logit.

    Attributes:
        name: "shipped", "none" or the file that it was read from.
        weights: by name of the feature.
        queries: hashes of the texts that it was learned on (`query_hash`).
    """

    name: str = NONE
    weights: Mapping[str, float] = field(default_factory=dict)
    queries: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str) -> Self:
        """The prior "shipped", "none", or that of a file.

        Raises:
            InputError: if the file is none.
        """
        if name == NONE:
            return cls()
        source = files("memgraph.models") / "prior.json" if name == SHIPPED else Path(name)
        try:
            document = json.loads(source.read_text(encoding="utf-8"))
            weights = {str(key): float(value) for key, value in document["weights"].items()}
            return cls(name, weights, frozenset(document["queries"]))
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise InputError(
                f"{name} holds no prior ({error!r}); name a file made by benchmarks/learn_prior.py, `shipped` or `none`"
            ) from error

    @classmethod
    def learn(cls, families: Mapping[str, Sequence[Snapshot]], checks: Sequence[str]) -> Self:
        """From snapshots whose labels are known, by family.

        Raises:
            InputError: if there is no family.
        """
        if not families:
            raise InputError("a prior needs rollouts of one family at least, found none")
        learned = [_weights(snapshots, checks) for snapshots in families.values()]
        names = sorted({name for weights in learned for name in weights})
        mean = {name: _PART * float(np.mean([weights.get(name, 0.0) for weights in learned])) for name in names}
        texts = {text for snapshots in families.values() for snapshot in snapshots for text in snapshot.query_texts}
        return cls("learned", mean, frozenset(map(query_hash, texts)))

    def save(self, file: Path) -> None:
        """As JSON."""
        weights = {name: round(weight, 5) for name, weight in sorted(self.weights.items())}
        document = {"weights": weights, "queries": sorted(self.queries)}
        file.write_text(json.dumps(document, indent=0) + "\n", encoding="utf-8")

    def has_seen(self, texts: Sequence[str]) -> bool:
        """Whether any of these queries was among those that it was learned on."""
        return any(query_hash(text) in self.queries for text in texts)


def query_hash(text: str) -> str:
    """Of a query's text, whatever its case and spaces."""
    return hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest()[:_HASH]


def _weights(snapshots: Sequence[Snapshot], checks: Sequence[str]) -> dict[str, float]:
    """What the checks weigh in one family, all its labels known: by feature."""
    parts = [_standardised(snapshot, checks) for snapshot in snapshots]
    names = list(dict.fromkeys(name for part_names, _ in parts for name in part_names))
    features = np.concatenate([in_order(names, part_names, values) for part_names, values in parts])
    starts = np.cumsum([0, *(len(snapshot.query_keys) for snapshot in snapshots)])
    query = np.concatenate([snapshot.rollout_query + start for snapshot, start in zip(snapshots, starts, strict=False)])
    labels = np.concatenate([snapshot.labels for snapshot in snapshots])
    rows = np.flatnonzero(~np.isnan(labels))
    sizes = np.concatenate(
        [np.full(len(snapshot.labels), np.count_nonzero(~np.isnan(snapshot.labels))) for snapshot in snapshots]
    )
    counts = _LABELS / len(snapshots) / np.maximum(1, sizes[rows])
    regression = AnchoredRegression.at(_STRENGTH, VOTE, names, features, rows, labels[rows], query[rows], counts)
    return {name: float(weight) for name, weight in regression.by_name(names).items() if name.startswith(_CHECK)}


def _standardised(snapshot: Snapshot, checks: Sequence[str]) -> tuple[list[str], Floats]:
    """Names, and [rollouts, features] with mean 0 and spread 1 in this snapshot; the vote as it is."""
    experience = experience_features(snapshot, Voting.of(snapshot))
    names, features = rollout_features(snapshot, checks, experience)
    start = AnchoredRegression.of_prior(VOTE, names, features)
    position = names.index(VOTE.name)
    standardised: Floats = ((features - start.mean) / start.scale).astype(np.float32)
    standardised[:, position] = features[:, position]
    return names, standardised
