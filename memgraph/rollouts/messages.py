"""Prompts and completions as trainers and data sets have them: a text, or a conversation of messages.

A message is an object with `role` and `content` (ShareGPT: `from` and `value`). Its content is a text, or a list of blocks:
texts, thinking, calls of tools. Of an assistant's turns all are kept. The last one's text states the answer, and what a
tool put out never does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

Messages = list[dict[str, Any]]
Completion = str | Messages
Role = Literal["assistant", "user", "system", "tool"]

_ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai", "function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("tool", "function", "observation", "function_response", "tool_response", "ipython"), "tool"),
}
_CALLS = frozenset({"function_call", "tool_call", "tool_use"})  # roles and types of blocks
_THINKING_BLOCKS = frozenset({"thinking", "reasoning", "redacted_thinking"})
_REASONING = ("reasoning_content", "reasoning", "thinking")
_TOOL_OUTPUT = re.compile(r"</(?:tool_response|information)>\s*(?:<\|im_end\|>\s*)?(?:<\|im_start\|>)?(?:assistant\n)?")
_CALL, _CALL_END = "<tool_call>", "</tool_call>"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a policy said.

    Attributes:
        response: all turns of the assistant, with the calls of tools that it made.
        thinking: where it came apart from the response, None where it did not.
        stated: the end of the response that states the answer, None for all of it, "" where nothing does.
    """

    response: str
    thinking: str | None = None
    stated: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a policy was asked; `thinking_opened` where the prompt ends inside an open thinking mark."""

    text: str
    thinking_opened: bool = False


@dataclass(frozen=True, slots=True)
class _Turn:
    role: Role
    name: str
    text: str
    thinking: str
    calls: tuple[str, ...]


def is_conversation(value: Any) -> TypeGuard[Messages]:
    """Whether a value is a list of messages (an empty one is)."""
    return isinstance(value, list) and all(is_message(message) for message in value)


def is_message(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a value is one message of a conversation."""
    return isinstance(value, dict) and bool(value.keys() & {"role", "content", "from", "value", "tool_calls"})


def read_prompt(prompt: Any) -> Any:
    """What a prompt asks: a text as it is; of a conversation what the user says, and all turns where there are several.

    Anything else comes back unchanged, to be rejected as no text.

    Raises:
        ValueError: for a message that cannot be read, saying what was found.
    """
    if is_message(prompt):
        prompt = [prompt]
    if not is_conversation(prompt):
        return prompt
    turns = [turn for turn in map(_turn, prompt) if turn.role != "system"]
    if len(turns) == 1:
        return turns[0].text
    return "\n\n".join(f"{turn.name}: {turn.text}" for turn in turns)


def read_completion(completion: Completion | dict[str, Any]) -> Spoken:
    """What the policy said in a text, a message or a conversation.

    Raises:
        ValueError: for a message that cannot be read, saying what was found.
    """
    if isinstance(completion, str):
        return Spoken(completion, None, _after_tools(completion))
    turns = [_turn(message) for message in ([completion] if isinstance(completion, dict) else completion)]
    replies = [turn for turn in turns if turn.role == "assistant"]
    if not replies:
        return Spoken("")
    texts = ["\n\n".join(filter(None, (turn.text, *turn.calls))) for turn in replies]
    thinking = "\n\n".join(turn.thinking for turn in replies if turn.thinking.strip()) or None
    response = "\n\n".join(filter(None, texts))
    if replies[-1].calls or turns[-1].role == "tool":
        return Spoken(response, thinking, "")
    last = replies[-1].text
    stated = _after_tools(last)
    return Spoken(response, thinking, last if stated is None and last != response else stated)


def split_conversation(messages: Messages) -> tuple[Messages, Messages]:
    """Prompt and completion of a whole conversation: the last turn of the user ends the prompt.

    Raises:
        ValueError: where no turn of the assistant follows it.
    """
    roles = [_turn(message).role for message in messages]
    start = next((place for place in reversed(range(len(roles))) if roles[place] in ("user", "system")), -1) + 1
    if "user" not in roles:
        raise ValueError("'query' is missing: the conversation has no turn of the user")
    if "assistant" not in roles[start:]:
        raise ValueError("'response' is missing: no turn of the assistant follows the last one of the user")
    return messages[:start], messages[start:]


_RENDERED = (  # what chat templates put around a turn: (role, content), or the user's content alone
    re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>\s*|\Z)", re.DOTALL),
    re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\s*(.*?)(?:<\|eot_id\|>\s*|\Z)", re.DOTALL),
    re.compile(r"<start_of_turn>(\w+)\n(.*?)(?:<end_of_turn>\s*|\Z)", re.DOTALL),
)
_RENDERED_START = re.compile(r"(?:<\|begin_of_text\|>|<bos>)?(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)")
_PLAIN_START = re.compile(r"(?:system\n|user\n)")
_PLAIN_END = re.compile(r"\n(?:assistant|model)\n(?:<think>\s*)?\Z")
_OPENED = re.compile(r"<think(?:ing)?>\s*\Z")


def read_rendered(prompt: str) -> Prompt:
    """A prompt as text, without what a chat template put around it.

    Knows the marks of ChatML, Llama 3 and Gemma, and ChatML whose special tokens were left out when it was decoded
    ("user\\n…\\nassistant\\n"). The system's turn is left out, as from a conversation.
    """
    opened = _OPENED.search(prompt[-100:]) is not None
    asked = prompt.lstrip()
    if _RENDERED_START.match(asked):
        turns = next((turn for pattern in _RENDERED if (turn := pattern.findall(prompt))), [])
        messages = [{"role": role, "content": text} for role, text in turns]
        while messages and _ROLES.get(messages[-1]["role"]) == "assistant" and _is_opening(messages[-1]["content"]):
            messages.pop()
        if messages and all(message["role"] in _ROLES for message in messages):
            return Prompt(str(read_prompt(messages)), opened)
    elif _PLAIN_START.match(asked) and (end := _PLAIN_END.search(asked, max(0, len(asked) - 200))):
        asked = asked[: end.start()]
        asked = asked.partition("\nuser\n")[2] if asked.startswith("system\n") else asked.removeprefix("user\n")
        if asked.strip():
            return Prompt(asked, opened)
    return Prompt(prompt, opened)


def _is_opening(text: str) -> bool:
    return not text.strip() or text.strip() in ("<think>", "<thinking>")


def _after_tools(text: str) -> str | None:
    """Of a text that holds the output of tools between its marks, what comes after; None where it holds none."""
    end = 0
    for match in _TOOL_OUTPUT.finditer(text):
        end = match.end()
    call = text.rfind(_CALL, end)
    if call >= 0:
        close = text.find(_CALL_END, call)
        if close < 0 or not text[close + len(_CALL_END) :].replace("<|im_end|>", "").strip():
            return ""
    return text[end:] if end else None


def _turn(message: Any) -> _Turn:
    """Raises ValueError saying what does not fit."""
    if not isinstance(message, dict):
        raise ValueError(f"a message must be an object with 'role' and 'content', found {type(message).__name__}")
    name = message.get("role") or message.get("from") or "assistant"
    role = _ROLES.get(name.lower()) if isinstance(name, str) else None
    if role is None:
        raise ValueError(f"a message has the role {str(name)[:80]!r}; assistant, user, system and tool are known")
    content = message.get("content") if message.get("content") is not None else message.get("value")
    text, thinking, calls = _content(content)
    apart = next((message[name] for name in _REASONING if message.get(name)), None)
    if apart is not None:
        texts, nested, _ = _content(apart, where="the reasoning of a message")
        thinking = "\n\n".join(filter(None, (texts, nested, thinking)))
    if name.lower() in _CALLS:
        text, calls = "", [_call(text)]
    calls += [_call(call) for call in _calls_of(message)]
    return _Turn(role, name, text, thinking, tuple(calls))


def _content(content: Any, *, where: str = "the content of a message") -> tuple[str, str, list[str]]:
    """Text, thinking and calls of tools in a content, which is a text or a list of blocks."""
    if content is None or isinstance(content, str):
        return content or "", "", []
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise ValueError(f"{where} must be text or a list of blocks, found {type(content).__name__}: {content!r:.80}")
    texts: list[str] = []
    thinking: list[str] = []
    calls: list[str] = []
    for block in content:
        if isinstance(block, str):
            texts.append(block)
            continue
        if not isinstance(block, dict):
            raise ValueError(f"{where} holds a block that is neither text nor an object: {type(block).__name__}")
        kind = str(block.get("type"))
        if kind in _CALLS:
            calls.append(_call(block))
        elif kind in _THINKING_BLOCKS:
            thinking += _texts(block, ("thinking", "reasoning", "text", "summary", "content"), where)
        else:
            texts += _texts(block, ("text", "refusal"), where)
    return "".join(texts), "\n\n".join(thinking), calls


def _texts(block: Mapping[str, Any], names: Sequence[str], where: str) -> Iterable[str]:
    """The first text that a block holds under one of these names; blocks of images and the like hold none."""
    for name in names:
        value = block.get(name)
        if isinstance(value, list):
            value = "\n\n".join(str(part.get("text") or "") for part in value if isinstance(part, dict))
        if value is None:
            continue
        if not isinstance(value, str):
            raise ValueError(f"{where} holds a block whose {name!r} is no text but {type(value).__name__}")
        return [value]
    return []


def _calls_of(message: Mapping[str, Any]) -> list[Any]:
    calls = message.get("tool_calls") or []
    single = message.get("function_call")
    several = calls if isinstance(calls, list) else [calls]
    return [*several, single] if single else several


def _call(call: Any) -> str:
    """A call of a tool as text, in the marks that most chat templates give it."""
    if isinstance(call, dict):
        function = call.get("function")
        call = function if isinstance(function, dict) else call
        call = json.dumps(
            {name: value for name, value in call.items() if value is not None}, default=str, ensure_ascii=False
        )
    return f"{_CALL}\n{str(call).strip()}\n{_CALL_END}"
