"""Queries to sample, from files: those that rollouts are read from, or data sets of questions.

Only the query, its id, its data set and its domain are read. What a row knows of the truth is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgraph.errors import InputError
from memgraph.rollouts.columns import Columns, found_columns, suggestion
from memgraph.rollouts.files import Reject
from memgraph.rollouts.formats import raw_rows
from memgraph.rollouts.layouts import standard_rows
from memgraph.rollouts.messages import is_conversation, split_conversation
from memgraph.rollouts.rollout import Rollout
from memgraph.store.keys import query_key
from trainer.sampling.sampler import Prompt

PLACEHOLDER = "{query}"
_FIELDS = ("query_id", "dataset", "domain")


@dataclass(frozen=True, slots=True)
class Question:
    """A query to sample.

    Attributes:
        prompt: what the policy is asked.
        file, row: where it stands, for messages.
    """

    query: str
    prompt: Prompt
    query_id: str | None = None
    dataset: str = "default"
    domain: str = "qa"
    file: str = ""
    row: int = 0

    @property
    def key(self) -> str:
        """Key of the query."""
        return query_key(self.dataset, self.query)

    def rollout(self, response: str, **rest: Any) -> Rollout:
        """A rollout of it.

        Raises:
            ValueError: see `Rollout`.
        """
        return Rollout(
            query=self.query,
            response=response,
            query_id=self.query_id,
            dataset=self.dataset,
            domain=self.domain,
            **rest,
        )


@dataclass(frozen=True, slots=True)
class Asking:
    """How a query becomes a prompt.

    Attributes:
        system: what the system says first; None leaves it to the chat template.
        template: text with `{query}` where the query goes.
        chat: whether prompts are messages for the model's chat template, or texts.

    Raises:
        InputError: for a template without a place for the query, or a system prompt without a chat.
    """

    system: str | None = None
    template: str = PLACEHOLDER
    chat: bool = True

    def __post_init__(self) -> None:
        if PLACEHOLDER not in self.template:
            raise InputError(f"the prompt template {self.template[:80]!r} has no {PLACEHOLDER}, where the query goes")
        if self.system is not None and not self.chat:
            raise InputError("a system prompt needs a chat template; put the text into the prompt template instead")

    def __call__(self, query: str, turns: list[dict[str, Any]] | None = None) -> Prompt:
        """The prompt of a query.

        Args:
            turns: the messages that the query was given as, which are kept as they are in a chat.
        """
        text = self.template.replace(PLACEHOLDER, query)
        if not self.chat:
            return text
        asked = turns if turns is not None and self.template == PLACEHOLDER else [{"role": "user", "content": text}]
        if self.system is None:
            return asked
        return [{"role": "system", "content": self.system}, *(t for t in asked if t.get("role") != "system")]


def read_questions(
    files: Iterable[Path],
    *,
    asking: Callable[[str, list[dict[str, Any]] | None], Prompt],
    dataset: str | None = None,
    domain: str | None = None,
    query: str | None = None,
) -> Iterator[Question | Reject]:
    """Distinct queries of files, in order; a row without one is rejected with its number and the reason.

    Args:
        asking: query, and the messages that it was given as → prompt.
        dataset, domain: of rows that name none.
        query: column with the query, where its layout is not a known one.

    Raises:
        InputError: if a file cannot be read at all, or no row of it holds a query.
    """
    columns, seen = Columns(query=query), set()
    defaults = {name: value for name, value in (("dataset", dataset), ("domain", domain)) if value is not None}
    for file in files:
        names: set[str] = set()
        held = False
        rejected: list[Reject] = []
        for number, raw in raw_rows(file):
            names |= set(raw) if isinstance(raw, dict) else set()
            question = _question(number, raw, columns, defaults, asking, str(file))
            if isinstance(question, Reject):
                rejected.append(question)
            elif question.key not in seen:
                seen.add(question.key)
                yield question
            held = held or isinstance(question, Question)
        if not held and names:
            _refuse(file, names, query, rejected)
        yield from rejected


def _refuse(file: Path, names: set[str], query: str | None, rejected: list[Reject]) -> None:
    if query is None and "query" not in names:
        raise InputError(
            f"{file} holds no queries: it has no column query, and its layout is not known; {found_columns(names)}. Name the "
            f"column, for instance: {suggestion(names, ['query'])}"
        )
    if query is not None:
        Columns(query=query).check(names, str(file))
    raise InputError(f"no row of {file} holds a query; row {rejected[0].row}: {rejected[0].reason}")


def _question(
    number: int,
    raw: dict[str, Any] | str,
    columns: Columns,
    defaults: Mapping[str, str],
    asking: Callable[[str, list[dict[str, Any]] | None], Prompt],
    file: str,
) -> Question | Reject:
    """The query of a row; a row with several responses asks the same in each."""
    _, sampled = next(iter(standard_rows([(number, raw)], columns=columns, run="")), (number, "it holds nothing"))
    if isinstance(sampled, str) or isinstance(raw, str):
        return Reject(file, number, str(sampled))
    text = sampled.fields.get("query")
    if not isinstance(text, str):
        what = "is missing" if text is None else f"must be text, found {type(text).__name__}"
        return Reject(file, number, f"the query {what}")
    given = {name: str(sampled.fields[name]) for name in _FIELDS if sampled.fields.get(name) not in (None, "")}
    question = Question(text, asking(text, _turns(raw, columns)), file=file, row=number, **{**defaults, **given})
    try:
        question.rollout("")
    except ValueError as error:
        return Reject(file, number, str(error))
    return question


def _turns(raw: Mapping[str, Any], columns: Columns) -> list[dict[str, Any]] | None:
    """The messages that a row asks with, None where it asks with a text."""
    asked = next((raw[name] for name in (columns.query, "query", "prompt") if name and name in raw), None)
    if asked is None:
        whole = next((raw[name] for name in ("messages", "conversation") if is_conversation(raw.get(name))), None)
        asked = split_conversation(whole)[0] if whole else None
    if not is_conversation(asked) or not all({"role", "content"} <= turn.keys() for turn in asked):
        return None
    return asked
