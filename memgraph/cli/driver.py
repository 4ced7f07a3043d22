"""Neo4j's driver without pandas and pyarrow, which most commands have no other use for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

_OPTIONAL = "neo4j._optional_deps"  # the driver's module that imports them, where they are installed
_SPARED = ("pandas", "pyarrow")


class _Finder(MetaPathFinder):
    """Tells the driver, and nobody else, that they are not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """None for all but these two while the driver looks for them."""
        asking = sys.modules.get(_OPTIONAL)
        if name in _SPARED and asking is not None and not hasattr(asking, "__all__"):  # its last line sets it
            raise ModuleNotFoundError(f"{name} is not for Neo4j's driver", name=name)


def spare_pandas() -> None:
    """Halve what loading the driver takes. It wants both to accept their values as parameters, and no command has such."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
