"""Which of a query's earlier rollouts are read beside the group asked for: few, recent and diverse ones.

All rollouts of a query have an order: start of their run, attempt, step, call, sample, key. It stands on each as a text
that sorts like it (`position`, cypher/write/rollouts.cypher) and never depends on when the rollout was written. A group is
what was sampled at one moment: run, attempt, step and call.

    priority of a rollout = its place within its group, 0 for the newest + age of its group in groups, 0 for the newest

The rollouts of smallest priority are read: all of the newest group, one less of the group before it, and so on. So many
moments speak, the newest loudest, and no group alone fills what may be read.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

LOOKED_AT = 4  # times as many of the newest rollouts as may be read are looked at


@dataclass(frozen=True, slots=True)
class Earlier:
    """A rollout that may be read.

    Attributes:
        position: its place in the order of experience.
        group: what it shares with the rollouts sampled at the same moment.
    """

    key: str
    position: str
    group: Hashable


def recent_and_diverse(rollouts: Iterable[Earlier], most: int) -> list[str]:
    """Keys of at most `most` rollouts of one query, in the order of their choice, whatever the order of the input.

    Only the newest `LOOKED_AT` · `most` count. Of equal priority the newer comes first, then the smaller key.
    """
    newest = sorted(rollouts, key=lambda rollout: rollout.key)
    # stable: of one position the smaller key stays first
    newest.sort(key=lambda rollout: rollout.position, reverse=True)
    newest = newest[: LOOKED_AT * most]
    ages: dict[Hashable, int] = {}
    for rollout in newest:
        ages.setdefault(rollout.group, len(ages))
    sizes = dict.fromkeys(ages, 0)
    priority: dict[str, int] = {}
    for rollout in newest:
        priority[rollout.key] = sizes[rollout.group] + ages[rollout.group]
        sizes[rollout.group] += 1
    chosen = sorted(newest, key=lambda rollout: priority[rollout.key])  # stable: newer first
    return [rollout.key for rollout in chosen[:most]]
