"""Tokens a second of a policy in float32, by autocast and in bfloat16, side by side.

    python benchmarks/sampling.py SmolLM2-135M-Instruct.Q4_1.gguf --queries 8 --n 4 --max-tokens 32 --rounds 3

The types take turns, round by round, so that a busy machine is busy for all of them. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import torch
from machine import machine

from trainer.sampling.load import has_bfloat16, load_model
from trainer.sampling.local import TransformersSampler
from trainer.sampling.sampler import Decoding, Request


def main() -> None:
    """Load the policy three times, and sample from each in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a hub name, a folder or a GGUF file")
    parser.add_argument("--queries", type=int, default=8)
    parser.add_argument("--n", type=int, default=4, help="responses to each")
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    samplers = {}
    for name, dtype, cast in (
        ("float32", torch.float32, None),
        ("float32, autocast", torch.float32, torch.bfloat16),
        ("bfloat16", torch.bfloat16, None),
    ):
        model, tokenizer = load_model(options.model, dtype=dtype, device=options.device)
        samplers[name] = TransformersSampler(name, model, tokenizer, autocast=cast)
    requests = [
        Request(str(i), [{"role": "user", "content": f"What is {i} plus {i + 7}? Explain."}], tuple(range(options.n)))
        for i in range(options.queries)
    ]
    speeds: dict[str, list[float]] = {name: [] for name in samplers}
    for turn in range(options.rounds + 1):  # the first one warms up
        for name, sampler in samplers.items():
            began = time.perf_counter()
            found = list(sampler.sample(requests, Decoding(options.max_tokens, 1.0, seed=turn)))
            tokens = sum(one.response.tokens or 0 for one in found if one.response is not None)
            if turn:
                speeds[name].append(round(tokens / (time.perf_counter() - began), 1))
    result: dict[str, Any] = {
        "tokens_per_second": {name: statistics.median(found) for name, found in speeds.items()},
        "rounds": speeds,
        "has_bfloat16": has_bfloat16(options.device),
        "threads": torch.get_num_threads(),
        **machine(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
