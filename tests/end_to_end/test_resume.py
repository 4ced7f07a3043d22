"""Training that is killed without warning goes on from its last checkpoint, with a consistent memory."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memgraph.memory import Memory
from tests.end_to_end.test_ranks import environment


def train(memory: Memory, folder: Path, kill: str) -> int:
    """Exit code of a training that goes on from the newest checkpoint in `folder`, if there is one."""
    command = [sys.executable, "-m", "tests.end_to_end.killed_run", str(folder / "run")]
    more = {"KILL": kill, "RETURNED": str(folder / "returned.jsonl")}
    done = subprocess.run(
        command, env=environment(memory) | more, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode


def checkpoint(folder: Path) -> int:
    return max(int(path.name.rpartition("-")[2]) for path in (folder / "run").glob("checkpoint-*"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_twice_goes_on_and_loses_no_reward_that_it_was_given(memory: Memory, tmp_path: Path) -> None:
    # One generation serves two steps: calls are made at steps 0, 2, 4.
    assert train(memory, tmp_path, "after 1") == -signal.SIGKILL
    assert checkpoint(tmp_path) == 2
    assert train(memory, tmp_path, "within 1") == -signal.SIGKILL
    assert checkpoint(tmp_path) == 4
    assert train(memory, tmp_path, "never") == 0
    assert checkpoint(tmp_path) == 6

    returned: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "returned.jsonl").open()]
    assert [(row["attempt"], row["call"], row["step"]) for row in returned] == [
        (1, 0, 0),
        (1, 1, 2),
        (2, 0, 2),
        (3, 0, 4),
    ]
    assert all(row["failure"] is None for row in returned)
    stored = {
        row["key"]: row
        for row in memory.database.query(
            "MATCH (:Run {name: 'killed'})-[:PRODUCED]->(t:Thinking) RETURN t.key AS key, t.attempt AS attempt, "
            "t.step AS step, t.reward AS reward, t.reward_source AS source, coalesce(t.superseded, false) AS superseded"
        )
    }
    for row in returned:
        for key, reward in zip(row["rollouts"], row["rewards"], strict=True):
            assert stored[key]["reward"] == reward
            assert stored[key]["source"] == "consensus_share"

    # Sampled at or after the step of the checkpoint that the next attempt started from: discarded.
    counts: dict[tuple[int, int, bool], int] = {}
    for found in stored.values():
        place = (found["attempt"], found["step"], found["superseded"])
        counts[place] = counts.get(place, 0) + 1
    assert counts == {(1, 0, False): 16, (1, 2, True): 16, (2, 2, False): 16, (2, 4, True): 16, (3, 4, False): 16}
    assert memory.database.query("MATCH (r:Run {name: 'killed'}) RETURN r.attempts AS n") == [{"n": 3}]
