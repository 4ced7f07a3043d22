"""What the bar of a training run shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trainer.run.narrator import Narrator, RewardProgress


@pytest.mark.parametrize(("reward", "said"), [(0.25, "reward 0.25"), (None, "reward none")])
def test_a_step_is_shown_whether_it_had_rewards_or_not(
    reward: float | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = RewardProgress(Narrator(quiet=False))
    state: Any = SimpleNamespace(global_step=10, max_steps=20)
    bar.on_train_begin(None, state, None)
    bar.on_log(None, state, None, logs={"reward": reward, "rewards/memory/source/label": 0.5})
    bar.on_train_end(None, state, None)
    shown = capsys.readouterr()
    assert f"step 10 of 20: {said}  label 50%" in shown.out + shown.err
