"""What is installed only on demand, and the error that names the extra which brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from memgraph.errors import MissingPackage

_EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "sentence_transformers"), "embed"),
    "torch_geometric": "gnn",
    "matplotlib": "plots",
    "pandas": "pandas",
    "polars": "polars",
    "textual": "tui",
    **dict.fromkeys(("trl", "peft", "accelerate", "datasets", "tokenizers", "httpx2", "tenacity"), "trl"),
}


@contextmanager
def installed(extra: str | None = None) -> Iterator[None]:
    """Within, an import that fails because a package is not installed says which extra brings it.

    Args:
        extra: that brings all that is imported; by default the one that brings the missing package.

    Raises:
        MissingPackage: for a package of an extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise MissingPackage(
            f"the package {package} is needed for this and is not installed: pip install "
            f"'memreward-graph[{extra or _EXTRAS[package]}]' brings it"
        ) from error
