"""Types of numbers, what ends a response, and how far sampling is."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from memgraph.errors import InputError, SamplingError
from memgraph.printable import PrintableConsole
from trainer.run.config import LoraSection, PolicySection
from trainer.run.policy import load_policy, weight_type
from trainer.sampling import load, progress
from trainer.sampling.config import SamplerSection, open_sampler
from trainer.sampling.load import dtype_of, has_bfloat16, load_model
from trainer.sampling.local import TransformersSampler
from trainer.sampling.progress import SamplingProgress
from trainer.sampling.sampler import Decoding, Request
from trainer.tiny.policy import format_prompt, load_tiny_policy


def processor(monkeypatch: pytest.MonkeyPatch, **found: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found)


@pytest.mark.parametrize(
    ("found", "fast"),
    [
        ({"amx_bf16": True}, True), ({"avx512_bf16": True}, False), ({"bf16": True}, True),
        ({"avx512_f": True, "amx_bf16": False}, False), ({}, False),
    ],
)  # fmt: skip
def test_bfloat16_is_taken_where_the_processor_multiplies_in_it(
    found: dict[str, bool], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, **found)
    assert has_bfloat16("cpu") is fast
    assert dtype_of("auto", "cpu") == (torch.bfloat16 if fast else torch.float32)
    assert dtype_of("bfloat16", "cpu") == torch.bfloat16


def test_weights_that_are_trained_are_float32_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, amx_bf16=True)
    assert weight_type(PolicySection(), "cpu") == torch.float32
    assert weight_type(PolicySection(dtype="bfloat16"), "cpu") == torch.bfloat16
    assert weight_type(PolicySection(lora=LoraSection()), "cpu") == "auto"
    processor(monkeypatch)
    assert weight_type(PolicySection(lora=LoraSection()), "cpu") == torch.float32


def test_the_tiny_policy_in_bfloat16() -> None:
    policy = load_policy(PolicySection(dtype="bfloat16"), device="cpu")
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.bfloat16}


def sampled(n: int, **how: Any) -> list[Any]:
    sampler = TransformersSampler("tiny", *load_tiny_policy(), **how)
    requests = [Request(str(i), format_prompt(f"What is {i} + 3?"), tuple(range(n))) for i in range(4)]
    return list(sampler.sample(requests, Decoding(40, 1.0, seed=5)))


def test_what_the_limit_cut_off_is_told_from_what_ended() -> None:
    sampler = TransformersSampler("tiny", *load_tiny_policy())
    (short,) = sampler.sample([Request("k", format_prompt("What is 2 + 3?"), (0,))], Decoding(3))
    assert short.response is not None
    assert (short.response.finish_reason, short.response.tokens) == ("length", 3)
    whole = [one.response for one in sampled(2)]
    assert {one.finish_reason for one in whole if one.tokens < 40} == {"stop"}
    assert all(one.thinking_opened is False for one in whole)


def test_a_checkpoint_ends_a_turn_by_several_tokens_and_adds_no_penalty() -> None:
    model, tokenizer = load_tiny_policy()
    request = Request("k", format_prompt("What is 2 + 3?"), (0,))
    (before,) = TransformersSampler("tiny", model, tokenizer).sample([request], Decoding(40, 0.0))
    assert before.response is not None
    second = tokenizer(before.response.text)["input_ids"][1]
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, second]
    model.generation_config.repetition_penalty = 9.0
    (after,) = TransformersSampler("tiny", model, tokenizer).sample([request], Decoding(40, 0.0))
    assert after.response is not None
    assert (after.response.finish_reason, after.response.tokens) == ("stop", 2)
    assert before.response.text.startswith(after.response.text)


def test_sampling_by_autocast_is_another_draw_of_the_same_weights() -> None:
    assert len(sampled(2, autocast=torch.bfloat16)) == 8
    assert [one.response for one in sampled(2)] == [one.response for one in sampled(2)]


@pytest.mark.parametrize(
    "values", [{"kind": "server"}, {"url": "http://a"}, {"options": {"a": 1}}, {"kind": "ollama"}, {"parallel": 0}]
)
def test_settings_of_a_sampler_that_do_not_fit(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SamplerSection.model_validate(values)


def test_vllm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(SamplingError, match=r"memreward-graph\[vllm\].*--url"):
        open_sampler(SamplerSection(kind="vllm"), "some/model")


def test_gguf_files_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SamplingError, match="there is no file"):
        load_model(str(tmp_path / "x.gguf"), dtype="auto", device="cpu")
    (tmp_path / "x.gguf").write_bytes(b"not a model")
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(SamplingError, match=r"memreward-graph\[gguf\]"):
        load_model(str(tmp_path / "x.gguf"), dtype="auto", device="cpu")
    assert load.is_gguf("a/B.GGUF")
    assert not load.is_gguf("a/gguf")


def test_a_length_that_is_none() -> None:
    for bad in ((0, 1.0), (5, -1.0), (5, float("inf"))):
        with pytest.raises(InputError, match="at least one token"):
            Decoding(*bad)


def test_progress_without_a_terminal_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with SamplingProgress(PrintableConsole(file=stream, width=200), 300) as told:
        told(100, 5_000)
        assert stream.getvalue() == ""
        monkeypatch.setattr(progress, "_EVERY_SECONDS", 0.0)
        told(100, 5_000)
        assert stream.getvalue().startswith("  sampled 200 of 300 rollouts, ")
    assert len(stream.getvalue().splitlines()) == 2
    assert "tokens/s" in stream.getvalue()


def test_progress_on_a_terminal_is_a_bar_and_silence_is_silence() -> None:
    stream, silent = io.StringIO(), io.StringIO()
    with SamplingProgress(PrintableConsole(file=stream, width=200, force_terminal=True), 10) as told:
        told(10, 50)
    assert "sampling" in stream.getvalue()
    assert "sampled 10 of 10 rollouts" in stream.getvalue()
    with SamplingProgress(PrintableConsole(file=silent, width=200), 10, shown=False) as told:
        told(10, 50)
    assert silent.getvalue() == ""
