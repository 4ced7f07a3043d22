"""What does a recipe of `configs/` need of a GPU? Memory, seconds a step, seconds of rewards, at the model's full size.

The policy has the shape of the recipe's model and random weights, so that nothing is downloaded; its tokens are made-up
words, its answers are never right, and every response has the longest length: the most that a step may cost. Rewards are
majority votes, since a reward model cannot be fitted where nothing is right (what it costs: reward_call.py). Generation is
transformers' own, not vLLM's. `--quick` takes a policy of 2 layers and short responses, and runs on a CPU. Example:

    python benchmarks/full_scale.py --recipes configs/qwen2.5-1.5b.yaml --out rows.jsonl
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import torch
from harness import Row, Rows, add_row_options, markdown, mean_sd, median_range, parser_of, report, say
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2Tokenizer

from memgraph.evaluation import temporary_memory
from trainer.reward.report import read_records
from trainer.run.config import RunConfig
from trainer.run.narrator import Narrator
from trainer.run.train import run

CONFIGS = Path(__file__).parents[1] / "configs"
RECIPES = [CONFIGS / "qwen2.5-1.5b.yaml", CONFIGS / "qwen2.5-3b-lora.yaml"]
VOCABULARY = 151_936
END = "<|endoftext|>"
SHAPES: dict[str, dict[str, int]] = {  # as in the models' config.json on the hub
    "Qwen/Qwen2.5-1.5B-Instruct": {
        "hidden_size": 1536,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "intermediate_size": 8960,
    },
    "Qwen/Qwen2.5-3B-Instruct": {
        "hidden_size": 2048,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "intermediate_size": 11008,
    },
}
QUICK = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
QUERIES = 32
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)


def make_policy(folder: Path, shape: dict[str, int], *, vocabulary: int = VOCABULARY) -> None:
    """Random weights in bf16, and a tokenizer that reads bytes and writes words `w0`, `w1` and so on."""
    config = Qwen2Config(vocab_size=vocabulary, num_key_value_heads=2, tie_word_embeddings=True, **shape)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    alphabet = sorted(ByteLevel.alphabet())
    words = (f"\u0120w{number}" for number in range(vocabulary - len(alphabet) - 1))  # U+0120: a space before the word
    ids = {token: number for number, token in enumerate([*alphabet, END, *words])}
    Qwen2Tokenizer(vocab=ids, merges=[], chat_template=TEMPLATE).save_pretrained(folder)


def measured(recipe: Path, steps: int, seed: int, scratch: Path, *, quick: bool = False) -> Row:
    """One recipe: seconds and gigabytes (10⁹ bytes)."""
    written = RunConfig.load(recipe)
    folder = scratch / "policy"
    make_policy(folder, QUICK if quick else SHAPES[written.policy.model], vocabulary=2000 if quick else VOCABULARY)
    values = written.model_dump()
    values |= {"output": scratch / "outputs", "evaluate": False, "seed": seed}
    values["policy"]["model"] = str(folder)
    values["data"] = {"train": QUERIES}
    values["labels"]["monitor"] = 0
    values["reward"] |= {"scorer": "majority_vote", "initial_rollouts": 1, "labelled_rollouts": 1}
    kept = {key: value for key, value in values["grpo"].items() if "vllm" not in key}
    values["grpo"] = kept | {"max_steps": steps, "save_strategy": "no", "log_completions": False}
    if quick:
        values["max_new_tokens"] = 16
        values["grpo"] |= {"bf16": False, "gradient_accumulation_steps": 1}
    config = RunConfig.model_validate(values)
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    nothing_asked = patch("trainer.run.train.require_answers")  # a policy made from noise states no answer
    with temporary_memory(brief=False) as memory, nothing_asked:
        result = run(config, memory, narrator=Narrator(quiet=True))
    calls = [call["seconds"] for call in read_records(config.folder / "rewards.jsonl")]
    return {
        "recipe": recipe.stem,
        "steps": steps,
        "seed": seed,
        "seconds_a_step": round(result.seconds["train"] / steps, 1),
        "reward_seconds": [round(seconds, 2) for seconds in calls],
        "rewards": result.reward_sources,
        "gb_allocated": round(torch.cuda.max_memory_allocated() / 1e9, 1) if on_gpu else None,
        "gb_reserved": round(torch.cuda.max_memory_reserved() / 1e9, 1) if on_gpu else None,
        "stages": result.seconds,
    }


def tables(rows: Sequence[Row]) -> str:
    """Markdown: means over the seeds; the reward's seconds are medians over all calls (least to most)."""
    lines = []
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        group = [row for row in rows if row["recipe"] == recipe]
        cells = [
            mean_sd([row[name] for row in group], ".1f") for name in ("gb_allocated", "gb_reserved", "seconds_a_step")
        ]
        calls = [seconds for row in group for seconds in row["reward_seconds"]]
        lines.append([recipe, str(len(group)), *cells, median_range(calls)])
    head = ["recipe", "seeds", "GB allocated", "GB reserved", "seconds a step", "of these rewards"]
    return markdown(head, lines)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="one recipe with 2 layers and short responses: does it run", seeds=1)
    add_row_options(parser, "full_scale.jsonl")
    parser.add_argument("--recipes", type=Path, nargs="*", default=RECIPES, help="run files of configs/")
    parser.add_argument("--steps", type=int, default=2, help="GRPO steps of each")
    options = parser.parse_args(argv)
    if options.quick:
        options.recipes, options.seeds = options.recipes[:1], 1
    rows = Rows(options, ("recipe", "steps", "seed"))
    for recipe in options.recipes:
        for _, steps, seed in rows.missing((recipe.stem, options.steps, seed) for seed in range(options.seeds)):
            say(f"running {recipe.stem}, seed {seed}")
            with tempfile.TemporaryDirectory() as scratch:
                rows.add(measured(recipe, steps, seed, Path(scratch), quick=options.quick))
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    report("full_scale", options, rows.all, tables)


if __name__ == "__main__":
    main()
