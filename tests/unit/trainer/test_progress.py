"""What the bar of a training run shows."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from trainer.run.narrator import Narrator, RewardProgress
from trainer.sampling.store import SampleReport


def shown(capsys: pytest.CaptureFixture[str], **logs: float | None) -> str:
    bar = RewardProgress(Narrator(quiet=False))
    state: Any = SimpleNamespace(global_step=10, max_steps=20)
    bar.on_train_begin(None, state, None)
    bar.on_log(None, state, None, logs={"rewards/memory/source/label": 0.5, **logs})
    bar.on_train_end(None, state, None)
    said = capsys.readouterr()
    return said.out + said.err


@pytest.mark.parametrize(("reward", "said"), [(0.25, "reward 0.25"), (None, "reward none")])
def test_a_step_is_shown_whether_it_had_rewards_or_not(
    reward: float | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"step 10 of 20: {said}  label 50%" in shown(capsys, reward=reward)


def test_predicted_rewards_that_labels_contradict_show_beside_them(capsys: pytest.CaptureFixture[str]) -> None:
    sources = {"rewards/memory/source/reward_model": 0.5, "rewards/memory/mean/reward_model": 0.42}
    said = shown(capsys, reward=0.21, **sources, **{"rewards/memory/mean/label": 0.0})
    assert "reward 0.21  label 50% (mean 0.00) reward_model 50% (mean 0.42)" in said


@pytest.mark.parametrize(("share", "said"), [(0.25, "label 50%  cut off 25%"), (0.05, "label 50%\n")])
def test_who_cuts_many_responses_off_sees_it(share: float, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in shown(capsys, reward=0.5, **{"completions/clipped_ratio": share})


@pytest.mark.parametrize(("observed", "said"), [(0.35, "  watched: right 35%, expected 90%"), (0.85, "label 50%\n")])
def test_who_is_rewarded_wrongly_sees_it_before_an_alarm(
    observed: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    agreement = {"memory/agreement/observed": observed, "memory/agreement/expected": 0.9}
    assert said in shown(capsys, reward=0.5, **agreement)


def test_what_initial_rollouts_lack_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    report = SampleReport(sampled=4, finish_reasons=Counter(stop=1, length=3))
    for text in ("so we go on", "#### 7"):
        report.ingest.answers.read("math", text == "#### 7", text)
    Narrator().sampled(report)
    said = capsys.readouterr().err
    assert "3 of 4 responses were cut off at the limit of tokens (75%)" in said
    assert "math: 1 of 2 rollouts state no answer (50%)" in said
    assert "so we go on" in said


def test_what_few_of_the_initial_rollouts_lack_is_not_worth_saying(capsys: pytest.CaptureFixture[str]) -> None:
    report = SampleReport(sampled=40, finish_reasons=Counter(stop=38, length=2))
    for number in range(40):
        report.ingest.answers.read("math", number > 1, "so we go on")
    Narrator().sampled(report)
    assert "so we go on" not in capsys.readouterr().err
