"""What a process of its own runs that migrates a database: a module apart, so that it need not load torch to start."""

from __future__ import annotations

from pathlib import Path

from memgraph.connect import Database, open_endpoint
from memgraph.migrate import migrate
from memgraph.settings import Settings


def migrate_bare(settings: Settings, folder: Path) -> None:
    migrate(Database(open_endpoint(settings)), folder)
