"""Which training queries a pass comes to, and how often: labelled ones more often, every domain in its share."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from itertools import cycle, islice

from trainer.data import Task


def one_pass(
    tasks: Sequence[Task], labelled: Collection[str], *, repeat: int, others: bool, seed: int
) -> tuple[Task, ...]:
    """The tasks of one pass over the training queries.

    An acquisition rule buys few labels in a domain that is well predicted without; that must not take the domain's prompts. So
    the domains' lists are as long as their numbers of queries, on the scale of the domain with most labels: shorter lists
    start again, in an order of their own.

    Args:
        tasks: all training queries, without repetition.
        labelled: keys of those that are labelled.
        repeat: how often a labelled query comes for once that another does.
        others: whether queries without a label come at all.
    """
    queries = Counter(task.domain for task in tasks)
    lists: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        times = repeat if task.query_key in labelled else int(others)
        lists[task.domain] += [task] * times
    longest = max((len(found) / queries[domain] for domain, found in lists.items()), default=0)
    order = random.Random(seed)  # noqa: S311
    passed: list[Task] = []
    for domain, found in lists.items():
        order.shuffle(found)
        passed += islice(cycle(found), round(longest * queries[domain]))
    return tuple(passed)
