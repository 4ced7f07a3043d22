"""Rollouts of given queries, from a policy into a memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from memgraph.cli import app
from memgraph.errors import InputError, SamplingError
from memgraph.memory import Memory
from tests.conftest import count, write_rows
from tests.integration.sampled_until_killed import QUESTIONS, RUN
from tests.openai_server import Reply, Server, echo, error, serving
from trainer.run.config import PolicySection, RunConfig
from trainer.run.data import load_problems
from trainer.run.initial_rollouts import store_initial_rollouts
from trainer.run.policy import load_policy
from trainer.sampling.client import ServerAddress
from trainer.sampling.sampler import Decoding
from trainer.sampling.server import ServerSampler
from trainer.sampling.store import Place, SampleReport, lacking, sample_into

GGUF = os.environ.get("MEMREWARD_GGUF")
SERVER = os.environ.get("MEMREWARD_OPENAI_URL")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(Server()) as running:
        yield running


def sample(memory: Memory, api: Server, n: int = 4, *, place: Place | None = None, **how: Any) -> SampleReport:
    place = place or Place(RUN)
    sampler = ServerSampler(ServerAddress(api.url, patience=10), parallel=2)
    requests = lacking(memory, QUESTIONS, place, n)
    return sample_into(memory, sampler, QUESTIONS, requests, place=place, decoding=Decoding(), **how)


def responses(memory: Memory) -> dict[tuple[str, int], str]:
    rows = memory.database.query(
        "MATCH (q:Query)-->(t:Thinking {run: $run}) RETURN q.text AS q, t.sample AS n, t.response AS r", run=RUN
    )
    found = {(row["q"], row["n"]): row["r"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_what_is_stored_is_not_asked_for_again(memory: Memory, api: Server) -> None:
    report = sample(memory, api)
    assert (report.ingest.new, report.sampled, report.tokens, report.finish_reasons) == (24, 24, 72, {"stop": 24})
    assert report.ingest.linked == 6
    first = responses(memory)
    assert sample(memory, api).sampled == 0
    assert len(api.asked) == 24
    more = sample(memory, api, 5)
    assert more.ingest.new == 6
    assert {place: text for place, text in responses(memory).items() if place[1] < 4} == first
    (row,) = memory.database.query(
        "MATCH (t:Thinking {run: $run}) RETURN DISTINCT t.attempt AS a, t.policy AS p", run=RUN
    )
    assert row == {"a": 0, "p": "small"}


def test_a_gap_is_filled_with_what_would_have_been_there(memory: Memory, api: Server) -> None:
    sample(memory, api)
    whole = responses(memory)
    memory.database.query("MATCH (t:Thinking {run: $run, sample: 1}) DETACH DELETE t", write=True, run=RUN)
    assert sample(memory, api).ingest.new == 6
    assert responses(memory) == whole


def test_what_came_before_an_error_is_kept(memory: Memory, api: Server) -> None:
    api.answer = lambda body, number: error(401, "key expired") if number >= 9 else echo(body, number)
    with pytest.raises(SamplingError, match="key expired"):
        sample(memory, api)
    kept = responses(memory)
    assert 7 <= len(kept) <= 9
    api.answer = echo
    sample(memory, api)
    assert len(responses(memory)) == 24
    assert kept.items() <= responses(memory).items()


def test_a_killed_process_loses_at_most_a_batch(memory: Memory, api: Server) -> None:
    killed = threading.Event()

    def answer(body: dict[str, Any], number: int) -> Reply:
        if number >= 14:
            killed.wait(600)
        return echo(body, number)

    api.answer = answer
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.sampled_until_killed", api.url, str(memory.settings.home)]
    )
    try:
        deadline = time.monotonic() + 250
        while len(api.asked) < 16 or count(memory, "(n:Thinking)") < 12:  # 14 answered: three batches of 4, and 2
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.set()
    kept = responses(memory)
    assert len(kept) == 12
    api.answer = echo
    assert sample(memory, api).sampled == 12
    assert kept.items() <= responses(memory).items()
    assert len(responses(memory)) == 24
    assert count(memory, "(n:Query&Unlinked)") == 0


def test_a_refused_query_is_listed_with_its_row(memory: Memory, api: Server) -> None:
    def answer(body: dict[str, Any], number: int) -> Reply:
        return error(400, "too long") if "question 3?" in body["messages"][-1]["content"] else echo(body, number)

    api.answer = answer
    report = sample(memory, api)
    assert [(one.row, one.reason) for one in report.rejected] == [(4, "400: too long")]
    assert report.ingest.new == 20


def test_a_run_has_one_policy(memory: Memory, api: Server) -> None:
    sample(memory, api, 1)
    assert lacking(memory, QUESTIONS, Place(RUN), 1, policy="small") == []
    with pytest.raises(InputError, match=r"holds rollouts of the policy 'small', and this is 'large'.*--run"):
        lacking(memory, QUESTIONS, Place(RUN), 1, policy="large")


def test_places_of_groups() -> None:
    place = Place("r", group=3)
    assert [place.call_and_sample(n) for n in (0, 2, 3, 7)] == [(0, 0), (0, 2), (1, 0), (2, 1)]
    assert [place.number(*place.call_and_sample(n)) for n in range(9)] == list(range(9))


def test_initial_rollouts_of_a_run_come_from_a_server(memory: Memory, api: Server, tmp_path: Path) -> None:
    values = {
        "name": "served",
        "output": str(tmp_path),
        "policy": {"sampler": {"kind": "server", "url": api.url, "model": "small", "parallel": 4}},
        "data": {"train": 5, "test": 1},
        "grpo": {"num_generations": 2},
    }
    config = RunConfig.model_validate(values)
    policy = load_policy(config.policy, device="cpu")
    tasks = load_problems(config.data).train.tasks
    report = store_initial_rollouts(config, memory, policy, tasks, 4)
    assert report.ingest.new == 4 * len(tasks)
    assert store_initial_rollouts(config, memory, policy, tasks, 4).ingest.new == 0
    assert len(api.asked) == 4 * len(tasks)
    assert {body["prompt"] for body in api.asked} == {policy.prompt(task.query) for task in tasks}
    found = memory.database.query(
        "MATCH (t:Thinking {run: 'served/initial'}) RETURN t.call AS call, t.sample AS sample, t.step AS step, "
        "t.attempt AS attempt, count(*) AS n ORDER BY call, sample"
    )
    assert [tuple(row.values()) for row in found] == [(c, s, 0, 1, len(tasks)) for c in (0, 1) for s in (0, 1)]


def test_sampling_in_another_type_leaves_the_weights_as_they_are(memory: Memory, tmp_path: Path) -> None:
    values = {
        "name": "bf16", "output": str(tmp_path), "policy": {"sampler": {"dtype": "bfloat16"}},
        "data": {"train": 4, "test": 1}, "max_new_tokens": 24,
    }  # fmt: skip
    config = RunConfig.model_validate(values)
    policy = load_policy(config.policy, device="cpu")
    before = [parameter.clone() for parameter in policy.model.parameters()]
    tasks = load_problems(config.data).train.tasks
    assert store_initial_rollouts(config, memory, policy, tasks, 2).ingest.new == 2 * len(tasks)
    assert all(torch.equal(one, other) for one, other in zip(before, policy.model.parameters(), strict=True))
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.float32}


# the command


@pytest.fixture
def command(api: Server, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`memreward sample` on six questions of the memory's own server."""
    monkeypatch.chdir(tmp_path)
    rows = [{"question": one.query, "answer": str(i), "id": i} for i, one in enumerate(QUESTIONS)]
    write_rows(tmp_path / "questions.jsonl", rows)

    def run(*options: str, code: int = 0) -> tuple[str, str]:
        words = ["sample", "questions.jsonl", "--query", "question", "--home", str(memory.settings.home), *options]
        result = CliRunner().invoke(app, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout, result.stderr

    return run


def test_the_command_with_a_server(command: Any, memory: Memory, api: Server) -> None:
    out, said = command("--run", RUN, "--url", api.url, "--n", "2", "--domain", "math", "--json")
    found = json.loads(out)
    assert (found["queries"], found["rollouts_new"], found["policy"], found["tokens"]) == (6, 12, "small", 36)
    assert "sampled 12 of 12 rollouts" in said
    assert "tokens/s" in said
    assert len(responses(memory)) == 12
    out, _ = command("--run", RUN, "--url", api.url, "--n", "2")
    assert "0 rollouts of 6 queries are new, 12 were stored already" in out
    memory.reveal("questions.jsonl", budget=None, columns={"query": "question", "gold": "answer"})
    assert memory.ledger("default").revealed()


def test_the_command_lists_what_was_refused(command: Any, api: Server, tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Reply:
        return error(400, "too long") if "question 3?" in body["messages"][-1]["content"] else echo(body, number)

    api.answer = answer
    command("--run", RUN, "--url", api.url, "--n", "1", "--system", "Be brief.", code=3)
    assert api.asked[0]["messages"][0] == {"role": "system", "content": "Be brief."}
    (reject,) = map(json.loads, Path("memreward.rejects.jsonl").read_text().splitlines())
    assert (reject["row"], reject["reason"]) == (4, "400: too long")


def test_the_command_with_a_model_of_this_process(command: Any, memory: Memory) -> None:
    out, _ = command("--run", RUN, "--model", "tiny", "--n", "2", "--max-tokens", "24", "--json")
    found = json.loads(out)
    assert found["rollouts_new"] == 12
    assert 12 < found["tokens"] <= 12 * 24
    assert sum(found["finish_reasons"].values()) == 12


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (["--temperature", "0", "--n", "2", "--model", "tiny"], "temperature 0 gives one response"),
        ([], "name the policy with --model"),
        (["--model", "tiny", "--system", "Be brief."], "tiny has no chat template.*--template"),
        (["--model", "missing/file.gguf"], "no file missing/file.gguf"),
        (["--model", "missing/folder"], "cannot load the policy 'missing/folder'"),
        (["--model", "tiny", "--template", "Solve it"], r"has no \{query\}"),
        (["--model", "tiny", "--template", "@nowhere"], "cannot read the prompt nowhere"),
        (["--model", "tiny", "--options", '{"a": 1}'], "options are for servers and vLLM"),
        (["--sampler", "server"], "a server needs a url"),
    ],
)
def test_what_is_wrong_is_said(command: Any, options: list[str], match: str) -> None:
    from memgraph.errors import MemRewardError

    with pytest.raises(MemRewardError, match=match):
        command("--run", RUN, *options)


def test_wrong_options_are_usage_errors(command: Any) -> None:
    for options in (["--sampler", "other"], ["--dtype", "int4"], ["--options", "{"]):
        command("--run", RUN, "--model", "tiny", *options, code=2)


# with real models


@pytest.mark.skipif(GGUF is None, reason="MEMREWARD_GGUF names no GGUF file")
def test_a_gguf_file_is_sampled_trained_and_saved(command: Any, memory: Memory, tmp_path: Path) -> None:
    out, _ = command("--run", RUN, "--model", str(GGUF), "--n", "2", "--max-tokens", "16", "--json")
    assert json.loads(out)["rollouts_new"] == 12
    policy = load_policy(PolicySection(model=str(GGUF)), device="cpu")
    assert {parameter.dtype for parameter in policy.model.parameters()} == {torch.float32}
    assert policy.tokenizer.chat_template
    assert not getattr(policy.model, "is_quantized", False)
    loss = policy.model(input_ids=torch.tensor([[1, 2, 3]]), labels=torch.tensor([[1, 2, 3]])).loss
    loss.backward()
    assert all(parameter.grad is not None for parameter in policy.model.parameters())
    policy.model.save_pretrained(tmp_path / "saved")
    half = load_policy(PolicySection(model=str(GGUF), dtype="bfloat16"), device="cpu")
    assert {parameter.dtype for parameter in half.model.parameters()} == {torch.bfloat16}


@pytest.mark.skipif(SERVER is None, reason="MEMREWARD_OPENAI_URL names no server")
def test_a_real_server(command: Any, memory: Memory) -> None:
    out, _ = command("--run", RUN, "--url", str(SERVER), "--n", "2", "--max-tokens", "16", "--json")
    found = json.loads(out)
    assert found["rollouts_new"] == 12
    assert found["tokens"] > 12
    assert json.loads(command("--run", RUN, "--url", str(SERVER), "--n", "2", "--json")[0])["rollouts_new"] == 0
