"""What is kept of programs that are observed, in a real database."""

from __future__ import annotations

from typing import Any

import pytest

from memgraph.domains.checks.behaviour import Behaviour, Unobserved
from memgraph.domains.checks.trials import Trial
from memgraph.memory import Memory
from memgraph.rollouts.program_runs import MOST_ATTEMPTS, run_programs
from memgraph.rollouts.rollout import Rollout

QUERY = "Write the Python function f(x): twice x. For example f(2) == 4."
RIGHT = "def f(x):\n    return 2 * x"
# prints a number where its values are wanted, which once ended every later import
HOSTILE = "import json\njson.dumps = lambda value, **_: '7'\ndef f(x):\n    return 1"
STATE = (
    "MATCH (a:Answer) RETURN a:Unobserved AS waits, a.behaviour AS did, a.behaviour_reason AS reason, "
    "a.observation_attempts AS attempts ORDER BY a.value"
)


def add(memory: Memory, *programs: str) -> None:
    memory.add([Rollout(query=QUERY, response=program, domain="code", run="programs") for program in programs])


def test_a_hostile_program_ends_no_import_and_waits_no_longer(memory: Memory) -> None:
    add(memory, HOSTILE, RIGHT)
    states = memory.database.query(STATE)
    assert [state["waits"] for state in states] == [False, False]
    assert sorted((state["did"] is None, state["reason"] is None) for state in states) == [(False, True), (True, False)]
    add(memory, "def f(x):\n    return x + x")
    assert run_programs(memory.database, memory.domains) == 0


def test_a_program_may_import_what_its_tests_may(memory: Memory) -> None:
    """A number of numpy's is a number, as it is to the tests."""
    with_numpy = "import numpy as np\n\ndef f(x):\n    return np.multiply(2, x)"
    without = "import hmac, torch\n\ndef f(x):\n    return 2 * x"
    add(memory, with_numpy, RIGHT, without)
    observed = {
        row["program"]: row
        for row in memory.database.query(
            "MATCH (a:Answer) RETURN a.written AS program, a.behaviour AS did, a.examples_passed AS examples, a.runs AS runs"
        )
    }
    assert observed[with_numpy]["did"] == observed[RIGHT]["did"]
    assert (observed[with_numpy]["examples"], observed[with_numpy]["runs"]) == (1.0, 1.0)
    assert (observed[without]["did"], observed[without]["runs"]) == (None, 0.0)


def test_what_gives_no_finding_is_tried_again_by_later_imports_and_not_for_ever(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: Trial, programs: list[str], **__: Any) -> list[Behaviour | Unobserved]:
        return [Unobserved("the clock", in_sandbox=True) for _ in programs]

    with monkeypatch.context() as patched:
        patched.setattr("memgraph.rollouts.program_runs.behaviours", cut)
        add(memory, RIGHT)
        (state,) = memory.database.query(STATE)
        assert (state["waits"], state["did"], state["attempts"]) == (True, None, 1)
    assert run_programs(memory.database, memory.domains) == 1
    (state,) = memory.database.query(STATE)
    assert (state["waits"], state["reason"], state["attempts"]) == (False, None, None)
    assert state["did"]

    def states() -> list[dict[str, Any]]:
        return [row for row in memory.database.query(STATE) if row["did"] is None]

    monkeypatch.setattr("memgraph.rollouts.program_runs.behaviours", cut)
    add(memory, "def f(x):\n    return 3 * x")
    for attempt in range(2, MOST_ATTEMPTS):
        run_programs(memory.database, memory.domains)
        assert [(row["waits"], row["attempts"]) for row in states()] == [(True, attempt)]
    assert run_programs(memory.database, memory.domains) == 1
    assert [(row["waits"], row["attempts"]) for row in states()] == [(False, None)]
    assert "the clock" in states()[0]["reason"]
