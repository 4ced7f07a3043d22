"""Makes the two files beside it: problems of the tiny world, and what the tiny policy says to them.

    python examples/data/make.py

`questions.jsonl` has a question and its answer a row, for GRPO. `rollouts.jsonl` has four responses to each of forty other
questions, with their gold answers, for a first memory.
"""

import json
from pathlib import Path

from trainer.sampling.generate import sample_responses
from trainer.tiny.policy import format_prompt, load_tiny_policy
from trainer.tiny.world import generate

HERE = Path(__file__).parent


def make(folder: Path = HERE, queries: int = 40) -> None:
    """Write both files, for so many queries each."""
    problems = generate(2 * queries, seed=0, domains=["math"])
    asked, trained = problems[:queries], problems[queries:]
    prompts = [format_prompt(problem.query) for problem in asked]
    samples = sample_responses(*load_tiny_policy(), prompts, n=4, max_new_tokens=64, temperature=1.0)
    rollouts = [
        {"query": problem.query, "response": response.strip(), "gold": problem.gold, "domain": "math"}
        for problem, responses in zip(asked, samples, strict=True)
        for response in responses
    ]
    write(folder / "rollouts.jsonl", rollouts)
    write(folder / "questions.jsonl", [{"question": problem.query, "answer": problem.gold} for problem in trained])


def write(file: Path, rows: list[dict[str, str | None]]) -> None:
    """JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    make()
