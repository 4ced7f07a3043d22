"""Samples with vLLM in this process (extra `vllm`)."""

from __future__ import annotations

import gc
from collections.abc import Generator, Mapping, Sequence
from itertools import groupby
from typing import Any

from memgraph.errors import SamplingError
from trainer.reward.completions import opens_thinking
from trainer.sampling.generate import rendered
from trainer.sampling.sampler import Decoding, Request, Response, Sampled


class VllmSampler:
    """Samples a model that vLLM loads; it schedules the sequences of a call itself.

    Args:
        model: a hub name or a folder.
        policy: name that rollouts record, the model's by default.
        dtype: as vLLM names types, "auto" for the checkpoint's.
        parallel: responses that are asked for in one call, and then handed on.
        options: further arguments of `vllm.LLM`, for instance `max_model_len` or `gpu_memory_utilization`.

    Raises:
        SamplingError: if vLLM is not installed, or cannot load the model.
    """

    def __init__(
        self,
        model: str,
        *,
        policy: str | None = None,
        dtype: str = "auto",
        parallel: int = 512,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            from vllm import LLM
        except ImportError as error:
            raise SamplingError(
                f"vLLM cannot be imported ({error}): pip install 'memreward-graph[vllm]', or sample a vLLM server with --url"
            ) from error
        self.policy = policy or model
        self._parallel = parallel
        try:
            self._llm: Any = LLM(model=model, **{"dtype": dtype, **(options or {})})
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise SamplingError(f"vLLM cannot load the policy {model!r}: {error}") from error
        self._tokenizer = self._llm.get_tokenizer()

    def sample(self, requests: Sequence[Request], decoding: Decoding) -> Generator[Sampled, None, None]:
        """Every response that is asked for, `parallel` of them at a time; each has its own seed."""
        wanted = [(request, sample) for request in requests for sample in request.samples]
        for start in range(0, len(wanted), self._parallel):
            part = wanted[start : start + self._parallel]
            for is_text, some in groupby(part, key=lambda pair: isinstance(pair[0].prompt, str)):
                yield from self._call(list(some), decoding, is_text=is_text)

    def close(self) -> None:
        """Free the model's memory."""
        import torch

        self._llm = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _call(
        self, wanted: list[tuple[Request, int]], decoding: Decoding, *, is_text: bool
    ) -> Generator[Sampled, None, None]:
        from vllm import SamplingParams

        params = [
            SamplingParams(
                temperature=decoding.temperature,
                top_p=1.0,
                max_tokens=decoding.max_new_tokens,
                seed=request.seed(sample, decoding.seed),
            )
            for request, sample in wanted
        ]
        ask = self._llm.generate if is_text else self._llm.chat
        try:
            outputs = ask([request.prompt for request, _ in wanted], sampling_params=params, use_tqdm=False)
        except ValueError as error:  # a prompt that is too long for the model
            if len(wanted) == 1:
                yield Sampled(*wanted[0], None, str(error))
                return
            for single in wanted:
                yield from self._call([single], decoding, is_text=is_text)
            return
        for (request, sample), output in zip(wanted, outputs, strict=True):
            completion = output.outputs[0]
            response = Response(
                completion.text,
                thinking_opened=opens_thinking(rendered(self._tokenizer, request.prompt)),
                finish_reason=completion.finish_reason or "unknown",
                tokens=len(completion.token_ids),
            )
            yield Sampled(request, sample, response)
