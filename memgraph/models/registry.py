"""Reward models that a memory knows: a checkpoint in its home folder, and a node in the graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from memgraph.errors import ModelError
from memgraph.models.reward_model import RewardModel, require_same_reader
from memgraph.models.scores import DEFAULT_SCORER
from memgraph.store import keys
from memgraph.store.cypher import cypher
from memgraph.store.reader_versions import as_list, versions_of
from memgraph.store.store import Store
from memgraph.store.whole_file import room_for


def register(
    store: Store, model: RewardModel, home: Path, *, readers: Mapping[str, str], ledger: str | None, seed: int
) -> None:
    """Save a fitted model under `home` and record it in the graph; it has its `key` and `folder` from then on.

    Args:
        readers: versions by domain that its answers were read by.
        ledger: whose labels it was fitted on, None for several.
        seed: of the fit.
    """
    model.key = keys.key_of("reward-model", model.fingerprint())
    model.folder = home / "models" / model.key[:16]
    model.readers = dict(readers)
    with room_for("the reward model", model.folder):
        model.save(model.folder)
    properties = {
        "scorer": DEFAULT_SCORER,
        "readers": as_list(readers),
        "folder": str(model.folder),
        "ledger": ledger,
        "seed": seed,
        "config": json.dumps(asdict(model.config)),
        "metrics": json.dumps(model.metrics),
    }
    store.database.query(cypher("write/reward_model"), write=True, key=model.key, properties=properties)


def latest(store: Store, home: Path, *, readers: Mapping[str, str], ledger: str | None = None) -> RewardModel:
    """The newest registered model.

    Raises:
        ModelError: if none was fitted yet, its checkpoint is gone, or its answers were read by an earlier reader.
    """
    rows = store.database.query(cypher("read/latest_reward_model"), ledger=ledger)
    if not rows:
        raise ModelError("no reward model was fitted in this memory yet; label some rollouts and run `memreward fit`")
    return _load(store, home, rows[0], readers)


def registered(store: Store, home: Path, key: str, *, readers: Mapping[str, str]) -> RewardModel:
    """A registered model.

    Raises:
        ModelError: if there is none of that key, its checkpoint is gone, or its answers were read by an earlier reader.
    """
    rows = store.database.query(cypher("read/reward_model"), key=key)
    if not rows:
        raise ModelError(f"no reward model {key[:12]} is registered in this memory; `memreward fit` makes one")
    return _load(store, home, rows[0], readers)


def _load(store: Store, home: Path, row: Mapping[str, Any], readers: Mapping[str, str]) -> RewardModel:
    """From a row of cypher/read/reward_model or latest_reward_model."""
    key: str = row["key"]
    require_same_reader(versions_of(row["readers"] or ()), readers, f"the reward model {key[:12]}")
    here = home / "models" / key[:16]  # wherever it was fitted: memories move
    folder = here if here.is_dir() else Path(row["folder"])
    model = RewardModel.load(folder, readers=readers)
    model.key, model.folder = key, folder
    return model
