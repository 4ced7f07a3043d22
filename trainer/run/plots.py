"""Picture of a training run: reward by step, and where it came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from trainer.reward.report import read_records

_SMOOTH = 5


def plot_training(log: Path, file: Path) -> None:
    """Draw a run's `rewards.jsonl`: mean reward of each call (and its running mean), shares of the sources below.

    Args:
        log: what `MemoryReward(log=…)` wrote; calls of all attempts are drawn in order.
        file: picture to write; its ending chooses the format (png, svg, pdf).
    """
    calls = read_records(log)
    rewards = np.array([np.nan if call["mean_reward"] is None else call["mean_reward"] for call in calls])
    sources = sorted({source for call in calls for source in call["sources"]})
    figure = Figure(figsize=(7, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    upper.plot(rewards, alpha=0.4, label="mean reward of a call")
    if len(rewards) >= _SMOOTH:
        running = np.convolve(rewards, np.ones(_SMOOTH) / _SMOOTH, mode="valid")
        upper.plot(np.arange(_SMOOTH - 1, len(rewards)), running, label=f"mean of the last {_SMOOTH}")
    upper.set_ylabel("reward")
    upper.legend()
    shares = [[call["sources"].get(source, 0) / sum(call["sources"].values()) for call in calls] for source in sources]
    lower.stackplot(range(len(calls)), shares, labels=sources, alpha=0.7)
    lower.set(xlabel="reward call", ylabel="share of rewards", ylim=(0, 1))
    lower.legend(loc="lower right")
    figure.savefig(file, dpi=150)
