"""`memreward train`, `warm-up`, `verl`, `init` and `demo`: the RL side, loaded only when asked for."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memgraph.cli.common import (
    ConfigArgument,
    HomeOption,
    JsonOption,
    console,
    emit,
    open_memory,
    our_trainer,
    quiet_libraries,
)
from memgraph.errors import InputError
from memgraph.extras import installed
from memgraph.settings import Settings

if TYPE_CHECKING:
    from trainer.run.config import RunConfig

_SCRIPT = "grpo.py"
_SIGNS = {"ok": "✓", "warning": "!", "problem": "✗"}


def train(
    config: ConfigArgument,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Train nothing: look for what would fail, and say what the run takes.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a policy by GRPO (TRL) with rewards from the memory.

    The run's configuration says which policy, which problems, how many labels and which scorer; see configs/. With --check,
    it is looked at only: arguments, problems, gold answers that their own verifier does not accept, prompts, memory, time,
    servers. The exit code is then 1 where the run would fail.

    Example: memreward train configs/qwen2.5-1.5b.yaml --check
    """
    our_trainer()
    quiet_libraries()
    from trainer.run.config import RunConfig

    if check:
        _check(RunConfig.load(config), Settings.load(home=home), as_json)
        return
    from trainer.run.train import train as run

    result = run(RunConfig.load(config), home=home, resume=resume, quiet=as_json)
    if as_json:
        emit(result)


def _check(config: RunConfig, settings: Settings, as_json: bool) -> None:
    with installed("trl"):
        from trainer.run.check import check_run

    findings = []
    for finding in check_run(config, settings):
        findings.append(finding)
        if not as_json:
            console.print(f"{_SIGNS[finding.state]} {finding.what}: {finding.message}", highlight=False)
    if as_json:
        emit({"findings": [asdict(finding) for finding in findings]})
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)


def warm_up(
    config: ConfigArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prepare the memory for a run of another trainer: rollouts, labels within the budget, a reward model.

    `memreward train` does this itself before it trains. Trainers that it does not start (verl, verifiers) find the memory
    ready after this command. Doing it twice changes nothing but the date of the model.

    Example: memreward warm-up configs/qwen2.5-1.5b.yaml
    """
    our_trainer()
    quiet_libraries()
    from trainer.run.config import RunConfig
    from trainer.run.narrator import Narrator
    from trainer.run.warm_up import warm_up as prepare

    run = RunConfig.load(config)
    with open_memory(home) as memory:
        model = prepare(run, memory, narrator=Narrator(quiet=as_json))
    if as_json:
        emit({"model": model.key, "folder": str(model.folder), "ledger": run.ledger, "metrics": model.metrics})


def verl(
    config: ConfigArgument,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for one Parquet file of each split.")],
    as_json: JsonOption = False,
) -> None:
    """Write a run's problems as verl reads them, without their truth.

    Example: memreward verl configs/qwen2.5-1.5b.yaml --out data/verl
    """
    our_trainer()
    with installed("trl"):
        from trainer.adapters.verl import write_verl_files
    from trainer.run.config import RunConfig

    written = write_verl_files(RunConfig.load(config), out)
    if as_json:
        emit({"files": [{"file": str(file), "queries": queries} for file, queries in written.items()]})
        return
    for file, queries in written.items():
        console.print(f"{file}: {queries} queries", highlight=False)


def init(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where the script goes; made if need be.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite a script that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a GRPO script to start from: a model of yours, on a file of questions and gold answers.

    Example: memreward init my-run
    """
    from memgraph.store.cypher import data_folder

    script = folder / _SCRIPT
    if script.exists() and not force:
        raise InputError(f"{script} is there already; --force overwrites it, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(data_folder("examples") / _SCRIPT, script)
    if as_json:
        emit({"script": str(script)})
    else:
        console.print(f"{script} is written; python {script} questions.jsonl Qwen/Qwen2.5-1.5B-Instruct trains with it")


def demo(
    steps: Annotated[int | None, typer.Option(min=1, help="GRPO steps.", show_default="as configs/tiny.yaml")] = None,
    seed: Annotated[int, typer.Option(help="Of problems, labels and training.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """The main job, small: rollouts → memory → 20 % labels → fit → GRPO with predicted rewards → before/after.

    Takes a few minutes on two cores. Needs no network beyond Neo4j's jars (fetched once) and no GPU.

    Example: memreward demo --steps 20
    """
    our_trainer()
    quiet_libraries()
    from trainer.run.demo import demo as run

    result = run(steps=steps, seed=seed, home=home, quiet=as_json)
    if as_json:
        emit(result)
