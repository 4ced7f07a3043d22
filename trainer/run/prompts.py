"""Which training queries a pass comes to where only some have a reward: every domain keeps its share of the prompts."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from itertools import cycle, islice

from trainer.reward.rows import Task


def one_pass(tasks: Sequence[Task], rewarded: Collection[str], *, seed: int) -> tuple[Task, ...]:
    """The tasks of one pass over the training queries that have a reward.

    An acquisition rule buys few labels in a domain that is well predicted without; that must not take the domain's prompts. So
    the domains' lists are as long as their numbers of queries, on the scale of the domain with most rewards: shorter lists
    start again.

    Args:
        tasks: all training queries, without repetition.
        rewarded: keys of those that have a reward.
    """
    queries = Counter(task.domain for task in tasks)
    lists: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        if task.query_key in rewarded:
            lists[task.domain].append(task)
    longest = max((len(rewarded_tasks) / queries[domain] for domain, rewarded_tasks in lists.items()), default=0)
    order = random.Random(seed)  # noqa: S311
    passed: list[Task] = []
    for domain, rewarded_tasks in lists.items():
        order.shuffle(rewarded_tasks)
        passed += islice(cycle(rewarded_tasks), round(longest * queries[domain]))
    return tuple(passed)
