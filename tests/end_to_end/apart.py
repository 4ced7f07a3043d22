"""`memreward` with a home of its own for each rank, as on machines that share a server and no disk."""

from __future__ import annotations

import os

from memgraph.cli import main

if __name__ == "__main__":
    os.environ["MEMREWARD_HOME"] += f"-of-rank-{os.environ['RANK']}"
    main()
