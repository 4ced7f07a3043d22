"""The named Cypher queries for people, in `cypher/inspect/`: each says at its top what it answers.

Each is one statement, since Neo4j Browser shows no rows for a paste of several. Values are therefore not set with `:param`:
a query that takes some begins with `WITH {run: null} AS given`, to be edited there; here they come as a real parameter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memgraph.errors import InputError
from memgraph.store.cypher import cypher, data_folder
from memgraph.store.database import Database

_GIVEN = re.compile(r"^WITH \{(.*)\} AS given\b.*$", re.MULTILINE)
_NAME = re.compile(r"(\w+): null")
_DETAILS = re.compile(r" (?:Parameters:|Returns) ")
_WITHOUT_ROWS = re.compile(r" Without rows: (.*)\.")
FORMER_NAMES = {  # names of before, and what to type now
    "calibration_by_domain": "calibration",
    "label_spending_by_step": "label_spending_by_purpose --param steps=true",
    "prediction_examples": "wrong_predictions",
    "reward_over_time": "trajectory",
    "rewards_by_steps": "reward_sources --param parts=20",
    "run_comparison": "rollouts_by_run",
}


@dataclass(frozen=True, slots=True)
class InspectionQuery:
    """A query for people.

    Attributes:
        answers: what it answers.
        parameters: their names.
        without_rows: the likely reason where it gives none; empty where it always gives some.
        text: to paste.
    """

    name: str
    answers: str
    parameters: tuple[str, ...]
    without_rows: str
    text: str

    def with_values(self, values: Mapping[str, Any]) -> str:
        """Its text to paste, with values of its parameters in their places; those that it does not take are left out."""
        given = ", ".join(f"{name}: {json.dumps(values.get(name))}" for name in self.parameters)
        return _GIVEN.sub(lambda _: f"WITH {{{given}}} AS given", self.text)


def inspection_queries() -> list[InspectionQuery]:
    """All of them, by name."""
    queries = []
    for file in sorted((data_folder("cypher") / "inspect").glob("*.cypher")):
        text = cypher(f"inspect/{file.stem}")
        comment = " ".join(line.removeprefix("//").strip() for line in text.splitlines() if line.startswith("//"))
        given = _GIVEN.search(text)
        names = tuple(_NAME.findall(given[1])) if given else ()
        reason = _WITHOUT_ROWS.search(comment)
        answers, without_rows = _DETAILS.split(comment)[0], reason[1] if reason else ""
        queries.append(InspectionQuery(file.stem, answers, names, without_rows, text))
    return queries


def inspection_query(name: str) -> InspectionQuery:
    """The one of that name.

    Raises:
        InputError: for an unknown one, naming the known ones, and for a former one, naming what took its place.
    """
    queries = {query.name: query for query in inspection_queries()}
    if name in FORMER_NAMES:
        raise InputError(
            f"there is no inspection query {name!r} any more; `memreward inspect {FORMER_NAMES[name]}` tells it"
        )
    if name not in queries:
        raise InputError(f"there is no inspection query {name!r}; known: {', '.join(queries)}")
    return queries[name]


def run_inspection(database: Database, name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of a named query; parameters that are not given are null.

    Raises:
        InputError: for an unknown query or parameter, naming the known ones.
    """
    query = inspection_query(name)
    if unknown := sorted(set(parameters) - set(query.parameters)):
        raise InputError(f"{name} has no parameter {unknown[0]!r}; known: {', '.join(query.parameters) or 'none'}")
    return database.query(
        _GIVEN.sub("WITH $given AS given", query.text), given={**dict.fromkeys(query.parameters), **parameters}
    )
