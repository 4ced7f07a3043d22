"""Causal language models with their tokenizers: a hub name, a folder, or a GGUF file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from memgraph.errors import SamplingError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Dtype = torch.dtype | str
"""A type of torch, or "auto" for that of the checkpoint."""


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether a device multiplies in bfloat16 faster than in float32. AVX512-BF16 alone does so for few rows at a time only."""
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(name, False) for name in ("amx_bf16", "bf16"))  # "bf16" is ARM's
    return kind in ("mps", "xpu")


def dtype_of(name: str, device: torch.device | str) -> torch.dtype:
    """The type that a setting names; "auto" is bfloat16 where the device has it, else float32."""
    if name == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return DTYPES[name]


def is_gguf(name: str) -> bool:
    """Whether a model is named by a GGUF file."""
    return name.lower().endswith(".gguf")


def load_model(
    name: str, *, dtype: Dtype, device: torch.device | str
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model on a device, and its tokenizer, which pads on the left.

    Weights of a GGUF file are unpacked, so that they can be trained and saved as any others.

    Args:
        name: a hub name, a folder, or the path of a GGUF file.
        dtype: of the weights.

    Raises:
        SamplingError: if it cannot be loaded.
    """
    source, options = _gguf(name) if is_gguf(name) else (name, {})
    if options and dtype == "auto":
        dtype = dtype_of("auto", device)  # packed weights have no type of their own
    try:
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
        named = {"gguf_file": options["gguf_file"]} if options else {}
        tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left", **named)
    except (OSError, ImportError, KeyError, RuntimeError, ValueError) as error:
        raise SamplingError(
            f"cannot load the policy {name!r}: {error}; give a local folder, a GGUF file, a hub name on a machine that reaches "
            "the hub, or `tiny`"
        ) from error
    if (quantizer := getattr(model, "hf_quantizer", None)) is not None and options:
        quantizer.remove_quantization_config(model)  # it would refuse to be trained or saved
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    placed: Any = model  # its `to` is annotated as taking the model itself
    return placed.to(device), tokenizer


def _gguf(name: str) -> tuple[str, dict[str, Any]]:
    """Folder and further arguments of `from_pretrained`."""
    file = Path(name).expanduser()
    if not file.is_file():
        raise SamplingError(f"there is no file {file}; give the path of a GGUF file that is there")
    try:
        import gguf  # noqa: F401
        from transformers import GgufConfig
    except ImportError as error:
        raise SamplingError(
            f"{file} is a GGUF file, and reading it needs the package gguf: pip install 'memreward-graph[gguf]'"
        ) from error
    return str(file.parent), {"gguf_file": file.name, "quantization_config": GgufConfig(dequantize=True)}
