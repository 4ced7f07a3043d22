"""A dry run of a configuration: what a training would fail on hours later, found in a minute (`memreward train --check`).

Nothing is trained, stored or paid for. Gold answers are shown to their own verifier only.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import quantiles
from typing import Literal

import httpx2
import psutil
import torch
from accelerate import init_empty_weights
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.integration_utils import (
    INTEGRATION_TO_CALLBACK,
    get_available_reporting_integrations,
)
from trl.trainer.grpo_config import GRPOConfig

from memgraph.domains import Domains, Item
from memgraph.domains.verifiers import verifier
from memgraph.errors import MemRewardError
from memgraph.labels.draw import limit_of
from memgraph.models.scorers import SCORERS
from memgraph.settings import Settings
from memgraph.store.database import Database, open_endpoint
from memgraph.store.migrations import require_current
from memgraph.store.server.local import LocalServer
from trainer.reward.completions import opens_thinking
from trainer.run.config import RunConfig
from trainer.run.data import Problems, Splits, load_problems
from trainer.run.initial_rollouts import group_size
from trainer.run.policy import TINY, Policy, load_policy, weight_type
from trainer.run.train import trl_config
from trainer.sampling.config import open_sampler
from trainer.sampling.generate import rendered, stream_responses
from trainer.sampling.load import is_gguf

State = Literal["ok", "warning", "problem"]
_FEW_LABELLED = 10  # queries
_SHOWN_GOLDS = 5
_SERVER_SECONDS = 10.0
_GB = 1e9
_PROMPTS_MEASURED = 4
_TRAINING_PASSES = 3  # of the cost of a forward pass: forward, and twice as much backward


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: a word for it.
        state: "problem" where the run would fail or train on nothing.
        message: what was found, and what to do where that is not well.
    """

    what: str
    state: State
    message: str


def check_run(config: RunConfig, settings: Settings) -> Iterator[Finding]:
    """Look at everything a run needs, one finding after the other as they are known."""
    check = _Check(config, settings)
    for look in (
        check.arguments,
        check.trackers,
        check.problems,
        check.verifier,
        check.labels,
        check.policy,
        check.sampler,
        check.memory,
    ):
        try:
            yield from look()
        except (MemRewardError, ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
            yield Finding(look.__name__, "problem", " ".join(str(error).split()))


class _Check:
    def __init__(self, config: RunConfig, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.domains = Domains.of(settings)
        self.splits: Splits | None = None
        self.grpo: GRPOConfig | None = None
        place = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.device = torch.device(place)

    def arguments(self) -> Iterator[Finding]:
        """Whether TRL takes them, and how many steps they make."""
        self.grpo = trl_config(self.config, on_gpu=self.device.type == "cuda")
        completions = self.grpo.generation_batch_size or 0
        yield Finding(
            "arguments",
            "ok",
            f"TRL takes them: {self.grpo.max_steps} steps, {completions} completions sampled at a time",
        )
        if self.config.reward.scorer not in (*SCORERS, "none"):
            yield Finding(
                "scorer",
                "problem",
                f"unknown scorer {self.config.reward.scorer!r}; known: {', '.join(SCORERS)}, none",
            )
        if self.grpo.save_strategy == "no":
            yield Finding(
                "checkpoints",
                "warning",
                "none are saved, so that a run that is stopped starts again from nothing; set grpo.save_steps",
            )
        elif not _room(self.config.folder):
            yield Finding("checkpoints", "warning", f"less than a gigabyte is free for {self.config.folder}")

    def trackers(self) -> Iterator[Finding]:
        """Whether what `grpo.report_to` names is installed: the trainer asks only after rollouts were sampled and labels paid."""
        if self.grpo is None or not self.grpo.report_to:
            return
        usable = get_available_reporting_integrations()  # type: ignore[no-untyped-call]
        for name in self.grpo.report_to:
            if name not in INTEGRATION_TO_CALLBACK:
                known = ", ".join(sorted(INTEGRATION_TO_CALLBACK))
                yield Finding("trackers", "problem", f"unknown tracker {name!r} in grpo.report_to; known: {known}")
            elif name not in usable:
                yield Finding("trackers", "problem", f"{name} is asked for and not installed: pip install {name}")
            else:
                yield Finding("trackers", "ok", f"{name} is installed")

    def problems(self) -> Iterator[Finding]:
        """Whether they can be read, and are not the same in training and test."""
        self.splits = load_problems(self.config.data)
        train, test = self.splits.train, self.splits.test
        domains = Counter(task.domain for task in train.tasks)
        shares = ", ".join(f"{name} {count}" for name, count in sorted(domains.items()))
        yield Finding(
            "problems",
            "ok" if train.tasks else "problem",
            f"{len(train.tasks)} to train on ({shares}), {len(test.tasks)} to test on, {len(self.splits.ood.tasks)} of other kinds",
        )
        if unknown := self.domains.undefined(domains):
            yield Finding(
                "domains",
                "warning",
                f"answers of {', '.join(unknown)} are read as texts and options; see MEMREWARD_DOMAINS",
            )
        both = {task.query for task in train.tasks} & {task.query for task in test.tasks}
        if both:
            yield Finding(
                "problems",
                "warning",
                f"{len(both)} test problems are among those to train on, {min(both)[:60]!r} for one",
            )

    def verifier(self) -> Iterator[Finding]:
        """Whether it accepts the gold answers of the problems, and can judge by their tests."""
        if self.splits is None:
            return
        judge = verifier(self.config.labels.verifier, self.domains)
        items = [item for split in (self.splits.train, self.splits.test, self.splits.ood) for item in _items(split)]
        start = time.perf_counter()
        verdicts = judge(items)
        seconds = time.perf_counter() - start
        bad = [
            f"{item.reference.value[:40]!r} of {(item.query or '')[:60]!r}: {verdict.reason[:80]}"
            for item, verdict in zip(items, verdicts, strict=True)
            if (verdict.score != 1.0 if item.reference.kind == "gold" else verdict.score is None)
        ]
        yield Finding(
            "verifier",
            "problem" if 2 * len(bad) > len(items) else "warning" if bad else "ok",
            f"{len(items) - len(bad)} of {len(items)} references can be judged by ({seconds:.1f} s)",
        )
        for line in bad[:_SHOWN_GOLDS]:
            yield Finding("verifier", "warning", f"not accepted by its own verifier: {line}")
        if len(bad) > _SHOWN_GOLDS:
            yield Finding("verifier", "warning", f"and {len(bad) - _SHOWN_GOLDS} more")

    def labels(self) -> Iterator[Finding]:
        """How many queries the budget pays for."""
        if self.splits is None:
            return
        queries = len(self.splits.train.tasks)
        paid = limit_of(self.config.labels.budget, queries)
        needed = self.config.reward.scorer not in ("none", "majority_vote", "random")
        few = needed and paid < _FEW_LABELLED
        yield Finding(
            "labels",
            "warning" if few else "ok",
            f"{paid} of {queries} training queries will be paid for in ledger {self.config.ledger!r}"
            + (f"; a reward model learns little from fewer than {_FEW_LABELLED}" if few else ""),
        )

    def policy(self) -> Iterator[Finding]:
        """Whether tokenizer and template are there, how long prompts are, and what the model takes."""
        section = self.config.policy
        if section.model == TINY or is_gguf(section.model) or Path(section.model).is_dir():
            policy = load_policy(section, device=str(self.device))
            yield Finding("policy", "ok", policy.describe())
            yield from self._prompts(policy)
            parameters = sum(parameter.numel() for parameter in policy.model.parameters())
            yield from self._memory_needed(parameters, int(policy.model.config.vocab_size))
            yield from self._time_needed(policy)
            return
        settings = AutoConfig.from_pretrained(section.model)
        with init_empty_weights():
            model = AutoModelForCausalLM.from_config(settings)  # type: ignore[no-untyped-call]
        tokenizer = AutoTokenizer.from_pretrained(section.model)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        yield Finding(
            "policy", "ok", f"{section.model}, {parameters / 1e6:.0f} M parameters; its weights were not fetched"
        )
        yield from self._prompts(Policy(section.model, model, tokenizer, str, section.system_prompt, None))
        yield from self._memory_needed(parameters, int(settings.vocab_size))

    def _prompts(self, policy: Policy) -> Iterator[Finding]:
        """Prompts as the model will see them."""
        if policy.system_prompt is not None and policy.tokenizer.chat_template is None:
            yield Finding(
                "prompts",
                "problem",
                "policy.system_prompt is set, and the tokenizer has no chat template; leave it out",
            )
            return
        if self.splits is None or not self.splits.train.tasks:
            return
        texts = [rendered(policy.tokenizer, policy.prompt(task.query)) for task in self.splits.train.tasks]
        lengths = sorted(map(len, policy.tokenizer(texts, add_special_tokens=False)["input_ids"]))
        middle = quantiles(lengths, n=20, method="inclusive") if len(lengths) > 1 else [lengths[0]] * 19
        opened = "; the template opens the thinking" if opens_thinking(texts[0]) else ""
        yield Finding(
            "prompts",
            "ok",
            f"median {middle[9]:.0f} tokens, 95 % below {middle[18]:.0f}, longest {lengths[-1]}{opened}. The first one: "
            f"{texts[0][-160:]!r}",
        )
        window = getattr(policy.model.config, "max_position_embeddings", None)
        longest = lengths[-1] + self.config.max_new_tokens
        limit = min(filter(None, (window, self.config.grpo.get("vllm_max_model_length"))), default=None)
        if limit is not None and longest > limit:
            yield Finding(
                "prompts",
                "warning",
                f"the longest prompt and a response of {self.config.max_new_tokens} tokens need {longest}, the model takes {limit}",
            )

    def _memory_needed(self, parameters: int, vocabulary: int) -> Iterator[Finding]:
        """Gigabytes of the trained state, the reference and the logits, as docs/full_scale.md adds them up."""
        grpo, lora = self.config.grpo, self.config.policy.lora
        dtype = weight_type(self.config.policy, self.device)
        width = 2 if dtype in ("auto", torch.bfloat16) else 4
        state = parameters * (width if lora is not None else 4 * width)  # weights, gradients and two moments
        reference = parameters * width if grpo.get("beta", 0.0) and lora is None else 0
        batch = int(grpo.get("per_device_train_batch_size", GRPOConfig.per_device_train_batch_size))
        logits = 2 * 4 * batch * self.config.max_new_tokens * vocabulary  # and their gradient, float32
        on_gpu = self.device.type == "cuda"
        there = torch.cuda.get_device_properties(self.device).total_memory if on_gpu else psutil.virtual_memory().total
        vllm = 0.0
        if grpo.get("use_vllm") and grpo.get("vllm_mode") == "colocate" and on_gpu:
            vllm = there * float(grpo.get("vllm_gpu_memory_utilization", GRPOConfig.vllm_gpu_memory_utilization))
        total = state + reference + logits + vllm
        parts = {"state": state, "reference": reference, "logits": logits, "vLLM": vllm}
        shown = ", ".join(f"{name} {size / _GB:.2g}" for name, size in parts.items() if size)
        yield Finding(
            "memory of the device",
            "warning" if total > 0.9 * there else "ok",
            f"about {total / _GB:.2g} GB ({shown}) of {there / _GB:.0f} GB here, beside adapters and activations",
        )

    def _time_needed(self, policy: Policy) -> Iterator[Finding]:
        """Measured on a few prompts; sampling and training grow with the number of completions."""
        if self.splits is None or self.grpo is None or not self.splits.train.tasks:
            return
        count, tasks = group_size(self.config), self.splits.train.tasks[:_PROMPTS_MEASURED]
        prompts = [policy.prompt(task.query) for task in tasks]
        policy.ready_to_sample()
        start = time.perf_counter()
        temperature = float(self.config.grpo.get("temperature", 1.0))
        found = list(
            stream_responses(policy.model, policy.tokenizer, prompts, count, self.config.max_new_tokens, temperature)
        )
        sampling = time.perf_counter() - start
        responses = [response for _, group in found for response in group]
        tokens = sum(response.tokens for response in responses)
        ids = policy.tokenizer([response.text or " " for response in responses], padding=True, return_tensors="pt")
        start = time.perf_counter()
        with torch.inference_mode():
            policy.model(ids["input_ids"].to(policy.model.device))
        forward = time.perf_counter() - start
        share = len(responses)
        wanted = self.config.reward.initial_rollouts * len(self.splits.train.tasks)
        step = (self.grpo.generation_batch_size or share) / share
        at_most = self.grpo.max_steps * step * (sampling + _TRAINING_PASSES * forward)
        cut = sum(not response.ended for response in responses) / share
        yield Finding(
            "time",
            "ok",
            f"{tokens / sampling:.0f} tokens a second; at most {_duration(sampling * wanted / share)} for initial rollouts and "
            f"{_duration(at_most)} for training, beside rewards and fits (larger batches are faster)",
        )
        if 2 * cut > 1:
            yield Finding(
                "responses",
                "warning",
                f"{cut:.0%} of {share} sampled responses were cut off at max_new_tokens, {self.config.max_new_tokens}",
            )

    def sampler(self) -> Iterator[Finding]:
        """Whether vLLM is there, and a server answers, where the configuration asks for them."""
        section, grpo = self.config.policy.sampler, self.config.grpo
        if (grpo.get("use_vllm") or section.kind == "vllm") and find_spec("vllm") is None:
            yield Finding(
                "sampler", "problem", "vLLM is asked for and not installed: pip install 'memreward-graph[vllm]'"
            )
        if grpo.get("use_vllm") and grpo.get("vllm_mode") == "server":
            host, port = grpo.get("vllm_server_host", "127.0.0.1"), grpo.get("vllm_server_port", 8000)
            url = str(grpo.get("vllm_server_base_url") or f"http://{host}:{port}").rstrip("/") + "/health/"
            try:
                httpx2.get(url, timeout=_SERVER_SECONDS).raise_for_status()
                yield Finding("sampler", "ok", f"TRL's vLLM server answers at {url}")
            except httpx2.HTTPError as error:
                yield Finding("sampler", "problem", f"no vLLM server at {url}: {error}; start it with `trl vllm-serve`")
        if section.kind == "server":
            sampler = open_sampler(section.model_copy(update={"patience": 0.0}), None)
            sampler.close()
            yield Finding("sampler", "ok", f"{sampler.policy} answers at {section.url}")

    def memory(self) -> Iterator[Finding]:
        """Whether the server of the memory is there."""
        if self.settings.uri is None:
            status = LocalServer(self.settings).status()
            state = f"runs at {status.uri}" if status.running else f"starts when it is needed, in {status.home}"
            yield Finding("memory", "ok", f"the local Neo4j {status.version} {state}")
            if not status.running:
                return
        database = Database(open_endpoint(self.settings), read_only=True)
        try:
            require_current(database)
            yield Finding("memory", "ok", f"{database.endpoint.uri} answers, and its schema is this package's")
        finally:
            database.close()


def _items(split: Problems) -> Iterator[Item]:
    """What a verifier is asked: each gold about itself, tests about a program that does nothing."""
    for task in split.tasks:
        truth = split.truth.truth(task.query_key)
        if truth is not None and truth.reference is not None:
            reference = truth.reference
            yield Item(reference.value if reference.kind == "gold" else "pass", reference, task.domain, task.query)


def _room(folder: Path) -> bool:
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return bool(psutil.disk_usage(str(there)).free > _GB)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
