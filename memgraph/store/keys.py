"""Content keys: the same thing has the same key in every process, run and database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def key_of(kind: str, *parts: str) -> str:
    """sha256 hex of a kind and its parts, each length-prefixed so that ("ab", "c") and ("a", "bc") differ."""
    digest = hashlib.sha256()
    for part in (kind, *parts):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def query_key(dataset: str, text: str) -> str:
    """Key of a query: its data set and exact text; source ids are only aliases."""
    return key_of("query", dataset, text)


def answer_key(query: str, normaliser_version: str, value: str) -> str:
    """Key of an answer: equal normalised answers to one query are one node."""
    return key_of("answer", query, normaliser_version, value)


def imported_rollout_key(dataset: str, rollout_id: str) -> str:
    """Key of a rollout that its source names."""
    return key_of("rollout-id", dataset, rollout_id)


def unnamed_rollout_key(run: str, query: str, response: str, ordinal: int) -> str:
    """Key of a rollout without an id; `ordinal` counts equal responses within one import."""
    return key_of("rollout-text", run, query, response, str(ordinal))


def sampled_rollout_key(run: str, attempt: int, call: int, query: str, sample: int) -> str:
    """Key of a rollout sampled during RL; a run resumed from a checkpoint is a new attempt."""
    return key_of("rollout-rl", run, str(attempt), str(call), query, str(sample))


def draw_position(seed: int, members: Iterable[str]) -> float:
    """Place of a near-duplicate cluster in the order in which labels are drawn, uniform in [0, 1).

    Depends on the keys and the seed only, so that draws are nested across shares and do not follow import order.
    """
    return int(key_of("draw", str(seed), min(members))[:13], 16) / 16**13


def file_digest(file: Path) -> str:
    """sha256 hex of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
