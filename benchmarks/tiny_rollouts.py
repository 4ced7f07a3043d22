"""How often is the tiny policy right in the tiny world before RL? Writes its judged rollouts, which other benchmarks read.

They are what RL starts from: reward models and choices of labels can be compared in minutes instead of by runs. A row's
`category` is the piece of knowledge that decides between right and wrong. Example:

    python benchmarks/tiny_rollouts.py --first-seed 11 --seeds 1 --out world/
    python benchmarks/acquisition.py world/ --labels 0.2 --seeds 1
"""

from __future__ import annotations

import gzip
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from harness import Row, markdown, mean_sd, parser_of, report, say

from memgraph.domains import Domains, Item
from memgraph.domains.verifiers import judge
from memgraph.store.keys import query_key
from trainer.run.config import PolicySection
from trainer.run.data import truth_of
from trainer.run.policy import load_policy
from trainer.sampling.generate import sample_responses
from trainer.tiny.world import exercises


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = parser_of(__doc__, quick="60 problems, 4 rollouts", seeds=1)
    parser.add_argument(
        "--first-seed", type=int, default=0, help="of the problems (`data.seed` in rl.yaml) and samples"
    )
    parser.add_argument("--problems", type=int, default=900)
    parser.add_argument("--rollouts", type=int, default=16, help="of each problem")
    parser.add_argument("--out", type=Path, default=Path(), help="folder; a seed's file is tiny-SEED.jsonl.gz")
    options = parser.parse_args(argv)
    if options.quick:
        options.problems, options.rollouts, options.seeds = 60, 4, 1
    options.table = None
    rows = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        start = time.perf_counter()
        made = list(rollouts(options.problems, options.rollouts, seed))
        write(options.out / f"tiny-{seed}.jsonl.gz", made)
        rows += counted(made, seed, round(time.perf_counter() - start, 1))
        say(f"seed {seed}: {len(made)} rollouts in {rows[-1]['seconds']} s")
    report("tiny_rollouts", options, rows, tables)


def rollouts(problems: int, samples: int, seed: int) -> Iterator[Row]:
    """Judged rollouts as `memreward import` takes them."""
    made = exercises(problems, seed)
    policy = load_policy(PolicySection(model="tiny"), device="cpu")
    sampled = sample_responses(
        policy.model,
        policy.tokenizer,
        [policy.prompt(exercise.problem.query) for exercise in made],
        n=samples,
        max_new_tokens=64,
        temperature=1.0,
        seed=seed,
        progress=True,
    )
    truth = truth_of(exercise.problem for exercise in made)
    domains, verdict = Domains(), cache(lambda item: judge([item])[0].score)  # many rollouts give the same answer
    for exercise, responses in zip(made, sampled, strict=True):
        problem = exercise.problem
        stored = truth.truth(query_key(problem.dataset, problem.query))
        reference = None if stored is None else stored.reference
        for number, response in enumerate(responses):
            answer = domains[problem.domain].read(response, query=problem.query).answer
            item = Item(answer, reference, problem.domain, problem.query)
            yield {
                "dataset": problem.dataset,
                "domain": problem.domain,
                "query_id": problem.query_id,
                "query": problem.query,
                "rollout_id": f"{problem.query_id}-{number}",
                "policy": "tiny",
                "response": response,
                "correct": reference is not None and answer is not None and (verdict(item) or 0.0) >= 0.5,
                "category": exercise.pattern,
            }


def write(file: Path, rows: Sequence[Row]) -> None:
    """The same rows give the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def counted(made: Sequence[Row], seed: int, seconds: float) -> list[Row]:
    """Share of right rollouts by domain."""
    right: dict[str, list[bool]] = defaultdict(list)
    for row in made:
        right[row["domain"]].append(row["correct"])
    return [
        {
            "seed": seed,
            "domain": domain,
            "rollouts": len(verdicts),
            "right": sum(verdicts) / len(verdicts),
            "seconds": seconds,
        }
        for domain, verdicts in right.items()
    ]


def tables(rows: Sequence[Row]) -> str:
    """Markdown: mean ± standard deviation over the seeds."""
    lines = []
    for domain in dict.fromkeys(row["domain"] for row in rows):
        group = [row for row in rows if row["domain"] == domain]
        lines.append([domain, str(len(group)), str(group[0]["rollouts"]), mean_sd([row["right"] for row in group])])
    return markdown(["domain", "seeds", "rollouts", "right"], lines)


if __name__ == "__main__":
    main()
