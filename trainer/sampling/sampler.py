"""What samples a policy: one interface for a local model, vLLM in this process, and a server."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from memgraph.errors import InputError
from memgraph.store.keys import key_of

Prompt = str | list[dict[str, Any]]
"""A text, or messages for the model's chat template."""

STOP, LENGTH = "stop", "length"


@dataclass(frozen=True, slots=True)
class Decoding:
    """How responses are drawn: from the policy's own distribution, without a cut at top p or top k.

    Attributes:
        max_new_tokens: longest response in tokens.
        temperature: 0 decodes greedily.
        seed: of the draws.

    Raises:
        InputError: for a length or a temperature that is none.
    """

    max_new_tokens: int = 512
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or not 0 <= self.temperature < float("inf"):
            raise InputError(
                f"responses need at least one token and a temperature from 0 on; found {self.max_new_tokens} tokens at "
                f"temperature {self.temperature}"
            )

    def require_draws(self, count: int) -> None:
        """Refuse several greedy responses to one query, which would all be the same.

        Raises:
            InputError: saying what to do.
        """
        if self.temperature == 0 and count > 1:
            raise InputError(
                f"temperature 0 gives one response to a query, and {count} were asked for: ask for one, or raise the temperature"
            )


@dataclass(frozen=True, slots=True)
class Request:
    """A query to sample.

    Attributes:
        key: of the query.
        samples: numbers of the responses that are wanted, each from 0 on among all that the run has of the query.
    """

    key: str
    prompt: Prompt
    samples: tuple[int, ...]

    def seed(self, sample: int, base: int) -> int:
        """Seed of one response in [0, 2³¹), the same whenever and in whatever company it is asked for."""
        return int(key_of("seed", str(base), self.key, str(sample))[:8], 16) & 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Response:
    """What the policy said.

    Attributes:
        thinking: where a server has split it off the text.
        stated: the end of the text that states the answer (see `memgraph.rollouts.rollout.Rollout`).
        thinking_opened: the prompt already opened the thinking.
        finish_reason: "stop", "length" where the limit cut it off, or another word of a server's.
        tokens: how many were generated, the end included; None where a server does not say.
    """

    text: str
    thinking: str | None = None
    stated: str | None = None
    thinking_opened: bool = False
    finish_reason: str = STOP
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """One response to a request, or why this query gets none."""

    request: Request
    sample: int
    response: Response | None
    refusal: str = ""


class Sampler(Protocol):
    """Samples responses to prompts."""

    @property
    def policy(self) -> str:
        """Name of what is sampled, as rollouts record it."""

    def sample(self, requests: Sequence[Request], decoding: Decoding) -> Generator[Sampled, None, None]:
        """Every response that is asked for, in any order, each as soon as it is there.

        Raises:
            SamplingError: where nothing more can be sampled, saying why and what to do.
        """

    def close(self) -> None:
        """Free the model, or end what is on its way."""
