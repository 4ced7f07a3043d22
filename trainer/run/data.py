"""Problems for a run: what the trainer may see (prompts and keys) and what only the ledger may (the truth)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from memgraph.domains.references import reference_of
from memgraph.errors import InputError
from memgraph.labels.truth import ReferenceTruth
from memgraph.store import keys
from trainer.reward.rows import Task, query_columns
from trainer.run.config import DataSection
from trainer.tiny.world import Problem, Split, generate


@dataclass(frozen=True, slots=True)
class Problems:
    """One split: tasks in the open, truth behind the ledger."""

    tasks: tuple[Task, ...]
    truth: ReferenceTruth

    @property
    def query_keys(self) -> list[str]:
        """Of the tasks, in their order."""
        return [task.query_key for task in self.tasks]

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Problems:
        """Separate what the trainer may see from what it may not; equal queries count once."""
        tasks = {}
        for problem in problems:
            task = Task.of(problem.query, query_id=problem.query_id, dataset=problem.dataset, domain=problem.domain)
            tasks[task.query_key] = task
        return cls(tuple(tasks.values()), truth_of(problems))


@dataclass(frozen=True, slots=True)
class Splits:
    """A run's problems: to train on, to test on, and of kinds that training never asks for."""

    train: Problems
    test: Problems
    ood: Problems

    @property
    def held_out(self) -> dict[str, Problems]:
        """What accuracy is measured on, by name."""
        return {"test": self.test, "ood": self.ood}


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

    return Dataset.from_list([{"prompt": prompt(task), **query_columns(task, split)} for task in tasks])


def truth_of(problems: Iterable[Problem]) -> ReferenceTruth:
    """The truth about problems, for the ledger only.

    Raises:
        InputError: for a problem without any.
    """
    references = {}
    for problem in problems:
        reference = reference_of({"gold": problem.gold, "tests": problem.tests})
        if reference is None:
            raise InputError(f"problem {problem.query_id!r} has neither a gold answer nor tests")
        references[keys.query_key(problem.dataset, problem.query)] = reference
    return ReferenceTruth(references)


def _read(file: Path) -> list[Problem]:
    """Problems of a JSONL file: query, domain, and gold or tests; query_id and dataset where present."""
    problems = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"cannot read the problems {file}: {error.strerror}; `memreward data prepare` writes such files"
        ) from error
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
