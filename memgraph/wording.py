"""What right rollouts say: regressions over the words of thinkings and answers.

Statements recur from query to query ("… lives in Vesmark", "1 crate holds 8 …"), and a sentence embedding hardly tells
two of them apart that differ in one number. So a ridge regression on labelled rollouts learns which words go with being
right. Its kernel is the squared cosine of two rollouts' n-grams, which is a regression over pairs of them: that Ada is a
smith is said by "Ada" and "smith" together, wherever they stand. Programs are left out: what they do is known better
(`memgraph.checks.behaviour`).

It sees only n-grams that belong to few queries. A turn of phrase that stands everywhere ("therefore", "we verified")
says nothing about a query, and a policy under RL would learn to please by it. An answer that is an option's letter is
read as the option.

Labels are few, and a statement that no labelled rollout makes may stand in many others. So a second regression
(`BelievedWording`) learns from all rollouts how far those that say a thing are believed more than their group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from memgraph.checks.response import listed_options
from memgraph.reliability import FOLDS, deviation, folds_by_key
from memgraph.snapshot import Floats, Ints, Snapshot

_COLUMNS = 2**20
_FEWEST_QUERIES, _LARGEST_SHARE = 2, 0.05
_LANDMARKS = 2000
_LABEL_DOUBT = 0.1  # ridge penalty of what is learned from labels
_DOUBT = 0.3  # and from beliefs
_TINY = 1e-6
_CHUNK = 4096
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Words:
    """What the rollouts of a snapshot say: 1 where one has an n-gram of words in its thinking or answer.

    Attributes:
        short: [rollouts, hashes] n-grams of one or two words; none of programs.
        long: [rollouts, hashes] n-grams of one to four words.
    """

    short: csr_array
    long: csr_array

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Read thinkings, and answers in words: an option's letter as the option."""
        answers = _answers_in_words(snapshot)
        texts = [
            f"{thinking} => {answers[answer]}"
            for thinking, answer in zip(snapshot.thinking_texts, snapshot.rollout_answer, strict=True)
        ]
        program = [snapshot.query_domains[query] == "code" for query in snapshot.rollout_query]
        said = ["" if is_program else text for text, is_program in zip(texts, program, strict=True)]
        return cls(_hashed(said, 2), _hashed(texts, 4))


@dataclass(frozen=True, slots=True)
class Wording:
    """A fitted regression, on as many labelled rollouts (landmarks) as its cost allows.

    Attributes:
        columns: [n-grams] hashes of the n-grams that count.
        rarity: [n-grams] inverse document frequency, over queries.
        landmarks: [landmarks, n-grams] of unit length.
        weights: [landmarks] of the regression.
    """

    columns: Ints
    rarity: Floats
    landmarks: csr_array
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
        columns, rarity = _telling(snapshot, words.short)
        said = _weighted(words.short[rows], columns, rarity)
        keys = [snapshot.rollout_keys[row] for row in rows]
        landmarks = said[_landmarks(said, keys)]
        count = np.ones(len(rows)) if weights is None else weights.astype(np.float64)
        sums = {
            int(number): _sums(said[fold == number], landmarks, right[fold == number], count[fold == number])
            for number in np.unique(fold)
        }
        whole = np.sum(list(sums.values()), axis=0)
        among = _kernel(landmarks, landmarks).astype(np.float64)
        cross_fitted = np.zeros(len(rows), np.float32)
        for number, own in sums.items():
            others = cls(columns, rarity, landmarks, _ridge(whole - own, among))
            cross_fitted[fold == number] = others._says(said[fold == number])
        return cls(columns, rarity, landmarks, _ridge(whole, among)), cross_fitted

    def says(self, words: Words) -> Floats:
        """[rollouts] how right their words sound: about 1 where they speak for it, -1 against it, 0 where unknown."""
        return self._says(_weighted(words.short, self.columns, self.rarity))

    def _says(self, said: csr_array) -> Floats:
        found = np.zeros(said.shape[0], np.float32)
        for chunk in gen_batches(said.shape[0], _CHUNK):
            found[chunk] = _kernel(said[chunk], self.landmarks) @ self.weights
        return found

    def arrays(self) -> dict[str, Any]:
        """All that decides what it says, by name."""
        return {
            "columns": self.columns,
            "rarity": self.rarity,
            "landmarks_data": self.landmarks.data,
            "landmarks_indices": self.landmarks.indices,
            "landmarks_indptr": self.landmarks.indptr,
            "weights": self.weights,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, Any]) -> Self:
        """The same from `arrays`."""
        parts = tuple(arrays[f"landmarks_{name}"] for name in ("data", "indices", "indptr"))
        shape = (len(arrays["weights"]), len(arrays["columns"]))
        return cls(arrays["columns"], arrays["rarity"], csr_array(parts, shape=shape), arrays["weights"])


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
        columns, rarity = _telling(snapshot, words.long)
        weights, bias = np.zeros((FOLDS, len(columns)), np.float32), np.zeros(FOLDS, np.float32)
        if not len(columns):
            return cls(columns, rarity, weights, bias)
        said, lead, fold = _weighted(words.long, columns, rarity), deviation(snapshot, believed), folds_by_key(snapshot)
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
        by_fold = _weighted(words.long, self.columns, self.rarity) @ self.weights.T + self.bias
        return deviation(snapshot, by_fold[np.arange(len(fold)), fold].astype(np.float32))

    def arrays(self) -> dict[str, Any]:
        """All that decides its leads, by name."""
        return {"columns": self.columns, "rarity": self.rarity, "weights": self.weights, "bias": self.bias}


def _answers_in_words(snapshot: Snapshot) -> list[str]:
    """[answers] the value, or the option that it names."""
    options = [listed_options(text) for text in snapshot.query_texts]
    return [
        options[query].get(value.strip("() ").upper(), value)
        for query, value in zip(snapshot.answer_query, snapshot.answer_values, strict=True)
    ]


def _hashed(texts: list[str], longest: int) -> csr_array:
    """[texts, hashes] 1 where a text has an n-gram of at most so many words."""
    hashing = HashingVectorizer(
        analyzer=partial(_ngrams, longest=longest),
        n_features=_COLUMNS,
        norm=None,
        binary=True,
        alternate_sign=False,
        dtype=np.float32,
    )
    return csr_array(hashing.transform(texts))


def _ngrams(text: str, longest: int) -> Iterator[str]:
    words = _WORD.findall(text.casefold())
    for length in range(1, longest + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _landmarks(said: csr_array, keys: list[str]) -> list[int]:
    """Rows that differ, whatever their order; where there are too many, those whose keys come first, which are random."""
    first: dict[bytes, int] = {}
    for row in sorted(range(len(keys)), key=keys.__getitem__):
        start, end = said.indptr[row], said.indptr[row + 1]
        if end > start:
            first.setdefault(said.indices[start:end].tobytes(), row)
    return list(first.values())[:_LANDMARKS]


def _kernel(one: csr_array, other: csr_array) -> Floats:
    """[one, other] squared cosine of rows of unit length."""
    found: Floats = (one @ other.T).toarray() ** 2
    return found


def _sums(
    said: csr_array, landmarks: csr_array, right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[landmarks + 2, landmarks + 2] Σ w x xᵀ over rows of weight w: x is the row's kernel, then ±1 for its label, then 1."""
    found = np.zeros((landmarks.shape[0] + 2,) * 2)
    for chunk in gen_batches(said.shape[0], _CHUNK):
        label = np.where(right[chunk], 1.0, -1.0)
        row = np.column_stack([_kernel(said[chunk], landmarks), label, np.ones_like(label)])
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
    """[rows, n-grams] of unit length, 0 where a row has none."""
    if not len(columns):
        return csr_array((ngrams.shape[0], 0), dtype=np.float32)
    return csr_array(normalize(ngrams[:, columns] * rarity))
