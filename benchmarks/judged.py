"""A file of rollouts in a memory of its own, with what the file says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memgraph.evaluation import given_embedder, temporary_memory
from memgraph.memory import Memory
from memgraph.reading import GivenEmbeddings
from memgraph.records import LabelView
from memgraph.snapshot import Floats, Snapshot
from memgraph.truth import FileTruth


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The memory, the file as a source of truth, all rollouts without a label, and [rollouts] truth for metrics only."""

    memory: Memory
    source: FileTruth
    everything: Snapshot
    truth: Floats


@contextmanager
def judged_memory(file: Path, *, say: Callable[[str], None]) -> Iterator[Judged]:
    """Import NAME.jsonl.gz with the vectors of NAME.minilm.npz into a throw-away server."""
    given = GivenEmbeddings.load(file.with_name(file.name.replace(".jsonl.gz", ".minilm.npz")))
    with temporary_memory(given_embedder(given), say=say) as memory:
        memory.import_file(file, embeddings=given)
        source = FileTruth([file], run="import")
        everything = memory.snapshot(LabelView(ledgers=()))
        found = memory.ledger("truth").evaluate(source, everything.query_keys)
        truth = np.array([found.get(key, np.nan) for key in everything.rollout_keys], np.float32)
        yield Judged(memory, source, everything, truth)
