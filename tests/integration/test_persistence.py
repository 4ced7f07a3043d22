"""The server is stopped and killed (SIGKILL) through a memory's life; nothing that was acknowledged is lost.

It takes minutes, so `make test-all` runs it; test_local_server.py has a short form that `make test` runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memgraph.labels.truth import FileTruth
from memgraph.memory import Memory
from memgraph.models.votes import MajorityVote
from memgraph.rollouts.reembed import reembed
from memgraph.rollouts.rollout import Rollout
from memgraph.rollouts.runs import record_rewards, start_attempt
from memgraph.scoring.predictions import write_predictions
from memgraph.settings import Settings
from memgraph.store.archive import export_archive
from memgraph.store.server.backup import backup, restore
from memgraph.store.server.local import LocalServer
from tests.conftest import write_rows
from tests.integration.lives import VIEW, everything
from tests.integration.rollouts import sums
from tests.integration.test_local_server import kill, processes_of
from tests.vectors import WordVectors

Step = Callable[[Memory], object]


class Life:
    """A memory in a home of its own, whose server comes and goes."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings.model_copy(update={"home": folder / "home", "heap_mb": 512})
        self.server = LocalServer(self.settings)
        self.words = WordVectors(16)
        self.file = write_rows(folder / "rollouts.jsonl", sums(30))
        self.source = FileTruth([self.file], run="import")
        self.backup = folder / "backup"

    def open(self) -> Memory:
        return Memory.open(self.settings, embedder=self.words)


@pytest.fixture
def life(settings: Settings, tmp_path: Path) -> Iterator[Life]:
    life = Life(settings, tmp_path)
    yield life
    life.server.stop()
    assert not processes_of(life.settings)


def steps(life: Life) -> list[tuple[str, Step]]:
    """The life of a memory; each step leaves it so that the next can go on."""

    def sample(memory: Memory) -> None:
        attempt = start_attempt(memory.database, "rl", policy="p")
        report = memory.add(
            Rollout(
                query=f"Tom has {n} apples?", response=f"#### {n}", run="rl", attempt=attempt, call=0, step=0, sample=0
            )
            for n in range(20)
        )
        record_rewards(
            memory.database,
            [{"key": one.key, "reward": 0.5, "source": "reward_model", "reason": None} for one in report.stored],
        )

    def score(memory: Memory) -> None:
        model = memory.model(ledger="l")
        memory.score(model, VIEW)

    def votes(memory: Memory) -> None:
        snapshot = memory.snapshot(VIEW)
        write_predictions(memory, snapshot, MajorityVote().score(snapshot))

    def prune(memory: Memory) -> None:
        memory.database.query("MATCH (t:Thinking {run: 'rl'}) DETACH DELETE t", write=True)
        memory.database.autocommit(
            "MATCH (l:Prediction {scorer: 'majority_vote'}) CALL (l) { DETACH DELETE l } IN TRANSACTIONS OF 20 ROWS"
        )

    def move(memory: Memory) -> None:
        life.words = WordVectors(12, "other words")
        reembed(memory.database, life.words, neighbours=7)

    return [
        ("import", lambda memory: memory.import_file(life.file)),
        ("label", lambda memory: memory.reveal(life.source, ledger="l", budget=0.5)),
        ("fit", lambda memory: memory.fit(VIEW)),
        ("score", score),
        ("train", sample),
        ("relabel", lambda memory: memory.reveal(life.source, ledger="l", budget=0.8)),
        ("predict again", votes),
        ("back up", lambda _: backup(life.settings, life.backup, check=False)),
        ("prune", prune),
        ("restore", lambda _: restore(life.settings, life.backup, overwrite=True)),
        ("export", lambda memory: export_archive(memory.database, life.backup.with_name("archive"))),
        ("move to another embedding model", move),
        ("fit again", lambda memory: memory.fit(VIEW)),
    ]


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_whole_life_with_the_server_killed_after_every_step(life: Life) -> None:
    kept: dict[str, Any] = {}
    for number, (name, act) in enumerate(steps(life)):
        with life.open() as memory:
            act(memory)
        with life.open() as memory:  # the step may have moved the server to another port
            kept[name] = everything(memory)
        kill(life.settings)
        with life.open() as memory:
            assert everything(memory) == kept[name], f"killed after {name}"
        if number % 3 == 0:
            life.server.stop()
            with life.open() as memory:
                assert everything(memory) == kept[name], f"stopped after {name}"
    assert kept["prune"] != kept["back up"] == kept["restore"]
    with life.open() as memory:
        assert memory.ledger("l").spent() == 24
        memory.model(ledger="l")
        assert memory.import_file(life.file).known == 120
