"""A language model of a million parameters, brought up on the problems of `trainer.tiny.world`, that ships with the code.

It makes real RL possible on two CPU cores and without a model hub: a few seconds a step, and right about half of the
time at the start. `python -m trainer.tiny.policy.pretrain` made it, `python -m trainer.tiny.policy.measure` says how
good it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

from memgraph.progress import no_loading_bars

WEIGHTS: Final = Path(__file__).parent / "weights"


def format_prompt(query: str) -> str:
    """The prompt under which the policy was brought up; its responses follow directly, from `<think>` on."""
    return f"Question: {query}\nAnswer:"


def load_tiny_policy(folder: Path = WEIGHTS) -> tuple[Qwen2ForCausalLM, PreTrainedTokenizerFast]:
    """The packaged policy in float32 and its tokenizer, which pads on the left as generation needs.

    Raises:
        FileNotFoundError: if the folder holds no weights.
    """
    if not (folder / "model.safetensors").is_file():
        raise FileNotFoundError(
            f"no policy in {folder}: model.safetensors is missing; "
            f"make it by: python -m trainer.tiny.policy.pretrain --out {folder}"
        )
    with no_loading_bars():
        model = Qwen2ForCausalLM.from_pretrained(folder, dtype="float32")
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model.eval()  # type: ignore[no-untyped-call]
    return model, tokenizer
