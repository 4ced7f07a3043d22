"""What mkdocs does not do by itself: pages from outside docs/, and links that lead there.

README.md, CHANGELOG.md and CONTRIBUTING.md stay where a repository has them, and are pages of the site as well. Links to
other files of the repository (examples, benchmarks) are left as text, since the site does not hold them.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
MOVED = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
EXPERIMENTS = "experiments/"
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """Put every page of docs/experiments into the navigation, the newest first."""
    found = sorted((page.relative_to(ROOT / "docs").as_posix() for page in _experiments()), reverse=True)
    config.nav = _with(config.nav, found)
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages that lie outside docs/."""
    for source, page in MOVED.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=with_links_of_the_site(text, source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Let links out of docs/ lead to pages of the site."""
    moved = page.file.src_uri in MOVED.values()
    return markdown if moved else with_links_of_the_site(markdown, f"docs/{page.file.src_uri}")


def with_links_of_the_site(text: str, source: str) -> str:
    """A page's text with its links as the site needs them.

    Args:
        source: path of the file within the repository, which its links start from.
    """
    page = MOVED.get(source, source.removeprefix("docs/"))

    def link(found: re.Match[str]) -> str:
        said, path, anchor = found[1], found[2], found[3] or ""
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if meant == f"docs/{EXPERIMENTS}".rstrip("/"):
            meant = max(f"docs/{EXPERIMENTS}{page.name}" for page in _experiments())
        target = MOVED.get(meant, meant.removeprefix("docs/"))
        if target == meant and (ROOT / meant).exists():
            return f"{said} (`{meant}`)" if said.strip("`") != meant else said
        return f"[{said}]({posixpath.relpath(target, posixpath.dirname(page) or '.')}{anchor})"

    return _LINK.sub(link, text)


def _experiments() -> list[Path]:
    return list((ROOT / "docs" / EXPERIMENTS).glob("*.md"))


def _with(nav: Any, experiments: list[str]) -> Any:
    """The navigation with a list of pages in place of their folder."""
    if isinstance(nav, list):
        return [_with(entry, experiments) for entry in nav]
    if isinstance(nav, dict):
        return {title: _with(entry, experiments) for title, entry in nav.items()}
    return experiments if nav == EXPERIMENTS else nav
