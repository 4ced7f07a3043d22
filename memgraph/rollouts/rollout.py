"""One response of a policy, as it comes in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LONGEST_TEXT = 1_000_000
_LONGEST_NAME = 1_000  # names are indexed, and an index takes some 8,000 bytes
_LARGEST_COUNT = 2**63 - 1  # an integer of Neo4j


@dataclass(frozen=True, slots=True)
class Rollout:
    """One response of a policy to a query, as it comes in.

    `query` and `response` are required; all else is used where present. There is no field for the truth: what a source
    file knows about right and wrong is read by the ledger only, which counts it.

    Attributes:
        thinking, answer: given fields win over what is parsed from the response.
        stated: the end of the response in which the answer is looked for; "" where it states none, None for all of it. In a
            conversation with tools it is the last turn of the assistant.
        thinking_opened: the prompt already opened the thinking, so the response begins inside it.
        features: optional numeric features, for instance the policy's mean log-probability.
        attempt, call, sample: where RL sampled it; a key is made of them when `call` is not None.

    Raises:
        ValueError: for a value that the graph cannot hold, naming the field, what was found and what fits.
    """

    query: str
    response: str
    query_id: str | None = None
    rollout_id: str | None = None
    dataset: str = "default"
    domain: str = "qa"
    policy: str = ""
    thinking: str | None = None
    answer: str | None = None
    stated: str | None = None
    thinking_opened: bool = False
    run: str = "import"
    attempt: int = 0
    call: int | None = None
    step: int | None = None
    sample: int | None = None
    features: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("query", "response", "thinking", "answer", "stated"):
            _check_text(name, getattr(self, name), _LONGEST_TEXT, required=name in {"query", "response"})
        if not self.query.strip():
            raise ValueError("'query' is empty")
        if self.stated is not None and not self.response.endswith(self.stated):
            raise ValueError("'stated' must be the end of 'response'")
        for name in ("dataset", "domain", "policy", "run", "query_id", "rollout_id"):
            _check_text(name, getattr(self, name), _LONGEST_NAME, required=not name.endswith("_id"))
        for name in ("attempt", "call", "step", "sample"):
            _check_count(name, getattr(self, name), required=name == "attempt")
        for name, value in self.features.items():
            _check_text("name of a feature", name, _LONGEST_NAME, required=True)
            if not name or "\0" in name:
                raise ValueError(f"a feature needs a name without null characters, found {name!r}")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not _is_finite(value):
                raise ValueError(f"feature {name!r} must be a finite number, found {str(value)[:80]!r}")


def _check_text(name: str, value: Any, longest: int, *, required: bool) -> None:
    if value is None and not required:
        return
    if not isinstance(value, str):
        raise ValueError(f"{name!r} must be text, found {type(value).__name__}")
    if len(value) > longest:
        raise ValueError(f"{name!r} has {len(value):,} characters; at most {longest:,} are stored")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name!r} holds a lone surrogate at character {error.start}, which is no text") from None


def _check_count(name: str, value: Any, *, required: bool) -> None:
    if value is None and not required:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_COUNT:
        raise ValueError(f"{name!r} must be a whole number from 0 to {_LARGEST_COUNT}, found {str(value)[:80]}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False
