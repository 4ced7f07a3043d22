"""The reward model: fitted on labelled queries, scores the rollouts of all others, kept as a checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from safetensors.torch import load_file, save, save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch_geometric.data import HeteroData

from memgraph.calibration import both_classes, calibrated, noise_floor, temperature
from memgraph.checks import ALL_CHECKS
from memgraph.errors import EmbeddingSpaceError, ModelError
from memgraph.gnn import RewardGNN, in_fixed_order
from memgraph.hetero import hide_units, set_labels, to_hetero
from memgraph.metrics import evaluate_scores
from memgraph.models.feature_model import FEWEST_QUERIES, FeatureModel
from memgraph.models.pairs import right_and_wrong
from memgraph.rollouts.reader import read_otherwise
from memgraph.snapshot import Bools, Floats, Ints, Snapshot

_FORMAT = 12
_LEAST_GAIN_SO_FAR = 1.0
_LEAST_GAIN = 3.0  # standard errors; the best epoch is chosen on the same queries, which flatters the networks
_WEIGHTS, _COMMITTEE, _CONFIG = "model.safetensors", "committee.skops", "config.json"


@dataclass(frozen=True, slots=True)
class RewardModelConfig:
    """How the reward model is made and fitted.

    Attributes:
        checks: label-free checks whose features are used (`memgraph.checks.ALL_CHECKS`).
        members: graph networks that vote, each with another part of the labelled queries held out; 0 leaves the features alone.
        epochs: at most so many; the best one on the held-out labelled queries is kept.
        hidden_share: part of the labelled queries whose labels are hidden and predicted in each epoch; those of the
            others are inputs.
        ranking: weight of the loss on the order of right and wrong rollouts within a query.
        label_inputs: labels of neighbouring rollouts are inputs.
        shared_answers: equal answers to a query are one node of the graph.
        similarity: similar queries exchange messages.
        wording: it may read the words of thinkings and answers (`memgraph.wording`).
        policies: it may know which policy a rollout comes from: in a memory across runs that says much, but a new policy
            starts without a name.
        residual: the networks correct what the committee says, instead of starting from nothing.
    """

    checks: tuple[str, ...] = ALL_CHECKS
    members: int = 3
    hidden: int = 64
    heads: int = 4
    layers: int = 2
    dropout: float = 0.2
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    epochs: int = 60
    patience: int = 15
    hidden_share: float = 0.4
    ranking: float = 0.5
    label_inputs: bool = True
    shared_answers: bool = True
    similarity: bool = True
    wording: bool = True
    policies: bool = False
    residual: bool = True

    def view(self, snapshot: Snapshot) -> Snapshot:
        """What the model sees of a snapshot."""
        if not self.shared_answers:
            snapshot = snapshot.with_own_answers()
        return snapshot if self.similarity else snapshot.without_similarity()

    def visible(self, labels: Floats) -> Floats:
        """[rollouts] labels that may be inputs."""
        return labels if self.label_inputs else np.full_like(labels, np.nan)


class RewardModel:
    """A feature model, the graph networks that correct it, and their calibration. Make one with `fit` or `load`."""

    def __init__(
        self,
        committee: FeatureModel,
        networks: nn.ModuleList,
        config: RewardModelConfig,
        *,
        space: str,
        dimension: int,
        calibration: float,
        noise: float,
        metrics: dict[str, float | None],
    ) -> None:
        self._committee = committee
        self._networks = networks.eval()
        self.config = config
        self.space = space
        self.dimension = dimension
        self.calibration = calibration
        self.noise = noise
        self.metrics = metrics
        self.readers: dict[
            str, str
        ] = {}  # versions that its answers were read by, set by the memory that it is fitted in

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        *,
        seed: int = 0,
        config: RewardModelConfig = RewardModelConfig(),
        device: str | None = None,
        at_random: Bools | None = None,
        weights: Floats | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Fit on the labelled queries of a snapshot; nothing else of it is a target, an early stop or a calibration.

        The same snapshot, seed and machine give the same model.

        Args:
            at_random: [rollouts] True where the label's query was drawn at random: calibration, noise floor and held-out
                metrics rest on these alone, since chosen queries are not like the others. None: all were.
            weights: [rollouts] how much the label of each counts as a target of the feature model, for instance less for
                experience of another policy. None: all the same.

        Raises:
            ModelError: if there are no labels, or all of one class.
        """
        units = _labelled_units(snapshot)
        snapshot = config.view(snapshot)
        visible = config.visible(snapshot.labels)
        place = device or ("cuda" if torch.cuda.is_available() else "cpu")
        rng = np.random.default_rng(seed)
        rows = _rows_of_units(snapshot, units)
        committee, prior = FeatureModel.fit(
            snapshot,
            rows,
            visible,
            checks=config.checks,
            wording=config.wording,
            policies=config.policies,
            weights=None if weights is None else weights[rows],
            seed=seed,
        )
        if not config.residual:
            prior = np.zeros_like(prior)
        data = to_hetero(snapshot, prior).to(place)
        logits = prior[rows]
        enough = len(units) >= FEWEST_QUERIES or not config.residual  # fewer cannot show that networks help
        folds = np.array_split(rng.permutation(units), config.members) if config.members and enough else []
        query, gain = snapshot.rollout_query[rows], 0.0
        with torch.random.fork_rng(), in_fixed_order(place):
            torch.manual_seed(seed)
            networks = _networks(snapshot.query_embeddings.shape[1], config).to(place)
            for number, (network, fold) in enumerate(zip(networks if folds else (), folds, strict=True)):
                training = np.setdiff1d(units, fold)
                if not len(fold) or not both_classes(snapshot.labels[_rows_of_units(snapshot, training)]):
                    continue

                def report(epoch: int, epochs: int, done: int = number) -> None:
                    if progress is not None:
                        progress(done * epochs + epoch, config.members * epochs)

                found = _train(cast(RewardGNN, network), data, snapshot, training, fold, config, rng, report)
                logits[np.isin(rows, _rows_of_units(snapshot, fold))] = found
                tried = np.isin(rows, _rows_of_units(snapshot, np.concatenate(folds[: number + 1])))
                gain = _gain(prior[rows[tried]], logits[tried], snapshot.labels[rows][tried], query[tried])
                if config.residual and gain < _LEAST_GAIN_SO_FAR:
                    break
        if config.residual and gain < _LEAST_GAIN:
            logits = prior[rows]
            for network in networks:
                cast(RewardGNN, network).switch_off()
        if progress is not None:
            progress(config.members * config.epochs, config.members * config.epochs)
        labelled = len(rows)
        if at_random is not None:
            logits, rows = logits[at_random[rows]], rows[at_random[rows]]
        calibration = temperature(logits, snapshot.labels[rows])
        probability = calibrated(logits, calibration)
        noise = noise_floor(probability, snapshot.labels[rows], snapshot.rollout_group[rows])
        metrics = {
            "labelled_queries": float(len(snapshot.labelled_queries)),
            "labelled_rollouts": float(labelled),
            "noise_floor": noise,
            "gain_of_networks": gain,
            **_held_out_metrics(snapshot, rows, probability),
        }
        return cls(
            committee,
            networks.cpu(),
            config,
            space=snapshot.space,
            dimension=snapshot.query_embeddings.shape[1],
            calibration=calibration,
            noise=noise,
            metrics=metrics,
        )

    def predict(self, snapshot: Snapshot) -> Floats:
        """[target rollouts] probability of being right, in the order of `snapshot.target_rollouts`.

        Labels of the target queries and of their near-duplicates are not looked at, nor are those of experience.

        Raises:
            EmbeddingSpaceError: if the snapshot's vectors are of another space than the model's.
        """
        if snapshot.space != self.space or snapshot.query_embeddings.shape[1] != self.dimension:
            raise EmbeddingSpaceError(
                f"the reward model was fitted on vectors of space {self.space[:12]} ({self.dimension}-d), the memory's are of "
                f"{snapshot.space[:12]} ({snapshot.query_embeddings.shape[1]}-d); fit a new model"
            )
        if not snapshot.rollout_targets.any():
            return np.zeros(0, np.float32)
        experience = self._committee.experience(snapshot)
        snapshot = self.config.view(snapshot.without_experience())
        asked = snapshot.rollout_targets
        labels = self.config.visible(hide_units(snapshot, snapshot.query_targets))
        networks = [network for network in self._networks if cast(RewardGNN, network).is_on]
        if not networks:
            return calibrated(self._committee.logits(snapshot, labels, asked, experience=experience), self.calibration)
        prior = self._committee.logits(snapshot, labels, experience=experience)
        data = to_hetero(snapshot, prior if self.config.residual else np.zeros_like(prior))
        set_labels(data, labels)
        with torch.inference_mode():
            found = torch.stack([network(data) for network in networks]).mean(dim=0).numpy()
        return calibrated(found[asked], self.calibration)

    @property
    def networks_on(self) -> bool:
        """Whether graph networks correct the feature model: then a score reads the unlabelled rollouts around it too."""
        return any(cast(RewardGNN, network).is_on for network in self._networks)

    def fingerprint(self) -> str:
        """sha256 of weights, calibration and settings: equal models have equal fingerprints."""
        digest = hashlib.sha256(save(_contiguous(self._networks)))
        digest.update(self._committee.digest())
        digest.update(json.dumps([asdict(self.config), self.calibration, self.space], sort_keys=True).encode())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), the feature model (skops) and settings (JSON) to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "format": _FORMAT,
            "space": self.space,
            "readers": self.readers,
            "dimension": self.dimension,
            "calibration": self.calibration,
            "noise": self.noise,
            "config": asdict(self.config),
            "metrics": self.metrics,
            "torch": torch.__version__,
        }
        save_file(_contiguous(self._networks), folder / _WEIGHTS)
        (folder / _COMMITTEE).write_bytes(self._committee.dumps())
        (folder / _CONFIG).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, space: str | None = None, readers: Mapping[str, str] | None = None) -> Self:
        """Read a checkpoint.

        Args:
            space: where given, a model of another embedding space is refused.
            readers: versions by domain; where given, a model of answers that were read by others is refused.

        Raises:
            ModelError: if the folder holds no checkpoint of this format, or one of another reader.
            EmbeddingSpaceError: if it belongs to another space.
        """
        try:
            document: dict[str, Any] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
            if readers is not None:
                require_same_reader(document.get("readers") or {}, readers, f"the reward model in {folder}")
            weights = load_file(folder / _WEIGHTS)
            committee = (folder / _COMMITTEE).read_bytes()
        except (OSError, ValueError) as error:
            raise ModelError(
                f"no reward model can be read from {folder}: {error}; fit one with `memreward fit`"
            ) from error
        if document.get("format") != _FORMAT:
            raise ModelError(
                f"{folder} has checkpoint format {document.get('format')}, this version reads {_FORMAT}; fit anew"
            )
        if space is not None and document["space"] != space:
            raise EmbeddingSpaceError(
                f"the reward model in {folder} belongs to embedding space {document['space'][:12]}, the memory's is "
                f"{space[:12]}; fit a new model"
            )
        config = RewardModelConfig(**{**document["config"], "checks": tuple(document["config"]["checks"])})
        networks = _networks(document["dimension"], config)
        networks.load_state_dict(weights)
        loaded = cls(
            FeatureModel.loads(committee),
            networks,
            config,
            space=document["space"],
            dimension=document["dimension"],
            calibration=document["calibration"],
            noise=document["noise"],
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
            f"{what} was fitted on answers ({', '.join(changed)}) as an earlier reader read them; fit anew with `memreward fit`: "
            "the labels are all there"
        )


def _labelled_units(snapshot: Snapshot) -> Ints:
    """Units with labels, sorted by their smallest query key, so that the order of rows does not matter."""
    if not len(snapshot.labelled_queries):
        raise ModelError("no labels are visible; reveal some with `memreward reveal`, or name the ledger they are in")
    if not both_classes(snapshot.labels):
        found = float(np.nanmean(snapshot.labels))
        raise ModelError(
            f"all {int((~np.isnan(snapshot.labels)).sum())} visible labels are {'right' if found >= 0.5 else 'wrong'}; a reward "
            "model needs both: label more queries"
        )
    smallest: dict[int, str] = {}
    for query in snapshot.labelled_queries:
        unit, key = int(snapshot.query_units[query]), snapshot.query_keys[query]
        smallest[unit] = min(smallest.get(unit, key), key)
    return np.array(sorted(smallest, key=lambda unit: smallest[unit]), np.int64)


def _rows_of_units(snapshot: Snapshot, units: Ints) -> Ints:
    """Labelled rollouts of some units."""
    return np.flatnonzero(np.isin(snapshot.query_units[snapshot.rollout_query], units) & ~np.isnan(snapshot.labels))


def _networks(dimension: int, config: RewardModelConfig) -> nn.ModuleList:
    return nn.ModuleList(
        RewardGNN(dimension, hidden=config.hidden, heads=config.heads, layers=config.layers, dropout=config.dropout)
        for _ in range(config.members)
    )


def _held_out_metrics(snapshot: Snapshot, rows: Ints, probability: Floats) -> dict[str, float | None]:
    """Metrics on the labelled rollouts, each scored by models that did not see its unit's labels."""
    found = evaluate_scores(probability, snapshot.labels[rows], snapshot.rollout_query[rows])
    return {f"held_out_{name}": value for name, value in asdict(found).items() if name != "coverage"}


def _train(
    network: RewardGNN,
    data: HeteroData,
    snapshot: Snapshot,
    training: Ints,
    held_out: Ints,
    config: RewardModelConfig,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None,
) -> Floats:
    """Train in place, keep the best epoch (the prior alone included); returns the held-out rollouts' logits."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    check_rows = _rows_of_units(snapshot, held_out)
    seen_at_check = config.visible(hide_units(snapshot, np.isin(snapshot.query_units, held_out)))
    best, best_state, since, kept = np.inf, _copy(network), 0, np.zeros(0, np.float32)
    for epoch in range(config.epochs + 1):
        if epoch > 0:
            hidden = rng.permutation(training)[: max(1, round(config.hidden_share * len(training)))]
            rows = _rows_of_units(snapshot, hidden)
            seen = hide_units(snapshot, np.isin(snapshot.query_units, np.union1d(hidden, held_out)))
            set_labels(data, config.visible(seen))
            network.train()
            optimiser.zero_grad()
            logits = network(data)[torch.from_numpy(rows)]
            loss = _loss(logits, snapshot.labels[rows], snapshot.rollout_query[rows], config.ranking)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if progress is not None:
            progress(epoch, config.epochs)
        if len(check_rows):
            set_labels(data, seen_at_check)
            network.eval()
            with torch.inference_mode():
                checked = network(data)[torch.from_numpy(check_rows)]
            error = float(
                _loss(checked, snapshot.labels[check_rows], snapshot.rollout_query[check_rows], config.ranking)
            )
            if error < best:
                best, best_state, since = error, _copy(network), 0
                kept = checked.cpu().numpy()
            else:
                since += 1
            if since >= config.patience:
                break
    if len(check_rows):
        network.load_state_dict(best_state)
    return kept


def _loss(logits: Tensor, labels: Floats, query: Ints, ranking: float) -> Tensor:
    """Cross-entropy, and within each query a logistic loss on every pair of a right and a wrong rollout."""
    target = torch.from_numpy(labels).to(logits.device)
    loss = binary_cross_entropy_with_logits(logits, target)
    if ranking:
        right, wrong = (torch.from_numpy(rows).to(logits.device) for rows in right_and_wrong(labels, query))
        if len(right):
            loss = loss + ranking * softplus(logits[wrong] - logits[right]).mean()
    return loss


def _gain(prior: Floats, corrected: Floats, labels: Floats, query: Ints) -> float:
    """How much the networks lower the cross-entropy of held-out queries, in standard errors over the queries."""
    target = torch.from_numpy(labels)
    loss = [
        binary_cross_entropy_with_logits(torch.from_numpy(logits), target, reduction="none").numpy()
        for logits in (prior, corrected)
    ]
    gains = np.array([float((loss[0] - loss[1])[query == number].mean()) for number in np.unique(query)])
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return float(gains.mean()) / error if error else 0.0


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _contiguous(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
