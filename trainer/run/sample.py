"""Rollouts of given queries, without training (`memreward sample`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from memgraph import Memory
from memgraph.errors import SettingsError
from memgraph.printable import PrintableConsole
from trainer.run.config import PolicySection
from trainer.run.policy import load_policy
from trainer.sampling.config import SamplerSection, open_sampler
from trainer.sampling.load import dtype_of
from trainer.sampling.progress import SamplingProgress
from trainer.sampling.questions import PLACEHOLDER, Asking, Question
from trainer.sampling.sampler import Decoding, Sampler
from trainer.sampling.store import Place, SampleReport, lacking, sample_into


def open_policy(
    section: SamplerSection,
    model: str | None,
    asking: Asking,
    *,
    name: str | None = None,
    device: str | None = None,
    thinking_opened: bool = False,
) -> tuple[Sampler, Asking]:
    """A sampler, and how its policy is asked: in plain text where it has no chat template.

    Args:
        model: a hub name, a folder, a GGUF file or `tiny`; None for the only model of a server.
        name: that rollouts record; by default the model's.

    Raises:
        SettingsError: if no model is named, or a system prompt is given to a model without a chat template.
        SamplingError: if it cannot be loaded, or no server answers.
    """
    if section.kind == "server":
        return open_sampler(section, name, thinking_opened=thinking_opened), asking
    if model is None:
        raise SettingsError(
            "name the policy with --model (a hub name, a folder, a GGUF file or `tiny`), or a server with --url"
        )
    if section.kind == "vllm":
        return open_sampler(section, name, model=model), asking
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype_of("float32" if section.dtype == "same" else section.dtype, place)
    policy = load_policy(
        PolicySection(model=model, dtype="bfloat16" if dtype == torch.bfloat16 else "float32"), device=place
    )
    if asking.chat and policy.tokenizer.chat_template is None:
        if asking.system is not None:
            raise SettingsError(
                f"{model} has no chat template, so it takes no system prompt; use --template instead of --system"
            )
        asking = replace(asking, chat=False)
    asking = replace(asking, template=asking.template.replace(PLACEHOLDER, policy.format_prompt(PLACEHOLDER)))
    sampler = open_sampler(
        section.model_copy(update={"dtype": "same"}), name or model, loaded=(policy.model, policy.tokenizer)
    )
    return sampler, asking


def sample_run(
    memory: Memory,
    sampler: Sampler,
    questions: Sequence[Question],
    *,
    run: str,
    count: int,
    decoding: Decoding,
    console: PrintableConsole,
) -> tuple[SampleReport, int]:
    """Sample until the run has `count` rollouts of each question.

    Returns:
        What was done, and how many of these rollouts the run had before.

    Raises:
        InputError: if the run holds rollouts of another policy.
        SamplingError: where nothing more can be sampled.
    """
    place = Place(run)
    requests = lacking(memory, questions, place, count, policy=sampler.policy)
    wanted = sum(len(request.samples) for request in requests)
    with SamplingProgress(console, wanted) as bar:
        report = sample_into(memory, sampler, questions, requests, place=place, decoding=decoding, on_response=bar)
    return report, len(questions) * count - wanted
