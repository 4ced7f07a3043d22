"""Classes of exceptions that tests and programs both know, by where they are defined."""

from __future__ import annotations

import sys

# whose exceptions mean something to tests, and nothing to the code that runs them (`unittest.SkipTest` would)
_MODULES = frozenset(
    [
        "array",
        "ast",
        "asyncio",
        "base64",
        "binascii",
        "calendar",
        "collections",
        "concurrent",
        "configparser",
        "copy",
        "csv",
        "_csv",
        "dataclasses",
        "datetime",
        "decimal",
        "email",
        "enum",
        "graphlib",
        "html",
        "http",
        "io",
        "json",
        "locale",
        "math",
        "pickle",
        "_pickle",
        "queue",
        "_queue",
        "re",
        "shutil",
        "sqlite3",
        "statistics",
        "string",
        "struct",
        "subprocess",
        "tomllib",
        "typing",
        "unicodedata",
        "urllib",
        "uuid",
        "xml",
        "zipfile",
        "zlib",
        "zoneinfo",
    ]
)
_libraries: set[str] = set()


def also_from(libraries: list[str]) -> None:
    """Exceptions of these packages are known, too."""
    _libraries.update(libraries)


def known_exception(module: str, name: str) -> type[Exception] | None:
    """The class of that name, if its module is one of those, and imported here already; nothing is imported for it."""
    if module.partition(".")[0] not in _MODULES | _libraries:
        return None
    kind = vars(sys.modules[module]).get(name) if module in sys.modules else None
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None
