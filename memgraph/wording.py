"""What right rollouts say: regressions over the words of thinkings and answers (`memgraph.words`).

Statements recur from query to query ("… lives in Vesmark", "1 crate holds 8 …"), and a sentence embedding hardly tells
two of them apart that differ in one number. So a ridge regression on labelled rollouts learns which words go with being
right. Its kernel is a product of two cosines, which is a regression over pairs of n-grams: that Ada is a smith is said by
"Ada" and "smith" together, wherever they stand; what a program or a calculation does, by an n-gram of it and a word of the
question. A calculation with an equation that does not hold is wrong whatever else it says, so it teaches no words.

Labels are few, and a statement that no labelled rollout makes may stand in many others. So a second regression
(`BelievedWording`) learns from all rollouts how far those that say a thing are believed more than their group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge
from sklearn.utils import gen_batches

from memgraph.reliability import FOLDS, deviation, folds_by_key
from memgraph.snapshot import Bools, Floats, Ints, Snapshot
from memgraph.words import CHUNK, LARGEST_SHARE, Pairs, Vocabulary, Words, telling, weighted

_LANDMARKS = 2000
_LABEL_DOUBT = 0.1  # ridge penalty of what is learned from labels
_DOUBT = 0.3  # and from beliefs
_TINY = 1e-6
_PARTS, _ARRAYS = ("said", "about"), ("data", "indices", "indptr")


@dataclass(frozen=True, slots=True)
class Wording:
    """A fitted regression, on as many labelled rollouts (landmarks) as its cost allows, and what corrects it.

    Attributes:
        vocabulary: what counts.
        landmarks: their pairs.
        weights: [landmarks, 2] of the regression, and of the correction (`memgraph.kriging`; 0 without one).
    """

    vocabulary: Vocabulary
    landmarks: Pairs
    weights: Floats

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        words: Words,
        rows: Ints,
        right: NDArray[np.bool_],
        fold: Ints,
        weights: Floats | None = None,
    ) -> tuple[Self, Floats]:
        """Fit on [rows] of labelled rollouts.

        Args:
            fold: [rows] number of each row's fold.
            weights: [rows] how much each counts; None where all count the same.

        Returns the regression, and [rows] what one fitted on the other folds says; with one class only, nothing is said.
        """
        vocabulary = Vocabulary.of(snapshot, words)
        pairs = vocabulary.pairs(words, rows)
        sound = words.sound[rows]
        landmarks = pairs[_landmarks(pairs, [snapshot.rollout_keys[row] for row in rows], sound)]
        count = sound * (1.0 if weights is None else weights.astype(np.float64))
        sums = {
            int(number): _sums(pairs[fold == number], landmarks, right[fold == number], count[fold == number])
            for number in np.unique(fold)
        }
        whole = np.sum(list(sums.values()), axis=0)
        among = landmarks.kernel(landmarks).astype(np.float64)
        cross_fitted = np.zeros(len(rows), np.float32)
        for number, own in sums.items():
            cross_fitted[fold == number] = pairs[fold == number].sums(landmarks, _ridge(whole - own, among))
        regression = _ridge(whole, among)
        return cls(vocabulary, landmarks, np.stack([regression, np.zeros_like(regression)], axis=1)), cross_fitted

    def corrected(self, weights: Floats) -> Self:
        """The same with [landmarks] weights of a correction."""
        return replace(self, weights=np.stack([self.weights[:, 0], weights], axis=1))

    def says(self, words: Words) -> tuple[Floats, Floats]:
        """[rollouts] how right their words sound: about 1 where they speak for it, -1 against it, 0 where unknown.

        And [rollouts] what is to be added to their logits.
        """
        found = self.vocabulary.pairs(words).sums(self.landmarks, self.weights)
        return found[:, 0], found[:, 1]

    def arrays(self) -> dict[str, Any]:
        """All that decides what it says, by name."""
        found: dict[str, Any] = {"weights": self.weights}
        for part, name in enumerate(_PARTS):
            matrix = getattr(self.landmarks, name)
            columns, rarity = self.vocabulary.columns[part], self.vocabulary.rarity[part]
            found |= {f"{name}_columns": columns, f"{name}_rarity": rarity}
            found |= {f"{name}_{array}": getattr(matrix, array) for array in _ARRAYS}
        return found

    @classmethod
    def of_arrays(cls, arrays: dict[str, Any]) -> Self:
        """The same from `arrays`."""
        columns, rarity, matrices = [], [], []
        for name in _PARTS:
            columns.append(arrays[f"{name}_columns"])
            rarity.append(arrays[f"{name}_rarity"])
            shape = (len(arrays["weights"]), len(columns[-1]))
            matrices.append(csr_array(tuple(arrays[f"{name}_{array}"] for array in _ARRAYS), shape=shape))
        vocabulary = Vocabulary((columns[0], columns[1]), (rarity[0], rarity[1]))
        return cls(vocabulary, Pairs(*matrices), arrays["weights"])


@dataclass(frozen=True, slots=True)
class BelievedWording:
    """Fitted regressions, one for each fold of queries: a query's rollouts are judged by the one that never saw them.

    Attributes:
        columns, rarity: [n-grams] as of `Wording`.
        weights: [folds, n-grams].
        bias: [folds].
    """

    columns: Ints
    rarity: Floats
    weights: Floats
    bias: Floats

    @classmethod
    def fit(cls, snapshot: Snapshot, words: Words, believed: Floats) -> Self:
        """Fit on all rollouts of a snapshot.

        Args:
            believed: [rollouts] label where it is known, else the probability that a first model gives.
        """
        columns, rarity = telling(snapshot, words.long, LARGEST_SHARE)
        weights, bias = np.zeros((FOLDS, len(columns)), np.float32), np.zeros(FOLDS, np.float32)
        if not len(columns):
            return cls(columns, rarity, weights, bias)
        said, lead, fold = weighted(words.long, columns, rarity), deviation(snapshot, believed), folds_by_key(snapshot)
        for number in range(FOLDS):
            seen = fold != number
            if seen.any():
                ridge = Ridge(alpha=_DOUBT, solver="sparse_cg", tol=1e-3).fit(said[seen], lead[seen])
                weights[number], bias[number] = ridge.coef_, ridge.intercept_
        return cls(columns, rarity, weights, bias)

    def leads(self, snapshot: Snapshot, words: Words) -> Floats:
        """[rollouts] by how much more than its group each is believed, for what it says."""
        if not len(self.columns):
            return np.zeros(len(snapshot.rollout_keys), np.float32)
        fold = folds_by_key(snapshot)
        by_fold = weighted(words.long, self.columns, self.rarity) @ self.weights.T + self.bias
        return deviation(snapshot, by_fold[np.arange(len(fold)), fold].astype(np.float32))

    def arrays(self) -> dict[str, Any]:
        """All that decides its leads, by name."""
        return {"columns": self.columns, "rarity": self.rarity, "weights": self.weights, "bias": self.bias}


def _landmarks(pairs: Pairs, keys: list[str], sound: Bools) -> list[int]:
    """Sound rows that differ, whatever their order; of too many, those whose keys come first, which are random."""
    first: dict[tuple[bytes, bytes], int] = {}
    for row in sorted(np.flatnonzero(sound).tolist(), key=keys.__getitem__):
        said, about = (
            matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tobytes()
            for matrix in (pairs.said, pairs.about)
        )
        if said and about:
            first.setdefault((said, about), row)
    return list(first.values())[:_LANDMARKS]


def _sums(
    pairs: Pairs, landmarks: Pairs, right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[landmarks + 2, landmarks + 2] Σ w x xᵀ over rows of weight w: x is the row's kernel, then ±1 for its label, then 1."""
    found = np.zeros((landmarks.said.shape[0] + 2,) * 2)
    for chunk in gen_batches(len(right), CHUNK):
        label = np.where(right[chunk], 1.0, -1.0)
        row = np.column_stack([pairs[chunk].kernel(landmarks), label, np.ones_like(label)])
        found += (row * weights[chunk, None]).T @ row
    return found


def _ridge(sums: NDArray[np.float64], among: NDArray[np.float64]) -> Floats:
    """[landmarks] weights of the regression; 0 where not both right and wrong rows were summed.

    Args:
        among: [landmarks, landmarks] the kernel between them.
    """
    size, total = len(among), sums[-1, -1]
    mean = sums[-2, -1] / total if total else 1.0
    if not size or abs(mean) > 1 - _TINY:
        return np.zeros(size, np.float32)
    system = sums[:size, :size] + _LABEL_DOUBT * among
    system[np.diag_indices(size)] += _TINY * (1 + np.trace(system) / size)
    found: Floats = cho_solve(cho_factor(system), sums[:size, -2] - mean * sums[:size, -1]).astype(np.float32)
    return found
