"""Two runs on the same queries: rewards, labels and predictions, query by query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any

from memgraph.errors import InputError
from memgraph.labels.in_force import labels_in_force, read_labels
from memgraph.labels.view import LabelView, Purpose
from memgraph.store.cypher import cypher
from memgraph.store.database import Database

MEASURES = ("label", "monitor", "reward", "predicted")
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of both runs, over the queries where both have it.

    Attributes:
        name: "label" (in force under a view: whether answers are right), "monitor" (the same by labels that only watched a training,
            on queries without other labels: no model was fitted on them, and none was given as a reward), "reward" (what the trainer
            got) or "predicted".
        queries: how many have it in both runs.
        first, second: mean over these queries of the mean over their rollouts.
        difference: second less first; `error` is its standard error, paired by query, None for fewer than two.
        better, worse: queries where the second run has more, or less.
    """

    name: str
    queries: int
    first: float
    second: float
    difference: float
    error: float | None
    better: int
    worse: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        queries: number of queries that both sampled; `only_first` and `only_second` that one of them did.
        rollouts: of the two runs, on the common queries.
        same_answers: share of the second run's rollouts whose answer the first run gave too.
        unjudged: common queries that count under neither "label" nor "monitor": a run has no rollout of them with a label.
        measures: those that both runs have.
        changes: the common queries whose mean label differs most; where none has a label, monitored ones, else reward or prediction.
    """

    first: str
    second: str
    queries: int
    only_first: int
    only_second: int
    rollouts: tuple[int, int]
    same_answers: float
    unjudged: int
    measures: list[Measure]
    changes: list[QueryChange]


@dataclass(frozen=True, slots=True)
class QueryChange:
    """How one query fared: mean of a measure in both runs."""

    query: str
    text: str
    measure: str
    first: float
    second: float


def compare_runs(
    database: Database, first: str, second: str, view: LabelView, *, step: int | None = None, changes: int = 10
) -> Comparison:
    """Compare two runs on the queries that both sampled.

    Args:
        view: which labels may be read; those of monitored queries count under its other conditions.
        step: only rollouts from that training step on.
        changes: how many of the queries that differ most are named.

    Raises:
        InputError: if a run has no rollouts there, or they share no query.
    """
    rows = [database.query(cypher("read/run_rollouts"), run=run, step=step) for run in (first, second)]
    for run, rows_of_run in zip((first, second), rows, strict=True):
        if not rows_of_run:
            names = ", ".join(row["name"] for row in database.query(cypher("read/run_names")))
            raise InputError(
                f"run {run!r} has no rollouts{'' if step is None else f' from step {step} on'}; known runs: {names}"
            )
    sampled = [{row["query"] for row in rows_of_run} for rows_of_run in rows]
    common = sampled[0] & sampled[1]
    if not common:
        raise InputError(f"runs {first!r} and {second!r} share no query, so there is nothing to compare them on")
    one, other = ([row for row in rows_of_run if row["query"] in common] for rows_of_run in rows)
    rollouts = [*one, *other]
    labels = {"label": _labels(database, sorted(common), rollouts, view)}
    learned = {row["query"] for row in rollouts if row["rollout"] in labels["label"]}
    watched = replace(view, purposes=(Purpose.MONITOR,))
    labels["monitor"] = _labels(database, sorted(common - learned), rollouts, watched)
    measures: list[Measure] = []
    largest: list[QueryChange] = []
    for name in MEASURES:
        means = _means(one, name, labels), _means(other, name, labels)
        if (measure := _measure(name, *means)) is not None:
            measures.append(measure)
            largest = largest or _changes(database, name, *means, changes)
    given = {row["answer"] for row in one}
    return Comparison(
        first,
        second,
        len(common),
        len(sampled[0] - common),
        len(sampled[1] - common),
        (len(one), len(other)),
        fmean(row["answer"] in given for row in other),
        len(common) - sum(one.queries for one in measures if one.name in labels),
        measures,
        largest,
    )


def _labels(
    database: Database, query_keys: Sequence[str], rows: Sequence[Mapping[str, Any]], view: LabelView
) -> dict[str, float]:
    labels = []
    for start in range(0, len(query_keys), _BATCH):
        labels += read_labels(database, query_keys[start : start + _BATCH], view)
    return labels_in_force(labels, {row["rollout"]: row["answer"] for row in rows})


def _means(rows: Sequence[Mapping[str, Any]], name: str, labels: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Query → mean over its rollouts that have the measure."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        value = labels[name].get(row["rollout"]) if name in labels else row[name]
        if value is not None:
            values[row["query"]].append(value)
    return {query: fmean(of_query) for query, of_query in values.items()}


def _measure(name: str, first: Mapping[str, float], second: Mapping[str, float]) -> Measure | None:
    both = sorted(first.keys() & second.keys())
    if not both:
        return None
    gains = [second[query] - first[query] for query in both]
    return Measure(
        name,
        len(both),
        fmean(first[query] for query in both),
        fmean(second[query] for query in both),
        fmean(gains),
        stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else None,
        sum(gain > 0 for gain in gains),
        sum(gain < 0 for gain in gains),
    )


def _changes(
    database: Database, name: str, first: Mapping[str, float], second: Mapping[str, float], count: int
) -> list[QueryChange]:
    both = [query for query in first.keys() & second.keys() if first[query] != second[query]]
    chosen = sorted(both, key=lambda query: (-abs(second[query] - first[query]), query))[:count]
    texts = {row["key"]: row["text"] for row in database.query(cypher("read/query_texts"), keys=chosen)}
    return [QueryChange(query, texts[query], name, first[query], second[query]) for query in chosen]
