"""One YAML file describes one training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from memgraph.domains.checks import ALL_CHECKS
from memgraph.errors import SettingsError
from memgraph.snapshot.read import NeighbourhoodLimits
from trainer.sampling.config import SamplerSection


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoraSection(_Section):
    """Low-rank adapters instead of full fine-tuning (peft)."""

    r: int = 16
    alpha: int = 32
    dropout: float = 0.05
    target_modules: str | list[str] = "all-linear"


class PolicySection(_Section):
    """The model that is trained."""

    model: str = Field(
        "tiny",
        description="`tiny` for the policy that ships with this package, else a hub name, a folder or a GGUF file (extra "
        "`gguf`).",
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Of the weights. `auto` is float32 where they are trained, since small updates are lost in bfloat16; beside "
        "adapters it is the checkpoint's, where the device multiplies in it.",
    )
    lora: LoraSection | None = None
    sampler: SamplerSection = SamplerSection()
    system_prompt: str | None = Field(
        None, description="With it, prompts are conversational and go through the model's chat template."
    )
    thinking_opened: bool | None = Field(
        None,
        description="Whether the chat template opens the thinking in the prompt, so that a response which closes none has no "
        "answer. By default the template tells, but verl and verifiers show none: for these, say it here.",
    )


class DataSection(_Section):
    """Training and held-out problems: generated, or from files with `query` and `gold` or `tests`."""

    train_files: list[Path] = Field(default_factory=list)
    test_files: list[Path] = Field(default_factory=list)
    ood_files: list[Path] = Field(default_factory=list, description="Held-out problems of other kinds.")
    domains: list[str] = Field(default_factory=lambda: ["math", "qa", "code"])
    train: int = Field(240, ge=1, description="Generated training problems (without files).")
    test: int = Field(300, ge=0, description="Generated held-out problems (without files).")
    ood: int = Field(0, ge=0, description="Generated held-out problems of kinds that training never asks for.")
    seed: int = 0


class LabelSection(_Section):
    """What labels may be spent, and on what."""

    ledger: str | None = Field(None, description="Account of this experiment; by default the run's name.")
    budget: float | int = Field(0.2, description="A share of the distinct training queries, or a number of them.")
    seed: int = 0
    verifier: str = Field(
        "auto",
        description="What judges answers: a name in `memgraph.domains.verifiers`, or a function of yours as module:function. "
        "`auto` leaves it to the domain: tests of programs, expressions in maths, options and texts of questions. People "
        "judge one answer at a time after the fact: `memreward queue`.",
    )
    acquisition: Literal["random", "informative"] = Field(
        "informative",
        description="`informative` draws a quarter of the training labels at random, on which calibration rests, and lets the "
        "reward model choose the others: those that it is least sure of.",
    )
    reuse: list[str] = Field(
        default_factory=list,
        description="Other ledgers of this memory: training queries that they have paid for are known here at no cost.",
    )
    monitor: float | int = Field(
        0.05,
        ge=0,
        description="Share of the budget, or number of queries, whose labels watch the reward during training and are never "
        "trained on; 0 watches nothing.",
    )


class MonitorSection(_Section):
    """When the predicted reward is no longer calibrated: agreement with the verifier on the watched queries."""

    tolerance: float = Field(
        0.05, ge=0, le=0.5, description="Gap between expected and observed agreement that is no reason for an alarm."
    )
    false_alarm: int = Field(
        500,
        ge=2,
        description="At most one false alarm in so many watched groups (rollouts of one query in one step) on average.",
    )
    stop_after: int | None = Field(
        None, ge=1, description="Alarms after which training stops with an error; by default it warns and goes on."
    )


class RefitSection(_Section):
    """When the reward model (scorer `reward_model`) is fitted again during training, and on how much. Other scorers are not."""

    every: int | None = Field(
        5,
        ge=1,
        description="Steps between fits; null never fits again. A policy learns within ten steps what a model that stays as it is "
        "takes for right.",
    )
    groups: int | None = Field(
        320,
        ge=1,
        description="Groups between fits where the trainer tells no step (verl, verifiers); null never fits again.",
    )
    max_rollouts: int = Field(
        20000,
        ge=1,
        description="A fit reads at most so many, of labelled queries first; 10,000 take four to sixteen seconds.",
    )
    rollouts_per_query: int = Field(16, ge=1, description="Of these at most so many a query, the newest first.")


class RewardSection(_Section):
    """How unlabelled rollouts are rewarded."""

    scorer: str = Field(
        "reward_model",
        description="Any scorer of `memgraph.models.scorers`; with `none` only the labelled queries are trained on.",
    )
    kind: Literal["threshold", "soft"] = Field(
        "threshold", description="0/1 at `threshold`, or the probability itself."
    )
    threshold: float = Field(0.5, gt=0, lt=1)
    confidence: float = Field(0.5, ge=0.5, lt=1, description="Less sure verdicts give no reward.")
    skip_noise: bool = Field(
        True, description="No reward for groups whose predictions differ by less than their noise."
    )
    checks: list[str] = Field(
        default_factory=lambda: list(ALL_CHECKS),
        description="Label-free checks that the scorer `reward_model` may use.",
    )
    experience: int = Field(
        NeighbourhoodLimits().experience,
        ge=0,
        description="At most so many of a query's other rollouts are read beside its group.",
    )
    initial_rollouts: int = Field(
        8,
        ge=1,
        description="Rollouts of each training query before training starts; labels are drawn among their queries.",
    )
    labelled_rollouts: int = Field(
        8,
        ge=1,
        description="Rollouts of each labelled query before training starts, where that is more: its truth is revealed, so that "
        "judging more of them costs nothing, and the scorer learns from what they say.",
    )
    group_seconds: float = Field(
        60.0,
        gt=0,
        description="How long a process waits for the others' rollouts of a group; then what is there is scored.",
    )
    max_unanswered: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of rollouts without an answer above which training stops, or does not begin, before labels are "
        "paid for. With 1 it stops only where more than 95 % of the initial rollouts have none.",
    )
    max_undecided: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of verdicts that could not be given above which training stops; 1 never stops.",
    )
    max_failed_calls: int = Field(3, ge=0, description="Consecutive failed reward calls after which training stops.")

    @property
    def samples_labelled(self) -> bool:
        """Whether labelled queries get more rollouts than the others before training."""
        return self.scorer != "none" and self.labelled_rollouts > self.initial_rollouts

    @field_validator("checks")
    @classmethod
    def _known(cls, checks: list[str]) -> list[str]:
        if unknown := [check for check in checks if check not in ALL_CHECKS]:
            raise ValueError(f"unknown checks {', '.join(unknown)}; known: {', '.join(ALL_CHECKS)}")
        return checks


class RunConfig(_Section):
    """A whole run. `grpo` is handed to `trl.GRPOConfig` as it is."""

    name: str
    output: Path = Path("outputs")
    seed: int = 0
    policy: PolicySection = PolicySection()
    data: DataSection = DataSection()
    labels: LabelSection = LabelSection()
    reward: RewardSection = RewardSection()
    refit: RefitSection = RefitSection()
    monitor: MonitorSection = MonitorSection()
    evaluate: bool = Field(True, description="Accuracy on the held-out problems before and after.")
    max_new_tokens: int = Field(64, ge=1, description="Longest response, in training and evaluation.")
    grpo: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _reads_what_is_labelled(self) -> Self:
        if self.reward.samples_labelled and self.refit.rollouts_per_query < self.reward.labelled_rollouts:
            raise ValueError(
                f"refit.rollouts_per_query is {self.refit.rollouts_per_query}, so that fits would not read all of "
                f"reward.labelled_rollouts, which is {self.reward.labelled_rollouts}; raise the former or lower the latter"
            )
        return self

    @property
    def ledger(self) -> str:
        """Name of the run's label account."""
        return self.labels.ledger or self.name

    @property
    def folder(self) -> Path:
        """Where checkpoints and logs of this run go."""
        return self.output / self.name

    @classmethod
    def load(cls, file: Path) -> RunConfig:
        """Read a YAML file.

        Raises:
            SettingsError: naming each field that does not fit.
        """
        try:
            values = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise SettingsError(f"cannot read the run configuration {file}: {error}") from error
        if not isinstance(values, dict):
            raise SettingsError(f"{file} must hold a mapping with at least `name`, found {type(values).__name__}")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SettingsError(f"{file} does not fit: {problems}") from error
