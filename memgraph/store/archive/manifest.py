"""What an archive holds: its files, and how they are told from damaged ones."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from memgraph.errors import InputError
from memgraph.store.archive.columns import Column, ColumnKind
from memgraph.store.cypher import cypher
from memgraph.store.database import Database
from memgraph.store.keys import file_digest

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
BATCH: Final = 1000
EXTRA_LABELS: Final = Column(":LABEL", ColumnKind.TEXTS)
START: Final = Column(":START", ColumnKind.TEXT)
END: Final = Column(":END", ColumnKind.TEXT)
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")

ALWAYS_THERE: Final = ("EmbeddingSpace", "Reader")  # nodes that an empty memory has


@dataclass(frozen=True, slots=True)
class Table:
    """One file of an archive: where it lies, how many rows it has, and its sha256."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds.

    Attributes:
        migrations: versions of the schema that its data follow.
        readers: domain → version of the reader that its answers were read by; empty where that was not kept yet.
        left_out: nodes that the memory does not know (without a key of its schema), counted by their labels.
    """

    format: int
    package: str
    created_at: str
    migrations: list[str]
    nodes: dict[str, Table]
    relationships: dict[str, Table]
    left_out: dict[str, int]
    readers: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Nodes and relationships in all."""
        return sum(table.rows for table in (*self.nodes.values(), *self.relationships.values()))


def is_archive(folder: Path) -> bool:
    """Whether a folder is a memory that was exported."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> Manifest:
    """The manifest, after comparing every file with it.

    Raises:
        InputError: if anything is missing, changed or not of this format.
    """
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise InputError(f"{folder} has format {document['format']}; this package reads {FORMAT}: upgrade it")
        for part in ("nodes", "relationships"):
            document[part] = {name: Table(**table) for name, table in document[part].items()}
        manifest = Manifest(**document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{folder} is no memory that was exported: {MANIFEST} cannot be read: {error}") from error
    names = [*manifest.nodes, *(part for name in manifest.relationships for part in name.split("."))]
    if bad := [name for name in names if not NAME.fullmatch(name)]:
        raise InputError(f"{folder}: {bad[0]!r} cannot name a label or a type of relationship")
    for table in (*manifest.nodes.values(), *manifest.relationships.values()):
        file = folder / table.file
        if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
            raise InputError(f"{folder} lacks {table.file}; copy the whole folder again")
        if file_digest(file) != table.sha256:
            raise InputError(f"{file} is not what was exported (its sha256 differs); copy the folder again")
    return manifest


def keyed_labels(database: Database) -> list[str]:
    """Labels whose nodes have a unique key: what a memory consists of."""
    return [row["label"] for row in database.query(cypher("schema/keyed_labels"))]
