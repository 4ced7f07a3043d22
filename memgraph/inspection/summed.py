"""What named queries tell, summed up as the report and the pictures show it."""

from __future__ import annotations

STEP_PARTS = 20  # of the steps of a training run, at most (query `reward_sources`)
