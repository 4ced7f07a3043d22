"""Responses from a local causal language model, in batches: for measuring policies and for filling a memory.

A prompt is a string, or a list of chat messages that goes through the tokenizer's chat template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from rich.progress import track
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from memgraph.printable import PrintableConsole
from trainer.sampling.sampler import Prompt


@dataclass(frozen=True, slots=True)
class Generated:
    """One response.

    Attributes:
        tokens: how many were generated, the end included.
        ended: False where the limit cut it off.
    """

    text: str
    tokens: int
    ended: bool


def sample_responses(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    n: int,
    max_new_tokens: int,
    temperature: float,
    seed: int = 0,
    batch_size: int = 256,
    *,
    progress: bool = False,
) -> list[list[str]]:
    """`n` responses to each prompt, in the order of the prompts; see `stream_responses`."""
    responses = dict(
        stream_responses(model, tokenizer, prompts, n, max_new_tokens, temperature, seed, batch_size, progress=progress)
    )
    return [[response.text for response in responses[position]] for position in range(len(prompts))]


def stream_responses(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    n: int,
    max_new_tokens: int,
    temperature: float,
    seed: int = 0,
    batch_size: int = 256,
    *,
    autocast: torch.dtype | None = None,
    progress: bool = False,
) -> Iterator[tuple[int, list[Generated]]]:
    """Position of a prompt and `n` responses to it, batch by batch, so that nothing sampled need wait for the rest.

    The same arguments give the same responses on the same machine; torch's own generator is as it was once the last is
    taken. Prompts of similar length go through `model.generate` together, padded on the left.

    Args:
        n: responses to a prompt.
        temperature: 0 decodes greedily, and then `n` must be 1.
        batch_size: sequences at a time, `n` of them to a prompt (at least one prompt at a time).
        autocast: type of the matrix products, where it is another one than the weights'.
        progress: show a progress bar on standard error.

    Raises:
        ValueError: for `n` > 1 with greedy decoding.
    """
    if temperature == 0 and n != 1:
        raise ValueError(f"greedy decoding (temperature 0) gives one response to a prompt, {n} were asked for; use n=1")
    how: dict[str, Any] = {"do_sample": False, "repetition_penalty": 1.0}  # a checkpoint may come with other habits
    if temperature > 0:
        how |= {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0, "num_return_sequences": n}
    ends = _end_tokens(model, tokenizer)
    ids = [_prompt_ids(tokenizer, prompt) for prompt in prompts]
    groups = list(_by_length([len(row) for row in ids], max(1, batch_size // n)))
    with _seeded(model, seed):
        for group in track(
            groups, "  generating", console=PrintableConsole(stderr=True), disable=not progress, transient=True
        ):
            inputs = tokenizer.pad(
                {"input_ids": [ids[i] for i in group]}, padding=True, padding_side="left", return_tensors="pt"
            ).to(model.device)
            with torch.inference_mode(), _casting(model, autocast):
                rows = model.generate(  # type: ignore[operator]
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    max_new_tokens=max_new_tokens,
                    pad_token_id=tokenizer.pad_token_id,
                    eos_token_id=ends or None,
                    **how,
                )
            made = rows[:, inputs["input_ids"].shape[1] :]
            decoded = tokenizer.batch_decode(made, skip_special_tokens=True)
            generated = [Generated(text, *_length(row, ends)) for text, row in zip(decoded, made.tolist(), strict=True)]
            for place, i in enumerate(group):
                yield i, generated[place * n : (place + 1) * n]


def mean_logprobs(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    responses: Sequence[str],
    batch_size: int = 64,
) -> list[float]:
    """Mean log-probability of the tokens of each response, its end included, at temperature 1.

    `prompts` and `responses` go in pairs. How sure the policy was is a feature for reward prediction.
    """
    ends = tokenizer.eos_token or ""
    heads = [_prompt_ids(tokenizer, prompt) for prompt in prompts]
    tails = [tokenizer(response + ends, add_special_tokens=False)["input_ids"] for response in responses]
    means = [0.0] * len(heads)
    lengths = [len(head) + len(tail) for head, tail in zip(heads, tails, strict=True)]
    with torch.inference_mode():
        for group in _by_length(lengths, batch_size):
            rows = [torch.tensor(heads[i] + tails[i]) for i in group]
            # padding goes to the right here: causal attention never sees it
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)
            scores = model(input_ids=ids).logits[:, :-1].float().log_softmax(-1)
            scores = scores.gather(-1, ids[:, 1:, None]).squeeze(-1)
            for place, i in enumerate(group):
                first = len(heads[i]) - 1
                means[i] = scores[place, first : first + len(tails[i])].mean().item()
    return means


def rendered(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> str:
    """A prompt as the model sees it."""
    if isinstance(prompt, str):
        return prompt
    return str(tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True))


def _prompt_ids(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> list[int]:
    if isinstance(prompt, str):
        return list(tokenizer(prompt)["input_ids"])
    # the template has written the special tokens already
    return list(tokenizer(rendered(tokenizer, prompt), add_special_tokens=False)["input_ids"])


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids that end a response: the tokenizer's, and those of the checkpoint, which ends a turn by another one at times."""
    config = getattr(model.generation_config, "eos_token_id", None)
    several = config if isinstance(config, list) else [config]
    return sorted({end for end in (tokenizer.eos_token_id, *several) if end is not None})


def _length(row: list[int], ends: Sequence[int]) -> tuple[int, bool]:
    """How many tokens of a padded row were generated, and whether it came to an end."""
    place = next((place for place, token in enumerate(row) if token in ends), None)
    return (len(row), False) if place is None else (place + 1, True)


def _casting(model: PreTrainedModel, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
    return nullcontext() if dtype in (None, model.dtype) else torch.autocast(model.device.type, dtype=dtype)


def _by_length(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Positions in groups of `size`, of similar length."""
    order = iter(sorted(range(len(lengths)), key=lambda i: lengths[i]))
    while group := list(islice(order, size)):
        yield group


@contextmanager
def _seeded(model: PreTrainedModel, seed: int) -> Iterator[None]:
    """Torch's generators seeded inside, as they were outside."""
    with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
