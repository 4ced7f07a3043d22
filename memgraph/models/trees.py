"""Boosted trees beside the first regression: they find a check that decides nearly alone, where a sum over all checks cannot.

    logit = η · Σ_t leaf_t(x)

Gradient boosting of logistic loss (Friedman 2001), each tree on half of the labelled rollouts and a third of the features at
each split (Friedman 2002), fitted by scikit-learn and kept as plain arrays. How much they count is for held-out labels to say
(`trees_share`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from memgraph.models.anchored_regression import held_out_losses, least_change
from memgraph.models.calibration import both_classes
from memgraph.snapshot.snapshot import Floats, Ints

_TREES = 100
_RATE = 0.05  # η
_LEAVES = 8
_SMALLEST_LEAF = 10
_ROWS_OF_A_TREE = 2000  # at most: what a tree costs is bounded, however many labels there are
_BLOCK = 8192  # rollouts whose logits are computed at once: each takes a place in every tree
_LIMIT = 4.6  # of the logit, a probability of .99
_SHARES = (0.0, 0.25, 0.5)  # more brings little more, and costs most where the labelled queries are not like the others
_LEVEL = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class BoostedTrees:
    """Fitted trees, one after another; a leaf is its own child on both sides.

    Attributes:
        roots: [trees] number of each one's first node.
        feature, threshold: [nodes] what is asked there: is the feature at most the threshold?
        left, right: [nodes] where to go from there: left where it is.
        value: [nodes] what a leaf adds to the logit.
        depth: of the deepest tree.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    depth: int

    @classmethod
    def fit(cls, features: Floats, labels: Floats, seed: int) -> Self:
        """Fit on labelled rollouts.

        Args:
            features: [labelled, features]; NaN counts as 0.
            labels: [labelled] right from ½ on; of both classes.
        """
        from sklearn.ensemble import GradientBoostingClassifier

        boosting = GradientBoostingClassifier(
            init="zero",
            n_estimators=_TREES,
            learning_rate=_RATE,
            max_depth=None,
            max_leaf_nodes=_LEAVES,
            min_samples_leaf=_SMALLEST_LEAF,
            subsample=min(0.5, _ROWS_OF_A_TREE / len(labels)),
            max_features=0.3,
            random_state=seed,
        ).fit(np.nan_to_num(features), labels >= 0.5)
        trees = [tree.tree_ for tree in boosting.estimators_[:, 0]]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
        leaf = np.concatenate([tree.children_left < 0 for tree in trees])
        node = np.arange(len(leaf))
        children = (
            np.concatenate([getattr(tree, side) + root for tree, root in zip(trees, roots, strict=True)])
            for side in ("children_left", "children_right")
        )
        left, right = (np.where(leaf, node, child) for child in children)
        return cls(
            roots,
            np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])),
            np.concatenate([tree.threshold for tree in trees]),
            left,
            right,
            np.where(leaf, _RATE * np.concatenate([tree.value[:, 0, 0] for tree in trees]), 0),
            max(tree.max_depth for tree in trees),
        )

    def logits(self, features: Floats) -> Floats:
        """[rollouts] of [rollouts, features] in the order of the fit."""
        logits = np.zeros(len(features), np.float32)
        for start in range(0, len(features), _BLOCK):
            values = np.nan_to_num(features[start : start + _BLOCK])
            node = np.tile(self.roots, (len(values), 1))
            for _ in range(self.depth):
                asked = np.take_along_axis(values, self.feature[node], axis=1)
                node = np.where(asked <= self.threshold[node], self.left[node], self.right[node])
            logits[start : start + _BLOCK] = np.clip(self.value[node].sum(axis=1), -_LIMIT, _LIMIT)
        return logits

    def arrays(self) -> dict[str, Any]:
        """What decides its predictions, by name; `BoostedTrees.of_arrays` takes it back."""
        return {
            "roots": self.roots,
            "feature": self.feature,
            "threshold": self.threshold,
            "left": self.left,
            "right": self.right,
            "value": self.value,
            "depth": self.depth,
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> Self:
        """From what `arrays` gave."""
        return cls(**{**arrays, "depth": int(arrays["depth"])})


def fit_trees(features: Floats, labels: Floats, fold: Ints, seed: int) -> tuple[BoostedTrees | None, Floats]:
    """Trees of labelled rollouts, and [labelled] logits by trees that did not see the labels of their fold.

    Where a fold's others are of one class its logits are NaN, for no opinion. None, and NaN alone, where all are of one class.
    """
    held_out = np.full(len(labels), np.nan, np.float32)
    for number in np.unique(fold):
        inside = fold == number
        if both_classes(labels[~inside]):
            held_out[inside] = BoostedTrees.fit(features[~inside], labels[~inside], seed).logits(features[inside])
    return (BoostedTrees.fit(features, labels, seed) if both_classes(labels) else None), held_out


def trees_share(first: Floats, trees: Floats, labels: Floats, query: Ints) -> float:
    """How much trees count beside the first regression: nothing, a quarter, or half.

    It is the least share whose held-out loss is not significantly worse than the best one's.

    Args:
        first, trees: [labelled] logits that did not see the labels of their fold.
        query: [labelled] number of the query.
    """
    losses = [held_out_losses((1 - share) * first + share * trees, labels, query) for share in _SHARES]
    return _SHARES[least_change(np.stack(losses), _LEVEL)]
