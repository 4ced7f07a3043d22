"""Rewards for the completions of a run that is over, for instance what TRL's `log_completions` wrote.

    python examples/existing_completions.py completions.parquet rewards.csv

Without any label the rewards are votes, moved by what other memories taught of the checks; `memory.reveal` adds labels.
"""

import sys

from memgraph import Memory, Scope

with Memory.open() as memory:
    report = memory.import_file(
        sys.argv[1], run="logged", domain="math", columns={"query": "prompt", "response": "completion"}
    )
    memory.fit()
    summary = memory.score(scope=Scope(runs=("logged",)))
    memory.rewards().to_pandas().to_csv(sys.argv[2], index=False)

print(f"{report.new} new rollouts, {len(report.rejected)} rows left out; {summary.scored} scored")
