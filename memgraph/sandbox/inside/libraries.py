"""Imports of the packages that are shown in the sandbox, and of no others."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

from .exceptions import also_from


class Finder:
    """Finds packages by their names, without looking into the folder that they lie in."""

    def __init__(self, origins: dict[str, str]) -> None:
        self._origins = origins

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """Where a package begins; its modules are found from there in the usual way."""
        origin = self._origins.get(name)
        if origin is None:
            return None
        inside = [os.path.dirname(origin)] if os.path.basename(origin) == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, origin, submodule_search_locations=inside)


def offer(libraries: list[dict[str, Any]]) -> None:
    """Let this interpreter import them."""
    if libraries:
        also_from([library["name"] for library in libraries])
        os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        sys.meta_path.append(Finder({library["name"]: library["origin"] for library in libraries}))
