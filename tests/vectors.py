"""A small embedding model for tests: each word gives a direction, a text is their sum."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from memgraph.store.spaces import EmbeddingSpace, Vectors


class WordVectors:
    """Texts that share words are near to each other."""

    def __init__(self, dimension: int, model: str = "words") -> None:
        self.space = EmbeddingSpace(model, "1", dimension)
        self.embedded = 0

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        vectors = np.stack([self._vector(text) for text in texts]) if texts else np.zeros((0, self.space.dimension))
        return vectors.astype(np.float32)

    def _vector(self, text: str) -> np.ndarray:
        total = sum((self._direction(word) for word in ["", *text.split()]), start=np.zeros(self.space.dimension))
        return total / np.linalg.norm(total)

    def _direction(self, word: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(f"{self.space.model} {word}".encode()).digest()[:8], "big")
        return np.random.default_rng(seed).normal(size=self.space.dimension)
