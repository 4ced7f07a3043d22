"""Data sets for `GRPOTrainer`: what a reward call must find in each row, and the truth kept apart from it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from datasets import Dataset

from memgraph.domains.references import Reference, reference_of
from memgraph.errors import InputError
from memgraph.labels.draw import draw
from memgraph.labels.truth import ReferenceTruth
from memgraph.rollouts.messages import is_conversation, read_prompt
from memgraph.store import keys

Prompt = str | list[dict[str, str]]
_ROLES = ("system", "developer", "user", "assistant", "tool")  # that chat templates know


@dataclass(frozen=True, slots=True)
class Task:
    """A query as the trainer sees it: no gold answer, no tests."""

    query_key: str
    query: str
    query_id: str
    dataset: str
    domain: str

    @classmethod
    def of(cls, query: str, *, query_id: str, dataset: str, domain: str) -> Self:
        """A task with the key of its query."""
        return cls(keys.query_key(dataset, query), query, query_id, dataset, domain)


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows to train on, and the truth that only the ledger may ask.

    Attributes:
        dataset: for `GRPOTrainer(train_dataset=…)`: prompts and names of queries, no truth.
        labelled: keys of the queries whose answers are judged; the other rollouts are rewarded by what the memory predicts.
        truth: of the labelled queries; no other is kept.
    """

    dataset: Dataset
    labelled: frozenset[str]
    truth: ReferenceTruth

    @property
    def query_keys(self) -> Collection[str]:
        """Keys of all queries."""
        return sorted(set(self.dataset["query_key"]))


def training_rows(
    rows: Dataset,
    *,
    query: str,
    domain: str,
    gold: str | None = None,
    tests: str | None = None,
    budget: float | int | None = 0.2,
    seed: int = 0,
    name: str = "default",
    format_prompt: Callable[[str], Prompt] | None = None,
) -> TrainingRows:
    """Questions with gold answers or tests, ready for `MemoryReward(memory, run=…, rows=…)`.

    Args:
        query: column with the question, as text or as messages.
        domain: of all rows: "math", "qa", "code" or another name.
        gold, tests: columns with the truth; one of the two.
        budget: share of the distinct queries whose truth may be used, a number of them, or None for all.
        seed: of the random draw. Draws are nested: those of 10 % are among those of 20 %.
        name: of the data set, part of each query's key.
        format_prompt: question → prompt; by default the messages as they are, a system's too, and a text as one message.

    Raises:
        InputError: for a column that is not there, a row without a question, or a data set without any truth.
        LedgerError: for a budget that is none.
    """
    _require_columns(rows, {column for column in (query, gold, tests) if column is not None})
    if gold is None and tests is None:
        raise InputError("name the column with the gold answers (gold=…) or with the tests (tests=…)")
    references: dict[str, Reference] = {}
    made: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        text = _text_of(row[query], number, query)
        task = Task.of(text, query_id=str(number), dataset=name, domain=domain)
        prompt = _prompt_of(row[query], text) if format_prompt is None else format_prompt(text)
        made.append({"prompt": prompt, **query_columns(task, "train")})
        reference = reference_of({"gold": row.get(gold or ""), "tests": row.get(tests or "")})
        if reference is not None:
            references[task.query_key] = reference
    if not references:
        raise InputError(f"no row has a value in the column {gold or tests!r}, so nothing can be judged")
    labelled = frozenset(draw([[key] for key in references], budget, seed))
    truth = ReferenceTruth({key: reference for key, reference in references.items() if key in labelled})
    return TrainingRows(Dataset.from_list(made), labelled, truth)


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
    _require_columns(rows, sources)
    made = {*(field.name for field in fields(Task)), "split"}
    if taken := made & set(rows.column_names) - sources:
        raise InputError(f"the data set has columns that would be overwritten: {', '.join(sorted(taken))}; rename them")

    def columns(row: dict[str, Any], number: int) -> dict[str, Any]:
        text = _text_of(row[query], number, query)
        named = str(number if query_id is None else row[query_id])
        its_domain: Any = domain if domain_column is None else row[domain_column]
        return query_columns(Task.of(text, query_id=named, dataset=dataset, domain=its_domain), split)

    return rows.map(columns, with_indices=True)


def query_columns(task: Task, split: Literal["train", "eval"]) -> dict[str, str]:
    """What a reward call reads of a row (`trainer.reward.completions`)."""
    return {**asdict(task), "split": split}


def _require_columns(rows: Dataset, wanted: Collection[str]) -> None:
    if missing := set(wanted) - set(rows.column_names):
        raise InputError(
            f"the data set has no column {', '.join(sorted(missing))}, only {', '.join(rows.column_names)}"
        )


def _prompt_of(asked: Any, text: str) -> Prompt:
    """Messages as chat templates take them stay as they are, with what the system says; anything else is one message of its text."""
    if is_conversation(asked) and all(
        message.get("role") in _ROLES and isinstance(message.get("content"), str) for message in asked
    ):
        return asked
    return [{"role": "user", "content": text}]


def _text_of(value: Any, number: int, column: str) -> str:
    text = read_prompt(value)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"row {number}: the column {column!r} holds no text and no message of a user: {value!r:.80}")
    return text
