"""Trainings of examples and documents, small enough for a test: the tiny policy, for two steps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trl
from trl import GRPOConfig, GRPOTrainer

from trainer.tiny.policy import load_tiny_policy

_TEMPLATE = "{% for message in messages %}Question: {{ message['content'] }}\nAnswer:{% endfor %}"


def save_policy(folder: Path) -> Path:
    """The tiny policy in a folder, as a chat model of a hub would lie there."""
    model, tokenizer = load_tiny_policy()
    tokenizer.chat_template = _TEMPLATE
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a program asks of GRPOConfig, it gets two steps of short completions."""
    quick = partial(
        GRPOConfig, use_cpu=True, report_to=[], max_steps=2, save_strategy="no", disable_tqdm=True,
        gradient_checkpointing=False,
    )  # fmt: skip
    monkeypatch.setattr(
        trl, "GRPOConfig", lambda **options: quick(**{"output_dir": "trained", **options, "max_completion_length": 32})
    )


def train_the_tiny_policy(monkeypatch: pytest.MonkeyPatch, policy: Path) -> None:
    """Whatever policy a program names, the one in a folder is trained."""

    def trainer(**options: Any) -> GRPOTrainer:
        return GRPOTrainer(**{"args": trl.GRPOConfig(), **options, "model": str(policy)})

    monkeypatch.setattr(trl, "GRPOTrainer", trainer)
