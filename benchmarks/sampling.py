"""Does sampling in bfloat16 pay on this machine? Tokens a second of a policy in float32, by autocast and in bfloat16.

The types take turns, round by round, so that a busy machine is busy for all of them. A first round warms up. Example:

    python benchmarks/sampling.py SmolLM2-135M-Instruct.Q4_1.gguf --queries 8 --n 4 --max-tokens 32 --seeds 3
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import torch
from harness import Row, Rows, add_row_options, markdown, median_range, parser_of, report, say

from trainer.sampling.load import has_bfloat16, load_model
from trainer.sampling.local import TransformersSampler
from trainer.sampling.sampler import Decoding, Request
from trainer.tiny.policy import format_prompt, load_tiny_policy

TINY = "tiny"
TYPES = {  # of the weights, and of autocast
    "float32": (torch.float32, None),
    "float32, autocast": (torch.float32, torch.bfloat16),
    "bfloat16": (torch.bfloat16, None),
}


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="the tiny policy, 4 queries, two rounds", seeds=3)
    add_row_options(parser)
    parser.add_argument("model", nargs="?", default=TINY, help="a hub name, a folder or a GGUF file (default tiny)")
    parser.add_argument("--queries", type=int, default=8)
    parser.add_argument("--n", type=int, default=4, help="responses to each")
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(argv)
    if options.quick:
        options.model, options.queries, options.seeds = TINY, 4, min(options.seeds, 2)
    rows = Rows(options, ("model", "device", "type", "queries", "n", "max_tokens", "seed"))
    size = {"queries": options.queries, "n": options.n, "max_tokens": options.max_tokens}
    named = (options.model, options.device)
    wanted = rows.missing((*named, name, *size.values(), seed) for seed in range(options.seeds) for name in TYPES)
    seeds = sorted({what[-1] for what in wanted})
    for row in speeds(*named, size, seeds) if seeds else ():
        rows.add(row)
        say(f"round {row['seed']}, {row['type']}: {row['tokens_per_second']} tokens a second")
    beside = {"has_bfloat16": has_bfloat16(options.device), "threads": torch.get_num_threads()}
    report("sampling", options, rows.all, tables, **beside)


def speeds(model: str, device: str, size: dict[str, int], seeds: Sequence[int]) -> Iterator[Row]:
    """Tokens a second of each type in each round."""
    samplers = {name: sampler_of(model, device, *types) for name, types in TYPES.items()}
    queries = [f"What is {i} plus {i + 7}? Explain." for i in range(size["queries"])]
    prompts = [format_prompt(q) if model == TINY else [{"role": "user", "content": q}] for q in queries]
    requests = [Request(str(i), prompt, tuple(range(size["n"]))) for i, prompt in enumerate(prompts)]
    for seed in (None, *seeds):  # the first one warms up
        for name, sampler in samplers.items():
            start = time.perf_counter()
            sampled = list(sampler.sample(requests, Decoding(size["max_tokens"], 1.0, seed=seed or 0)))
            tokens = sum(sample.response.tokens or 0 for sample in sampled if sample.response is not None)
            speed = round(tokens / (time.perf_counter() - start), 1)
            if seed is not None:
                yield {
                    "model": model,
                    "device": device,
                    "type": name,
                    **size,
                    "seed": seed,
                    "tokens": tokens,
                    "tokens_per_second": speed,
                }


def sampler_of(name: str, device: str, dtype: torch.dtype, autocast: torch.dtype | None) -> TransformersSampler:
    """Of the policy with weights of a type."""
    if name == TINY:
        model, tokenizer = load_tiny_policy()
        return TransformersSampler(name, model.to(device, dtype), tokenizer, autocast=autocast)
    return TransformersSampler(name, *load_model(name, dtype=dtype, device=device), autocast=autocast)


def tables(rows: Sequence[Row]) -> str:
    """Markdown: tokens a second, median over the rounds (least to most)."""
    lines = []
    for model, device, name in dict.fromkeys((row["model"], row["device"], row["type"]) for row in rows):
        group = [row for row in rows if (row["model"], row["device"], row["type"]) == (model, device, name)]
        speed = median_range([row["tokens_per_second"] for row in group], ".1f")
        lines.append([model, device, name, str(len(group)), speed])
    return markdown(["model", "device", "type", "rounds", "tokens a second"], lines)


if __name__ == "__main__":
    main()
