"""The policy that ships with the package: small, and right about half of the time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.sampling.generate import mean_logprobs, sample_responses, stream_responses
from trainer.tiny.policy import WEIGHTS, format_prompt, load_tiny_policy
from trainer.tiny.policy.measure import judge_responses
from trainer.tiny.world import DOMAINS, exercises, generate

Policy = tuple[Any, Any]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_tiny_policy()


def prompts(n: int) -> list[str]:
    return [format_prompt(problem.query) for problem in generate(n, 11, split="test")]


def test_it_has_one_to_three_million_parameters_in_float32(policy: Policy) -> None:
    model, _ = policy
    assert 1e6 <= model.num_parameters() <= 3e6
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_folder_is_small_enough_to_commit() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 12e6


def test_a_folder_without_weights_is_refused_with_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m trainer.tiny.policy.pretrain"):
        load_tiny_policy(tmp_path)


def test_thinking_survives_decoding_without_special_tokens(policy: Policy) -> None:
    responses = sample_responses(*policy, prompts(12), n=1, max_new_tokens=72, temperature=0)
    for (response,) in responses:
        assert response.startswith("<think>")
        assert "</think>\n" in response
        assert "<|" not in response


def test_texts_pass_through_the_tokenizer_unchanged(policy: Policy) -> None:
    _, tokenizer = policy
    for exercise in exercises(60, 1):
        text = format_prompt(exercise.problem.query) + exercise.right
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
    assert tokenizer.decode(tokenizer("Zoë wrote 1,234 €\n\tnow")["input_ids"]) == "Zoë wrote 1,234 €\n\tnow"


def test_responses_fit_the_length_that_rl_allows(policy: Policy) -> None:
    _, tokenizer = policy
    longest = dict.fromkeys(DOMAINS, 0)
    for exercise in exercises(300, 2):
        domain = exercise.problem.domain
        longest[domain] = max(longest[domain], len(tokenizer(exercise.right)["input_ids"]))
    assert longest["math"] <= 40
    assert longest["qa"] <= 40
    assert longest["code"] <= 68


def test_sampling_repeats_with_a_seed_and_leaves_the_global_generator_alone(policy: Policy) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = sample_responses(*policy, prompts(6), n=4, max_new_tokens=16, temperature=1.0, seed=3)
    assert torch.rand(1) == expected
    assert first == sample_responses(*policy, prompts(6), n=4, max_new_tokens=16, temperature=1.0, seed=3)
    assert first != sample_responses(*policy, prompts(6), n=4, max_new_tokens=16, temperature=1.0, seed=4)


def test_what_is_sampled_does_not_wait_for_the_rest(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = policy
    generate, calls = model.generate, []
    monkeypatch.setattr(model, "generate", lambda **how: calls.append(1) or generate(**how))
    how: dict[str, Any] = {"n": 1, "max_new_tokens": 8, "temperature": 1.0, "seed": 3, "batch_size": 2}
    before = torch.get_rng_state()
    stream = stream_responses(model, tokenizer, prompts(6), **how)
    some = [next(stream), next(stream)]
    assert len(calls) == 1
    stream.close()
    assert torch.equal(torch.get_rng_state(), before)
    whole = sample_responses(model, tokenizer, prompts(6), **how)
    assert all(whole[position] == [one.text for one in responses] for position, responses in some)


def test_greedy_responses_do_not_depend_on_the_batch(policy: Policy) -> None:
    asked = prompts(6)
    together = sample_responses(*policy, asked, n=1, max_new_tokens=24, temperature=0, batch_size=6)
    alone = sample_responses(*policy, asked, n=1, max_new_tokens=24, temperature=0, batch_size=1)
    assert together == alone


def test_greedy_decoding_refuses_several_responses(policy: Policy) -> None:
    with pytest.raises(ValueError, match="2 were asked for"):
        sample_responses(*policy, prompts(1), n=2, max_new_tokens=8, temperature=0)


def test_mean_log_probabilities_are_those_of_the_model_and_independent_of_the_batch(policy: Policy) -> None:
    model, tokenizer = policy
    some = exercises(6, 4)
    asked, given = [format_prompt(e.problem.query) for e in some], [e.right for e in some]
    batched = mean_logprobs(model, tokenizer, asked, given)
    for prompt, response, found in zip(asked, given, batched, strict=True):
        head = tokenizer(prompt, return_tensors="pt")["input_ids"]
        ids = torch.cat([head, tokenizer(response + tokenizer.eos_token, return_tensors="pt")["input_ids"]], dim=1)
        labels = ids.clone()
        labels[:, : head.shape[1]] = -100
        with torch.no_grad():
            assert found == pytest.approx(-model(input_ids=ids, labels=labels).loss.item(), abs=1e-4)


@pytest.mark.parametrize(("number", "rollouts"), [(18, 6), pytest.param(60, 8, marks=pytest.mark.slow)])
def test_it_is_right_between_thirty_and_sixty_percent_with_variance_within_groups(
    policy: Policy, number: int, rollouts: int
) -> None:
    problems = generate(number, 0, split="test")
    responses = sample_responses(*policy, [format_prompt(p.query) for p in problems], rollouts, 72, temperature=1.0)
    right = judge_responses(problems, responses).mean(axis=1)
    assert 0.3 <= right.mean() <= 0.6
    assert ((right > 0) & (right < 1)).mean() > 0.6


@pytest.mark.slow
def test_pretraining_runs_from_its_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer.tiny.policy.pretrain", "--quick", "--batch", "8"]
    command += ["--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    load_tiny_policy(tmp_path)
