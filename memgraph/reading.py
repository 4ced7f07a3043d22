"""Files to rollouts: JSONL(.gz), Parquet and saved data sets, row by row, and vectors that come with the data.

A row that does not fit is rejected with its number and the reason; the rest goes on. What a row knows of the truth
(`correct`, `gold`, `tests`) is not read here: `memgraph.truth` does that, for the ledger only.
"""

from __future__ import annotations

import gzip
import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraph.errors import InputError
from memgraph.messages import from_completions
from memgraph.records import Rollout

TRUTH_FIELDS = frozenset({"correct", "gold", "tests"})
_TEXT_FIELDS = ("query_id", "rollout_id", "dataset", "domain", "policy", "thinking")
_REQUIRED = ("query", "response")
_COUNT_FIELDS = ("step", "sample")
_DATASET_MARKS = ("dataset_info.json", "dataset_dict.json")


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was left out: file, row number from 1, what was wrong."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file that fits: its number from 1, the rollout, and the raw fields."""

    number: int
    rollout: Rollout
    raw: Mapping[str, Any]


def read_rows(file: Path, *, run: str, dataset: str | None = None, domain: str | None = None) -> Iterator[Row | Reject]:
    """Rows of a JSONL, JSONL.gz or Parquet file or of a data set that `datasets` saved, in order.

    Args:
        run: that the rollouts belong to.
        dataset, domain: of rows that name none.

    Raises:
        InputError: if the file cannot be read at all.
    """
    return rows_of(raw_rows(file), source=str(file), run=run, dataset=dataset, domain=domain)


def rows_of(
    raw_rows: Iterable[tuple[int, dict[str, Any] | str]],
    *,
    source: str,
    run: str,
    dataset: str | None = None,
    domain: str | None = None,
) -> Iterator[Row | Reject]:
    """Numbered rows as rollouts, each checked on its own; a text in place of a row says why there is none."""
    defaults = {name: value for name, value in (("dataset", dataset), ("domain", domain)) if value is not None}
    for number, raw in from_completions(raw_rows, run):
        if isinstance(raw, str):
            yield Reject(source, number, raw)
            continue
        try:
            yield Row(number, _rollout({**defaults, **_present(raw)}, run), raw)
        except ValueError as error:
            yield Reject(source, number, str(error))


def data_files(paths: Iterable[Path]) -> list[Path]:
    """What `read_rows` takes: files and saved data sets as they are, the Parquet files of other folders in order.

    Raises:
        InputError: for a folder without any.
    """
    found = []
    for path in paths:
        if not path.is_dir() or _is_saved_dataset(path):
            found.append(path)
        elif parts := sorted(path.glob("*.parquet")):
            found += parts
        else:
            raise InputError(
                f"the folder {path} holds no Parquet files, and is neither a saved data set nor an exported memory"
            )
    return found


def _is_saved_dataset(folder: Path) -> bool:
    return any((folder / mark).is_file() for mark in _DATASET_MARKS)


def raw_rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Numbered rows, each a dict or the reason why it is none.

    Raises:
        InputError: if the file cannot be read at all.
    """
    try:
        if file.name.endswith((".jsonl", ".jsonl.gz", ".json", ".ndjson")):
            with gzip.open(file, "rb") if file.name.endswith(".gz") else file.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield number, _parse_line(line)
        elif file.suffix == ".parquet":
            import pyarrow.parquet as parquet

            number = 0
            for batch in parquet.ParquetFile(file).iter_batches(batch_size=1024):
                for raw in batch.to_pylist():
                    number += 1
                    yield number, raw
        elif file.is_dir() and _is_saved_dataset(file):
            from datasets import DatasetDict, load_from_disk

            saved = load_from_disk(str(file))
            splits = list(saved.values()) if isinstance(saved, DatasetDict) else [saved]
            yield from enumerate(chain.from_iterable(splits), start=1)
        else:
            raise InputError(
                f"{file} is neither .jsonl, .jsonl.gz nor .parquet, nor a folder that datasets' save_to_disk wrote; convert it "
                "to one of these"
            )
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"cannot read {file}: {error}") from error


def _parse_line(line: bytes) -> dict[str, Any] | str:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return raw if isinstance(raw, dict) else f"not a JSON object but {type(raw).__name__}"


def _present(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is missing: in a table every row names the columns of all. What is required stays, to be rejected."""
    return {name: value for name, value in raw.items() if value is not None or name in _REQUIRED}


def _rollout(raw: Mapping[str, Any], run: str) -> Rollout:
    """Raises ValueError saying which field does not fit and what was found (most of it by `Rollout` itself)."""
    for name in _REQUIRED:
        if name not in raw:
            raise ValueError(f"the required field {name!r} is missing")
    counts = (*_COUNT_FIELDS, "call") if "rollout_id" in raw else _COUNT_FIELDS  # a call alone would name the rollout
    given = {name: raw[name] for name in (*_TEXT_FIELDS, *counts, "answer") if name in raw}
    for name in ("query_id", "rollout_id"):
        if name in given:
            given[name] = _identifier(name, given[name])
    for name in counts:  # pandas writes whole numbers with gaps between them as floats
        if isinstance(given.get(name), float) and given[name].is_integer():
            given[name] = int(given[name])
    if "answer" in given:
        given["answer"] = _answer(given["answer"])
    return Rollout(
        query=raw["query"], response=raw["response"], run=run, features=_features(raw.get("features")), **given
    )


def _identifier(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"{name!r} must be text or a whole number, found {type(value).__name__}")
    return str(value)


def _answer(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"'answer' must be text or a number, found {type(value).__name__}")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"'answer' must be finite, found {value}")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _features(value: Any) -> dict[str, float]:
    """Those that have a value: in a Parquet table every row names the features of all."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'features' must be an object of numbers, found {type(value).__name__}")
    return {str(name): number for name, number in value.items() if number is not None}


@dataclass(frozen=True, slots=True)
class GivenEmbeddings:
    """Vectors that come with the data, as ../shared/rollouts describes: by query_id and by rollout_id."""

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
                found = {name: arrays[name] for name in arrays.files}
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
            raise InputError(f"cannot read the embeddings {file}: {error}; an NPZ archive is needed") from error
        missing = {"query", "query_id", "thinking", "answer", "rollout_id"} - found.keys()
        if missing:
            raise InputError(f"{file} lacks the arrays {', '.join(sorted(missing))}; found {', '.join(sorted(found))}")
        for vectors, ids in (("query", "query_id"), ("thinking", "rollout_id"), ("answer", "rollout_id")):
            if found[vectors].ndim != 2 or found[ids].shape != found[vectors].shape[:1]:
                raise InputError(f"{file}: {vectors} has shape {found[vectors].shape} but {ids} {found[ids].shape}")
            if found[vectors].dtype.kind not in "fiu":
                raise InputError(f"{file}: {vectors} must hold numbers, found {found[vectors].dtype}")

        def by_id(vectors: str, ids: str) -> dict[str, NDArray[np.float32]]:
            return dict(zip(map(str, found[ids]), found[vectors].astype(np.float32), strict=True))

        return cls(
            int(found["query"].shape[1]),
            by_id("query", "query_id"),
            by_id("thinking", "rollout_id"),
            by_id("answer", "rollout_id"),
        )
