"""Which sampler a run has, and how it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.sampling.sampler import Sampler

if TYPE_CHECKING:  # a configuration is read without torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SamplerKind = Literal["transformers", "vllm", "server"]
PARALLEL = {"transformers": 256, "vllm": 512, "server": 16}


class SamplerSection(BaseModel):
    """What samples rollouts before training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: SamplerKind = Field(
        "transformers",
        description="`transformers` in this process, `vllm` in this process (extra `vllm`), or an OpenAI-compatible `server`.",
    )
    dtype: Literal["same", "auto", "float32", "bfloat16"] = Field(
        "same",
        description="Of the matrix products while sampling: as the policy was loaded, or another type; `auto` is bfloat16 "
        "where the device has it. The weights stay as they are. (vLLM loads weights of its own in this type.)",
    )
    parallel: int | None = Field(
        None,
        ge=1,
        description="Sequences or open requests at a time; by default 256 (transformers), 512 (vLLM), 16 (server).",
    )
    url: str | None = Field(None, description="Address of a server, for instance http://localhost:8000/v1.")
    model: str | None = Field(None, description="Name of the policy on the server; by default the only model there.")
    key_variable: str = Field("OPENAI_API_KEY", description="Environment variable that holds the server's key.")
    patience: float = Field(300.0, ge=0, description="Seconds that a busy or missing server is waited for.")
    timeout: float = Field(600.0, gt=0, description="Seconds that a server may take for one response.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="More fields of a server's requests, or more arguments of `vllm.LLM`."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "server") != (self.url is not None):
            raise ValueError(f"a server needs a url, and only a server; found kind {self.kind!r} and url {self.url!r}")
        if self.kind == "transformers" and self.options:
            raise ValueError(f"options are for servers and vLLM, found {', '.join(self.options)} for transformers")
        return self

    @property
    def at_a_time(self) -> int:
        """Sequences or open requests."""
        return self.parallel or PARALLEL[self.kind]


def open_sampler(
    section: SamplerSection,
    policy: str | None,
    *,
    model: str | None = None,
    loaded: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None = None,
    thinking_opened: bool = False,
) -> Sampler:
    """The sampler of a configuration.

    Args:
        policy: its name, as rollouts record it; None for the model's.
        model: what vLLM loads, by default what the policy is called.
        loaded: the policy with its tokenizer, for the sampler `transformers`.
        thinking_opened: a server's chat template opens the thinking.

    Raises:
        SamplingError: if a server does not answer, or vLLM is not there.
    """
    if section.kind == "server":
        from trainer.sampling.client import ServerAddress
        from trainer.sampling.server import ServerSampler

        assert section.url is not None
        return ServerSampler(
            ServerAddress(section.url, section.key_variable, section.patience, section.timeout),
            section.model,
            policy=policy,
            parallel=section.at_a_time,
            options=section.options,
            thinking_opened=thinking_opened,
        )
    if section.kind == "vllm":
        from trainer.sampling.vllm_engine import VllmSampler

        dtype = "auto" if section.dtype == "same" else section.dtype
        if not (model or policy):
            raise ValueError("vLLM needs the name of a model")
        return VllmSampler(
            model or policy or "", policy=policy, dtype=dtype, parallel=section.at_a_time, options=section.options
        )
    from trainer.sampling.load import dtype_of
    from trainer.sampling.local import TransformersSampler

    if loaded is None or policy is None:
        raise ValueError("the sampler transformers needs a model with its name and its tokenizer")
    autocast = None if section.dtype == "same" else dtype_of(section.dtype, loaded[0].device)
    return TransformersSampler(policy, *loaded, parallel=section.at_a_time, autocast=autocast)
