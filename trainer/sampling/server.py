"""Samples a policy behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama, or a hosted one."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from memgraph.errors import SamplingError
from memgraph.rollouts.messages import read_completion
from trainer.sampling.client import Client, Refused, ServerAddress
from trainer.sampling.sampler import Decoding, Request, Response, Sampled

_MAX_REFUSED = 8  # queries, before any response
_LISTED = 20


class ServerSampler:
    """Asks for one response at a time, many of them at once.

    One response a request is what all servers understand, and each has its own seed, so that a run that goes on later samples
    what it would have. Servers read a prompt that they have just read from their cache.

    Args:
        endpoint: where the server answers.
        model: name of the model there; None for the only one that it has.
        policy: name that rollouts record, the model's by default.
        parallel: open requests.
        options: more fields of each request, which win over ours; None as a value leaves a field out.
        thinking_opened: the server's chat template opens the thinking, and the server does not split it off.

    Raises:
        SamplingError: if no server answers, or it has several models and none was named.
    """

    def __init__(
        self,
        endpoint: ServerAddress,
        model: str | None = None,
        *,
        policy: str | None = None,
        parallel: int = 16,
        options: Mapping[str, Any] | None = None,
        thinking_opened: bool = False,
    ) -> None:
        self._endpoint, self._parallel = endpoint, parallel
        self._options, self._thinking_opened = dict(options or {}), thinking_opened
        names = asyncio.run(_models(endpoint))
        if model is None and len(names) != 1:
            listed = ", ".join(names[:_LISTED]) or "none that it names"
            raise SamplingError(f"{endpoint.base} has these models: {listed}; name one with --model")
        self._model = model or names[0]
        self.policy = policy or self._model

    def sample(self, requests: Sequence[Request], decoding: Decoding) -> Generator[Sampled, None, None]:
        """Every response that is asked for, in the order in which they come; closing the iterator gives up what is open."""
        for request in requests:
            decoding.require_draws(len(request.samples))
        wanted = [(request, sample) for request in requests for sample in request.samples]
        with _InBackground(self._endpoint, self._parallel) as background:
            background.start([self._body(request, sample, decoding) for request, sample in wanted])
            answered, refused = False, set()
            for _ in wanted:
                place, outcome = background.next()
                if isinstance(outcome, BaseException) and not isinstance(outcome, Refused):
                    raise outcome
                sampled = self._read(*wanted[place], outcome)
                if sampled.response is not None:
                    answered = True
                else:
                    refused.add(sampled.request.key)
                if not answered and len(refused) >= _MAX_REFUSED:
                    raise SamplingError(
                        f"{self._endpoint.base} refused the first {len(refused)} queries, the last with {sampled.refusal}; is it "
                        "the length of prompts, or a field that it does not know (--options)?"
                    )
                yield sampled

    def close(self) -> None:
        """Nothing: connections end with each call of `sample`."""

    def _body(self, request: Request, sample: int, decoding: Decoding) -> tuple[str, dict[str, Any]]:
        text = isinstance(request.prompt, str)
        body = {
            "model": self._model,
            "prompt" if text else "messages": request.prompt,
            "max_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "top_p": 1.0,
            "seed": request.seed(sample, decoding.seed),
            **self._options,
        }
        return "/completions" if text else "/chat/completions", {k: v for k, v in body.items() if v is not None}

    def _read(self, request: Request, sample: int, outcome: dict[str, Any] | Refused) -> Sampled:
        if isinstance(outcome, Refused):
            return Sampled(request, sample, None, str(outcome))
        try:
            return Sampled(request, sample, self._response(outcome))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            return Sampled(request, sample, None, f"the response cannot be read: {type(error).__name__}: {error}")

    def _response(self, completion: dict[str, Any]) -> Response:
        choice = completion["choices"][0]
        reply = read_completion(choice["text"] if "text" in choice else [choice["message"]])
        tokens = (completion.get("usage") or {}).get("completion_tokens")
        return Response(
            reply.response,
            thinking=reply.thinking,
            stated=reply.stated,
            thinking_opened=self._thinking_opened and reply.thinking is None,
            finish_reason=str(choice.get("finish_reason") or "unknown"),
            tokens=tokens if isinstance(tokens, int) else None,
        )


async def _models(endpoint: ServerAddress) -> list[str]:
    client = Client(endpoint, parallel=1)
    try:
        return await client.models()
    finally:
        await client.close()


class _InBackground:
    """Requests in an event loop of their own; at most twice as many as are open wait to be taken."""

    def __init__(self, endpoint: ServerAddress, parallel: int) -> None:
        self._endpoint, self._parallel = endpoint, parallel
        self._outcomes: queue.SimpleQueue[tuple[int, dict[str, Any] | BaseException]] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._room = asyncio.Semaphore(2 * parallel)
        self._thread = threading.Thread(target=self._loop.run_forever, name="sampling", daemon=True)
        self._work: Any = None

    def __enter__(self) -> _InBackground:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._work is not None:
            self._work.cancel()
            asyncio.run_coroutine_threadsafe(_all_ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self, bodies: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Begin to ask."""
        self._work = asyncio.run_coroutine_threadsafe(self._ask(bodies), self._loop)

    def next(self) -> tuple[int, dict[str, Any] | BaseException]:
        """The next outcome: the place of its request, and what came."""
        outcome = self._outcomes.get()
        self._loop.call_soon_threadsafe(self._room.release)
        return outcome

    async def _ask(self, bodies: Sequence[tuple[str, dict[str, Any]]]) -> None:
        client = Client(self._endpoint, parallel=self._parallel)
        waiting = iter(enumerate(bodies))

        async def work() -> None:
            for place, (path, body) in waiting:
                await self._room.acquire()
                try:
                    self._outcomes.put((place, await client.post(path, body)))
                except Exception as error:
                    self._outcomes.put((place, error))

        try:
            await asyncio.gather(*(work() for _ in range(min(self._parallel, len(bodies)))))
        finally:
            await client.close()


async def _all_ended() -> None:
    """Waits for what was cancelled."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
