"""Finds the files that are no Python (Cypher, migrations, configurations): a copy in the wheel, else the source tree."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path

from memgraph.errors import MemRewardError

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_SAFE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def data_folder(name: str) -> Path:
    """Folder `cypher`, `migrations` or `configs`, wherever this installation keeps it."""
    package = Path(str(resources.files("memgraph")))
    for folder in (package / "_data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise MemRewardError(f"the folder {name}/ is missing from this installation ({package}); reinstall memreward-graph")


@cache
def cypher(name: str) -> str:
    """Text of the query `cypher/<name>.cypher`.

    Raises:
        MemRewardError: if there is no such file, listing those there are.
    """
    folder = data_folder("cypher")
    file = folder / f"{name}.cypher"
    if not file.is_file():
        names = ", ".join(sorted(str(f.relative_to(folder))[:-7] for f in folder.rglob("*.cypher")))
        raise MemRewardError(f"there is no query {name!r}; known: {names}")
    return file.read_text(encoding="utf-8")


def cypher_template(name: str, **names: str) -> str:
    """A query whose index, label or property names Cypher cannot take as parameters, with them filled in.

    Only names like our own pass: letters, digits and underscores.
    """
    for placeholder, value in names.items():
        if not _SAFE_NAME.fullmatch(value):
            raise MemRewardError(f"{value!r} cannot name a {placeholder}: only letters, digits and _ are allowed")
    return _PLACEHOLDER.sub(lambda match: names[match.group(1)], cypher(name))
