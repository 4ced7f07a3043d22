"""A memory in a terminal, driven by keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Static, Tree

from memgraph.inspection.browser import MemoryBrowser
from memgraph.memory import Memory
from memgraph.rollouts.rollout import Rollout
from tests.conftest import count
from tests.integration.test_read_only import all_of

HOSTILE = "How [bold]many[/bold] [/x] \x1b[31m\u202e?"


@pytest.fixture
def filled(memory: Memory) -> Memory:
    memory.add([Rollout("How many pears?", "#### 1", domain="math", run="b")])
    memory.add(
        Rollout(HOSTILE, f"<think>I count {answer} [/x].</think> #### {answer}", domain="math", run="a", step=1, call=1, sample=n)
        for n, answer in enumerate("778")
    )  # fmt: skip
    return memory


def drive(memory: Memory, author: str | None, work: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    async def driven() -> None:
        async with MemoryBrowser(memory, memory.domains, "people", author).run_test(size=(120, 40)) as pilot:
            await press(pilot, "down", "enter", "down", "enter", "down")  # a run, its query, a rollout
            await work(pilot)

    asyncio.run(driven())


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


def listed(pilot: Pilot[None]) -> list[list[str]]:
    """Lines of the tree: runs, the first one's queries, their rollouts."""
    (*runs,) = pilot.app.query_one(Tree).root.children
    queries = [*runs[0].children]
    return [[str(node.label) for node in nodes] for nodes in (runs, queries, queries[0].children)]


def shown(pilot: Pilot[None]) -> str:
    return str(pilot.app.query_one("#rollout", Static).content)


def test_runs_queries_and_rollouts_unfold_and_one_is_shown_with_all_about_it(filled: Memory) -> None:
    async def look(pilot: Pilot[None]) -> None:
        runs, queries, rollouts = listed(pilot)
        assert runs == ["a", "b"]
        assert queries == ["How [bold]many[/bold] [/x] [31m? (3)"]
        assert sorted(rollouts) == ["7, label –, predicted –"] * 2 + ["8, label –, predicted –"]
        for part in ("How [bold]many[/bold] [/x] [31m?", "I count", "[/x].", "How many pears?", "step 1"):
            assert part in shown(pilot)
        assert "\x1b" not in shown(pilot)

    before = all_of(filled.database)
    drive(filled, None, look)
    assert all_of(filled.database) == before


def test_keys_label_every_rollout_with_the_answer_and_correct(filled: Memory) -> None:
    async def label(pilot: Pilot[None]) -> None:
        answer = listed(pilot)[2][0][0]
        for key, score in (("r", "1.000"), ("w", "0.000"), ("r", "1.000"), ("w", "0.000"), ("w", "0.000")):
            await press(pilot, key)
            lines = [line for line in listed(pilot)[2] if line.startswith(answer)]
            assert lines == [f"{answer}, label {score}, predicted –"] * len(lines)
        assert shown(pilot).count("human 1.000 by Ann") == 2
        assert shown(pilot).count("human 0.000 by Ann") == 2

    drive(filled, "Ann", label)
    assert sorted(row.corrected for row in filled.labels(ledger="people")) == [False, True, True, True]


def test_nothing_is_written_without_an_author_or_a_rollout(filled: Memory) -> None:
    async def try_to(pilot: Pilot[None]) -> None:
        await press(pilot, "r", "w")

    async def on_a_query(pilot: Pilot[None]) -> None:
        await press(pilot, "up", "r")

    drive(filled, None, try_to)
    drive(filled, "Ann", on_a_query)
    assert count(filled, "(n:Label)") == 0
