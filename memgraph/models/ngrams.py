"""What rollouts say, as n-grams: of prose, of programs, and of calculations.

Prose is read by its words, an answer that is an option's letter as the option; a thinking that names another answer than
the one that is given is read as if it named this one, since that is what is judged. Programs and calculations are read with the
words of their question: where numbers "less" than 6 are asked for, `x <` is right, and what is "left" is a difference. Their
numbers go by role, whatever their value: what the question gives, and in a calculation what an equation finds.

Of prose only n-grams count that belong to few queries. A turn of phrase that stands everywhere ("therefore", "we verified")
says nothing about a query, and a policy under RL would learn to please by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, get_index_dtype
from sklearn.preprocessing import normalize
from sklearn.utils import murmurhash3_32
from sklearn.utils.extmath import safe_sparse_dot

from memgraph.domains import Domains
from memgraph.domains.checks.response import listed_options
from memgraph.snapshot.snapshot import Floats, Ints, Snapshot

_COLUMNS = 2**20
_REMEMBERED = 2**13  # texts whose n-grams are kept, some kilobytes each (64 of 4,000 words)
_MOST_GIVEN = 10**6  # characters that an answer takes in a thinking where it stands for another
_NOTHING = np.zeros(0, np.int32)
_FEWEST_QUERIES = 2
_ASKED = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_OPERATORS = frozenset("+-*/=×÷·")
_CALCULATES = re.compile(r"[-+*/=×÷·\d]|<given>|<found>")
_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]")

_LARGEST_SHARE = 0.1  # of the queries, to which an n-gram of prose may belong


@dataclass(frozen=True, slots=True)
class Words:
    """What the rollouts of a snapshot say: 1 where one has an n-gram of words.

    Attributes:
        prose: [rollouts, hashes] n-grams of one or two words of thinking and answer; none of programs.
        programmed, calculated: [rollouts, hashes] n-grams of programs and of calculations, their numbers by role.
        asked: [rollouts, hashes] words of the question of programs and calculations.
    """

    prose: csr_array
    programmed: csr_array
    calculated: csr_array
    asked: csr_array

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Read thinkings, and answers in words: an option's letter as the option."""
        options = [listed_options(text) for text in snapshot.query_texts]
        answers = _answers_in_words(snapshot, options)
        candidates = _candidates(snapshot, options, answers)
        texts = [
            f"{_claimed(thinking, answers[answer], candidates[query])} => {answers[answer]}"
            for thinking, answer, query in zip(
                snapshot.thinking_texts, snapshot.rollout_answer, snapshot.rollout_query, strict=True
            )
        ]
        domains = Domains()
        kinds = [domains[snapshot.query_domains[query]].kind for query in snapshot.rollout_query]
        questions = [snapshot.query_texts[query] for query in snapshot.rollout_query]
        calculated = _matrix(
            _hashes(_of_calculation, question, thinking) if kind == "calculation" else _NOTHING
            for kind, question, thinking in zip(kinds, questions, snapshot.thinking_texts, strict=True)
        )
        programmed = _matrix(
            _hashes(_of_program, question, answers[answer]) if kind == "program" else _NOTHING
            for kind, question, answer in zip(kinds, questions, snapshot.rollout_answer, strict=True)
        )
        prose = _matrix(
            _NOTHING
            if kind == "program"
            else _hashes(_worded, text)
            if kind == "calculation"
            else _hashes(_ngrams, text, 2)
            for kind, text in zip(kinds, texts, strict=True)
        )
        return cls(
            prose=prose,
            programmed=programmed,
            calculated=calculated,
            asked=_matrix(
                _hashes(_asked, question) if kind != "statement" else _NOTHING
                for kind, question in zip(kinds, questions, strict=True)
            ),
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is said, and what that is paired with: [rows, n-grams] each, rows of unit length or 0."""

    ngrams: csr_array
    paired: csr_array

    def __getitem__(self, rows: Any) -> Self:
        return type(self)(self.ngrams[rows], self.paired[rows])


def products(one: csr_array, other: csr_array) -> Floats:
    """[rows, rows of the other], dense at once: three times as fast as a sparse product."""
    inner: Floats = safe_sparse_dot(one, other.T, dense_output=True)
    return inner


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The n-grams that count, in what is said and in what that is paired with: the words asked for, and what is said.

    Attributes:
        columns: of both, [n-grams] hashes.
        rarity: of both, [n-grams] inverse document frequency, over queries; squared for what programs and calculations are
            paired with.
    """

    columns: tuple[Ints, Ints]
    rarity: tuple[Floats, Floats]

    @classmethod
    def of(cls, snapshot: Snapshot, words: Words) -> Self:
        """What several queries share."""
        prose = _telling(snapshot, words.prose, _LARGEST_SHARE)
        programmed, calculated, asked = (
            _telling(snapshot, part, 1.0) for part in (words.programmed, words.calculated, words.asked)
        )
        ngrams = _joined(prose, programmed, calculated)
        paired = _joined(prose, _telling_apart(*calculated), _telling_apart(*asked))
        return cls((ngrams[0], paired[0]), (ngrams[1], paired[1]))

    def pairs(self, words: Words, rows: Ints | None = None) -> Pairs:
        """Pairs of some rollouts, or of all."""
        both_sides = words.prose + words.calculated
        ngrams, paired = both_sides + words.programmed, both_sides + words.asked
        both = (csr_array(matrix if rows is None else matrix[rows]) for matrix in (ngrams, paired))
        return Pairs(*(_weighted(*part) for part in zip(both, self.columns, self.rarity, strict=True)))


def _telling(snapshot: Snapshot, ngrams: csr_array, largest: float) -> tuple[Ints, Floats]:
    """N-grams that belong to more than one query and to few, and how rare they are.

    Args:
        largest: share of all queries to which an n-gram may belong at most.
    """
    queries = len(snapshot.query_keys)
    count = np.bincount((_belongs(snapshot) @ ngrams).tocsr().indices, minlength=_COLUMNS)
    columns = np.flatnonzero((count >= _FEWEST_QUERIES) & (count <= max(_FEWEST_QUERIES + 1, largest * queries)))
    return columns, np.log((1 + queries) / (1 + count[columns])).astype(np.float32) + 1


def _telling_apart(columns: Ints, rarity: Floats) -> tuple[Ints, Floats]:
    """The same n-grams by how far they tell queries apart: rarity squared, 0 for one that all have.

    "Less" has to outweigh all other words of a question that asks for numbers of a list and says what to do with them.
    """
    return columns, (rarity - 1) ** 2


def _joined(*parts: tuple[Ints, Floats]) -> tuple[Ints, Floats]:
    """Columns of all and their rarity; what several have is taken from the first."""
    columns, place = np.unique(np.concatenate([columns_of_part for columns_of_part, _ in parts]), return_index=True)
    return columns, np.concatenate([rarity for _, rarity in parts])[place]


def _weighted(ngrams: csr_array, columns: Ints, rarity: Floats) -> csr_array:
    """[rows, n-grams] of unit length, 0 where a row has none."""
    return _of_unit_length(ngrams[:, columns] * rarity)


def _of_unit_length(ngrams: csr_array) -> csr_array:
    return csr_array(normalize(ngrams) if ngrams.shape[1] else ngrams)


def _belongs(snapshot: Snapshot) -> csr_array:
    """[queries, rollouts] 1 where a rollout is of a query."""
    queries, rollouts = len(snapshot.query_keys), len(snapshot.rollout_query)
    return csr_array(
        (np.ones(rollouts, np.float32), (snapshot.rollout_query, np.arange(rollouts))), shape=(queries, rollouts)
    )


def _answers_in_words(snapshot: Snapshot, options: list[dict[str, str]]) -> list[str]:
    """[answers] the value, or the option that it names."""
    return [
        options[query].get(value.strip("() ").upper(), value)
        for query, value in zip(snapshot.answer_query, snapshot.answer_values, strict=True)
    ]


def _candidates(snapshot: Snapshot, options: list[dict[str, str]], answers: list[str]) -> list[set[str]]:
    """[queries] what may be answered, spaced: the listed options and what the rollouts answer; none for calculations and programs."""
    domains, candidates_of = Domains(), [set(map(_spaced, listed.values())) for listed in options]
    for row in np.unique(snapshot.rollout_answer):
        candidates_of[snapshot.answer_query[row]].add(_spaced(answers[row]))
    return [
        set() if domains[domain].kind != "statement" else {candidate for candidate in candidates if candidate.strip()}
        for domain, candidates in zip(snapshot.query_domains, candidates_of, strict=True)
    ]


def _claimed(thinking: str, answer: str, candidates: set[str]) -> str:
    """The thinking; where it names one of the candidates but not the answer, the one named last makes way for it."""
    if not candidates:
        return thinking
    text, given = _spaced(thinking), _spaced(answer)
    named = [candidate for candidate in candidates if candidate in text]
    if given in text or not named:
        return thinking
    backwards = text[::-1]  # found from the end in linear time, which `rindex` does not promise
    last = max(named, key=lambda candidate: (-backwards.index(candidate[::-1]), len(candidate), candidate))
    return text.replace(last, given, max(1, _MOST_GIVEN // len(given)))


def _spaced(text: str) -> str:
    """Words, numbers and signs, a space around each."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


@lru_cache(maxsize=_REMEMBERED)
def _hashes(ngrams: Callable[..., Iterable[str]], *text: Any) -> NDArray[np.int32]:
    """Column of each n-gram of a text; reward calls read the same rollouts time and again."""
    hashed = np.array([murmurhash3_32(ngram) for ngram in ngrams(*text)], np.int64)
    columns: NDArray[np.int32] = np.unique(np.abs(hashed) % _COLUMNS).astype(np.int32)
    return columns


def _matrix(rows: Iterable[NDArray[np.int32]]) -> csr_array:
    """[rows, hashes] 1 in the columns of each row."""
    columns = list(rows)
    ends = np.cumsum([0, *map(len, columns)])
    indices = np.concatenate([_NOTHING, *columns])
    ones, indptr = np.ones(len(indices), np.float32), ends.astype(get_index_dtype(maxval=ends[-1]))
    return csr_array((ones, indices, indptr), shape=(len(columns), _COLUMNS))


def _asked(question: str) -> Iterator[str]:
    """Words of a question, told apart from those of prose."""
    return (f"asked {word}" for word in _ASKED.findall(question.casefold()))


def _ngrams(text: str, longest: int) -> Iterator[str]:
    return _runs(_WORD.findall(text.casefold()), longest)


def _runs(words: list[str], longest: int) -> Iterator[str]:
    for length in range(1, longest + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _of_program(question: str, program: str) -> Iterator[str]:
    """N-grams of a program, told apart from those of prose; a number that the question names is `n`."""
    named = set(_NUMBER.findall(question))
    text = _NUMBER.sub(lambda number: "n" if number.group() in named else number.group(), program)
    return (f"program {ngram}" for ngram in _ngrams(text, 2))


def _of_calculation(question: str, thinking: str) -> Iterator[str]:
    """N-grams of a calculation that hold a number or an operator, told apart from those of prose.

    In equations a number is given by the question or found by an earlier equation; others have their value.
    """
    given, results, roles = set(_NUMBER.findall(question)), set[str](), list[str]()
    words = _WORD.findall(thinking.casefold().replace("$", ""))
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if not _NUMBER.fullmatch(word) or _OPERATORS.isdisjoint((before, after)):
            roles.append(word)
            continue
        if before == "=":
            results.add(word)
        roles.append("<found>" if word in results else "<given>" if word in given else word)
    return (f"calculation {ngram}" for ngram in _runs(roles, 3) if _CALCULATES.search(ngram))


def _worded(text: str) -> Iterator[str]:
    """N-grams of one or two words of a calculation that the former leaves: without numbers and operators."""
    return (ngram for ngram in _ngrams(text, 2) if not _CALCULATES.search(ngram))
