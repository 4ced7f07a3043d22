"""Problems for a run: what the trainer may see (prompts and keys) and what only the ledger may (the truth)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from memgraph.domains.references import Reference
from memgraph.errors import InputError
from memgraph.labels.truth import Truth
from memgraph.rollouts.messages import read_prompt
from memgraph.store import keys
from trainer.run.config import DataSection
from trainer.tiny.world import Problem, Split, generate


@dataclass(frozen=True, slots=True)
class Task:
    """A query as the trainer sees it: no gold answer, no tests."""

    query_key: str
    query: str
    query_id: str
    dataset: str
    domain: str


class ProblemTruth:
    """The truth about problems, for the ledger only (a `memgraph.labels.truth.TruthSource`)."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._references: dict[str, Reference] = {}
        for problem in problems:
            reference = (
                Reference("tests", problem.tests)
                if problem.tests is not None
                else Reference("gold", problem.gold)
                if problem.gold is not None
                else None
            )
            if reference is None:
                raise InputError(f"problem {problem.query_id!r} has neither a gold answer nor tests")
            self._references[keys.query_key(problem.dataset, problem.query)] = reference

    def query_keys(self) -> Sequence[str]:
        """Keys of all problems, sorted."""
        return sorted(self._references)

    def truth(self, query_key: str) -> Truth | None:
        """The reference of a problem."""
        reference = self._references.get(query_key)
        return None if reference is None else Truth(reference)


@dataclass(frozen=True, slots=True)
class Problems:
    """One split: tasks in the open, truth behind the ledger."""

    tasks: tuple[Task, ...]
    truth: ProblemTruth

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Problems:
        """Separate what the trainer may see from what it may not; equal queries count once."""
        tasks = {}
        for problem in problems:
            key = keys.query_key(problem.dataset, problem.query)
            tasks[key] = Task(key, problem.query, problem.query_id, problem.dataset, problem.domain)
        return cls(tuple(tasks.values()), ProblemTruth(problems))


@dataclass(frozen=True, slots=True)
class Splits:
    """A run's problems: to train on, to test on, and of kinds that training never asks for."""

    train: Problems
    test: Problems
    ood: Problems


def load_problems(section: DataSection) -> Splits:
    """A run's problems, from files where given, else generated."""
    if section.train_files:
        files = (section.train_files, section.test_files, section.ood_files)
        return Splits(*(Problems.of([p for file in group for p in _read(file)]) for group in files))
    domains: Any = section.domains
    counts: tuple[tuple[Split, int], ...] = (("train", section.train), ("test", section.test), ("ood", section.ood))
    return Splits(
        *(Problems.of(generate(count, section.seed, domains=domains, split=split)) for split, count in counts)
    )


def training_dataset(
    tasks: Sequence[Task],
    *,
    format_prompt: Callable[[str], str],
    system_prompt: str | None = None,
    split: Literal["train", "eval"] = "train",
) -> Dataset:
    """Columns for `GRPOTrainer`: the prompt, and what the reward needs to find the query. No truth among them.

    Args:
        format_prompt: query text → prompt text.
        system_prompt: with it, prompts are lists of messages.
        split: rollouts of "eval" (for `eval_dataset`) never enter the memory.
    """

    def prompt(task: Task) -> str | list[dict[str, str]]:
        text = format_prompt(task.query)
        if system_prompt is None:
            return text
        return [{"role": "system", "content": system_prompt}, {"role": "user", "content": text}]

    return Dataset.from_list([{"prompt": prompt(task), **_query_columns(task, split)} for task in tasks])


def with_query_columns(
    rows: Dataset,
    *,
    dataset: str,
    domain: str | None = None,
    domain_column: str | None = None,
    query: str = "prompt",
    query_id: str | None = None,
    split: Literal["train", "eval"] = "train",
) -> Dataset:
    """A data set of your own with what `MemoryReward` needs to find each row's query; all its other columns stay.

    Args:
        rows: with the column `prompt` that TRL wants, as text or as messages.
        dataset: name of the set, part of each query's key.
        domain: of all rows: "math", "qa", "code" or another name.
        domain_column: instead of it, the column that names each row's.
        query: the column with the query, as text or as messages (`memgraph.rollouts.messages.read_prompt`).
        query_id: a column with ids, for people.
        split: rollouts of "eval" (for `eval_dataset`) never enter the memory.

    Raises:
        InputError: for a column that is not there, one that would be overwritten, or a row without a query.
    """
    if (domain is None) == (domain_column is None):
        raise InputError(f"give domain or domain_column, one of the two; found {domain!r} and {domain_column!r}")
    sources = {name for name in (query, query_id, domain_column) if name is not None}
    if missing := sources - set(rows.column_names):
        raise InputError(
            f"the data set has no column {', '.join(sorted(missing))}, only {', '.join(rows.column_names)}"
        )
    made = {*(field.name for field in fields(Task)), "split"}
    if taken := made & set(rows.column_names) - sources:
        raise InputError(f"the data set has columns that would be overwritten: {', '.join(sorted(taken))}; rename them")

    def columns(row: dict[str, Any], number: int) -> dict[str, Any]:
        text = read_prompt(row[query])
        if not isinstance(text, str) or not text.strip():
            raise InputError(
                f"row {number}: the column {query!r} holds no text and no message of a user: {row[query]!r:.80}"
            )
        named = str(number if query_id is None else row[query_id])
        its_domain: Any = domain if domain_column is None else row[domain_column]
        return _query_columns(Task(keys.query_key(dataset, text), text, named, dataset, its_domain), split)

    return rows.map(columns, with_indices=True)


def _query_columns(task: Task, split: Literal["train", "eval"]) -> dict[str, str]:
    """What a reward call reads of a row (`trainer.reward.completions`)."""
    return {**asdict(task), "split": split}


def _read(file: Path) -> list[Problem]:
    """Problems of a JSONL file: query, domain, and gold or tests; query_id and dataset where present."""
    problems = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the problems {file}: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            raw = json.loads(line)
            problems.append(
                Problem(
                    query=raw["query"],
                    domain=raw["domain"],
                    query_id=str(raw.get("query_id", f"{file.stem}-{number}")),
                    skill=raw.get("skill", raw["domain"]),
                    gold=None if raw.get("gold") is None else str(raw["gold"]),
                    tests=raw.get("tests"),
                    dataset=raw.get("dataset", file.stem),
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{file}, row {number}: {type(error).__name__}: {error}; each row needs query, domain and gold or tests"
            ) from error
    return problems
