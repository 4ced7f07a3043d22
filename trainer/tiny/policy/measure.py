"""How good a tiny policy is at the start: accuracy by domain, greedy and sampled.

Run `python -m trainer.tiny.policy.measure --help`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from memgraph.domains import Domains, Item
from memgraph.domains.references import Reference
from memgraph.domains.verifiers import judge
from memgraph.printable import PrintableConsole
from trainer.sampling.generate import sample_responses
from trainer.tiny.policy import WEIGHTS, format_prompt, load_tiny_policy
from trainer.tiny.world import DOMAINS, Problem, Split, generate

MAX_NEW_TOKENS = 72  # the longest response, a function, takes about 65
_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of one domain.

    Attributes:
        mean: share of right responses among eight sampled at temperature 1.
        best: share of problems with a right response among the eight (pass@8).
        mixed: share of problems with both right and wrong ones: those that RL can learn from.
    """

    domain: str
    problems: int
    greedy: float
    mean: float
    best: float
    mixed: float


def measure(
    model: Any, tokenizer: Any, problems: Sequence[Problem], domain: str, *, seed: int = 0, progress: bool = False
) -> Accuracy:
    """Accuracy of the policy on problems of one domain."""
    prompts = [format_prompt(problem.query) for problem in problems]

    def right(n: int, temperature: float) -> NDArray[np.bool_]:
        responses = sample_responses(model, tokenizer, prompts, n, MAX_NEW_TOKENS, temperature, seed, progress=progress)
        return judge_responses(problems, responses)

    greedy, sampled = right(1, 0.0), right(_SAMPLES, 1.0)
    some, every = sampled.any(axis=1), sampled.all(axis=1)
    return Accuracy(
        domain=domain,
        problems=len(problems),
        greedy=float(greedy.mean()),
        mean=float(sampled.mean()),
        best=float(some.mean()),
        mixed=float((some & ~every).mean()),
    )


def judge_responses(problems: Sequence[Problem], responses: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    """[problems, samples] whether the verifier takes the response's answer for right; equal answers are judged once."""
    domains, asked = Domains(), []
    for problem, group in zip(problems, responses, strict=True):
        reference = Reference("tests", problem.tests) if problem.tests else Reference("gold", problem.gold or "")
        for response in group:
            answer = domains[problem.domain].read(response, query=problem.query).answer
            asked.append(Item(answer, reference, problem.domain, problem.query))
    different = list(dict.fromkeys(asked))
    verdicts = {item: verdict.score == 1.0 for item, verdict in zip(different, judge(different), strict=True)}
    return np.array([verdicts[item] for item in asked]).reshape(len(problems), -1)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.tiny.policy.measure",
        description="Accuracy of a tiny policy on held-out problems: greedy, and of eight responses at temperature 1.",
        epilog="Example: python -m trainer.tiny.policy.measure --problems 100",
    )
    parser.add_argument("--policy", type=Path, default=WEIGHTS, help="folder of the policy (default: the packaged one)")
    parser.add_argument("--problems", type=int, default=100, help="problems of each domain (default 100)")
    parser.add_argument("--split", choices=get_args(Split), default="test", help="which problems (default test)")
    parser.add_argument("--seed", type=int, default=0, help="of the problems and the sampling (default 0)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    options = parser.parse_args()
    model, tokenizer = load_tiny_policy(options.policy)
    rows = []
    for domain in DOMAINS:
        problems = generate(options.problems, options.seed, domains=[domain], split=options.split)
        rows.append(measure(model, tokenizer, problems, domain, seed=options.seed, progress=not options.json))
    if options.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    table = Table("domain", "problems", "greedy", "mean@8", "pass@8", "mixed groups")
    for row in rows:
        shares = (row.greedy, row.mean, row.best, row.mixed)
        table.add_row(row.domain, str(row.problems), *(f"{share:.1%}" for share in shares))
    PrintableConsole().print(table)


if __name__ == "__main__":
    main()
