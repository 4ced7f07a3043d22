"""Prompts and completions as trainers and data sets have them: a text, or a conversation of messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeGuard

from memgraph.keys import key_of

Messages = list[dict[str, Any]]
Completion = str | Messages


def read_prompt(prompt: Any) -> Any:
    """What a prompt asks: a text as it is; of a conversation what the user says, and all turns where there are several.

    Anything else comes back unchanged, to be rejected as no text.
    """
    if not _is_conversation(prompt):
        return prompt
    turns = [message for message in prompt if message.get("role") != "system"]
    if len(turns) == 1:
        return _text(turns[0].get("content"))
    return "\n\n".join(f"{message.get('role', 'user')}: {_text(message.get('content'))}" for message in turns)


def read_completion(completion: Completion) -> tuple[str, str | None]:
    """Response, and the thinking where it came apart from it.

    Of a conversation the last message of the assistant counts; its content is a text or a list of blocks.
    """
    if isinstance(completion, str):
        return completion, None
    spoken = [message for message in completion if message.get("role", "assistant") == "assistant"]
    if not spoken:
        return "", None
    thinking = spoken[-1].get("reasoning_content") or spoken[-1].get("thinking")
    return _text(spoken[-1].get("content")), None if thinking is None else _text(thinking)


def from_completions(
    rows: Iterable[tuple[int, dict[str, Any] | str]], run: str
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Rows with `prompt` and `completion`, as TRL's `log_completions` writes them, as rows of rollouts; others pass.

    Neighbours with one prompt were sampled together: they are one group, and are named by what all of it says. So equal
    completions of different steps are different rollouts, while a batch that TRL logs again at each step that it serves
    is stored once. Rewards are not read: they may be the truth, which only a ledger hands out.
    """
    for prompt, group in groupby(rows, key=_prompt_of):
        if prompt is None:
            yield from group
            continue
        members = [(number, raw) for number, raw in group if isinstance(raw, dict)]
        said = [repr((raw.get("completion"), raw.get("advantage"))) for _, raw in members]
        name = key_of("completions", run, prompt, *said)[:32]
        for sample, (number, raw) in enumerate(members):
            yield number, _rollout_of(raw, f"{name}-{sample}", sample)


def _prompt_of(row: tuple[int, dict[str, Any] | str]) -> str | None:
    """What groups a completion with its neighbours; None for a row that is no completion."""
    _, raw = row
    if isinstance(raw, str) or "query" in raw or "prompt" not in raw:
        return None
    return repr(raw["prompt"])


def _rollout_of(raw: Mapping[str, Any], name: str, sample: int) -> dict[str, Any]:
    completion = raw.get("completion")
    response, thinking = completion, None
    if isinstance(completion, str) or _is_conversation(completion):
        response, thinking = read_completion(completion)
    named = {"rollout_id": name, "sample": sample, "call": raw.get("step"), "thinking": thinking}
    answer = {"answer": raw["answer"]} if isinstance(raw.get("answer"), str) else {}  # else a reward of that name
    left_out = ("answer", "prompt", "completion")
    rest = {key: value for key, value in raw.items() if value is not None and key not in left_out}
    return {**named, **rest, **answer, "query": read_prompt(raw["prompt"]), "response": response}


def _is_conversation(value: Any) -> TypeGuard[Messages]:
    return isinstance(value, list) and all(isinstance(message, dict) for message in value)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(block.get("text") or "") for block in content)
    return str(content or "")
