"""Rollouts of the tiny policy in the tiny world, judged, as a file that benchmarks/acquisition.py reads.

They are what RL starts from: reward models and choices of labels can be compared in minutes instead of by runs. A row's
`category` is the piece of knowledge that decides between right and wrong. Example:

    python benchmarks/tiny_rollouts.py --seed 11 --out world/
    python benchmarks/acquisition.py world/ --labels 0.2 --seeds 1
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from functools import cache
from pathlib import Path

from memgraph.domains import Domains, Item
from memgraph.domains.verifiers import judge
from memgraph.store.keys import query_key
from trainer.run.config import PolicySection
from trainer.run.data import truth_of
from trainer.run.policy import load_policy
from trainer.sampling import sample_responses
from trainer.tiny.world import exercises


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the problems (as `data.seed` in rl.yaml) and the samples"
    )
    parser.add_argument("--problems", type=int, default=900)
    parser.add_argument("--rollouts", type=int, default=16, help="of each problem")
    parser.add_argument("--out", type=Path, default=Path(), help="folder; the file is tiny-SEED.jsonl.gz")
    parser.add_argument("--quick", action="store_true", help="60 problems, 4 rollouts")
    options = parser.parse_args()
    if options.quick:
        options.problems, options.rollouts = 60, 4
    start = time.perf_counter()
    made = exercises(options.problems, options.seed)
    policy = load_policy(PolicySection(model="tiny"), device="cpu")
    samples = sample_responses(
        policy.model,
        policy.tokenizer,
        [policy.prompt(exercise.problem.query) for exercise in made],
        n=options.rollouts,
        max_new_tokens=64,
        temperature=1.0,
        seed=options.seed,
        progress=True,
    )
    truth = truth_of(exercise.problem for exercise in made)
    domains, verdict = Domains(), cache(lambda item: judge([item])[0].score)  # many rollouts give the same answer
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / f"tiny-{options.seed}.jsonl.gz"
    right = rows = 0
    with gzip.open(file, "wt", encoding="utf-8") as out:
        for exercise, responses in zip(made, samples, strict=True):
            problem = exercise.problem
            known = truth.truth(query_key(problem.dataset, problem.query))
            reference = None if known is None else known.reference
            for number, response in enumerate(responses):
                answer = domains[problem.domain].read(response, query=problem.query).answer
                item = Item(answer, reference, problem.domain, problem.query)
                correct = reference is not None and answer is not None and (verdict(item) or 0.0) >= 0.5
                row = {
                    "dataset": problem.dataset,
                    "domain": problem.domain,
                    "query_id": problem.query_id,
                    "query": problem.query,
                    "rollout_id": f"{problem.query_id}-{number}",
                    "policy": "tiny",
                    "response": response,
                    "correct": correct,
                    "category": exercise.pattern,
                }
                out.write(json.dumps(row) + "\n")
                right, rows = right + correct, rows + 1
    print(f"{file}: {rows} rollouts, {right / rows:.1%} right, {time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
