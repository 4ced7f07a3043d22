"""Logistic regression that is its anchor until labels say otherwise.

    logit = w · x + b,   (w, b) = argmin  CE(labels) + CE(pairs) + λ/2 · Σ_j (w_j - w⁰_j)² + c/2 · ((w_a - w⁰_a)² + (b - b⁰)²)

The anchor a is one input that is a model by itself: the vote, or the logit of a model before. Its slope w⁰_a and bias b⁰ are
known, and c labels are needed to move them. c is at most λ/3, because labels that free the inputs free the anchor as well. The
weights w⁰ of all other inputs are what other memories taught, times the probability that it holds here,

    p = L(taught) / (L(taught) + L(none)),   log L = - CE(labels) - CE(pairs) of the anchor with these weights, or with none

λ is the largest whose held-out loss is not worse than the least one (one-sided paired t test over queries), infinity among
them. So few labels leave the anchor only for inputs that explain all of them better. By chance some do, and a split in ten may
fall below its anchor (docs/experiments/2026-12-01.md). With many labels the inputs count for what they are worth.

The pairs are a right and a wrong rollout of one query each (`memgraph.models.pairs`). Together they weigh as much as the
labels: GRPO's advantage needs the order within a group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from memgraph.models.pairs import right_and_wrong
from memgraph.snapshot.snapshot import Doubles, Floats, Ints

_STRENGTHS = (1e6, 1000.0, 300.0, 100.0, 30.0)
_LIMIT = 4.0  # standard deviations

Floating = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Anchor:
    """The input that the regression starts from: logit = slope · input + bias.

    Attributes:
        name: of the input.
        scale: what the input is divided by; that of one unit of evidence, as a standard deviation is for the others.
        certainty: c, in labels, where λ leaves the inputs to their weights w⁰.
        level: how sure it must be that a weaker penalty is better (one-sided paired t test over queries).
    """

    name: str
    slope: float
    bias: float
    scale: float
    certainty: float
    level: float = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class AnchoredRegression:
    """A fitted regression.

    Attributes:
        mean, scale: [features] that inputs are standardised by; the anchor is only scaled.
        weights: [features + 1], the bias last.
        strength: λ of the penalty; the largest of all where labels moved the anchor alone.
    """

    mean: Floats
    scale: Floats
    weights: Doubles
    strength: float

    @classmethod
    def of_prior(
        cls, anchor: Anchor, names: Sequence[str], features: Floats, prior: Mapping[str, float] | None = None
    ) -> Self:
        """What is believed without any label.

        Args:
            features: [rollouts, features], NaN where unknown; inputs are standardised by them.
            prior: w⁰ by name, 0 for those that it lacks.
        """
        mean, scale = _standard(features, list(names).index(anchor.name), anchor)
        return cls(mean, scale, _prior(anchor, names, prior), _STRENGTHS[0])

    @classmethod
    def fit(
        cls,
        anchor: Anchor,
        names: Sequence[str],
        features: Floats,
        rows: Ints,
        labels: Floats,
        query: Ints,
        fold: Ints,
        prior: Mapping[str, float] | None = None,
    ) -> tuple[Self, Floats]:
        """Fit on some rollouts.

        Args:
            names: of the features; the anchor is among them.
            features: [rollouts, features] of all, labelled or not; NaN is the mean.
            rows: [labelled] rows of the labelled ones.
            labels: [labelled] 0..1.
            query: [labelled] number of the query.
            fold: [labelled] number of the fold; near-duplicate queries share one.
            prior: what other memories taught, weights by name, 0 for those that it lacks. w⁰ is p times them.

        Returns the regression, and [labelled] logits, each by a regression that did not see the labels of its fold. λ and w⁰
        are chosen with all of them.
        """
        from scipy.special import expit

        start = cls.of_prior(anchor, names, features)
        inputs = _inputs(features[rows], start.mean, start.scale)
        target = labels.astype(np.float64)
        counts = np.ones(len(rows))
        if prior:
            taught = cls.of_prior(anchor, names, features, prior)
            alone, with_prior = (
                held_out_losses(inputs @ regression.weights, target, query).sum() for regression in (start, taught)
            )
            believed = float(expit(alone - with_prior))
            start = replace(start, weights=believed * taught.weights + (1 - believed) * start.weights)
        penalties = [_penalty(strength, anchor, names) for strength in _STRENGTHS]
        held_out = np.tile(inputs @ start.weights, (len(_STRENGTHS), 1))
        for number in np.unique(fold):
            inside = fold == number
            if inside.all():
                continue
            others = inputs[~inside], target[~inside], query[~inside], counts[~inside]
            for position, learned in enumerate(_path(*others, start.weights, penalties)):
                held_out[position, inside] = inputs[inside] @ learned
        losses = [held_out_losses(logits, target, query) for logits in held_out]
        best = least_change(np.stack(losses), anchor.level)
        (learned,) = _path(inputs, target, query, counts, start.weights, [penalties[best]])
        return cls(start.mean, start.scale, learned, _STRENGTHS[best]), held_out[best].astype(np.float32)

    @classmethod
    def at(
        cls,
        strength: float,
        anchor: Anchor,
        names: Sequence[str],
        features: Floats,
        rows: Ints,
        labels: Floats,
        query: Ints,
        weights: Floats,
    ) -> Self:
        """The regression of one penalty; arguments are as of `fit`, and [labelled] how much each label counts."""
        start = cls.of_prior(anchor, names, features)
        inputs, penalties = _inputs(features[rows], start.mean, start.scale), [_penalty(strength, anchor, names)]
        target, counts = labels.astype(np.float64), weights.astype(np.float64)
        (learned,) = _path(inputs, target, query, counts, start.weights, penalties)
        return cls(start.mean, start.scale, learned, strength)

    @property
    def moved(self) -> bool:
        """Whether labels moved more than the anchor's slope and bias."""
        return self.strength < _STRENGTHS[0]

    def by_name(self, names: Sequence[str]) -> dict[str, float]:
        """Weight of each standardised feature."""
        return dict(zip(names, self.weights[:-1].tolist(), strict=True))

    def logits(self, features: Floats) -> Floats:
        """[rollouts] of [rollouts, features] in the order of the fit."""
        logits: Floats = (_inputs(features, self.mean, self.scale) @ self.weights).astype(np.float32)
        return logits

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """From what `arrays` gave."""
        return cls(arrays["mean"], arrays["scale"], arrays["weights"], float(arrays["strength"]))

    def arrays(self) -> dict[str, Any]:
        """What decides its predictions, by name."""
        return {"mean": self.mean, "scale": self.scale, "weights": self.weights, "strength": self.strength}


def _prior(anchor: Anchor, names: Sequence[str], prior: Mapping[str, float] | None) -> Doubles:
    """[features + 1] w⁰ and b⁰."""
    weights = np.array([(prior or {}).get(name, 0.0) for name in names] + [anchor.bias])
    weights[list(names).index(anchor.name)] = anchor.slope * anchor.scale
    return weights


def _penalty(strength: float, anchor: Anchor, names: Sequence[str]) -> Doubles:
    """[features + 1] λ, and for the anchor and the bias c, at most λ/3."""
    penalty = np.full(len(names) + 1, strength)
    penalty[[list(names).index(anchor.name), -1]] = min(anchor.certainty, strength / 3)
    return penalty


def _standard(features: Floats, position: int, anchor: Anchor) -> tuple[Floats, Floats]:
    """[features], [features] mean and scale; a feature that never varies is left out by an infinite scale."""
    present = ~np.isnan(features)
    count = np.maximum(1, present.sum(axis=0))
    values = np.where(present, features, 0).astype(np.float64)
    mean = values.sum(axis=0) / count
    spread = np.sqrt((np.where(present, features - mean, 0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-4, spread, np.inf)
    mean[position], scale[position] = 0.0, anchor.scale
    return mean.astype(np.float32), scale.astype(np.float32)


def _inputs(features: Floats, mean: Floats, scale: Floats) -> Doubles:
    """[rollouts, features + 1] standardised, clipped, with a one for the bias."""
    standard = np.clip(np.nan_to_num((features - mean) / scale), -_LIMIT, _LIMIT)
    return np.column_stack([standard, np.ones(len(features))]).astype(np.float64)


def _path(
    inputs: Doubles, target: Doubles, query: Ints, counts: Doubles, prior: Doubles, penalties: Iterable[Doubles]
) -> Iterator[Doubles]:
    """[features + 1] weights of least loss for each penalty; each search starts where the last one ended, the first at w⁰."""
    from scipy.optimize import minimize
    from scipy.special import expit

    right, wrong = right_and_wrong(target.astype(np.float32), query)
    apart = inputs[right] - inputs[wrong]
    share = float(counts.sum()) / max(1, len(right))

    def loss(weights: Doubles, penalty: Doubles) -> tuple[float, Doubles]:
        logits, margins, shift = inputs @ weights, apart @ weights, weights - prior
        value = float((counts * cross_entropy(logits, target)).sum()) + share * float(np.logaddexp(0, -margins).sum())
        value += 0.5 * float((penalty * shift**2).sum())
        slope = inputs.T @ (counts * (expit(logits) - target)) - share * (apart.T @ expit(-margins)) + penalty * shift
        return value, slope

    weights = prior
    for penalty in penalties:
        weights = minimize(loss, weights, penalty, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
        yield weights


def held_out_losses(logits: Floating, target: Floating, query: Ints) -> Doubles:
    """[queries] what is minimised, but for the penalty: cross-entropy of labels and of pairs.

    Args:
        logits, target: [labelled]
        query: [labelled] number of the query.
    """
    which = np.unique(query, return_inverse=True)[1]
    right, wrong = right_and_wrong(target.astype(np.float32), query)
    share = len(target) / max(1, len(right))
    labels = np.bincount(which, cross_entropy(logits, target))
    pairs = np.bincount(which[right], np.logaddexp(0, logits[wrong] - logits[right]), minlength=len(labels))
    return np.asarray(labels + share * pairs)


def least_change(losses: Doubles, level: float) -> int:
    """First row whose loss is not significantly worse than the least one.

    Args:
        losses: [choices, queries] from the one that changes nothing to the one that changes most.
        level: of a one-sided paired t test over queries.
    """
    queries = losses.shape[1]
    if queries < 2:
        return 0
    from scipy.stats import t as student

    best = int(np.argmin(losses.sum(axis=1)))
    errors = student.ppf(level, queries - 1)
    for row in range(best):
        worse = losses[row] - losses[best]
        if worse.mean() <= errors * worse.std(ddof=1) / np.sqrt(queries):
            return row
    return best


def cross_entropy(logits: Floating, target: Floating) -> Floating:
    """[n] of each target (0..1) under its logit."""
    loss: Floating = np.logaddexp(0, logits) - target * logits
    return loss
