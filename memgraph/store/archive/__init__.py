"""The whole memory as a folder of Parquet files, and back without loss (docs/archive.md describes the files).

Both ways work in bounded memory. An archive is complete or absent: it is written beside its place and moved there at the
end. Reading one checks every file's sha256 first, and may be repeated after an interruption.
"""

from memgraph.store.archive.bulk import admin_command, bulk_import, finish_bulk_import
from memgraph.store.archive.manifest import MANIFEST, Manifest, Table, is_archive
from memgraph.store.archive.reading import import_archive
from memgraph.store.archive.tables import ArchiveWriter
from memgraph.store.archive.writing import export_archive

__all__ = [
    "MANIFEST",
    "ArchiveWriter",
    "Manifest",
    "Table",
    "admin_command",
    "bulk_import",
    "export_archive",
    "finish_bulk_import",
    "import_archive",
    "is_archive",
]
