"""What Neo4j Browser takes to show a memory well: a style (GraSS), and the named queries as its saved scripts."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from memgraph.store.named_queries import inspection_queries

STYLE, QUERIES = "memreward.grass", "memreward-queries.zip"


def write_browser_files(folder: Path) -> tuple[Path, Path]:
    """Write both files, in place of earlier ones; each is dragged into Browser's window once.

    Browser lists a saved script by its first line, in the folder that the zip has it in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    style, queries = folder / STYLE, folder / QUERIES
    style.write_bytes((resources.files("memgraph.inspection") / "neo4j_browser.grass").read_bytes())
    with ZipFile(queries, "w", ZIP_DEFLATED) as file:
        for query in inspection_queries():
            file.writestr(f"memreward/{query.name}.cypher", f"// {query.name}\n{query.text}")
    return style, queries
