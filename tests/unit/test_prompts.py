"""Prompts of a pass: labelled queries come more often, domains keep their shares."""

from __future__ import annotations

from collections import Counter

import pytest

from trainer.data import Task
from trainer.prompts import one_pass


def tasks_of(**domains: int) -> list[Task]:
    return [
        Task(f"{domain}-{number}", f"{number}?", str(number), "d", domain)
        for domain, count in domains.items()
        for number in range(count)
    ]


TASKS = tasks_of(math=40, code=80)
LABELLED = {*(f"math-{n}" for n in range(20)), *(f"code-{n}" for n in range(4))}


def test_domains_keep_their_shares_wherever_the_labels_are() -> None:
    passed = one_pass(TASKS, LABELLED, repeat=5, others=True, seed=0)
    assert Counter(task.domain for task in passed) == {"math": 120, "code": 240}
    times = Counter(task.query_key for task in passed)
    assert {times[f"math-{n}"] for n in range(20)} == {5}
    assert {times[f"math-{n}"] for n in range(20, 40)} == {1}
    assert set(times) == {task.query_key for task in TASKS}
    assert {times[f"code-{n}"] for n in range(4)} <= set(range(10, 16)), "a list of 96 for 240 prompts"
    assert max(times[f"code-{n}"] for n in range(4, 80)) == 3


def test_labelled_queries_alone_keep_the_shares_too() -> None:
    passed = one_pass(TASKS, LABELLED, repeat=1, others=False, seed=0)
    assert Counter(task.domain for task in passed) == {"math": 20, "code": 40}
    assert {task.query_key for task in passed} == LABELLED


def test_a_pass_without_repeats_is_every_task_once() -> None:
    assert Counter(one_pass(TASKS, LABELLED, repeat=1, others=True, seed=0)) == Counter(TASKS)


def test_a_seed_gives_one_order() -> None:
    first, again = (one_pass(TASKS, LABELLED, repeat=3, others=True, seed=4) for _ in range(2))
    assert first == again
    assert first != one_pass(TASKS, LABELLED, repeat=3, others=True, seed=5)


@pytest.mark.parametrize("tasks", [[], TASKS])
def test_nothing_labelled_leaves_nothing(tasks: list[Task]) -> None:
    assert one_pass(tasks, set(), repeat=2, others=False, seed=0) == ()
