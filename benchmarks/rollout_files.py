"""Files of rollouts with their vectors, in a memory of their own, with what they say of each rollout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memgraph.evaluation import given_embedder, temporary_memory
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.snapshot.snapshot import Floats, Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The memory, the files as a source of truth, all rollouts without a label, and [rollouts] truth for metrics only."""

    memory: Memory
    source: FileTruth
    everything: Snapshot
    truth: Floats


def files_of(folder: Path, names: Collection[str] | None = None) -> list[Path]:
    """NAME.jsonl.gz of a folder, the smallest first; with `names` only these. Ends the program where there are none."""
    files = sorted(folder.glob("*.jsonl.gz"), key=lambda file: file.stat().st_size)
    files = [file for file in files if not names or file.name.removesuffix(".jsonl.gz") in names]
    if not files:
        sys.exit(f"no rollouts in {folder}: NAME.jsonl.gz are needed, and NAME.minilm.npz spares embedding them anew")
    return files


def vectors_of(file: Path) -> Path | None:
    """NAME.minilm.npz beside NAME.jsonl.gz; None where there is none."""
    vectors = file.with_name(file.name.replace(".jsonl.gz", ".minilm.npz"))
    return vectors if vectors.exists() else None


@contextmanager
def filled_memory(*files: Path, say: Callable[[str], None]) -> Iterator[Memory]:
    """Import files into a throw-away server, with their vectors where there are any; else they are made here."""
    given = [None if vectors_of(file) is None else GivenEmbeddings.load(vectors_of(file)) for file in files]
    with temporary_memory(given_embedder(given[0]), say=say) as memory:
        for file, embeddings in zip(files, given, strict=True):
            memory.import_file(file, embeddings=embeddings)
        yield memory


@contextmanager
def judged_memory(*files: Path, say: Callable[[str], None]) -> Iterator[Judged]:
    """A filled memory with the truth of its rollouts."""
    with filled_memory(*files, say=say) as memory:
        source = FileTruth(files, run="import")
        everything = memory.snapshot(LabelView(ledgers=()))
        found = memory.ledger("truth").evaluate(source, everything.query_keys)
        truth = np.array([found.get(key, np.nan) for key in everything.rollout_keys], np.float32)
        yield Judged(memory, source, everything, truth)
