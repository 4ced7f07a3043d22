"""Vectors that come with the data, so that nothing needs to be embedded."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memgraph.errors import InputError


@dataclass(frozen=True, slots=True)
class GivenEmbeddings:
    """Vectors that come with the data, by query_id and by rollout_id."""

    dimension: int
    query: Mapping[str, NDArray[np.float32]]
    thinking: Mapping[str, NDArray[np.float32]]
    answer: Mapping[str, NDArray[np.float32]]

    @classmethod
    def load(cls, file: Path) -> GivenEmbeddings:
        """Read an NPZ with arrays query, query_id, thinking, answer, rollout_id.

        Raises:
            InputError: if arrays are missing or their lengths differ.
        """
        try:
            with zipfile.ZipFile(file), np.load(file, allow_pickle=False) as arrays:
                given = {name: arrays[name] for name in arrays.files}
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(f"cannot read the embeddings {file}: {error}; an NPZ archive is needed") from error
        missing = {"query", "query_id", "thinking", "answer", "rollout_id"} - given.keys()
        if missing:
            raise InputError(f"{file} lacks the arrays {', '.join(sorted(missing))}; found {', '.join(sorted(given))}")
        for vectors, ids in (("query", "query_id"), ("thinking", "rollout_id"), ("answer", "rollout_id")):
            if given[vectors].ndim != 2 or given[ids].shape != given[vectors].shape[:1]:
                raise InputError(f"{file}: {vectors} has shape {given[vectors].shape} but {ids} {given[ids].shape}")
            if given[vectors].dtype.kind not in "fiu":
                raise InputError(f"{file}: {vectors} must hold numbers, found {given[vectors].dtype}")

        def by_id(vectors: str, ids: str) -> dict[str, NDArray[np.float32]]:
            return dict(zip(map(str, given[ids]), given[vectors].astype(np.float32), strict=True))

        return cls(
            int(given["query"].shape[1]),
            by_id("query", "query_id"),
            by_id("thinking", "rollout_id"),
            by_id("answer", "rollout_id"),
        )
