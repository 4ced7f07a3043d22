"""`memreward` with a home of its own for each rank, as on machines that share a server and no disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from memgraph.cli import main
from memgraph.models.reward_model import RewardModel

if __name__ == "__main__":
    homes, rank = os.environ["MEMREWARD_HOME"] + "-of-rank-", os.environ["RANK"]
    os.environ["MEMREWARD_HOME"] = homes + rank
    load = RewardModel.load

    def load_here(folder: Path, **options: Any) -> RewardModel:
        """As `RewardModel.load`, but blind for the homes of the other ranks."""
        if str(folder).startswith(homes) and not str(folder).startswith(homes + rank):
            raise FileNotFoundError(f"{folder} lies on another machine")
        return load(folder, **options)

    RewardModel.load = load_here  # type: ignore[method-assign,assignment]
    main()
