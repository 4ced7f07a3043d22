"""What a group's answers say about each other: no label is spent on it.

Counted within one group (rollouts sampled together for one query), so that old, weak policies do not outvote the
present one. Programs that behave alike are one answer here. A missing answer never agrees with anything.
"""

from __future__ import annotations

import numpy as np

from memgraph.snapshot import Floats, Snapshot

FEATURES = ("valid", "share", "majority", "margin", "answers", "rollouts", "magnitude")


def consensus_features(snapshot: Snapshot) -> Floats:
    """[rollouts, 7] features of each rollout's answer within its group (see `FEATURES`).

    - valid: 1 where there is an answer;
    - share: part of the group with the same answer, 0 without one;
    - majority: 1 for the group's most frequent answer, 1/ties where several are;
    - margin: share less that of the strongest other answer, -1..1;
    - answers: distinct answers over rollouts of the group;
    - rollouts: log2 of the group's size;
    - magnitude: signed log of a numeric answer, 0 otherwise (MemReward's answer feature for maths).
    """
    features = np.zeros((len(snapshot.rollout_keys), len(FEATURES)), np.float32)
    valid, answer_class = snapshot.answer_valid[snapshot.rollout_answer], snapshot.rollout_class
    order = np.argsort(snapshot.rollout_group, kind="stable")
    bounds = np.flatnonzero(np.diff(snapshot.rollout_group[order])) + 1
    for rows in np.split(order, bounds) if len(order) else []:
        answers, which, counts = np.unique(answer_class[rows[valid[rows]]], return_inverse=True, return_counts=True)
        features[rows, 4] = len(answers) / len(rows)
        features[rows, 5] = np.log2(len(rows))
        if not len(answers):
            continue
        shares = counts / len(rows)
        top, second = (*sorted(shares, reverse=True), 0.0)[:2]
        majority = np.where(shares == top, 1 / (shares == top).sum(), 0.0)
        margin = shares - np.where(shares == top, second if (shares == top).sum() == 1 else top, top)
        voters = rows[valid[rows]]
        features[voters, 0] = 1
        features[voters, 1] = shares[which]
        features[voters, 2] = majority[which]
        features[voters, 3] = margin[which]
    magnitudes = np.array([_magnitude(value) for value in snapshot.answer_values], np.float32)
    features[:, 6] = magnitudes[snapshot.rollout_answer] if len(magnitudes) else 0
    return features


def _magnitude(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        return 0.0
    return float(np.clip(np.sign(number) * np.log1p(abs(number)) / 20, -1, 1)) if np.isfinite(number) else 0.0
