"""Installed packages that programs and tests may import: found here, shown read-only inside."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from memgraph.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Library:
    """One importable package.

    Attributes:
        name: as it is imported.
        origin: file that an import runs.
        shown: files and folders that it needs, its shared objects among them.
    """

    name: str
    origin: str
    shown: tuple[str, ...]


def libraries(names: Sequence[str]) -> tuple[Library, ...]:
    """The named ones that are installed. One that is not is left out, as tests that import it say.

    Raises:
        SettingsError: for a name that is no module's.
    """
    return tuple(library for name in names if (library := _library(name)) is not None)


@cache
def _library(name: str) -> Library | None:
    if not name.isidentifier():
        raise SettingsError(f"a library is named as it is imported, for instance numpy; found {name!r}")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    place = Path(spec.origin)
    own = place.parent if spec.submodule_search_locations else place
    distributions = {name, *importlib.metadata.packages_distributions().get(name, ())}
    beside = (own.parent / f"{distribution.replace('-', '_')}.libs" for distribution in sorted(distributions))
    return Library(name, spec.origin, (str(own), *(str(folder) for folder in beside if folder.is_dir())))
