"""What TRL hands to a reward function, row by row: a completion, and the query that its columns name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from memgraph import keys
from memgraph.errors import TrainingError

Messages = list[dict[str, Any]]
Completion = str | Messages

REQUIRED: Final = ("query_key", "query", "domain", "dataset")
TRAIN: Final = "train"
HELD_OUT: Final = "eval"


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion and its query.

    Attributes:
        position: in the reward call.
        thinking: only where a chat template has split it off the response.
    """

    position: int
    response: str
    thinking: str | None
    query_key: str
    query: str
    domain: str
    dataset: str
    query_id: str | None


def check_columns(columns: Mapping[str, Any]) -> None:
    """Refuse a data set that does not name its queries.

    Raises:
        TrainingError: naming the columns that are missing.
    """
    if missing := [name for name in REQUIRED if name not in columns]:
        raise TrainingError(
            f"the data set lacks the columns {', '.join(missing)}, found {', '.join(sorted(columns)) or 'none'}; make it with "
            "trainer.data.training_dataset"
        )


def is_training(columns: Mapping[str, Any]) -> bool:
    """Whether a call brings rollouts to train on; without a column split all are."""
    return TRAIN in columns.get("split", [TRAIN])


def read_samples(completions: Sequence[Completion], columns: Mapping[str, Any]) -> list[Sample]:
    """Completions with their columns, in order.

    Raises:
        TrainingError: where columns contradict each other.
    """
    if (found := set(columns.get("split", [TRAIN]))) not in ({TRAIN}, {HELD_OUT}):
        raise TrainingError(
            f"the column split holds {', '.join(sorted(map(repr, found)))} in one call; it must be {TRAIN!r} or {HELD_OUT!r} "
            "throughout a data set"
        )
    ids: Sequence[str | None] = columns.get("query_id") or [None] * len(completions)
    samples = []
    for position, (completion, query_id, query_key, query, domain, dataset) in enumerate(
        zip(completions, ids, *(columns[name] for name in REQUIRED), strict=True)
    ):
        if query_key != keys.query_key(dataset, query):
            raise TrainingError(
                f"row {position}: the column query_key does not belong to the columns dataset and query; make the data set "
                "with trainer.data.training_dataset"
            )
        response, thinking = read_completion(completion)
        samples.append(Sample(position, response, thinking, query_key, query, domain, dataset, query_id))
    return samples


def read_completion(completion: Completion) -> tuple[str, str | None]:
    """Response, and the thinking where it came apart from it.

    Of a conversation the last message of the assistant counts; its content is a text or a list of blocks.
    """
    if isinstance(completion, str):
        return completion, None
    spoken = [message for message in completion if message.get("role", "assistant") == "assistant"]
    if not spoken:
        return "", None
    thinking = spoken[-1].get("reasoning_content") or spoken[-1].get("thinking")
    return _text(spoken[-1].get("content")), None if thinking is None else _text(thinking)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(block.get("text") or "") for block in content)
    return str(content or "")
