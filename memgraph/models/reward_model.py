"""The reward model: fitted on labelled queries, scores the rollouts of all others, kept as a checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import ModelError
from memgraph.models.calibration import both_classes, calibrated, noise_floor, temperature
from memgraph.models.feature_model import FeatureModel
from memgraph.models.judged_answers import domains_of_one_right_answer, given_judged_answers
from memgraph.models.metrics import evaluate_scores
from memgraph.models.prior import Prior
from memgraph.models.threads import one_thread
from memgraph.rollouts.reader import read_otherwise
from memgraph.snapshot.snapshot import Bools, Floats, Ints, Snapshot

_FORMAT = 18
_MODEL, _CONFIG = "feature_model.npz", "config.json"


@dataclass(frozen=True, slots=True)
class RewardModelConfig:
    """How the reward model is made and fitted.

    Attributes:
        checks: label-free checks whose features are used (`memgraph.domains.checks.ALL_CHECKS`).
        prior: what it starts from: "shipped" for what came with this version, "none" for the vote alone, or a file
            (`memgraph.models.prior`).
    """

    checks: tuple[str, ...] = ALL_CHECKS
    prior: str = "shipped"


class RewardModel:
    """A feature model and its calibration. Make one with `fit` or `load`.

    It holds no graph network: on real rollouts none added anything (docs/experiments).

    Attributes:
        calibration, noise: `memgraph.models.calibration`.
        one_right: domains whose labels show that a query has one right answer (`memgraph.models.judged_answers`).
        metrics: what it was fitted on, and held-out metrics (`fit`).
        readers: versions by domain that its answers were read by.
        key, folder: of the model that a memory has registered, and of its checkpoint; None before.
    """

    networks_on = False

    def __init__(
        self,
        features: FeatureModel,
        config: RewardModelConfig,
        *,
        calibration: float,
        noise: float,
        one_right: tuple[str, ...],
        metrics: dict[str, float | None],
    ) -> None:
        self._features = features
        self.config = config
        self.calibration = calibration
        self.noise = noise
        self.one_right = one_right
        self.metrics = metrics
        self.readers: dict[str, str] = {}
        self.key: str | None = None
        self.folder: Path | None = None

    @classmethod
    @one_thread()
    def fit(
        cls,
        snapshot: Snapshot,
        *,
        seed: int = 0,
        config: RewardModelConfig = RewardModelConfig(),
        at_random: Bools | None = None,
    ) -> Self:
        """Fit on the labelled queries of a snapshot; nothing else of it is a target or a calibration.

        Without any label it is the vote, and what other memories taught. The same snapshot, seed and machine give the same
        model.

        Args:
            at_random: [rollouts] True where the label's query was drawn at random: calibration, noise floor and held-out
                metrics rest on these alone, since chosen queries are not like the others. None: all were.

        Raises:
            ModelError: if all labels are of one class.
        """
        prior = Prior.of(config.prior)
        rows = np.flatnonzero(~np.isnan(snapshot.labels))
        calibration, noise = 1.0, 0.0
        metrics: dict[str, float | None] = {
            "labelled_queries": float(len(snapshot.labelled_queries)),
            "labelled_rollouts": float(len(rows)),
        }
        if len(rows):
            _require_both_classes(snapshot.labels)
            features, logits = FeatureModel.fit(snapshot, checks=config.checks, prior=prior.weights, seed=seed)
            if at_random is not None:
                rows = rows[at_random[rows]]
            labels = snapshot.labels[rows]
            calibration = temperature(logits[rows], labels)
            probability = calibrated(logits[rows], calibration)
            noise = noise_floor(probability, labels, snapshot.rollout_group[rows])
            metrics |= {
                "trees_share": features.share,
                "noise_floor": noise,
                **_held_out_metrics(snapshot, rows, probability),
            }
        else:
            features = FeatureModel.of_prior(snapshot, checks=config.checks, prior=prior.weights)
        return cls(
            features,
            config,
            calibration=calibration,
            noise=noise,
            one_right=domains_of_one_right_answer(snapshot),
            metrics=metrics,
        )

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each standardised input of the first regression, by name; inputs that never varied are left out."""
        return self._features.weights

    @property
    def usual(self) -> dict[str, float]:
        """Mean of each feature over the memory that it was fitted on, by name: what counts where a rollout has none."""
        return self._features.usual

    @one_thread()
    def predict(self, snapshot: Snapshot) -> Floats:
        """[target rollouts] probability of being right, in the order of `snapshot.target_rollouts`.

        Of the snapshot's labels only those on answers to the same query count (`memgraph.models.judged_answers`). No vector
        is read.
        """
        if not snapshot.rollout_targets.any():
            return np.zeros(0, np.float32)
        experience = self._features.experience(snapshot)
        groups = snapshot.without_experience()
        groups = groups.with_rollouts(groups.rollout_targets)
        probability = calibrated(self._features.logits(groups, experience=experience), self.calibration)
        return given_judged_answers(snapshot, probability, self.one_right)

    def fingerprint(self) -> str:
        """sha256 of weights, calibration and settings: equal models have equal fingerprints."""
        digest = hashlib.sha256(self._features.digest())
        digest.update(json.dumps([asdict(self.config), self.calibration, self.one_right], sort_keys=True).encode())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the feature model (NPZ) and settings (JSON) to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "format": _FORMAT,
            "readers": self.readers,
            "calibration": self.calibration,
            "noise": self.noise,
            "one_right": self.one_right,
            "config": asdict(self.config),
            "metrics": self.metrics,
        }
        self._features.save(folder / _MODEL)
        (folder / _CONFIG).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, readers: Mapping[str, str] | None = None) -> Self:
        """Read a checkpoint.

        Args:
            readers: versions by domain; where given, a model of answers that were read by others is refused.

        Raises:
            ModelError: if the folder holds no checkpoint of this format, or one of another reader.
        """
        try:
            document: dict[str, Any] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            if readers is not None:
                require_same_reader(document.get("readers") or {}, readers, f"the reward model in {folder}")
            if document.get("format") != _FORMAT:
                raise ModelError(
                    f"{folder} has checkpoint format {document.get('format')}, this version reads {_FORMAT}; fit again"
                )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"no reward model can be read from {folder}: {error}; fit one with `memreward fit`"
            ) from error
        config = RewardModelConfig(**{**document["config"], "checks": tuple(document["config"]["checks"])})
        loaded = cls(
            FeatureModel.load(folder / _MODEL),
            config,
            calibration=document["calibration"],
            noise=document["noise"],
            one_right=tuple(document["one_right"]),
            metrics=document["metrics"],
        )
        loaded.readers = document.get("readers") or {}
        return loaded


def require_same_reader(then: Mapping[str, str], now: Mapping[str, str], what: str) -> None:
    """Refuse a model that was fitted on answers as another reader read them.

    Args:
        then, now: versions by domain; none for a model from before they were kept.

    Raises:
        ModelError: naming the domains.
    """
    if changed := read_otherwise(then, now):
        raise ModelError(
            f"{what} was fitted on answers ({', '.join(changed)}) as an earlier reader read them; fit again with `memreward fit`: "
            "the labels are all there"
        )


def _require_both_classes(labels: Floats) -> None:
    if not both_classes(labels):
        mean = float(np.nanmean(labels))
        raise ModelError(
            f"all {int((~np.isnan(labels)).sum())} visible labels are {'right' if mean >= 0.5 else 'wrong'}; a reward "
            "model needs both: label more queries, sample more rollouts of each, or take easier ones; training on labels alone works "
            "without a model (reward.scorer: none)"
        )


def _held_out_metrics(snapshot: Snapshot, rows: Ints, probability: Floats) -> dict[str, float | None]:
    """Metrics on the labelled rollouts, each scored by models that did not see its cluster's labels."""
    metrics = evaluate_scores(probability, snapshot.labels[rows], snapshot.rollout_query[rows])
    return {f"held_out_{name}": value for name, value in asdict(metrics).items() if name != "coverage"}
