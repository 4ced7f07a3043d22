"""Grouping of rollouts that arrive one by one; the reward itself is tested in tests/integration/test_adapters.py."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from memgraph.errors import InputError
from trainer.adapters.rewards import RolloutReward, RolloutRewards, without_none
from trainer.run.data import Problems
from trainer.tiny.world import generate

PROBLEMS = Problems.of(generate(2, 0, domains=["qa"]))
FIRST, SECOND = (task.query_key for task in PROBLEMS.tasks)


class GroupShare:
    """In place of `MemoryReward`: 1 over the size of the group it was shown, and none for the response "none"."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []

    def __call__(self, *, completions: list[str], log_extra: Any, **columns: list[str]) -> list[float | None]:
        assert all(len(set(column)) == 1 for column in columns.values())
        self.groups.append(list(completions))
        values = [None if text == "none" else 1 / len(completions) for text in completions]
        log_extra("reward_source", ["none" if value is None else "gnn" for value in values])
        log_extra("reward_reason", ["unsure" if value is None else "" for value in values])
        return values


def rewards_of(reward: Any, *, wait: float = 30.0) -> RolloutRewards:
    return RolloutRewards(reward, {"train": PROBLEMS}, None, None, group_size=3, wait=wait)  # type: ignore[arg-type]


async def ask(rewards: RolloutRewards, *rollouts: tuple[str, str]) -> list[RolloutReward]:
    return await asyncio.gather(*(rewards.reward("train", key, text) for key, text in rollouts))


def test_rollouts_of_a_query_are_scored_together_and_each_caller_gets_its_own() -> None:
    reward = GroupShare()
    arriving = [(FIRST, "a"), (SECOND, "b"), (FIRST, "none"), (FIRST, "c"), (SECOND, "d"), (SECOND, "e")]
    found = asyncio.run(ask(rewards_of(reward), *arriving))
    assert reward.groups == [["a", "none", "c"], ["b", "d", "e"]]
    assert [item.source for item in found] == ["gnn", "gnn", "none", "gnn", "gnn", "gnn"]
    assert found[2] == RolloutReward(pytest.approx(1 / 3), "none", "unsure")


def test_the_next_group_of_the_same_query_is_another_one() -> None:
    reward = GroupShare()
    asyncio.run(ask(rewards_of(reward), *[(FIRST, text) for text in "abcdef"]))
    assert reward.groups == [["a", "b", "c"], ["d", "e", "f"]]


def test_an_incomplete_group_is_scored_after_the_wait_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    reward = GroupShare()

    async def stragglers() -> list[RolloutReward]:
        rewards = rewards_of(reward, wait=0.2)
        early = await ask(rewards, (FIRST, "a"), (FIRST, "b"))
        return early + await ask(rewards, (FIRST, "late"))

    with caplog.at_level(logging.WARNING):
        found = asyncio.run(stragglers())
    assert reward.groups == [["a", "b"], ["late"]]
    assert [item.score for item in found] == [0.5, 0.5, 1.0]
    assert "only 2 of 3 rollouts of a query came within 0.2 s" in caplog.text
    assert "num_workers=1" in caplog.text


def test_each_newcomer_prolongs_the_wait() -> None:
    reward = GroupShare()

    async def slowly() -> None:
        rewards = rewards_of(reward, wait=1.0)
        first = asyncio.ensure_future(ask(rewards, (FIRST, "a")))
        await asyncio.sleep(0.6)
        second = asyncio.ensure_future(ask(rewards, (FIRST, "b")))
        await asyncio.sleep(0.6)
        await asyncio.gather(first, second, ask(rewards, (FIRST, "c")))

    asyncio.run(slowly())
    assert reward.groups == [["a", "b", "c"]]


def test_an_error_reaches_every_caller_of_the_group() -> None:
    def broken(**_: Any) -> list[float | None]:
        raise RuntimeError("too many failed")

    async def run() -> list[Any]:
        rewards = rewards_of(broken)
        calls = [rewards.reward("train", FIRST, text) for text in "abc"]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [str(error) for error in asyncio.run(run())] == ["too many failed"] * 3


def test_an_unknown_query_is_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match=r"train problems hold no query 'nonsense'.*other_trainers"):
        asyncio.run(ask(rewards_of(GroupShare()), ("nonsense", "a")))


def test_missing_rewards_stand_at_the_mean_of_the_group() -> None:
    assert without_none([1.0, None, 0.0]) == [1.0, 0.5, 0.0]
    assert without_none([None, None]) == [0.0, 0.0]
