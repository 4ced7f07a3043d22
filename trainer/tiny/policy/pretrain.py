"""Bring up the tiny policy on demonstrations that are right about half of the time, and save it.

Run `python -m trainer.tiny.policy.pretrain --help`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, set_seed

from memgraph.printable import PrintableConsole
from trainer.tiny.policy import WEIGHTS, format_prompt
from trainer.tiny.policy.tokenizer import EOS, train_tokenizer
from trainer.tiny.world import Knowledge, corpus

VOCABULARY = 1536
_IGNORED = -100
_BUCKET = 16  # batches sorted by length together

# ids of prompt and response, and how many of them are the prompt's
Example = tuple[list[int], int]


def new_model(tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """An untrained Qwen2 of about a million parameters."""
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=5,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
        )
    )


def _examples(seed: int, tokenizer: PreTrainedTokenizerFast, knowledge: Knowledge) -> Iterator[Example]:
    pairs = corpus(seed, knowledge)
    while chunk := list(itertools.islice(pairs, 4096)):
        prompts = tokenizer([format_prompt(query) for query, _ in chunk])["input_ids"]
        responses = tokenizer([text + EOS for _, text in chunk])["input_ids"]
        yield from ((p + r, len(p)) for p, r in zip(prompts, responses, strict=True))


def _batches(
    examples: Iterator[Example], size: int, pad: int, rng: random.Random
) -> Iterator[tuple[torch.Tensor, ...]]:
    """(ids, labels) `[size, length]`, of examples of similar length."""
    while True:
        pool = sorted(itertools.islice(examples, size * _BUCKET), key=lambda example: len(example[0]))
        groups = [pool[start : start + size] for start in range(0, len(pool), size)]
        rng.shuffle(groups)
        for group in groups:
            length = max(len(ids) for ids, _ in group)
            rows = torch.full((len(group), length), pad)
            labels = torch.full((len(group), length), _IGNORED)
            for row, (ids, prompt) in enumerate(group):
                rows[row, : len(ids)] = torch.tensor(ids)
                labels[row, prompt : len(ids)] = rows[row, prompt : len(ids)]
            yield rows, labels


def _loss(model: Qwen2ForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the response's tokens; padding is on the right, so causal attention needs no mask."""
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    asked = labels[:, 1:] != _IGNORED
    logits = model.lm_head(hidden[asked])
    return torch.nn.functional.cross_entropy(logits.float(), labels[:, 1:][asked])


def pretrain(
    seed: int, steps: int, batch: int, learning_rate: float
) -> tuple[Qwen2ForCausalLM, PreTrainedTokenizerFast]:
    """A policy trained from scratch; the same seed gives the same demonstrations and the same start."""
    set_seed(seed)
    knowledge = Knowledge()
    texts = (format_prompt(query) + text for query, text in itertools.islice(corpus(seed, knowledge), 20_000))
    tokenizer = train_tokenizer(texts, VOCABULARY)
    model = new_model(tokenizer).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.05)
    warm_up = max(1, steps // 50)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, (step + 1) / warm_up) * (0.02 + 0.98 * (1 + math.cos(math.pi * step / steps)) / 2),
    )
    batches = _batches(_examples(seed, tokenizer, knowledge), batch, tokenizer.pad_token_id, random.Random(seed))  # noqa: S311
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=PrintableConsole()) as progress:
        task = progress.add_task("pretraining", total=steps)
        for step, (ids, labels) in enumerate(itertools.islice(batches, steps)):
            loss = _loss(model, ids, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            progress.update(task, advance=1, description=f"pretraining, loss {loss.item():.3f}")
            if step % 200 == 0:
                progress.console.print(f"step {step}: loss {loss.item():.3f}")
    return model.eval(), tokenizer


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.tiny.policy.pretrain",
        description="Train the tiny policy from scratch on generated demonstrations and save it with its tokenizer.",
        epilog="Example: python -m trainer.tiny.policy.pretrain --seed 0 --out trainer/tiny/policy/weights. "
        "Then: python -m trainer.tiny.policy.measure --policy trainer/tiny/policy/weights",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the demonstrations and of the start (default 0)")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder to write (default: the packaged weights)")
    parser.add_argument("--steps", type=int, default=1600, help="optimiser steps (default 1600)")
    parser.add_argument("--batch", type=int, default=64, help="demonstrations a step (default 64)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="peak of the cosine schedule (default 2e-3)")
    parser.add_argument("--quick", action="store_true", help="ten steps: to see that it runs; the policy is useless")
    options = parser.parse_args()
    begun = time.monotonic()
    model, tokenizer = pretrain(
        options.seed, 10 if options.quick else options.steps, options.batch, options.learning_rate
    )
    model.save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)
    minutes = (time.monotonic() - begun) / 60
    said = f"{model.num_parameters():,} parameters, {minutes:.1f} minutes, saved in {options.out}"
    PrintableConsole().print(said, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
