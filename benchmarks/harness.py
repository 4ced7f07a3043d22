"""What all benchmarks share: options, rows that outlive a kill, what they ran on, and tables.

A benchmark answers one question. It makes rows, each with what was measured, a `seed` and figures. `Rows` keeps them,
`report` prints them as one JSON document or as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from memgraph.store.server.artifacts import wanted_artifacts
from trainer.reward.report import append_records, read_records

Row = dict[str, Any]


def machine() -> Row:
    """Cores, memory, load at the moment, GPU."""
    import torch

    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def versions() -> dict[str, str]:
    """Of what decides the figures."""
    packages = ("memreward-graph", "torch", "torch-geometric", "transformers", "trl", "neo4j")
    return {"python": platform.python_version(), "server": wanted_artifacts()[0]} | {p: version(p) for p in packages}


def measured_on(machine: Row, versions: Row) -> str:
    """A line for the end of a page."""
    packages = ", ".join(f"{name} {version}" for name, version in versions.items() if name not in ("python", "server"))
    return (
        f"{machine['cores']} cores (load {machine['load']}), {machine['memory_gb']} GB, {machine['gpu'] or 'no GPU'}, "
        f"{machine['system']}. Python {versions['python']}, Neo4j {versions['server']}, packages: {packages}."
    )


def parser_of(doc: str | None, *, quick: str, seeds: int | None = None) -> argparse.ArgumentParser:
    """The options that every benchmark has.

    Args:
        doc: the module's docstring, which is the help.
        quick: what `--quick` measures, which takes a minute or two.
        seeds: by default; None where nothing is drawn at random.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if seeds is not None:
        parser.add_argument(
            "--seeds", type=int, default=seeds, help=f"how often, each time drawn again (default {seeds})"
        )
    parser.add_argument("--quick", action="store_true", help=quick.replace("%", "%%"))
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser


def add_row_options(parser: argparse.ArgumentParser, keeps: str | None = None) -> None:
    """`--out` and `--table`.

    Args:
        keeps: file for the rows of a call without --out, unless it is quick; None for benchmarks of minutes.
    """
    default = "nothing is kept without it" if keeps is None else f"default {keeps}, none with --quick"
    resumes = "rows, appended as they come; another call adds what is missing"
    parser.add_argument("--out", type=Path, help=f"{resumes} ({default})")
    parser.add_argument("--table", type=Path, help="Markdown to write")
    parser.set_defaults(keeps=keeps)


class Rows:
    """The rows of a benchmark, on disk as soon as they are known, with those of earlier calls.

    Rows of a quick call say so (`quick`), and only quick calls see them.

    Args:
        options: of a parser with `add_row_options`.
        key: names of the fields that tell a row from all others.
        belongs: says of an earlier row whether it is of this trial; the others stay in the file and are passed over.
    """

    def __init__(
        self, options: argparse.Namespace, key: Sequence[str], belongs: Callable[[Row], bool] = lambda _: True
    ) -> None:
        self.file: Path | None = options.out
        if self.file is None and options.keeps is not None and not options.quick:
            self.file = Path(options.keeps)
        self._key, self._quick = tuple(key), bool(options.quick)
        records = [] if self.file is None else read_records(self.file)
        self.all: list[Row] = [row for row in records if row.get("quick", False) == self._quick and belongs(row)]
        self.done = {self._what(row) for row in self.all}
        """Key of each row."""

    def _what(self, row: Row) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in self._key)

    def missing(self, wanted: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Keys of which there is no row yet, in their order."""
        return [what for what in wanted if what not in self.done]

    def add(self, *rows: Row) -> None:
        """Keep rows, without those that are there already."""
        mark = {"quick": True} if self._quick else {}
        fresh = [{**row, **mark} for row in rows if self._what(row) not in self.done]
        if fresh and self.file is not None:
            append_records(self.file, *fresh)
        self.all += fresh
        self.done |= {self._what(row) for row in fresh}


def report(
    name: str, options: argparse.Namespace, rows: Sequence[Row], tables: Callable[[Sequence[Row]], str], **beside: Any
) -> None:
    """Print one JSON document where it is asked for, and tables into `--table`, or on standard output without both.

    Args:
        tables: Markdown of the rows.
        beside: more entries of the document.
    """
    if options.json:
        document = {"benchmark": name, "machine": machine(), "versions": versions(), "rows": rows, **beside}
        print(json.dumps(document, indent=2))
    if options.table is None and options.json:
        return
    text = f"{tables(rows)}\n\n{measured_on(machine(), versions())}\n"
    if options.table is None:
        print(text, end="")
    else:
        options.table.parent.mkdir(parents=True, exist_ok=True)
        options.table.write_text(text, encoding="utf-8")


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def mean_sd(values: Sequence[float | None], form: str = ".3f") -> str:
    """Mean ± standard deviation of what is known, a dash for nothing."""
    present = [value for value in values if value is not None]
    spread = f" ± {np.std(present):{form}}" if len(present) > 1 else ""
    return f"{np.mean(present):{form}}{spread}" if present else "–"


def mean_se(differences: Sequence[float]) -> str:
    """Mean of paired differences ± its standard error."""
    error = f" ± {np.std(differences, ddof=1) / np.sqrt(len(differences)):.3f}" if len(differences) > 1 else ""
    return f"{np.mean(differences):+.3f}{error}"


def median_range(values: Sequence[float], form: str = ".2f") -> str:
    """Median (least to most)."""
    return f"{np.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def say(message: str) -> None:
    """Progress, beside the results."""
    print(message, file=sys.stderr, flush=True)
