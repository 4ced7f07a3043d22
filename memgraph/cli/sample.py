"""`memreward sample`: rollouts of given queries, without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from memgraph.cli.common import (
    REJECTS,
    DatasetOption,
    DomainOption,
    HomeOption,
    JsonOption,
    QueryColumnOption,
    RejectsOption,
    ThinkingOpenedOption,
    console,
    emit,
    open_memory,
    our_trainer,
    progress_console,
    quiet_libraries,
    report_rejects,
    say,
)
from memgraph.errors import InputError, SettingsError
from memgraph.settings import Settings

if TYPE_CHECKING:
    from trainer.sampling.config import SamplerSection
    from trainer.sampling.store import SampleReport


def sample(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True, metavar="QUESTIONS…", help="Files or folders of queries: data sets, or what `import` takes."
        ),
    ],
    run: Annotated[str, typer.Option("--run", help="Run that the rollouts belong to. The same run goes on.")],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="The policy: a hub name, a folder, a .gguf file or `tiny`; with --url its name on the server, which can be "
            "left out where the server has one model.",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", help="An OpenAI-compatible server (vLLM, SGLang, llama.cpp, Ollama …): http://localhost:8000/v1"
        ),
    ] = None,
    sampler: Annotated[
        Literal["transformers", "vllm", "server"] | None,
        typer.Option("--sampler", help="transformers, vllm (in this process) or server; by default server with --url."),
    ] = None,
    count: Annotated[int, typer.Option("--n", min=1, help="Rollouts of each query that the run shall have.")] = 8,
    temperature: Annotated[float, typer.Option("--temperature", min=0.0, help="0 decodes greedily.")] = 1.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", min=1, help="Longest response.")] = 512,
    seed: Annotated[int, typer.Option("--seed", help="Of the draws.")] = 0,
    system: Annotated[str | None, typer.Option("--system", help="System prompt, or @FILE with it.")] = None,
    template: Annotated[
        str, typer.Option("--template", help="What is asked, with {query} where the query goes, or @FILE with it.")
    ] = "{query}",
    plain: Annotated[
        bool, typer.Option("--plain", help="Prompts are texts, though the model has a chat template.")
    ] = False,
    parallel: Annotated[
        int | None,
        typer.Option(
            "--parallel", min=1, help="Sequences or open requests at a time.", show_default="64, vllm 512, server 16"
        ),
    ] = None,
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option("--dtype", help="float32, bfloat16, or auto: bfloat16 where the device multiplies in it."),
    ] = "auto",
    options: Annotated[
        str | None,
        typer.Option("--options", help="JSON: more fields of a server's requests, or arguments of vLLM's `LLM`."),
    ] = None,
    key_variable: Annotated[
        str, typer.Option("--key-variable", help="Environment variable that holds the server's key.")
    ] = "OPENAI_API_KEY",
    patience: Annotated[
        float, typer.Option("--patience", min=0.0, help="Seconds that a busy server is waited for.")
    ] = 300.0,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Name that rollouts record.", show_default="the model's")
    ] = None,
    dataset: DatasetOption = None,
    domain: DomainOption = None,
    query: QueryColumnOption = None,
    thinking_opened: ThinkingOpenedOption = False,
    rejects: RejectsOption = REJECTS,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sample rollouts of queries into the memory, without training.

    The policy is a model in this process (transformers or vLLM), or behind any OpenAI-compatible server. Rollouts are kept
    batch by batch. Asking again goes on: queries that have their rollouts of this run are not sampled again, and a larger --n
    adds to them. Columns with the truth (gold, tests) are not read.

    Example: memreward sample questions.jsonl --run base --model Qwen/Qwen2.5-1.5B-Instruct --n 8

    Example: memreward sample gsm8k.parquet --query question --run base --url http://localhost:8000/v1
    """
    our_trainer()
    quiet_libraries()
    from memgraph.rollouts.files import Reject, data_files
    from trainer.run.sample import open_policy, sample_run
    from trainer.sampling.questions import Asking, read_questions
    from trainer.sampling.sampler import Decoding

    decoding = Decoding(max_tokens, temperature, seed)
    decoding.require_draws(count)
    asking = Asking(None if system is None else _text(system), _text(template), chat=not plain)
    section = _section(sampler, url, dtype, parallel, model, key_variable, patience, options)
    device = Settings.load(home=home).device
    opened, asking = open_policy(section, model, asking, name=policy, device=device, thinking_opened=thinking_opened)
    try:
        rows = list(read_questions(data_files(files), asking=asking, dataset=dataset, domain=domain, query=query))
        questions = [row for row in rows if not isinstance(row, Reject)]
        with open_memory(home) as memory:
            say(f"sampling {count} rollouts of each of {len(questions)} queries from {opened.policy}")
            report, stored = sample_run(
                memory, opened, questions, run=run, count=count, decoding=decoding, console=progress_console
            )
    finally:
        opened.close()
    rejected = [*(row for row in rows if isinstance(row, Reject)), *report.rejected]
    if as_json:
        emit({**_numbers(report, len(questions), stored), "run": run, "policy": opened.policy, "rejected": rejected})
    else:
        _show(report, len(questions), stored)
        for line in report.lines():
            console.print(line)
    report_rejects(rejected, rejects)


def _numbers(report: SampleReport, queries: int, stored: int) -> dict[str, Any]:
    """What sampling did, for people and programs."""
    seconds = max(report.seconds, 1e-9)
    return {
        "queries": queries,
        "rollouts_new": report.ingest.new,
        "rollouts_known": stored + report.ingest.known,
        "cut_off_at_the_limit": report.finish_reasons.get("length", 0),
        "finish_reasons": dict(report.finish_reasons),
        "tokens": report.tokens,
        "seconds": round(report.seconds, 2),
        "rollouts_per_second": round(report.sampled / seconds, 2),
        "tokens_per_second": round(report.tokens / seconds, 1),
        "queries_linked": report.ingest.linked,
        "answers": report.ingest.answers.as_json(),
    }


def _text(value: str) -> str:
    """The value, or what stands in the file that it names."""
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the prompt {value[1:]}: {error}") from error


def _section(
    sampler: str | None,
    url: str | None,
    dtype: str,
    parallel: int | None,
    model: str | None,
    key_variable: str,
    patience: float,
    options: str | None,
) -> SamplerSection:
    from pydantic import ValidationError

    from trainer.sampling.config import SamplerSection

    kind = sampler or ("transformers" if url is None else "server")
    try:
        return SamplerSection.model_validate(
            {
                "kind": kind,
                "dtype": dtype,
                "parallel": parallel or (64 if kind == "transformers" else None),
                "url": url,
                "model": model if kind == "server" else None,
                "key_variable": key_variable,
                "patience": patience,
                "options": json.loads(options or "{}"),
            }
        )
    except json.JSONDecodeError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--options") from error
    except ValidationError as error:
        raise SettingsError("; ".join(str(problem["msg"]) for problem in error.errors(include_input=False))) from error


def _show(report: SampleReport, queries: int, stored: int) -> None:
    line = _numbers(report, queries, stored)
    console.print(
        f"{line['rollouts_new']} rollouts of {queries} queries are new, {line['rollouts_known']} were stored already"
    )
    console.print(
        f"{line['tokens']:,} tokens in {line['seconds']:.1f} s: {line['tokens_per_second']:,.0f} tokens/s, "
        f"{line['rollouts_per_second']:.2f} rollouts/s"
    )
