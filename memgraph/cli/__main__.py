"""`python -m memgraph.cli` is the `memreward` command."""

from memgraph.cli import main

main()
