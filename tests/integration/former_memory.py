"""The memory that a former reader read, and how a test looks at it before and after it is read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from memgraph.domains import Domains
from memgraph.labels import reread
from memgraph.labels.view import LabelKind, LabelView
from memgraph.memory import Memory
from memgraph.rollouts.guarded_embedder import bind_space
from memgraph.rollouts.program_runs import run_programs
from memgraph.rollouts.reader import require_reader
from memgraph.settings import Settings
from memgraph.store import keys, migrations
from memgraph.store.database import Database
from tests.fixtures.make import EightNumbers, clear, load
from tests.fixtures.make_old_reader import TWICE
from tests.integration.lives import EDGES, NODES

FORMER = Path(__file__).parents[1] / "fixtures" / "former_reader"
ALL = LabelView(ledgers=("people",), kinds=(LabelKind.HUMAN,))
TRUTH = LabelView(ledgers=("truth",))
ANSWERS = """
MATCH (q:Query)-[:GENERATES_REASONING]->(t:Thinking)-[:LEADS_TO]->(a:Answer)
RETURN q.text AS query, t.rollout_id AS id, t.response AS response, t.text AS thinking, t.answer AS written, a.key AS answer,
       coalesce([(a)-[:EQUALS]->(s) | s.key][0], a.key) AS same, a.valid AS valid, t.given AS given ORDER BY query, t.key
"""


@contextmanager
def former_memory(opened: Memory) -> Iterator[Database]:
    """The session's database with the memory of former times; it has its schema and embedding space again afterwards."""
    clear(opened.database.autocommit)
    load(opened.database.autocommit, FORMER / "memory.jsonl")
    yield opened.database
    clear(opened.database.autocommit)
    migrations.migrate(opened.database)
    bind_space(opened.database, opened._embedder)
    require_reader(opened.database, opened.domains)


def read_again(database: Database, domains: Domains | None = None, **options: Any) -> reread.RereadReport:
    migrations.migrate(database)
    domains = domains or Domains()
    report = reread.reread(database, domains, **options)
    run_programs(database, domains)
    return report


def everything(database: Database) -> tuple[list[Any], list[Any]]:
    nodes = [{**row, "labels": sorted(row["labels"])} for row in database.query(NODES)]
    return nodes, sorted(database.query(EDGES), key=repr)


def rollouts(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Query → its imported rollouts, in the order of their source."""
    found = defaultdict(list)
    for row in sorted(database.query(ANSWERS), key=lambda row: row["id"] or ""):
        if row["id"] is not None:
            found[row["query"]].append(row)
    return found


def classes(database: Database, query: str) -> list[int]:
    """Which of a query's rollouts share an answer."""
    same = [row["same"] for row in rollouts(database)[query]]
    return [same.index(one) for one in same]


def in_force(memory: Memory, view: LabelView) -> dict[str, list[float | None]]:
    """Query → label in force on each imported rollout."""
    snapshot = memory.snapshot(view, vectors=False)
    label = dict(zip(snapshot.rollout_keys, snapshot.labels.tolist(), strict=True))
    key_of = keys.imported_rollout_key
    return {
        query: [None if (x := label[key_of("former", row["id"])]) != x else x for row in rows]
        for query, rows in rollouts(memory.database).items()
        if query != TWICE
    }


def opened_again(settings: Settings, **options: Any) -> Memory:
    return Memory.open(settings, embedder=EightNumbers(), **options)
