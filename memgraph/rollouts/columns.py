"""Which column of a file holds what, where the user says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from memgraph.errors import InputError

_MISSING = object()
_LIKELY = {  # what such columns are called elsewhere, likeliest first; suggested, never assumed
    "query": ("problem", "question", "prompt", "instruction", "input", "task", "user", "text"),
    "response": (
        "generations", "generation", "generated_solution", "completion", "output", "llm_response", "model_output",
        "responses", "outputs", "prediction", "reply", "answer", "solution", "r1_solution_1", "deepseek_solution",
    ),
    "gold": ("gold_answer", "ground_truth", "expected_answer", "final_answer", "target", "gts", "reference", "answer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a file's columns by the field that they hold; None for a field under its own name, or that of a known layout.

    A name with dots leads into objects: `reward_model.ground_truth`.
    """

    query: str | None = None
    response: str | None = None
    gold: str | None = None
    tests: str | None = None
    answer: str | None = None
    correct: str | None = None
    thinking: str | None = None
    query_id: str | None = None
    rollout_id: str | None = None

    @classmethod
    def of(cls, names: Columns | Mapping[str, str | None] | None) -> Columns:
        """Columns as they are, or from a mapping of fields to names.

        Raises:
            InputError: for a field that cannot be named.
        """
        if isinstance(names, Columns):
            return names
        allowed = [field.name for field in fields(cls)]
        if unknown := sorted(set(names or {}) - set(allowed)):
            raise InputError(f"columns of {', '.join(unknown)} cannot be named; those of {', '.join(allowed)} can")
        return cls(**(names or {}))

    def named(self) -> dict[str, str]:
        """Field → column, of the fields that are named."""
        return {field.name: name for field in fields(self) if (name := getattr(self, field.name)) is not None}

    def take(self, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The named fields that a row holds, and the row without their columns."""
        named = self.named()
        values = {field: _look_up(raw, name) for field, name in named.items()}
        rest = {name: value for name, value in raw.items() if name not in named.values()}
        return {field: value for field, value in values.items() if value is not _MISSING}, rest

    def check(self, columns: Iterable[str], source: str) -> None:
        """Refuse names that no row has.

        Raises:
            InputError: naming the columns that were found.
        """
        columns = sorted(set(columns))
        for field, name in self.named().items():
            if name not in columns and name.split(".")[0] not in columns:
                raise InputError(
                    f"{source} has no column {name!r} for --{field.replace('_', '-')}; {found_columns(columns)}"
                )


def found_columns(columns: Iterable[str]) -> str:
    """The columns of a file, for a message."""
    names = sorted(columns)
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return f"found {', '.join(name[:80] for name in names[:40]) or 'none'}{more}"


def suggestion(columns: Iterable[str], wanted: Iterable[str]) -> str:
    """Options that name the likeliest of these columns, or stand-ins where none is likely."""
    left = set(columns)
    options = []
    for field in wanted:
        likely = next((name for name in _LIKELY.get(field, ()) if name in left), field.upper())
        left.discard(likely)
        options.append(f"--{field} {likely}")
    return " ".join(options)


def _look_up(raw: Mapping[str, Any], name: str) -> Any:
    if name in raw:
        return raw[name]
    value: Any = raw
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _MISSING
        value = value[part]
    return value
