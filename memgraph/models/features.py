"""What is known about a rollout besides its vectors: one row of numbers for each. The reward model reads no vector.

consensus    the group's votes, and those of its query's other groups (`memgraph.models.consensus`)
own          label-free checks and the features that came with the rollout, and how they differ from its group's mean
similarity   how near its thinking is to those that agree with it and to those that do not, for `memgraph.models.baselines`
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from memgraph.models.columns import stack_columns, zero_columns
from memgraph.models.consensus import EXPERIENCE, FEATURES, consensus_features, experience_features
from memgraph.models.vote_posterior import LOGIT_LIMIT
from memgraph.snapshot.snapshot import Bools, Floats, Ints, Snapshot, rows_of_each

SIMILARITY = (
    "agreeing",
    "disagreeing",
    "others",
    "other_answers",
    "nearest_other_answer",
    "weighted_vote",
    "nearest",
    "question",
    "answer_question",
    "answer_thinking",
)
VOTES = ("share", "share_of_others", "best_agreeing", "best_other", "margin", "evidence", "group", "own")


def rollout_features(
    snapshot: Snapshot, checks: Collection[str], experience: Floats | None = None
) -> tuple[list[str], Floats]:
    """Names, and [rollouts, features] with NaN where a rollout has no such feature.

    Args:
        checks: names of the label-free checks to use, out of `memgraph.domains.checks.CHECKS`; others that are stored are left.
        experience: [rollouts, 4] of `experience_features`; by default with all policies counting the same.
    """
    names, own = own_features(snapshot, checks)
    columns = [
        consensus_features(snapshot),
        experience_features(snapshot) if experience is None else experience,
        own,
        deviation(snapshot, own),
    ]
    plain = [*FEATURES, *EXPERIENCE, *names]
    return [*plain, *(f"{name}_deviation" for name in names)], np.concatenate(columns, axis=1)


def in_order(wanted: Sequence[str], names: Sequence[str], features: Floats) -> Floats:
    """[rollouts, wanted] the features of these names, NaN for those that there are not."""
    column = {name: position for position, name in enumerate(names)}
    ordered = np.full((len(features), len(wanted)), np.nan, np.float32)
    for position, name in enumerate(wanted):
        if name in column:
            ordered[:, position] = features[:, column[name]]
    return ordered


def own_features(snapshot: Snapshot, checks: Collection[str]) -> tuple[list[str], Floats]:
    """Names, and [rollouts, features] of the label-free checks to use and of the features that came with a rollout."""
    wanted = [
        column
        for column, name in enumerate(snapshot.feature_names)
        if not name.startswith("check_") or name.split("_")[1] in checks
    ]
    return [snapshot.feature_names[column] for column in wanted], snapshot.rollout_features[:, wanted]


def similarity_features(snapshot: Snapshot) -> Floats:
    """[rollouts, 10] cosines of a rollout with the others of its group (see `SIMILARITY`), 0 where there are none.

    - agreeing, disagreeing, others: mean over thinkings with the same answer, with another one, over all;
    - other_answers: mean over the others' answers; nearest_other_answer: the most similar different answer;
    - weighted_vote: sum over agreeing less sum over disagreeing thinkings; nearest: the most similar other thinking;
    - question, answer_question, answer_thinking: between its own parts.
    """
    answer = snapshot.rollout_answer
    thinking, answers = snapshot.thinking_embeddings, snapshot.answer_embeddings[answer]
    question = snapshot.query_embeddings[snapshot.rollout_query]
    columns = zero_columns(SIMILARITY, len(answer))
    for rows, same, others in _groups(snapshot):
        near, near_answers = thinking[rows] @ thinking[rows].T, answers[rows] @ answers[rows].T
        agree, differ = same & others, ~same & others
        columns["agreeing"][rows] = _mean(near, agree)
        columns["disagreeing"][rows] = _mean(near, differ)
        columns["others"][rows] = _mean(near, others)
        columns["other_answers"][rows] = _mean(near_answers, others)
        columns["nearest_other_answer"][rows] = np.where(
            differ.any(axis=1), np.where(differ, near_answers, -1).max(axis=1), 0
        )
        columns["weighted_vote"][rows] = (near * agree).sum(axis=1) - (near * differ).sum(axis=1)
        columns["nearest"][rows] = np.where(others.any(axis=1), np.where(others, near, -1).max(axis=1), 0)
    for name, one, other in (
        ("question", thinking, question),
        ("answer_question", answers, question),
        ("answer_thinking", answers, thinking),
    ):
        columns[name][:] = (one * other).sum(axis=1)
    return stack_columns(columns)


def vote_features(snapshot: Snapshot, probability: Floats) -> Floats:
    """[rollouts, 8] the group's votes, weighted by [rollouts] probabilities of a first model (see `VOTES`).

    - share, share_of_others: weight of the answer in the group, with and without the rollout's own vote;
    - best_agreeing, best_other: highest probability among the others that agree, and among those that do not;
    - margin: weight of the answer less that of the strongest other one, over all;
    - evidence: sum of the agreeing others' log-odds; group: mean probability; own: log-odds of the rollout itself.
    """
    odds = np.clip(np.log(np.clip(probability, 1e-6, 1) / np.clip(1 - probability, 1e-6, 1)), -LOGIT_LIMIT, LOGIT_LIMIT)
    valid = snapshot.rollout_valid
    columns = zero_columns(VOTES, len(probability))
    for rows, same, others in _groups(snapshot):
        vote = np.where(valid[rows], probability[rows], 0)
        total = vote.sum() + 1e-6
        weight = (same * vote).sum(axis=1)
        strongest_other = np.where(same, 0, weight[None, :]).max(axis=1)
        columns["share"][rows] = weight / total
        columns["share_of_others"][rows] = ((same & others) * vote).sum(axis=1) / (total - vote + 1e-6)
        columns["best_agreeing"][rows] = np.where(same & others, probability[rows], 0).max(axis=1)
        columns["best_other"][rows] = np.where(~same & others, vote, 0).max(axis=1)
        columns["margin"][rows] = (weight - strongest_other) / total
        columns["evidence"][rows] = ((same & others) * odds[rows]).sum(axis=1)
        columns["group"][rows] = probability[rows].mean()
    columns["own"][:] = odds
    return stack_columns(columns)


def _groups(snapshot: Snapshot) -> Iterator[tuple[Ints, Bools, Bools]]:
    """(rows, [n, n] same valid answer, [n, n] not itself) of each group."""
    answer, valid = snapshot.rollout_class, snapshot.rollout_valid
    for rows in group_rows(snapshot):
        same = (answer[rows][:, None] == answer[rows][None, :]) & valid[rows][:, None]
        yield rows, same, ~np.eye(len(rows), dtype=np.bool_)


def group_rows(snapshot: Snapshot) -> list[Ints]:
    """Rows of the rollouts of each group."""
    return rows_of_each(snapshot.rollout_group)


def _mean(values: Floats, mask: Bools) -> Floats:
    mean: Floats = (values * mask).sum(axis=1) / np.maximum(1, mask.sum(axis=1))
    return mean


def deviation(snapshot: Snapshot, values: Floats) -> Floats:
    """[rollouts, ...] values less the mean of what is known of the rollout's group; NaN stays."""
    deviations = np.zeros_like(values)
    for rows in group_rows(snapshot):
        present = ~np.isnan(values[rows])
        mean = np.where(present, values[rows], 0).sum(axis=0) / np.maximum(1, present.sum(axis=0))
        deviations[rows] = values[rows] - mean
    return deviations
