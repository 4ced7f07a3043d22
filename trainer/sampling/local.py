"""Samples a model that transformers has loaded in this process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from trainer.reward.completions import opens_thinking
from trainer.sampling.generate import rendered, stream_responses
from trainer.sampling.sampler import LENGTH, STOP, Decoding, Request, Response, Sampled


class TransformersSampler:
    """Samples in batches of queries that lack equally many responses.

    A batch has one seed, so that what is sampled repeats where the same queries lack the same responses.

    Args:
        policy: name of the model, as rollouts record it.
        parallel: sequences at a time.
        autocast: type of the matrix products, where it is another one than the weights'.
    """

    def __init__(
        self,
        policy: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        parallel: int = 256,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.policy = policy
        self._model, self._tokenizer = model, tokenizer
        self._parallel, self._autocast = parallel, autocast

    def sample(self, requests: Sequence[Request], decoding: Decoding) -> Generator[Sampled, None, None]:
        """Every response that is asked for, batch by batch, queries of similar length together."""
        alike: dict[tuple[int, int], list[Request]] = defaultdict(list)
        for request in requests:
            alike[request.samples[0], len(request.samples)].append(request)
        for (first, count), some in sorted(alike.items()):
            decoding.require_draws(count)
            generated = stream_responses(
                self._model,
                self._tokenizer,
                [request.prompt for request in some],
                n=count,
                max_new_tokens=decoding.max_new_tokens,
                temperature=decoding.temperature,
                seed=decoding.seed + first,
                batch_size=self._parallel,
                autocast=self._autocast,
            )
            for position, answers in generated:
                request = some[position]
                opened = opens_thinking(rendered(self._tokenizer, request.prompt))
                for sample, answer in zip(request.samples, answers, strict=True):
                    reason = STOP if answer.ended else LENGTH
                    response = Response(answer.text, thinking_opened=opened, finish_reason=reason, tokens=answer.tokens)
                    yield Sampled(request, sample, response)

    def close(self) -> None:
        """Nothing: the model belongs to who loaded it."""
