"""One HTML page about what a memory knows, to be sent to somebody who has no access to it.

    named Cypher queries ──► facts ──► sections: a finding in words, a table or a picture, the Cypher behind it ──► page

The page is one file without scripts and without anything from elsewhere. What comes from rollouts is escaped
(`memgraph.markup`), and the page forbids itself to load or run anything (Content-Security-Policy).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Unpack

from memgraph.inspection.filters import Filters
from memgraph.inspection.report_facts import Facts, LoadModel, read_facts
from memgraph.inspection.report_parts import Section
from memgraph.inspection.report_sections import SECTIONS
from memgraph.markup import Html, folded, joined, table, tag
from memgraph.store.database import Database
from memgraph.store.meant import NAMED
from memgraph.store.named_queries import run_inspection
from memgraph.store.whole_file import whole_file

_FIRST_STEPS = (
    ("memreward import rollouts.jsonl --run base", "stores rollouts."),
    ("memreward reveal rollouts.jsonl --budget 0.2", "reveals the truth of a fifth of the queries, accounted for."),
    ("memreward fit", "makes a reward model of these labels."),
    ("memreward score", "predicts the rewards of all other rollouts."),
    ("memreward report", "writes this page again."),
)


def write_report(database: Database, file: Path, model: LoadModel, **filters: Unpack[Filters]) -> Path:
    """Write the page; nothing is written to the memory. A file that is there is replaced.

    Args:
        model: loads a reward model by its key, and the newest for None. A `MemRewardError` of it is told on the page.
        filters: a run, a data set and a ledger that count alone.

    Raises:
        InputError: for a run, data set or ledger that there is not.
        OSError: if the file cannot be written.
    """
    text = page(read_facts(database, model, filters))
    with whole_file(file) as stream:
        stream.write(text.encode())
    return file


def summary(database: Database) -> Html:
    """What is in a memory, in a line, as a notebook shows it."""
    (counts,) = run_inspection(database, "memory_contents", {})
    return table("what is in the memory", list(counts), [[f"{number:,}" for number in counts.values()]])


def page(facts: Facts) -> str:
    """The whole page."""
    title = f"What this memory knows{_narrowed(facts)}"
    sections = [make(facts) for make in SECTIONS] if facts.contents["rollouts"] else []
    first_in = {name: one.name for one in reversed(sections) for name in one.queries}
    template = Template(resources.files(__package__).joinpath("report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=joined([title]),
        meta=tag("p", _meta(facts), class_="meta"),
        nav=_navigation(sections) if sections else "",
        body=joined(_section(one, facts, first_in) for one in sections) if sections else _first_steps(facts),
    )


def _narrowed(facts: Facts) -> str:
    """To which run and data set, in words; "" where all count."""
    of = {"run": facts.run, "data set": facts.dataset}
    named = " and ".join(f"the {kind} {name}" for kind, name in of.items() if name is not None)
    return f" of {named}" if named else ""


def _meta(facts: Facts) -> str:
    labels = "labels of all ledgers" if facts.ledger is None else f"labels of the ledger {facts.ledger}"
    rollouts = "all runs" if facts.run is None else "one run"
    rollouts += "" if facts.dataset is None else " on one data set"
    made = f"{facts.at:%Y-%m-%d %H:%M} UTC by memreward-graph {version('memreward-graph')}"
    home = "A memory that is not in its usual place needs --home in the commands below."
    return f"Made {made}. It counts {rollouts} and {labels}. {home}"


def _navigation(sections: list[Section]) -> Html:
    links = (tag("li", tag("a", one.title, href=f"#{one.name}")) for one in sections)
    return tag("nav", tag("ul", joined(links)), aria_label="Sections")


def _section(section: Section, facts: Facts, first_in: Mapping[str, str]) -> Html:
    """A section of the page.

    Args:
        first_in: the section where a query stands first, by name: the Cypher is written there alone.
    """
    sources = (
        _source(name, facts, first_in[name] if first_in[name] != section.name else None) for name in section.queries
    )
    return tag(
        "section",
        tag("h2", section.title, id=section.name),
        tag("p", section.finding, class_="finding"),
        section.body,
        folded("How to get these numbers", *sources, *section.sources, kind="how"),
    )  # fmt: skip


def _source(name: str, facts: Facts, section: str | None) -> Html:
    """A query's command, and its Cypher with the values that this report was made with, or the section that has it."""
    query = facts.queries[name]
    values = facts.values[name]
    options = (f"--{key}={value}" if key in NAMED else f"--param={key}={value}" for key, value in values.items())
    words = ["memreward", "inspect", name, *options]
    command = tag("code", shlex.join(words))
    if section is not None:
        return tag(
            "p", query.answers, " By ", command, ", or by the Cypher ", tag("a", "above", href=f"#{section}"), "."
        )
    return joined(
        [tag("p", query.answers, " By ", command, " or in Neo4j Browser:"), tag("pre", query.with_values(values))]
    )


def _first_steps(facts: Facts) -> Html:
    what = f"There are no rollouts{narrowed}." if (narrowed := _narrowed(facts)) else "This memory is empty."
    steps = joined(tag("li", tag("code", command), " ", does) for command, does in _FIRST_STEPS)
    return joined([tag("p", what, class_="finding"), tag("p", "To begin:"), tag("ol", steps)])
