"""Prompts of a pass: domains keep their shares."""

from __future__ import annotations

from collections import Counter

import pytest

from trainer.reward.rows import Task
from trainer.run.prompts import one_pass


def tasks_of(**domains: int) -> list[Task]:
    return [
        Task(f"{domain}-{number}", f"{number}?", str(number), "d", domain)
        for domain, count in domains.items()
        for number in range(count)
    ]


TASKS = tasks_of(math=40, code=80)
LABELLED = {*(f"math-{n}" for n in range(20)), *(f"code-{n}" for n in range(4))}


def test_domains_keep_their_shares_wherever_the_rewards_are() -> None:
    passed = one_pass(TASKS, LABELLED, seed=0)
    assert Counter(task.domain for task in passed) == {"math": 20, "code": 40}
    times = Counter(task.query_key for task in passed)
    assert times == {key: 10 if key.startswith("code") else 1 for key in LABELLED}


def test_where_all_have_a_reward_a_pass_is_every_task_once() -> None:
    assert Counter(one_pass(TASKS, {task.query_key for task in TASKS}, seed=0)) == Counter(TASKS)


def test_a_seed_gives_one_order() -> None:
    first, again = (one_pass(TASKS, LABELLED, seed=4) for _ in range(2))
    assert first == again
    assert first != one_pass(TASKS, LABELLED, seed=5)


@pytest.mark.parametrize("tasks", [[], TASKS])
def test_no_rewards_leave_nothing(tasks: list[Task]) -> None:
    assert one_pass(tasks, set(), seed=0) == ()
