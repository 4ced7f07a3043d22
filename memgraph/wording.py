"""What right rollouts say: regressions over the words of thinkings and answers.

Statements recur from query to query ("… lives in Vesmark", "1 crate holds 8 …"), and a sentence embedding hardly tells
two of them apart that differ in one number. So a ridge regression on labelled rollouts learns which words go with being
right. Its kernel is the squared cosine of two rollouts' n-grams, which is a regression over pairs of them: that Ada is a
smith is said by "Ada" and "smith" together, wherever they stand. Of a program the pairs are a word of the question and an
n-gram of the program: where numbers "less" than 6 are asked for, `x <` is right. A number that the question names is one
token, whatever its value.

Of prose it sees only n-grams that belong to few queries. A turn of phrase that stands everywhere ("therefore", "we verified")
says nothing about a query, and a policy under RL would learn to please by it. An answer that is an option's letter is
read as the option.

Labels are few, and a statement that no labelled rollout makes may stand in many others. So a second regression
(`BelievedWording`) learns from all rollouts how far those that say a thing are believed more than their group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from memgraph.checks.equations import find_equations
from memgraph.checks.response import listed_options
from memgraph.reliability import FOLDS, deviation, folds_by_key
from memgraph.snapshot import Bools, Floats, Ints, Snapshot

_COLUMNS = 2**20
_FEWEST_QUERIES, _LARGEST_SHARE = 2, 0.1
_LARGEST_SHARE_ASKED = 0.5  # a word of most questions tells none from another
_LANDMARKS = 2000
_LABEL_DOUBT = 0.1  # ridge penalty of what is learned from labels
_DOUBT = 0.3  # and from beliefs
_TINY = 1e-6
_CHUNK = 4096
_PARTS, _ARRAYS = ("said", "about"), ("data", "indices", "indptr")
_ASKED = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_OPERATORS = frozenset("+-*/=×÷·")
_CALCULATES = re.compile(r"[-+*/=×÷·\d]|<given>|<found>")
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Words:
    """What the rollouts of a snapshot say: 1 where one has an n-gram of words.

    Attributes:
        prose: [rollouts, hashes] n-grams of one or two words of thinking and answer; none of programs.
        done: [rollouts, hashes] n-grams of programs and calculations, their numbers by role.
        calculated: [rollouts, hashes] those of calculations among them.
        asked: [rollouts, hashes] words of the question of programs and calculations.
        long: [rollouts, hashes] n-grams of one to four words of thinking and answer.
        sound: [rollouts] False where an equation does not hold.
    """

    prose: csr_array
    done: csr_array
    calculated: csr_array
    asked: csr_array
    long: csr_array
    sound: Bools

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Read thinkings, and answers in words: an option's letter as the option."""
        answers = _answers_in_words(snapshot)
        texts = [
            f"{thinking} => {answers[answer]}"
            for thinking, answer in zip(snapshot.thinking_texts, snapshot.rollout_answer, strict=True)
        ]
        domains = [snapshot.query_domains[query] for query in snapshot.rollout_query]
        questions = [snapshot.query_texts[query] for query in snapshot.rollout_query]
        calculated = _hashed(
            _of_calculation(question, thinking) if domain == "math" else ()
            for domain, question, thinking in zip(domains, questions, snapshot.thinking_texts, strict=True)
        )
        programmed = _hashed(
            _of_program(question, answers[answer]) if domain == "code" else ()
            for domain, question, answer in zip(domains, questions, snapshot.rollout_answer, strict=True)
        )
        prose = (
            () if domain == "code" else _worded(text) if domain == "math" else _ngrams(text, 2)
            for domain, text in zip(domains, texts, strict=True)
        )
        sound = [
            domain != "math" or all(equation.holds for equation in find_equations(thinking))
            for domain, thinking in zip(domains, snapshot.thinking_texts, strict=True)
        ]
        return cls(
            prose=_hashed(prose),
            done=csr_array(calculated + programmed),
            calculated=calculated,
            asked=_hashed(
                (f"asked {word}" for word in _asked(question)) if domain in ("code", "math") else ()
                for domain, question in zip(domains, questions, strict=True)
            ),
            long=_hashed(_ngrams(text, 4) for text in texts),
            sound=np.array(sound, bool),
        )


def question_words(snapshot: Snapshot) -> csr_array:
    """[queries, words] of each question, by how rare they are, of unit length; 0 where it shares no word with another."""
    words = _hashed(_asked(text) for text in snapshot.query_texts)
    return _weighted(words, *_of_several(words, _LARGEST_SHARE_ASKED))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """What some rollouts say, and what that is paired with: [rollouts, n-grams] each, rows of unit length or 0."""

    said: csr_array
    about: csr_array

    def __getitem__(self, rows: Any) -> Self:
        return type(self)(self.said[rows], self.about[rows])

    def kernel(self, other: _Pairs) -> Floats:
        """[rollouts, rollouts of the other] product of the two cosines."""
        found: Floats = (self.said @ other.said.T).toarray() * (self.about @ other.about.T).toarray()
        return found


@dataclass(frozen=True, slots=True)
class Wording:
    """A fitted regression, on as many labelled rollouts (landmarks) as its cost allows.

    Attributes:
        columns: of what is said and of what that is paired with: [n-grams] hashes of those that count.
        rarity: of both, [n-grams] inverse document frequency, over queries.
        landmarks: their pairs.
        weights: [landmarks] of the regression.
    """

    columns: tuple[Ints, Ints]
    rarity: tuple[Floats, Floats]
    landmarks: _Pairs
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
        prose = _telling(snapshot, words.prose, _LARGEST_SHARE)
        asked = (_telling(snapshot, part, _LARGEST_SHARE_ASKED) for part in (words.calculated, words.asked))
        said, said_rarity = _joined(prose, _telling(snapshot, words.done, 1.0))
        about, about_rarity = _joined(prose, *asked)
        columns, rarity = (said, about), (said_rarity, about_rarity)
        pairs = _pairs(words, columns, rarity, rows)
        keys = [snapshot.rollout_keys[row] for row in rows]
        landmarks = pairs[_landmarks(pairs, keys)]
        count = words.sound[rows] * (1.0 if weights is None else weights.astype(np.float64))
        sums = {
            int(number): _sums(pairs[fold == number], landmarks, right[fold == number], count[fold == number])
            for number in np.unique(fold)
        }
        whole = np.sum(list(sums.values()), axis=0)
        among = landmarks.kernel(landmarks).astype(np.float64)
        cross_fitted = np.zeros(len(rows), np.float32)
        for number, own in sums.items():
            others = cls(columns, rarity, landmarks, _ridge(whole - own, among))
            cross_fitted[fold == number] = others._says(pairs[fold == number])
        return cls(columns, rarity, landmarks, _ridge(whole, among)), cross_fitted

    def says(self, words: Words) -> Floats:
        """[rollouts] how right their words sound: about 1 where they speak for it, -1 against it, 0 where unknown."""
        return self._says(_pairs(words, self.columns, self.rarity))

    def _says(self, pairs: _Pairs) -> Floats:
        found = np.zeros(pairs.said.shape[0], np.float32)
        for chunk in gen_batches(len(found), _CHUNK):
            found[chunk] = pairs[chunk].kernel(self.landmarks) @ self.weights
        return found

    def arrays(self) -> dict[str, Any]:
        """All that decides what it says, by name."""
        found: dict[str, Any] = {"weights": self.weights}
        for part, name in enumerate(_PARTS):
            matrix = getattr(self.landmarks, name)
            found |= {f"{name}_columns": self.columns[part], f"{name}_rarity": self.rarity[part]}
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
        return cls((columns[0], columns[1]), (rarity[0], rarity[1]), _Pairs(*matrices), arrays["weights"])


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
        columns, rarity = _telling(snapshot, words.long, _LARGEST_SHARE)
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


def _hashed(documents: Iterable[Iterable[str]]) -> csr_array:
    """[documents, hashes] 1 where one has a term."""
    hashing = HashingVectorizer(
        analyzer=iter, n_features=_COLUMNS, norm=None, binary=True, alternate_sign=False, dtype=np.float32
    )
    return csr_array(hashing.transform(documents))


def _asked(question: str) -> list[str]:
    return _ASKED.findall(question.casefold())


def _ngrams(text: str, longest: int) -> Iterator[str]:
    return _runs(_WORD.findall(text.casefold()), longest)


def _runs(words: list[str], longest: int) -> Iterator[str]:
    for length in range(1, longest + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _of_program(question: str, program: str) -> Iterator[str]:
    """N-grams of a program, told apart from those of prose; a number that the question names is `n`."""
    named = set(_NUMBER.findall(question))
    text = _NUMBER.sub(lambda found: "n" if found.group() in named else found.group(), program)
    return (f"program {ngram}" for ngram in _ngrams(text, 2))


def _of_calculation(question: str, thinking: str) -> Iterator[str]:
    """N-grams of a calculation that hold a number or an operator, told apart from those of prose.

    In equations a number is given by the question or found by an earlier equation; others have their value.
    """
    given, found, roles = set(_NUMBER.findall(question)), set[str](), list[str]()
    words = _WORD.findall(thinking.casefold().replace("$", ""))
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if not _NUMBER.fullmatch(word) or _OPERATORS.isdisjoint((before, after)):
            roles.append(word)
            continue
        if before == "=":
            found.add(word)
        roles.append("<found>" if word in found else "<given>" if word in given else word)
    return (f"calculation {ngram}" for ngram in _runs(roles, 3) if _CALCULATES.search(ngram))


def _worded(text: str) -> Iterator[str]:
    """N-grams of one or two words of a calculation that the former leaves: without numbers and operators."""
    return (ngram for ngram in _ngrams(text, 2) if not _CALCULATES.search(ngram))


def _landmarks(pairs: _Pairs, keys: list[str]) -> list[int]:
    """Rows that differ, whatever their order; where there are too many, those whose keys come first, which are random."""
    first: dict[tuple[bytes, bytes], int] = {}
    for row in sorted(range(len(keys)), key=keys.__getitem__):
        said, about = (
            matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].tobytes()
            for matrix in (pairs.said, pairs.about)
        )
        if said and about:
            first.setdefault((said, about), row)
    return list(first.values())[:_LANDMARKS]


def _sums(
    pairs: _Pairs, landmarks: _Pairs, right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[landmarks + 2, landmarks + 2] Σ w x xᵀ over rows of weight w: x is the row's kernel, then ±1 for its label, then 1."""
    found = np.zeros((landmarks.said.shape[0] + 2,) * 2)
    for chunk in gen_batches(len(right), _CHUNK):
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


def _telling(snapshot: Snapshot, ngrams: csr_array, largest: float) -> tuple[Ints, Floats]:
    """N-grams that belong to more than one query and to few, and how rare they are.

    Args:
        largest: share of all queries to which an n-gram may belong at most.
    """
    queries, rollouts = len(snapshot.query_keys), len(snapshot.rollout_query)
    belongs = csr_array(
        (np.ones(rollouts, np.float32), (snapshot.rollout_query, np.arange(rollouts))), shape=(queries, rollouts)
    )
    return _of_several((belongs @ ngrams).tocsr(), largest)


def _of_several(ngrams: csr_array, largest: float) -> tuple[Ints, Floats]:
    """The same, of [queries, hashes] which are not 0 where a query has an n-gram."""
    queries = ngrams.shape[0]
    count = np.bincount(ngrams.indices, minlength=_COLUMNS)
    columns = np.flatnonzero((count >= _FEWEST_QUERIES) & (count <= max(_FEWEST_QUERIES + 1, largest * queries)))
    return columns, np.log((1 + queries) / (1 + count[columns])).astype(np.float32) + 1


def _joined(*parts: tuple[Ints, Floats]) -> tuple[Ints, Floats]:
    """Columns of all and their rarity; what several have is taken from the first."""
    columns, place = np.unique(np.concatenate([found for found, _ in parts]), return_index=True)
    return columns, np.concatenate([rarity for _, rarity in parts])[place]


def _pairs(words: Words, columns: tuple[Ints, Ints], rarity: tuple[Floats, Floats], rows: Ints | None = None) -> _Pairs:
    """Pairs of some rollouts, or of all."""
    said, about = words.prose + words.done, words.prose + words.calculated + words.asked
    both = (csr_array(matrix if rows is None else matrix[rows]) for matrix in (said, about))
    return _Pairs(*(_weighted(*part) for part in zip(both, columns, rarity, strict=True)))


def _weighted(ngrams: csr_array, columns: Ints, rarity: Floats) -> csr_array:
    """[rows, n-grams] of unit length, 0 where a row has none."""
    if not len(columns):
        return csr_array((ngrams.shape[0], 0), dtype=np.float32)
    return csr_array(normalize(ngrams[:, columns] * rarity))
