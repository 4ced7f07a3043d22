"""The seam between the database and learning: one bounded piece of the memory, as columns.

`memgraph.snapshot.read` fills a `Snapshot` from Neo4j; scorers and the reward model read it and nothing else.

    queries   0 .. Q-1 ──┐  similar[0] (neighbour) ──► similar[1] (query): the way messages flow
    rollouts  0 .. T-1   │  rollout_query[t] = q, rollout_answer[t] = a, rollout_group[t] = g
    answers   0 .. A-1 ──┘  one row for each distinct normalised answer of a query, shared by its rollouts
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Columns of a subgraph; every array is filled once and never written again.

    Attributes:
        space: key of the embedding space that all vectors belong to.
        query_keys: [queries].
        query_domains: [queries], "math", "qa", "code" or another name.
        query_texts: [queries].
        query_embeddings: [queries, dimension], unit length.
        query_clusters: [queries]; near-duplicate queries share a number. Labels are hidden and data are split by cluster.
        query_targets: [queries]; True for queries that were asked for, False for context fetched around them.
        rollout_keys: [rollouts].
        rollout_query: [rollouts], row of the query.
        rollout_answer: [rollouts], row of the answer.
        rollout_group: [rollouts]; rollouts sampled together (one run, attempt, call and query) share a number.
        rollout_asked: [rollouts]; False for experience of a target query that was read beside the group asked for, which
            no scorer answers for; True for all others.
        rollout_order: [rollouts]; dense rank in the order of experience (`memgraph.rollouts.experience`), 0 for the oldest rollout
            of the snapshot.
        rollout_policies: [rollouts], name of the policy or "" where unknown. Not a feature of the default scorer.
        thinking_embeddings: [rollouts, dimension].
        feature_names: names of the optional numeric features.
        rollout_features: [rollouts, features], NaN where a rollout has no such feature.
        answer_keys: [answers].
        answer_query: [answers], row of the query.
        answer_values: [answers], the normalised value, "" where missing.
        answer_written: [answers], one spelling as it was written (what verifiers judge), "" where missing.
        answer_same_as: [answers], key of the answer that stands for all that are equal to it; its own where none is.
            Labels belong to all equal answers.
        answer_class: [answers]; answers of one query that count as one for votes share a number: equal answers, and
            programs that behave alike.
        answer_valid: [answers]; False where the response gave no answer, which never counts as agreement.
        answer_embeddings: [answers, dimension].
        similar: [2, edges]; row 0 the neighbour a message comes from, row 1 the query it goes to.
        similar_scores: [edges], cosine.
        labels: [rollouts], the label in force under the caller's `LabelView`, 0..1, NaN where there is none.
    """

    space: str
    query_keys: list[str]
    query_domains: list[str]
    query_texts: list[str]
    query_embeddings: Floats
    query_clusters: Ints
    query_targets: Bools
    rollout_keys: list[str]
    rollout_query: Ints
    rollout_answer: Ints
    rollout_group: Ints
    rollout_asked: Bools
    rollout_order: Ints
    rollout_policies: list[str]
    thinking_embeddings: Floats
    feature_names: list[str]
    rollout_features: Floats
    answer_keys: list[str]
    answer_query: Ints
    answer_values: list[str]
    answer_written: list[str]
    answer_same_as: list[str]
    answer_class: Ints
    answer_valid: Bools
    answer_embeddings: Floats
    similar: Ints
    similar_scores: Floats
    labels: Floats

    @property
    def target_rollouts(self) -> Ints:
        """Rows of the rollouts of target queries that were asked for, in order: what a scorer answers for."""
        return np.flatnonzero(self.rollout_targets)

    @property
    def rollout_targets(self) -> Bools:
        """[rollouts] whether each belongs to a target query and was asked for."""
        return self.query_targets[self.rollout_query] & self.rollout_asked

    @property
    def rollout_class(self) -> Ints:
        """[rollouts] class of each rollout's answer."""
        return self.answer_class[self.rollout_answer]

    @property
    def rollout_valid(self) -> Bools:
        """[rollouts] False where the response gave no answer."""
        return self.answer_valid[self.rollout_answer]

    @property
    def labelled_queries(self) -> Ints:
        """Rows of the queries with at least one labelled rollout."""
        return np.unique(self.rollout_query[~np.isnan(self.labels)])

    def with_targets(self, query_targets: Bools) -> Self:
        """The same columns with other queries asked for."""
        return replace(self, query_targets=query_targets)

    def with_labels(self, labels: Floats) -> Self:
        """The same columns with other labels, [rollouts]."""
        return replace(self, labels=labels)

    def without_features(self, row: int, columns: Bools) -> Self:
        """The same where some features of one rollout are not known: row of the rollout, [features] which ones."""
        features = self.rollout_features.copy()
        features[row, columns] = np.nan
        return replace(self, rollout_features=features)

    def without_answers(self, rows: Bools) -> Self:
        """The same as if some rollouts, [rollouts], had stated no answer. Their labels go with their answers."""
        nothing, queries = len(self.answer_keys), np.unique(self.rollout_query[rows])
        answers = self.rollout_answer.copy()
        answers[rows] = nothing + np.searchsorted(queries, self.rollout_query[rows])
        names = [f"no answer to {self.query_keys[query]}" for query in queries]
        count = len(names)
        blank = np.zeros((count, self.answer_embeddings.shape[1]), self.answer_embeddings.dtype)
        classes = np.arange(count) + (self.answer_class.max(initial=-1) + 1)
        return replace(
            self,
            rollout_answer=answers,
            answer_keys=[*self.answer_keys, *names],
            answer_query=np.concatenate([self.answer_query, queries]),
            answer_values=[*self.answer_values, *([""] * count)],
            answer_written=[*self.answer_written, *([""] * count)],
            answer_same_as=[*self.answer_same_as, *names],
            answer_class=np.concatenate([self.answer_class, classes]),
            answer_valid=np.concatenate([self.answer_valid, np.zeros(count, np.bool_)]),
            answer_embeddings=np.concatenate([self.answer_embeddings, blank]),
            labels=np.where(rows, np.nan, self.labels).astype(np.float32),
        )

    def with_rollouts(self, kept: Bools) -> Self:
        """The same with some of the rollouts only; queries and answers stay."""
        return replace(
            self,
            rollout_keys=list(compress(self.rollout_keys, kept)),
            rollout_query=self.rollout_query[kept],
            rollout_answer=self.rollout_answer[kept],
            rollout_group=self.rollout_group[kept],
            rollout_asked=self.rollout_asked[kept],
            rollout_order=dense_ranks(self.rollout_order[kept]),
            rollout_policies=list(compress(self.rollout_policies, kept)),
            thinking_embeddings=self.thinking_embeddings[kept],
            rollout_features=self.rollout_features[kept],
            labels=self.labels[kept],
        )

    def without_experience(self) -> Self:
        """What is read where no experience is asked for: answers and features of the other rollouts only.

        For models that know groups only. Numbers of groups, of answer classes and of clusters are names and may differ.
        """
        if self.rollout_asked.all():
            return self
        left = self.with_rollouts(self.rollout_asked)
        used, rollout_answer = np.unique(left.rollout_answer, return_inverse=True)
        given = np.array([not name.startswith("check_") for name in left.feature_names], np.bool_)
        named = ~given | ~np.isnan(left.rollout_features).all(axis=0)
        return replace(
            left,
            rollout_answer=rollout_answer.reshape(-1),
            feature_names=list(compress(left.feature_names, named)),
            rollout_features=left.rollout_features[:, named],
            answer_keys=[left.answer_keys[row] for row in used],
            answer_query=left.answer_query[used],
            answer_values=[left.answer_values[row] for row in used],
            answer_written=[left.answer_written[row] for row in used],
            answer_same_as=[left.answer_same_as[row] for row in used],
            answer_class=left.answer_class[used],
            answer_valid=left.answer_valid[used],
            answer_embeddings=left.answer_embeddings[used],
        )

    def with_own_answers(self) -> Self:
        """The same with an answer node for each rollout, instead of one for equal answers."""
        return replace(
            self,
            rollout_answer=np.arange(len(self.rollout_keys)),
            answer_keys=list(self.rollout_keys),
            answer_query=self.rollout_query,
            answer_values=[self.answer_values[row] for row in self.rollout_answer],
            answer_written=[self.answer_written[row] for row in self.rollout_answer],
            answer_same_as=[self.answer_same_as[row] for row in self.rollout_answer],
            answer_class=self.rollout_class,
            answer_valid=self.rollout_valid,
            answer_embeddings=self.answer_embeddings[self.rollout_answer],
        )


def hide_clusters(snapshot: Snapshot, queries: Bools) -> Floats:
    """[rollouts] labels, without those of the given queries, of all their near-duplicates, and on experience.

    Experience stands beside a group for what it says about that group; its labels would be one more input of the groups
    around it.
    """
    hidden = np.isin(snapshot.query_clusters, snapshot.query_clusters[queries])[snapshot.rollout_query]
    return np.where(hidden | ~snapshot.rollout_asked, np.nan, snapshot.labels).astype(np.float32)


def rows_of_each(numbers: Ints) -> list[Ints]:
    """Rows of each distinct number of [n], in ascending order of the numbers and of the rows."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else []


def dense_ranks(values: Ints) -> Ints:
    """[n] place of each value among the distinct ones, from 0."""
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
