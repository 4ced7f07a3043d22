"""A first memory: import rollouts, reveal the truth of some queries, predict the rewards of the others.

    python examples/first_memory.py rollouts.jsonl

A row needs `query` and `response`, and the truth in `gold`, `tests` or `correct` (`memreward check FILE` shows what is read).
"""

import sys

from memgraph import Memory

with Memory.open() as memory:  # starts the local server if there is no other
    report = memory.import_file(sys.argv[1])
    spent = memory.reveal(sys.argv[1], budget=0.2)  # the truth of a fifth of the queries, accounted for in a ledger
    model = memory.fit()
    memory.score()
    rewards = memory.rewards().to_pandas()

print(f"{report.new} rollouts are new, {len(spent.training)} queries labelled")
print(rewards.groupby("source")["reward"].agg(["count", "mean"]))
