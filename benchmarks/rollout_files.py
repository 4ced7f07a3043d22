"""Files of rollouts with their vectors: which there are, what is known of each, and memories filled with them.

A folder has NAME.jsonl.gz, whose rows say whether they are `correct`, and beside it NAME.minilm.npz, which spares
embedding them again. `tiny_rollouts.py` makes one of the tiny world.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from harness import say

from memgraph.evaluation import given_embedder, read_judged, temporary_memory
from memgraph.labels.truth import FileTruth
from memgraph.labels.view import LabelView
from memgraph.memory import Memory
from memgraph.rollouts.given import GivenEmbeddings
from memgraph.snapshot.file import JudgedSnapshot
from memgraph.snapshot.snapshot import Floats, Snapshot

_ROLLOUTS, _VECTORS = ".jsonl.gz", ".minilm.npz"


@dataclass(frozen=True, slots=True, eq=False)
class JudgedMemory:
    """The memory, the files as a source of truth, all rollouts without a label, and [rollouts] truth for metrics only."""

    memory: Memory
    source: FileTruth
    everything: Snapshot
    truth: Floats


def add_rollout_options(parser: argparse.ArgumentParser, *, snapshots: bool = False) -> None:
    """The folder, `--sets`, and where sets are read once for all calls `--snapshots`."""
    parser.add_argument("rollouts", type=Path, help=f"folder with NAME{_ROLLOUTS} and NAME{_VECTORS}")
    parser.add_argument("--sets", nargs="*", help="names; by default all in the folder")
    if snapshots:
        parser.add_argument("--snapshots", type=Path, help="folder that keeps what is read of each set")


def files_of(options: argparse.Namespace) -> list[Path]:
    """The files that are asked for, the smallest first, and only that one where it must be quick. Ends without any."""
    files = sorted(options.rollouts.glob(f"*{_ROLLOUTS}"), key=lambda file: file.stat().st_size)
    files = [file for file in files if not options.sets or name_of(file) in options.sets]
    if not files:
        sys.exit(
            f"no rollouts in {options.rollouts}: NAME{_ROLLOUTS} are needed, and NAME{_VECTORS} spares embedding them"
        )
    return files[:1] if options.quick else files


def name_of(file: Path) -> str:
    """Name of a set."""
    return file.name.removesuffix(_ROLLOUTS)


def vectors_of(file: Path) -> Path | None:
    """The vectors beside a file; None where there are none."""
    vectors = file.with_name(name_of(file) + _VECTORS)
    return vectors if vectors.exists() else None


def read_set(file: Path, snapshots: Path | None = None) -> JudgedSnapshot:
    """All rollouts of a file with their truth, read through a throw-away server unless a snapshot is kept."""
    return read_judged(file, embeddings=vectors_of(file), snapshots=snapshots, say=say)


@contextmanager
def judged_memory(*files: Path) -> Iterator[JudgedMemory]:
    """A throw-away memory of the files, with the truth of their rollouts; vectors that are not there are made here."""
    given = [None if vectors_of(file) is None else GivenEmbeddings.load(vectors_of(file)) for file in files]
    with temporary_memory(given_embedder(given[0]), say=say) as memory:
        for file, embeddings in zip(files, given, strict=True):
            memory.import_file(file, embeddings=embeddings)
        source = FileTruth(files, run="import")
        everything = memory.snapshot(LabelView(ledgers=()))
        scores = memory.ledger("truth").evaluate(source, everything.query_keys)
        truth = np.array([scores.get(key, np.nan) for key in everything.rollout_keys], np.float32)
        yield JudgedMemory(memory, source, everything, truth)
