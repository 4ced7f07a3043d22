"""The model that is trained, with its tokenizer and the way it is prompted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import PartialState
from peft import LoraConfig

from trainer.reward.completions import opens_thinking
from trainer.run.config import PolicySection
from trainer.sampling.generate import rendered
from trainer.sampling.load import DTYPES, Dtype, has_bfloat16, load_model
from trainer.tiny.policy import format_prompt, load_tiny_policy

TINY = "tiny"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy ready for sampling and training.

    Attributes:
        format_prompt: query text → prompt text.
        system_prompt: where given, prompts are conversations for the model's chat template.
        thinking_opened: what the configuration says of `opens_thinking`, None for what the template does.
    """

    name: str
    model: Any
    tokenizer: Any
    format_prompt: Callable[[str], str]
    system_prompt: str | None
    peft_config: LoraConfig | None
    thinking_opened: bool | None = None

    def prompt(self, query: str) -> str | list[dict[str, str]]:
        """The prompt of a query, as text or as a conversation."""
        text = self.format_prompt(query)
        if self.system_prompt is None:
            return text
        return [{"role": "system", "content": self.system_prompt}, {"role": "user", "content": text}]

    @property
    def opens_thinking(self) -> bool:
        """Whether the chat template opens the thinking in the prompt, as those of some reasoning models do."""
        if self.thinking_opened is not None:
            return self.thinking_opened
        return opens_thinking(rendered(self.tokenizer, self.prompt("1 + 1")))

    def ready_to_sample(self) -> None:
        """Undo what training leaves behind: dropout, and gradient checkpointing, which breaks the key-value cache."""
        self.model.eval()
        self.model.gradient_checkpointing_disable()
        self.model.config.use_cache = True

    def describe(self) -> str:
        """Name, size and device in a line."""
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        return f"policy {self.name}, {parameters / 1e6:.1f} M parameters on {self.model.device}"


def load_policy(section: PolicySection, *, device: str | None = None) -> Policy:
    """The policy that a configuration names, on the given device, else on a GPU where there is one.

    Raises:
        SamplingError: if a model cannot be loaded.
    """
    place = device or PartialState().device  # of several processes, each has its own GPU
    model: Any
    tokenizer: Any
    if section.model == TINY:
        model, tokenizer = load_tiny_policy()
        prompt: Callable[[str], str] = format_prompt
        if section.dtype == "bfloat16":
            model = model.to(torch.bfloat16)
    else:
        model, tokenizer = load_model(section.model, dtype=weight_type(section, place), device=place)
        prompt = str
    lora = section.lora
    peft_config = (
        None
        if lora is None
        else LoraConfig(
            r=lora.r,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=lora.target_modules,
            task_type="CAUSAL_LM",
        )
    )
    return Policy(
        section.model, model.to(place), tokenizer, prompt, section.system_prompt, peft_config, section.thinking_opened
    )


def weight_type(section: PolicySection, device: torch.device | str) -> Dtype:
    """The type that a policy's weights are loaded in.

    In bfloat16 a weight of .02 moves in steps of 1e-4: an update of 1e-6 would be lost. So weights that are trained are
    float32, unless the configuration says otherwise. Frozen weights need no more than the checkpoint has.
    """
    if section.dtype != "auto":
        return DTYPES[section.dtype]
    return "auto" if section.lora is not None and has_bfloat16(device) else torch.float32
