"""Rollouts with truth for tests: sums, of which a made-up policy gets some wrong."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memgraph.store import keys
from tests.conftest import write_rows

if TYPE_CHECKING:
    from memgraph.memory import Memory
    from memgraph.snapshot.snapshot import Snapshot


def sums(queries: int, *, rollouts: int = 4, seed: int = 0, secret: str = "") -> list[dict[str, Any]]:
    """Rows as `memreward import` takes them. Harder sums are right less often; `secret` marks every truth field."""
    rng = random.Random(seed)
    rows = []
    for number in range(queries):
        a, b = number % 90 + 5, (number * 7) % 40 + 3
        gold = a + b
        skill = 0.85 if a < 50 else 0.35
        for sample in range(rollouts):
            right = rng.random() < skill
            value = gold if right else gold + rng.choice([-10, 1, 10])
            rows.append(
                {
                    "query": f"Tom has {a} apples and gets {b} more (task {number}). How many are there?",
                    "query_id": f"sum-{number}",
                    "rollout_id": f"sum-{number}-{sample}",
                    "dataset": "sums",
                    "domain": "math",
                    "policy": "made-up",
                    "response": f"<think>{a} and {b} make {value}.</think> #### {value}",
                    "gold": f"{gold}{secret}",
                    "correct": right,
                }
            )
    return rows


def import_two_runs(memory: Memory, folder: Path, *, queries: int, budget: float | int) -> Path:
    """A file of sums by the runs a and b, imported, labelled in part and scored."""
    file = write_rows(folder / "r.jsonl", [{**row, "run": "ab"[n % 2]} for n, row in enumerate(sums(queries))])
    memory.import_file(file)
    memory.reveal(file, budget=budget)
    memory.fit()
    memory.score()
    return file


def thinking_texts(memory: Memory, snapshot: Snapshot) -> list[str]:
    """Of a snapshot's rollouts."""
    rows = memory.database.query("MATCH (t:Thinking) RETURN t.key AS key, t.text AS text")
    text = {row["key"]: row["text"] for row in rows}
    return [text[key] for key in snapshot.rollout_keys]


def call_on(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Arguments of a reward call on such rows, as TRL passes them."""
    return {
        "completions": [row["response"] for row in rows],
        "query_key": [keys.query_key(row["dataset"], row["query"]) for row in rows],
        **{name: [row[name] for row in rows] for name in ("query", "query_id", "dataset", "domain")},
    }
