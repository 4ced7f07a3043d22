"""What right rollouts say: a regression over the words of thinkings and answers.

Statements recur from query to query ("… lives in Vesmark", "1 crate holds 8 …"), and a sentence embedding hardly tells
two of them apart that differ in one number. So a logistic regression over n-grams of words learns from labelled rollouts
which statements go with being right.

It sees only n-grams that belong to few queries. A turn of phrase that stands everywhere ("therefore", "we verified")
says nothing about a query, and a policy under RL would learn to please by it.

Labels are few, and a statement that no labelled rollout makes may stand in many others. So a second regression
(`BelievedWording`) learns from all rollouts how far those that say a thing are believed more than their group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import normalize

from memgraph.reliability import FOLDS, deviation, folds_by_key
from memgraph.snapshot import Floats, Ints, Snapshot

_LONGEST = 4  # words of an n-gram
_COLUMNS = 2**20
_FEWEST_QUERIES, _LARGEST_SHARE = 2, 0.05
_DOUBT = 0.3  # ridge penalty of what is learned from beliefs
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Wording:
    """A fitted regression.

    Attributes:
        columns: [n-grams] hashes of the n-grams that count.
        rarity: [n-grams] inverse document frequency, over queries.
        weights: [n-grams] of the regression.
        bias: of the regression.
    """

    columns: Ints
    rarity: Floats
    weights: Floats
    bias: float

    @classmethod
    def fit(
        cls,
        snapshot: Snapshot,
        ngrams: csr_array,
        rows: Ints,
        right: NDArray[np.bool_],
        weights: Floats | None = None,
    ) -> Self:
        """Fit on [rows] of labelled rollouts; with one class only, nothing is said.

        Args:
            ngrams: [rollouts, hashes], see `ngrams_of`.
            weights: [rows] how much each counts; None where all count the same.
        """
        columns, rarity = _telling(snapshot, ngrams)
        if not len(columns) or right.all() or not right.any():
            return cls(columns[:0], rarity[:0], np.zeros(0, np.float32), 0.0)
        regression = LogisticRegression(C=1.0, solver="liblinear", max_iter=300)
        regression.fit(_weighted(ngrams[rows], columns, rarity), right, sample_weight=weights)
        return cls(columns, rarity, regression.coef_[0].astype(np.float32), float(regression.intercept_[0]))

    def logits(self, ngrams: csr_array) -> Floats:
        """[rollouts] of being right."""
        if not len(self.columns):
            return np.zeros(ngrams.shape[0], np.float32)
        found: Floats = _weighted(ngrams, self.columns, self.rarity) @ self.weights + self.bias
        return found.astype(np.float32)

    def arrays(self) -> dict[str, Any]:
        """All that decides its logits, by name."""
        return {"columns": self.columns, "rarity": self.rarity, "weights": self.weights, "bias": self.bias}


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
    def fit(cls, snapshot: Snapshot, ngrams: csr_array, believed: Floats) -> Self:
        """Fit on all rollouts of a snapshot.

        Args:
            believed: [rollouts] label where it is known, else the probability that a first model gives.
        """
        columns, rarity = _telling(snapshot, ngrams)
        weights, bias = np.zeros((FOLDS, len(columns)), np.float32), np.zeros(FOLDS, np.float32)
        if not len(columns):
            return cls(columns, rarity, weights, bias)
        said, lead, fold = _weighted(ngrams, columns, rarity), deviation(snapshot, believed), folds_by_key(snapshot)
        for number in range(FOLDS):
            seen = fold != number
            if seen.any():
                ridge = Ridge(alpha=_DOUBT, solver="sparse_cg", tol=1e-3).fit(said[seen], lead[seen])
                weights[number], bias[number] = ridge.coef_, ridge.intercept_
        return cls(columns, rarity, weights, bias)

    def leads(self, snapshot: Snapshot, ngrams: csr_array) -> Floats:
        """[rollouts] by how much more than its group each is believed, for what it says."""
        if not len(self.columns):
            return np.zeros(ngrams.shape[0], np.float32)
        fold = folds_by_key(snapshot)
        by_fold = _weighted(ngrams, self.columns, self.rarity) @ self.weights.T + self.bias
        return deviation(snapshot, by_fold[np.arange(len(fold)), fold].astype(np.float32))

    def arrays(self) -> dict[str, Any]:
        """All that decides its leads, by name."""
        return {"columns": self.columns, "rarity": self.rarity, "weights": self.weights, "bias": self.bias}


def ngrams_of(snapshot: Snapshot) -> csr_array:
    """[rollouts, hashes] 1 where the rollout's thinking or answer has an n-gram."""
    texts = (
        f"{thinking} => {snapshot.answer_values[answer]}"
        for thinking, answer in zip(snapshot.thinking_texts, snapshot.rollout_answer, strict=True)
    )
    hashing = HashingVectorizer(
        analyzer=_ngrams, n_features=_COLUMNS, norm=None, binary=True, alternate_sign=False, dtype=np.float32
    )
    return csr_array(hashing.transform(texts))


def _ngrams(text: str) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    for length in range(1, _LONGEST + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _telling(snapshot: Snapshot, ngrams: csr_array) -> tuple[Ints, Floats]:
    """N-grams that belong to more than one query and to few, and how rare they are."""
    queries = len(snapshot.query_keys)
    rollouts = np.arange(ngrams.shape[0])
    belongs = csr_array(
        (np.ones(len(rollouts), np.float32), (snapshot.rollout_query, rollouts)), shape=(queries, len(rollouts))
    )
    count = np.bincount((belongs @ ngrams).tocsr().indices, minlength=_COLUMNS)
    columns = np.flatnonzero((count >= _FEWEST_QUERIES) & (count <= max(_FEWEST_QUERIES + 1, _LARGEST_SHARE * queries)))
    return columns, np.log((1 + queries) / (1 + count[columns])).astype(np.float32) + 1


def _weighted(ngrams: csr_array, columns: Ints, rarity: Floats) -> csr_array:
    """[rows, n-grams] of unit length."""
    return csr_array(normalize(ngrams[:, columns] * rarity))
