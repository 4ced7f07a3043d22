"""The full-scale recipes: nothing here needs a GPU, so they are loaded by the libraries that will read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import DeepSpeedPlugin, FullyShardedDataParallelPlugin, is_deepspeed_available
from accelerate.utils.launch import prepare_multi_gpu_env
from peft import LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM
from trl.trainer.grpo_config import GRPOConfig

from trainer.run.config import RewardSection, RunConfig

CONFIGS = Path(__file__).parents[3] / "configs"
RUNS = sorted(path.name for path in CONFIGS.glob("qwen2.5-*.yaml"))
LAUNCHERS = sorted(path.name for path in (CONFIGS / "accelerate").glob("*.yaml"))
BATCH, GENERATIONS = 128, 8


def launcher_of(run: str) -> str | None:
    """The accelerate file that the recipe's own header names."""
    text = (CONFIGS / run).read_text()
    named = [name for name in LAUNCHERS if f"configs/accelerate/{name}" in text]
    assert len(named) <= 1
    return named[0] if named else None


def trl_config(run: str, tmp_path: Path) -> GRPOConfig:
    """What `trainer.run.train.make_trainer` hands to TRL, on this machine."""
    config = RunConfig.load(CONFIGS / run)
    given: dict[str, Any] = {"max_completion_length": config.max_new_tokens, "report_to": [], **config.grpo}
    return GRPOConfig(output_dir=str(tmp_path), use_cpu=True, **given)


def test_there_is_a_recipe_for_each_size_and_way() -> None:
    assert [f"qwen2.5-{size}{kind}.yaml" for size in ("1.5b", "3b") for kind in ("-lora", "-server", "")] == RUNS
    assert LAUNCHERS == ["fsdp2.yaml", "zero2.yaml", "zero3.yaml"]


@pytest.mark.parametrize("run", RUNS)
def test_trl_takes_it_with_the_paper_s_settings(run: str, tmp_path: Path) -> None:
    args = trl_config(run, tmp_path)
    launcher = launcher_of(run)
    processes = 1 if launcher is None else load_config_from_file(str(CONFIGS / "accelerate" / launcher)).num_processes
    assert processes * args.per_device_train_batch_size * args.gradient_accumulation_steps == BATCH
    assert (args.num_generations, args.beta, args.max_steps, args.temperature) == (GENERATIONS, 0.001, 410, 1.0)
    assert args.loss_type == "grpo"
    assert (args.use_vllm, args.vllm_mode) == (True, "server" if "server" in run else "colocate")
    assert (launcher is not None) == ("server" in run)
    config = RunConfig.load(CONFIGS / run)
    assert config.labels.budget == 0.2
    assert args.learning_rate == (1e-6 if config.policy.lora is None else 1e-5)


@pytest.mark.parametrize("run", RUNS)
def test_recipes_differ_only_in_what_their_names_say(run: str) -> None:
    """So that a change of one is not forgotten in the others."""
    values, plain = (yaml.safe_load((CONFIGS / name).read_text()) for name in (run, "qwen2.5-1.5b.yaml"))
    differing = {"name"}
    differing |= {
        f"{section}.{name}"
        for section in ("policy", "grpo", "data", "reward", "labels")
        for name in values[section].keys() | plain[section].keys()
        if values[section].get(name) != plain[section].get(name)
    }
    allowed = {"name", "policy.model", "grpo.vllm_gpu_memory_utilization"}
    if "server" in run:
        allowed |= {"grpo.gradient_accumulation_steps", "grpo.vllm_mode", "grpo.vllm_server_host"}
        allowed |= {"grpo.vllm_server_port", "grpo.vllm_max_model_length", "grpo.vllm_enable_sleep_mode"}
    if "lora" in run:
        allowed |= {"policy.lora", "grpo.learning_rate"}
    assert differing <= allowed


@pytest.mark.parametrize("run", [run for run in RUNS if "lora" in run])
def test_adapters_fit_on_the_layers_of_qwen(run: str) -> None:
    lora = RunConfig.load(CONFIGS / run).policy.lora
    assert lora is not None
    tiny = Qwen2Config(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2
    )  # fmt: skip
    config = LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(Qwen2ForCausalLM(tiny), config)
    adapted = {name.split(".")[-4] for name, weight in model.named_parameters() if weight.requires_grad}
    assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_accelerate_launches_with_it(launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own loader, the merge with the command line, and the environment that the processes would get."""
    file = str(CONFIGS / "accelerate" / launcher)
    loaded = load_config_from_file(file)
    assert loaded.num_processes == 4
    assert loaded.mixed_precision == "bf16"
    args = launch_command_parser().parse_args(["--config_file", file, "-m", "memgraph.cli", "train", "run.yaml"])
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    args, defaults, _ = _validate_launch_command(args)
    assert defaults is not None
    if launcher == "fsdp2.yaml":
        assert args.use_fsdp
        for name, value in prepare_multi_gpu_env(args).items():
            if name.startswith("FSDP_"):
                monkeypatch.setenv(name, value)
        plugin = FullyShardedDataParallelPlugin()
        assert plugin.fsdp_version == 2
        assert plugin.reshard_after_forward is True
        assert plugin.cpu_ram_efficient_loading is False
        return
    assert args.use_deepspeed
    stage = int(launcher.removesuffix(".yaml")[-1])
    assert args.zero_stage == stage
    if is_deepspeed_available():  # else accelerate's plugin cannot be made
        assert DeepSpeedPlugin(zero_stage=stage).zero_stage == stage


def test_a_run_whose_fits_would_not_read_what_is_labelled_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rollouts_per_query is 16.*labelled_rollouts, which is 32"):
        RunConfig(name="r", reward=RewardSection(labelled_rollouts=32))
