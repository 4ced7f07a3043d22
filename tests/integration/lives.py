"""A memory with something of everything in it, and ways to compare memories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from memgraph.labels.judgements import Judgement
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.models.votes import MajorityVote
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards, start_attempt
from memgraph.scoring.predictions import write_predictions
from tests.conftest import write_rows
from tests.integration.rollouts import sums

VIEW = LabelView(ledgers=("l",))

NODES = "MATCH (n) WHERE NOT n:__Neo4jMigration RETURN labels(n) AS labels, properties(n) AS properties ORDER BY n.key"
EDGES = """
MATCH (a)-[r]->(b) WHERE NOT a:__Neo4jMigration
RETURN a.key AS a, type(r) AS type, b.key AS b, properties(r) AS properties ORDER BY a, type, b
"""


def everything(memory: Memory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All nodes and relationships with all that they hold, times of creation included."""
    nodes = memory.database.query(NODES)
    return [{**node, "labels": sorted(node["labels"])} for node in nodes], memory.database.query(EDGES)


def fill(memory: Memory, folder: Path, *, fit: bool = True) -> FileTruth:
    """Imports, two ledgers, a person's judgement, an RL attempt with rewards, predictions, and a fitted reward model."""
    rows = sums(24)
    file = write_rows(folder / "rollouts.jsonl", rows)
    memory.import_file(file)
    source = FileTruth([file], run="import")
    memory.reveal(source, ledger="l", budget=0.5)
    memory.reveal(source, ledger="reusing", budget=0.25, reuse=["l"])
    place = memory.add([Rollout(query=rows[0]["query"], response="I think #### 99", dataset="sums", domain="math")])
    judged = place.stored[0]
    memory.ledger("people").accept(
        [Judgement(judged.query_key, {judged.answer_key: 0.25}, "Ann", confidence=0.75, explanation="nearly")]
    )
    attempt = start_attempt(memory.database, "rl", policy="tiny", ranks=2)
    sampled = [
        Rollout(query=rows[4]["query"], response=f"#### {n % 2}", dataset="sums", domain="math", run="rl",
                attempt=attempt, call=0, step=0, sample=n, features={"logprob": -0.1 * n, "lengths": n})
        for n in range(3)
    ]  # fmt: skip
    report = memory.add(sampled)
    record_rewards(
        memory.database,
        [{"key": one.key, "reward": None, "source": "none", "reason": "no model"} for one in report.stored],
    )
    memory.add([Rollout(query="def f(x): ...", response="def f(x):\n    return x", domain="code", run="programs")])
    snapshot = memory.snapshot(VIEW)
    write_predictions(memory, snapshot, MajorityVote().score(snapshot))
    if fit:
        memory.fit(VIEW)
    return source


def nearest_in_index(memory: Memory, count: int = 3) -> list[list[str]]:
    """Keys that the vector index gives for the first few queries."""
    space = memory.space
    rows = memory.database.query(
        f"CYPHER 25 MATCH (q:Query) WITH q ORDER BY q.key LIMIT 4 "
        f"CALL (q) {{ MATCH (n:Query) SEARCH n IN (VECTOR INDEX {space.index} FOR q.{space.vector_property} LIMIT $count) "
        f"RETURN collect(n.key) AS found }} RETURN found",
        count=count,
    )
    return [sorted(row["found"]) for row in rows]


def exact_lists(memory: Memory, k: int) -> dict[str, list[str]]:
    """The k nearest queries of each, by comparing all with all."""
    snapshot = memory.snapshot(LabelView())
    cosine = snapshot.query_embeddings @ snapshot.query_embeddings.T
    np.fill_diagonal(cosine, -2)
    keys = snapshot.query_keys
    return {key: [keys[place] for place in np.argsort(-row)[:k]] for key, row in zip(keys, cosine, strict=True)}
