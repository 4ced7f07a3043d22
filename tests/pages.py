"""Code blocks of the documents: what they are, what they print, and when that is what the page shows.

A page of README.md or docs/ follows these rules, and `tests/end_to_end/test_pages.py` runs its blocks in order:

    ```sh, ```python   is run, in one folder and one memory for the page
    # → what           at the end of a line of Python is the line that it prints
    ```text            right after such a block is the rest of its output
    <!-- not run: why --> above a block leaves it out

What differs from run to run is masked before the comparison: keys, paths, ports, dates, seconds and megabytes. Other numbers
with decimals may differ by .02. `MEMREWARD_WRITE_PAGES=1` writes what was printed into the pages instead of comparing it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
_RESULTS = {"acquisition", "figures", "reward_quality", "reward_robustness", "rl", "decisions"}
GUIDES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.stem not in {*_RESULTS, "cli"}),
]

_FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*?) -->\s*\n)?^```(?P<language>sh|python)\n(?P<code>.*?)^```\n"
    r"(?:\s*^```text\n(?P<shown>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
_ARROW = re.compile(r"# → ?(.*)$", re.MULTILINE)
_TOLERANCE = 0.02
_MASKS = [
    (re.compile(r"[━─═╇┴┬┼┏┓┡┩└┘├┤╞╡│┃ \t]+"), " "),  # the width of a table is that of its keys
    (re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?"), "DATE"),
    (re.compile(r"\d\d:\d\d:\d\d"), "TIME"),
    (re.compile(r"(127\.0\.0\.1|localhost):\d+"), "ADDRESS"),
    (re.compile(r"(?<![\w.])~?/[\w.~-]+(/[\w.~-]*)+"), "PATH"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "KEY"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms|min|MB|seconds)\b"), r"N \2"),
    (re.compile(r"(pid|memory mb|uptime seconds) [\d.]+"), r"\1 N"),
]
_DECIMAL = re.compile(r"[+-]?\d*\.\d+")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block of a page.

    Attributes:
        language: "sh" or "python".
        line: of the page, where it begins.
        arrows: lines of output that stand beside the program.
        shown: the output below it; None where there is no place for it.
        reason: why it is not run; None where it is.
    """

    page: Path
    language: str
    code: str
    line: int
    arrows: list[str]
    shown: str | None
    reason: str | None

    @property
    def expected(self) -> str | None:
        """All that it should print; None where the page does not say."""
        if self.shown is None and not self.arrows:
            return None
        return "".join(f"{line}\n" for line in self.arrows) + (self.shown or "")

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, each with what it goes on with."""
        lines = self.code.replace("\\\n", " ").splitlines()
        return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            match["language"],
            match["code"],
            text.count("\n", 0, match.start("code")),
            _ARROW.findall(match["code"]),
            match["shown"],
            match["reason"],
        )
        for match in _FENCE.finditer(text)
    ]


def is_shown(printed: str, shown: str) -> bool:
    """Whether a page shows what was printed, but for what differs from run to run."""
    (mine, numbers), (its, others) = _split(printed), _split(shown)
    return mine == its and np.allclose(numbers, others, rtol=0, atol=_TOLERANCE)


def with_output(text: str, printed: Sequence[tuple[Block, str]]) -> str:
    """A page's text with what its blocks printed, all of them where one is not what it shows: keys of one run belong together."""
    if all(block.expected is None or is_shown(output, block.expected) for block, output in printed):
        return text
    for block, output in printed:
        if block.expected is None:
            continue
        lines = [f"{line.rstrip()}\n" for line in output.splitlines()]
        beside = iter(line.rstrip() for line in lines[: len(block.arrows)])
        code = _ARROW.sub(lambda _, beside=beside: f"# → {next(beside, '')}", block.code)
        start = text.index(f"```{block.language}\n{block.code}```\n")
        rest = text[start:].replace(block.code, code, 1)
        if block.shown is not None:
            below = "".join(lines[len(block.arrows) :])
            rest = rest.replace(f"```text\n{block.shown}```", f"```text\n{below}```", 1)
        text = text[:start] + rest
    return text


def _split(text: str) -> tuple[list[str], list[float]]:
    """Lines without what differs, with a mark for each number that may differ a little, and these numbers."""
    for mask, instead in _MASKS:
        text = mask.sub(instead, text)
    lines = [_DECIMAL.sub("#", line).strip() for line in text.splitlines()]
    return [line for line in lines if line], [float(number) for number in _DECIMAL.findall(text)]
