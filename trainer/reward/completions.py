"""What TRL hands to a reward function, row by row: a completion, and the query that its columns name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from memgraph.domains.thinking import split_thinking
from memgraph.errors import TrainingError
from memgraph.rollouts.messages import Completion, Messages, read_completion
from memgraph.rollouts.rollout import Rollout
from memgraph.store import keys

__all__ = ["Completion", "Messages", "read_completion"]

REQUIRED: Final = ("query_key", "query", "domain", "dataset")
TRAIN: Final = "train"
HELD_OUT: Final = "eval"
_LONGEST_TAG: Final = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion and its query.

    Attributes:
        position: in the reward call.
        thinking: only where a chat template has split it off the response.
        thinking_opened: the prompt ends inside an open thinking.
        stated: the end of the response in which the answer is looked for (see `memgraph.rollouts.rollout.Rollout`).
    """

    position: int
    response: str
    thinking: str | None
    query_key: str
    query: str
    domain: str
    dataset: str
    query_id: str | None
    thinking_opened: bool = False
    stated: str | None = None

    def rollout(self, *, policy: str, thinking_opened: bool, **place: Any) -> Rollout:
        """It as the memory takes it; `place` says where it was sampled."""
        return Rollout(
            query=self.query,
            response=self.response,
            query_id=self.query_id,
            dataset=self.dataset,
            domain=self.domain,
            policy=policy,
            thinking=self.thinking,
            thinking_opened=thinking_opened,
            stated=self.stated,
            **place,
        )


def check_columns(columns: Mapping[str, Any]) -> None:
    """Refuse a data set that does not name its queries.

    Raises:
        TrainingError: naming the columns that are missing.
    """
    if missing := [name for name in REQUIRED if name not in columns]:
        raise TrainingError(
            f"the data set lacks the columns {', '.join(missing)}, found {', '.join(sorted(columns)) or 'none'}; make it with "
            "trainer.training_rows, or add them with trainer.with_query_columns"
        )


def is_training(columns: Mapping[str, Any]) -> bool:
    """Whether a call brings rollouts to train on; without a column split all are."""
    return TRAIN in columns.get("split", [TRAIN])


def opens_thinking(prompt: Completion) -> bool:
    """Whether a prompt, as the model sees it, ends inside a thinking that it has opened."""
    if not isinstance(prompt, str):
        return False
    end = prompt[-_LONGEST_TAG:].rstrip()
    start = max(end.rfind("<"), end.rfind("["))
    return start >= 0 and split_thinking(end[start:]) == ("", None)


def read_samples(
    completions: Sequence[Completion], columns: Mapping[str, Any], prompts: Sequence[Completion] = ()
) -> list[Sample]:
    """Completions with their columns, in order.

    Raises:
        TrainingError: where columns contradict each other.
    """
    if (splits := set(columns.get("split", [TRAIN]))) not in ({TRAIN}, {HELD_OUT}):
        raise TrainingError(
            f"the column split holds {', '.join(sorted(map(repr, splits)))} in one call; it must be {TRAIN!r} or {HELD_OUT!r} "
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
                "with trainer.training_rows"
            )
        reply = read_completion(completion)
        opened = position < len(prompts) and opens_thinking(prompts[position])
        samples.append(
            Sample(
                position,
                reply.response,
                reply.thinking,
                query_key,
                query,
                domain,
                dataset,
                query_id,
                thinking_opened=opened,
                stated=reply.stated,
            )
        )
    return samples
