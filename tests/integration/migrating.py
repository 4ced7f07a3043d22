"""What a process of its own runs that migrates a database: a module apart, so that it need not load torch to start."""

from __future__ import annotations

from pathlib import Path

from memgraph.settings import Settings
from memgraph.store.database import Database, open_endpoint
from memgraph.store.migrations import migrate


def migrate_bare(settings: Settings, folder: Path) -> None:
    migrate(Database(open_endpoint(settings)), folder)
