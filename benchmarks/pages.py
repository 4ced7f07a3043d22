"""Pages of docs/ and passages of README.md that are made from the rows in results/, so that each figure stands in a row."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS, DOCS, README = ROOT / "benchmarks/results", ROOT / "docs", ROOT / "README.md"
MEASURED_ON = "2 shared cores, no GPU, Python 3.11.7, torch 2.15.0, TRL 1.16.0, Neo4j 2026.08.1"
_WIDTH = 128


def replaced(text: str, pattern: str, passage: str) -> str:
    """`text` with the one passage that matches exchanged; `.` matches line ends too.

    Raises:
        ValueError: if not exactly one does.
    """
    page, count = re.subn(pattern, lambda _: passage, text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{count} passages match {pattern!r}, one is needed: bring the text or the pattern back")
    return page


def replaced_sentence(text: str, pattern: str, sentence: str) -> str:
    """As `replaced`, within a paragraph, whose lines are filled again; a space in the pattern matches a line end too."""
    spaces = pattern.replace(" ", r"\s+")
    paragraphs = text.split("\n\n")
    places = [place for place, paragraph in enumerate(paragraphs) if re.search(spaces, paragraph, flags=re.DOTALL)]
    if len(places) != 1:
        raise ValueError(
            f"{len(places)} paragraphs match {pattern!r}, one is needed: bring the text or the pattern back"
        )
    ending = "\n" if paragraphs[places[0]].endswith("\n") else ""
    changed = " ".join(replaced(paragraphs[places[0]], spaces, sentence).split())
    filled = textwrap.fill(changed, _WIDTH, break_long_words=False, break_on_hyphens=False)
    paragraphs[places[0]] = filled + ending
    return "\n\n".join(paragraphs)


def holds(text: str, sentence: str) -> bool:
    """Whether a sentence stands in a text, however its lines are broken."""
    return " ".join(sentence.split()) in " ".join(text.split())


def short(value: float) -> str:
    """Three decimals without the leading zero."""
    return f"{value:.3f}".replace("0.", ".", 1) if value < 0.9995 else "1.000"


def signed(value: float) -> str:
    """With its sign."""
    return f"{value:+.3f}".replace("0.", ".", 1)
