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
        held_out: whether it was sampled for evaluation, and so must not enter the experience.
    """

    position: int
    response: str
    thinking: str | None
    query_key: str
    query: str
    domain: str
    dataset: str
    query_id: str | None
    held_out: bool


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


def splits(columns: Mapping[str, Any], count: int) -> Sequence[str]:
    """[count] the split that each row belongs to; without such a column all are for training."""
    found: Sequence[str] = columns.get("split") or [TRAIN] * count
    return found


def read_samples(completions: Sequence[Completion], columns: Mapping[str, Any]) -> list[Sample]:
    """Completions with their columns, in order.

    Raises:
        TrainingError: where columns contradict each other.
    """
    count = len(completions)
    ids: Sequence[str | None] = columns.get("query_id") or [None] * count
    required = (columns[name] for name in REQUIRED)
    samples = []
    for position, (completion, query_id, split, query_key, query, domain, dataset) in enumerate(
        zip(completions, ids, splits(columns, count), *required, strict=True)
    ):
        if split not in (TRAIN, HELD_OUT):
            raise TrainingError(f"the column split holds {split!r}; it must be {TRAIN!r} or {HELD_OUT!r}")
        if query_key != keys.query_key(dataset, query):
            raise TrainingError(
                f"row {position}: the column query_key does not belong to the columns dataset and query; make the data set "
                "with trainer.data.training_dataset"
            )
        response, thinking = read_completion(completion)
        samples.append(
            Sample(position, response, thinking, query_key, query, domain, dataset, query_id, split == HELD_OUT)
        )
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
